"""Seconds to build the largest of Darknet's networks from their cfg, and to read 250 MB of weights; marks: 2 and 1.

    .venv/bin/python benchmarks/darknet_files.py [FOLDER]

FOLDER holds the cfg files; by default those of the original that lie in ../shared, and onelook's own come beside them. The
time of building is from the cfg's text to the network in torch, weights made; reading is from the file to all arrays by
name, memory-mapped, and again with every number touched.
"""

import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from record import SHARED, record

from onelook.models.known import KNOWN, find_network
from onelook.models.network import Network
from onelook.structures.errors import FormatError
from onelook.structures.network.cfg import format_cfg, parse_cfg
from onelook.structures.network.layers import describe
from onelook.structures.network.weights_file import read_weights, split_weights, write_weights

MOST_SHOWN = 5
TIMES = 3


def main() -> None:
    """Measure and record both."""
    load = os.getloadavg()
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else SHARED / "data" / "darknet-samples" / "cfg"
    texts = {path.stem: path.read_text(errors="replace") for path in sorted(folder.rglob("*.cfg"))}
    texts |= {f"{name} (onelook's)": format_cfg(find_network(name)) for name in KNOWN}
    built = {name: seconds for name, text in texts.items() if (seconds := building(text)) is not None}
    slowest = sorted(built, key=lambda name: -built[name]["build"])[:MOST_SHOWN]
    record(
        "darknet_files",
        load,
        {
            "cfg_files": len(texts),
            "built": len(built),
            "slowest_builds": {name: built[name] for name in slowest},
            "weights": reading(),
        },
    )


def building(text: str) -> dict[str, float] | None:
    """Return layers, parameters and the best seconds of describing and of building; None for a refused section."""
    describing, seconds = [], []
    for _ in range(TIMES):
        start = time.perf_counter()
        try:
            layers = describe(parse_cfg(text))
        except FormatError:
            return None
        describing.append(time.perf_counter() - start)
        Network(parse_cfg(text))
        seconds.append(time.perf_counter() - start - describing[-1])
    return {
        "layers": len(layers),
        "parameters": sum(layer.parameters for layer in layers),
        "describe": round(min(describing), 4),
        "build": round(min(seconds), 3),
    }


def reading() -> dict[str, float]:
    """Return the size of YOLOv4's weights and the best seconds of reading them, untouched and touched."""
    layers = describe(find_network("yolov4"))
    random = np.random.default_rng(0)
    arrays = {
        f"{layer.index}.{name}": random.standard_normal(shape, np.float32)
        for layer in layers
        for name, shape in layer.arrays
    }
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "yolov4.weights"
        write_weights(path, layers, arrays)
        mapped, touched = [], []
        for _ in range(TIMES):
            start = time.perf_counter()
            found = split_weights(read_weights(path), layers)
            mapped.append(time.perf_counter() - start)
            sum(float(array.sum()) for array in found.values())
            touched.append(time.perf_counter() - start)
        size = path.stat().st_size
    return {
        "megabytes": round(size / 1e6, 1),
        "mapped_seconds": round(min(mapped), 4),
        "every_number_read_seconds": round(min(touched), 3),
    }


if __name__ == "__main__":
    main()
