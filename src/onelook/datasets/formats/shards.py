"""Tar shards (webdataset): SPLIT-000000.tar with ID.jpg followed by ID.json; pictures are read from the archive, where they lie.

Source: the layout of github.com/webdataset/webdataset: files of one sample share the name up to the first dot and are neighbours.
"""

import io
import json
import tarfile
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path, PurePosixPath
from typing import Any

from onelook.datasets.class_places import names_beside
from onelook.datasets.collecting import Collector, split_of
from onelook.datasets.dataset import Dataset
from onelook.datasets.files.layout import parts_of, write_class_list
from onelook.datasets.files.objects import objects_of, take_objects
from onelook.datasets.files.packed import packed
from onelook.datasets.files.placing import new_names
from onelook.datasets.findings import Report
from onelook.structures.errors import FormatError, UserError
from onelook.structures.images import SUFFIXES

NAME = "shards"
HOLDS = frozenset({"boxes", "labels", "splits", "negatives", "unlabelled", "difficult", "crowd", "truncated"})

MOST_IMAGES = 10_000
MOST_BYTES = 512 * 1024**2
"""Of pictures in one shard, after which the next begins."""

_MOST_JSON = 16 * 1024**2
_LOOKED_AT = 20


def evidence(path: Path) -> str | None:
    """Return which .tar with pictures and labels side by side speaks for shards: `path`, or those in the folder."""
    files = _files(path)
    if not files or not _speaks(files[0]):
        return None
    return f"{files[0]}{f' and {len(files) - 1} more' if len(files) > 1 else ''} holds pictures beside their labels"


def read(path: Path, report: Report, names: Sequence[str] | None = None) -> Dataset:
    """Return the data set of a shard or of a folder of them. ID.cls holds a class's number, ID.json objects or a label.

    Raises FormatError for an archive that breaks off.
    """
    files = _files(path)
    if not files:
        raise FormatError(f"{path}: expected .tar shards, got none")
    own = names_beside(files[0].parent)
    collector = Collector(files[0].parent, NAME, report, names, own)
    for file in files:
        split = split_of(file.stem.replace(".", "_"))
        for sample in _samples(file, collector):
            _take(sample, file, split, own, collector)
    return collector.finish()


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path] if path.suffix == ".tar" else []
    return sorted(path.glob("*.tar")) if path.is_dir() else []


def _speaks(file: Path) -> bool:
    try:
        with tarfile.open(file, "r:") as archive:
            names = [PurePosixPath(member.name) for member, _ in zip(archive, range(_LOOKED_AT), strict=False)]
    except (tarfile.TarError, OSError):
        return False
    endings = {name.suffix.lower() for name in names}
    return bool(endings & SUFFIXES) and bool(endings & {".json", ".cls"})


def _samples(file: Path, collector: Collector) -> Iterator[dict[str, Any]]:
    """Yield the files of one sample after the other: `picture` (a path), and what .json and .cls hold."""
    sample: dict[str, Any] = {}
    try:
        with tarfile.open(file, "r:") as archive:
            for member in archive:
                archive.members = []  # type: ignore[attr-defined]  # they would be kept, all of them
                name = PurePosixPath(member.name)
                if name.is_absolute() or ".." in name.parts:
                    collector.image(None, file, None, name=member.name)
                    continue
                if not member.isreg() or member.issparse():
                    continue
                if sample.get("key") != str(name.with_suffix("")):
                    yield sample
                    sample = {"key": str(name.with_suffix(""))}
                _add(sample, member, name, archive, file)
    except (tarfile.TarError, OSError) as error:
        what = f"expected a whole tar archive, got a broken one ({error})"
        collector.tell(file, None, "broken-annotation", what, "write the shard again; what came before is read")
    else:
        if not sample:
            what = "expected a tar archive with pictures, got an empty one"
            collector.tell(file, None, "broken-annotation", what, "write the shard again or remove it")
    yield sample


def _add(
    sample: dict[str, Any], member: tarfile.TarInfo, name: PurePosixPath, archive: tarfile.TarFile, file: Path
) -> None:
    ending = name.suffix.lower()
    if ending in SUFFIXES:
        sample["picture"] = packed(file, member.offset_data, member.size, name.name)
    elif ending in (".json", ".cls") and member.size <= _MOST_JSON:
        opened = archive.extractfile(member)
        sample[ending] = opened.read() if opened else b""


def _take(
    sample: dict[str, Any], file: Path, split: str | None, own: Sequence[str] | None, collector: Collector
) -> None:
    if "picture" not in sample:
        if ".json" in sample or ".cls" in sample:
            what = f"expected a picture {sample['key']}.jpg beside its labels, got none"
            collector.tell(file, None, "orphan-label", what, "write the shard again")
        return
    try:
        facts = json.loads(sample.get(".json", b"{}"))
    except ValueError:
        facts = None
    if not isinstance(facts, dict):
        what = f"expected {sample['key']}.json to be a JSON object, got something else"
        collector.tell(file, None, "broken-annotation", what, "write the shard again")
        facts = {"label": ""}
    objects, label = facts.get("objects"), facts.get("label")
    number = sample.get(".cls", str(label).encode() if type(label) is int else b"").strip()
    if number.isdigit():
        place = int(number)
        label = own[place] if own and place < len(own) else str(place)
    if not collector.image(sample["picture"], file, None, split, objects is not None):
        return
    if objects is not None:
        take_objects(collector, objects, file, None)
    if isinstance(label, str) and label:
        collector.label(label)
    elif objects is None and label is None:
        collector.unlabelled(sample["picture"], f"objects in {sample['key']}.json")


def write(dataset: Dataset, folder: Path) -> None:
    """Write SPLIT-000000.tar and so on, and labels.txt, into an empty folder."""
    write_class_list(dataset, folder)
    files = new_names(dataset.paths)
    for split, indices in parts_of(dataset).items():
        for number, chosen in enumerate(_groups(dataset, indices.tolist())):
            with tarfile.open(folder / f"{split}-{number:06d}.tar", "w", format=tarfile.PAX_FORMAT) as archive:
                for index, data in chosen:
                    name = PurePosixPath(files[index].replace(".", "_", files[index].count(".") - 1))
                    _put(archive, str(name), data)
                    _put(archive, str(name.with_suffix(".json")), json.dumps(_facts(dataset, index)).encode())


def _groups(dataset: Dataset, indices: Sequence[int]) -> Iterator[Iterator[tuple[int, bytes]]]:
    """Yield, shard by shard, the images that go into it with their bytes; one picture is in memory at a time."""
    waiting = iter(indices)
    for first in waiting:
        yield _shard(dataset, chain([first], waiting))


def _shard(dataset: Dataset, waiting: Iterator[int]) -> Iterator[tuple[int, bytes]]:
    """Yield images with their bytes until a shard is full."""
    total = 0
    for count, index in enumerate(waiting, start=1):
        try:
            data = dataset.paths[index].read_bytes()
        except OSError as error:
            raise UserError(f"{dataset.paths[index]}: cannot be read ({error.strerror})") from None
        yield int(index), data
        total += len(data)
        if count >= MOST_IMAGES or total >= MOST_BYTES:
            return


def _facts(dataset: Dataset, index: int) -> dict[str, Any]:
    width, height = (int(side) for side in dataset.sizes[index])
    label = {"label": dataset.names[dataset.labels[index]]} if dataset.labels[index] >= 0 else {}
    return {"width": width, "height": height, **label, "objects": objects_of(dataset, index)}


def _put(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(data)
    archive.addfile(member, io.BytesIO(data))
