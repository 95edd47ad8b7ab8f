"""As many pictures with a class as ImageNet has, in folders by class: read, read again from the index, drawn in a seeded order.

    .venv/bin/python benchmarks/class_index.py [--images 1281167]

The files are names of a few pictures (hard links), so that a small disk holds them. Every step is a process of its own: wall and
processor seconds, peak memory in MB. `first` reads the whole tree, `again` the one file that it left: fewer than 5,000 images leave
none, and are refused here. Whole it takes some minutes and 200 MB of disk; --no-record only prints. The last three figures are
what training needs before it decodes: which picture stands at a place of the endless, seeded stream; at its beginning, in the
middle of an epoch, where a run is resumed, and in the next epoch.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

IMAGES, CLASSES = 1_281_167, 1000
LEAST = 5_000
"""Pictures; fewer are read in no time, and onelook keeps no index of them."""

NAMES_A_FILE = 30_000
"""Hard links that a file gets; a file system gives up at 65,000."""

READ = """
import json, resource, sys, time
wall, busy = time.perf_counter(), time.process_time()
from pathlib import Path
from onelook.datasets.reading import read
data = read(Path(sys.argv[1]))
told = {"images": len(data), "classes": len(data.names)}
told |= {"seconds": time.perf_counter() - wall, "processor": time.process_time() - busy}
told["peak MB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
if sys.argv[2:]:  # only now: the loader brings torch
    from onelook.datasets.loader import stream_index
    for name, place in (("start", 0), ("middle", len(data) // 2), ("next epoch", len(data))):
        wall = time.perf_counter()
        index = stream_index(0, len(data), place)
        found = data.paths[index], int(data.labels[index])
        told[f"picture at {name}, ms"] = 1e3 * (time.perf_counter() - wall)
print(json.dumps(told))
"""


def main() -> None:
    """Make the tree, read it twice, keep the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=IMAGES)
    parser.add_argument("--no-record", action="store_true")
    asked = parser.parse_args()
    if asked.images < LEAST:
        parser.error(f"--images: expected at least {LEAST}, from which an index is kept, got {asked.images}")
    load, folder = os.getloadavg(), Path(tempfile.mkdtemp(prefix="onelook-index-"))
    os.environ.update(ONELOOK_CACHE=str(folder / "cache"), OMP_NUM_THREADS="1")
    try:
        make_tree(folder / "data", asked.images)
        first, again = _read(folder / "data"), _read(folder / "data", "order")
        index = sum(path.stat().st_size for path in (folder / "cache").rglob("*") if path.is_file())
    finally:
        shutil.rmtree(folder)
    measured = {"images": asked.images, "first": first, "again": again, "index MB": round(index / 1e6, 1)}
    if asked.no_record:
        print(json.dumps(measured, indent=1))
        return
    from record import record  # only now: a process that is started takes over its parent's peak memory

    record("class_index", load, measured)


def make_tree(folder: Path, images: int) -> None:
    """Write train/CLASS/CLASS_NUMBER.jpg, 1,000 classes alike."""
    import numpy as np
    import simplejpeg

    rng = np.random.default_rng(0)
    for number in range(min(CLASSES, images)):
        (folder / "train" / f"n{number:08d}").mkdir(parents=True)
    source = folder / "train" / "n00000000" / "n00000000_0.jpg"
    for number in range(images):
        name = f"n{number % CLASSES:08d}"
        place = folder / "train" / name / f"{name}_{number // CLASSES}.jpg"
        if number % NAMES_A_FILE == 0:
            source = place
            place.write_bytes(simplejpeg.encode_jpeg(rng.integers(0, 256, (64, 64, 3), np.uint8), colorspace="RGB"))
        else:
            place.hardlink_to(source)


def _read(data: Path, *words: str) -> dict[str, float]:
    done = subprocess.run([sys.executable, "-c", READ, data, *words], capture_output=True, text=True, check=True)
    told: dict[str, float] = json.loads(done.stdout)
    return told


if __name__ == "__main__":
    main()
