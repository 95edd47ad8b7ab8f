"""Very many pictures: a folder of shards, each looked at by one process and written as one file, whole or absent.

SOURCES holds what is looked at, a JSON text a line; PLAN what was asked for and where each shard begins in it. A killed run goes
on where it stopped: the shards that are there are done, so nothing is seen twice or left out.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

from onelook.inference.classifier import ImageClassifier
from onelook.inference.films import is_camera
from onelook.inference.items import STDIN, Item, items_of
from onelook.inference.loading import load
from onelook.inference.model import Detector
from onelook.inference.predicting import of_item
from onelook.inference.thresholds import Score
from onelook.inference.tiling import OVERLAP
from onelook.structures.errors import FormatError, UserError
from onelook.structures.files import new_file, write_json

SOURCES, PLAN = "sources.jsonl", "plan.json"
_TOLD_AT_ONCE = 50
_ERROR, _SCORE = b'", "error": "', b'"score": '
"""As they stand in a shard's lines; inside a JSON text the quotes would have backslashes."""


@dataclass(frozen=True)
class Job:
    """All that a process needs to look at a shard; may be sent to another machine that sees the same files."""

    folder: str
    root: str
    """Folder that the sources' relative paths are meant from."""
    model: str
    weights: str | None = None
    names: str | None = None
    runtime: str | None = None
    score: Score | None = None
    nms: float | None = None
    tile: int | None = None
    overlap: float = OVERLAP
    most_pixels: int | None = None


@dataclass(frozen=True)
class Progress:
    """What was looked at since the last word."""

    seen: int
    """Pictures, and sources that could not be read."""
    errors: tuple[str, ...] = ()
    """A line for each that could not be read."""


@dataclass(frozen=True)
class Plan:
    """How the sources are divided."""

    asked: str
    """A sum of the job, the model and the sources."""
    counts: tuple[int, ...]
    """Sources of each shard."""
    offsets: tuple[int, ...] = field(repr=False)
    """Where each shard begins in SOURCES, bytes."""

    def place(self, folder: Path, index: int) -> Path:
        """Return the file of a shard's results."""
        return folder / f"shard-{index:05d}-of-{len(self.counts):05d}.jsonl"

    def left(self, folder: Path) -> list[int]:
        """Return the shards that are not done yet."""
        return [index for index in range(len(self.counts)) if not self.place(folder, index).exists()]


def make_plan(job: Job, sources: Sequence[str], shards: int) -> Plan:
    """Write the plan into the job's folder, or return the one there, made by a run that was asked for the same.

    Raises UserError for cameras and standard input, less than one shard, and a folder that holds something else.
    """
    if shards < 1:
        raise UserError(f"--shards: expected at least 1, got {shards}")
    for source in sources:
        if source == STDIN or is_camera(source):
            raise UserError(f"{source}: expected files or addresses with --shards; they can be read again")
    folder, shards = Path(job.folder), min(shards, len(sources))
    lines = [json.dumps(source).encode() + b"\n" for source in sources]
    asked = _sum_of(job, lines, shards)
    if folder.exists() and (not folder.is_dir() or any(path.name != SOURCES for path in folder.iterdir())):
        return _read_plan(folder, asked)
    bounds = [len(lines) * index // shards for index in range(shards + 1)]
    offsets, offset = [0], 0
    with new_file(folder / SOURCES) as file:
        for start, end in pairwise(bounds):
            offset += file.write(b"".join(lines[start:end]))
            offsets.append(offset)
    counts = tuple(end - start for start, end in pairwise(bounds))
    plan = Plan(asked, counts, tuple(offsets[:-1]))
    write_json(folder / PLAN, asdict(plan))
    return plan


def _read_plan(folder: Path, asked: str) -> Plan:
    """Return the plan in a folder. Raises UserError when it is none, or another one."""
    plan = read_plan(folder)
    if plan is None:
        raise UserError(f"{folder}: expected a new or empty folder, got one that holds something; choose another --out")
    if plan.asked != asked:
        what = "expected the same model, options and pictures as before, got others"
        raise UserError(f"{folder}: {what}; choose another --out, or remove it")
    return plan


def read_plan(folder: Path) -> Plan | None:
    """Return the plan that a folder was made by; None without one."""
    try:
        told = json.loads((folder / PLAN).read_bytes())
        return Plan(str(told["asked"]), tuple(told["counts"]), tuple(told["offsets"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _sum_of(job: Job, lines: Sequence[bytes], shards: int) -> str:
    total = hashlib.sha256(json.dumps([asdict(job) | {"folder": "", "root": ""}, shards]).encode())
    for line in lines:
        total.update(line)
    for path in _model_files(job):
        facts = path.stat()
        total.update(f"{path.name} {facts.st_size} {facts.st_mtime_ns}".encode())
    return total.hexdigest()


def _model_files(job: Job) -> list[Path]:
    """Return the files that make up the model: those named, and those in the folder that it is."""
    named = [Path(text) for text in (job.model, job.weights, job.names) if text]
    inside = [each for path in named for each in sorted([*path.glob("*"), *path.glob("model/*")])]
    beside = sorted(Path(job.model).parent.glob(f"{Path(job.model).stem}.*"))
    return [path for path in (*named, *inside, *beside) if path.is_file() and path.name != "metrics.jsonl"]


def run_shard(job: Job, plan: Plan, index: int) -> Iterator[Progress]:
    """Look at one shard and write its file, a line for each picture in the order of the sources; yields as it goes.

    A line is what `predict --jsonl` prints: `file` and what was seen, or `file` and `error`.
    """
    folder = Path(job.folder)
    row, seen, errors = _row_maker(job), 0, list[str]()

    def failed(source: str, error: FormatError) -> None:
        errors.append(str(error))
        write({"file": source, "error": str(error)})

    with new_file(plan.place(folder, index)) as file:

        def write(told: Mapping[str, Any]) -> None:
            file.write(json.dumps(told, ensure_ascii=False).encode("utf-8", "surrogateescape") + b"\n")

        for item in items_of(_sources_of(folder, plan, index), job.most_pixels):
            try:
                write(row(item))
            except FormatError as error:
                failed(item.source, error)
            seen += item.frame is None or item.frame == 0
            if seen >= _TOLD_AT_ONCE:
                yield Progress(seen, tuple(errors))
                seen, errors = 0, []
    yield Progress(seen, tuple(errors))


def _sources_of(folder: Path, plan: Plan, index: int) -> list[str]:
    with (folder / SOURCES).open("rb") as file:
        file.seek(plan.offsets[index])
        return [json.loads(file.readline()) for _ in range(plan.counts[index])]


def _row_maker(job: Job) -> Callable[[Item], dict[str, Any]]:
    """Return what looks at one picture and tells what is there."""
    model = _model(job.model, job.weights, job.names, job.runtime)

    def row(item: Item) -> dict[str, Any]:
        picture = item.picture()
        if isinstance(model, ImageClassifier):
            return of_item(model.predict(picture), item).as_json()
        return of_item(model.predict(picture, job.score, job.nms, job.tile, job.overlap), item).as_json()

    return row


@lru_cache(maxsize=1)
def _model(model: str, weights: str | None, names: str | None, runtime: str | None) -> Detector | ImageClassifier:
    """Return the model, loaded once in a process, on one core."""
    return load(model, weights, names, threads=1, runtime=runtime)


def totals(folder: Path, plan: Plan) -> dict[str, int]:
    """Return how many shards, pictures, failures and objects (of a classifier: classes told) the shards' files hold."""
    counts = {"shards": 0, "images": 0, "failed": 0, "objects": 0}
    for index in range(len(plan.counts)):
        place = plan.place(folder, index)
        if not place.exists():
            continue
        counts["shards"] += 1
        with place.open("rb") as file:
            for line in file:
                failed = _ERROR in line
                counts["failed"] += failed
                counts["images"] += not failed
                counts["objects"] += line.count(_SCORE)
    return counts
