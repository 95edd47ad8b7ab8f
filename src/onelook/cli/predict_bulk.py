"""What `onelook predict --shards` does: very many pictures into a folder of files that a killed run goes on with."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

import typer

from onelook.cli.output import print_json
from onelook.cli.predict_boxes import Asked
from onelook.cli.telling import LINES, WORDS, counted
from onelook.structures.errors import UserError, nearest

if TYPE_CHECKING:
    from onelook.inference.bulk import Job, Plan, Progress


Engine = Callable[["Job", "Plan", list[int], int | None], Iterator["Progress"]]
"""Runs the shards that are left, on so many workers."""


@dataclass(frozen=True)
class Bulk:
    """How the work is divided."""

    shards: int
    workers: int | None
    engine: str


def predict_bulk(
    model: Path,
    sources: Sequence[str],
    asked: Asked,
    beside: tuple[Path | None, Path | None],
    runtime: str | None,
    most_pixels: int | None,
    bulk: Bulk,
    way: str,
    is_classifier: bool,
) -> None:
    """Look at the sources shard by shard, and say in the end what all shards hold; exit with 1 when something could not be read."""
    from onelook.inference.bulk import make_plan, totals
    from onelook.inference.bulk_processes import run_locally
    from onelook.inference.bulk_ray import run_on_ray
    from onelook.structures.files import alone

    engines: dict[str, Engine] = {"local": run_locally, "ray": run_on_ray}
    if bulk.engine not in engines:
        raise UserError(
            f"--engine: expected {' or '.join(engines)}, got {bulk.engine!r}{nearest(bulk.engine, engines)}"
        )
    if bulk.workers is not None and bulk.workers < 1:
        raise UserError(f"--workers: expected at least 1, got {bulk.workers}")
    folder = _folder(model, asked, way, is_classifier)
    job = _job(model, folder, asked, beside, runtime, most_pixels, is_classifier)
    plan, start = make_plan(job, sources, bulk.shards), perf_counter()
    with alone(folder):
        for part in folder.glob(".*.part"):
            part.unlink()
        left = plan.left(folder)
        done = len(plan.counts) - len(left)
        if done:
            typer.echo(f"{folder}: {done} of {counted(len(plan.counts), 'shard')} were done before", err=True)
        _run(job, plan, left, engines[bulk.engine], bulk.workers)
        found = totals(folder, plan)
    seconds = perf_counter() - start
    if way == WORDS:
        what = f"{counted(found['images'], 'picture')}, {found['objects']} {'classes' if is_classifier else 'objects'}"
        typer.echo(f"{folder}: {what} in {counted(found['shards'], 'shard')}, {seconds:.2f} s")
    else:
        print_json({"model": str(model), "out": str(folder), **found, "seconds": seconds})
    if found["failed"]:
        total = found["images"] + found["failed"]
        typer.echo(f"onelook: {found['failed']} of {total} pictures could not be read", err=True)
        raise typer.Exit(1)


def _run(job: "Job", plan: "Plan", left: list[int], engine: Engine, workers: int | None) -> None:
    """Run the shards that are left, with progress in sources."""
    from onelook.structures.progress import track

    def steps() -> Iterator[None]:
        for progress in engine(job, plan, left, workers):
            for error in progress.errors:
                typer.echo(f"onelook: {error}", err=True)
            for _ in range(progress.seen):
                yield None

    total = sum(plan.counts)
    before = total - sum(plan.counts[index] for index in left)
    for _ in track(steps(), total, "predicting", "pictures", before):
        pass


def _folder(model: Path, asked: Asked, way: str, is_classifier: bool) -> Path:
    """Return where the shards go. Raises UserError without --out, and for options that make no sense with shards."""
    if asked.out is None:
        raise UserError("--shards: expected --out FOLDER with it, got none")
    others = {
        "--track": asked.track,
        "--count-line": asked.count_lines,
        "--labels": asked.labels,
        "--crops": asked.crops,
    }
    others |= {"--submission": asked.submission, "--to": asked.to, "--jsonl": way == LINES}
    for flag, value in others.items():
        if value:
            raise UserError(f"{flag}: expected no --shards with it; what they hold is JSON lines")
    boxes = {"--score": asked.score, "--nms": asked.nms, "--tile": asked.tile, "--overlap": asked.overlap}
    for flag, value in boxes.items():
        if is_classifier and value is not None:
            raise UserError(f"{flag}: expected a detector; {model} is a classifier and finds no boxes")
    return asked.out


def _job(
    model: Path,
    folder: Path,
    asked: Asked,
    beside: tuple[Path | None, Path | None],
    runtime: str | None,
    most_pixels: int | None,
    is_classifier: bool,
) -> "Job":
    """Return the work, its options looked at; paths are absolute, as other processes may stand elsewhere."""
    from onelook.cli.predict_boxes import detector_of, way_of
    from onelook.inference.bulk import Job

    weights, names = (str(path.absolute()) if path else None for path in beside)
    job = Job(
        str(folder.absolute()), str(Path.cwd()), str(model.absolute()), weights, names, runtime, most_pixels=most_pixels
    )
    if is_classifier:
        return job
    detector = detector_of(model, beside, (1, runtime))
    way = way_of(asked, detector)
    return replace(job, score=way.score, nms=way.nms, tile=way.tile, overlap=way.overlap)
