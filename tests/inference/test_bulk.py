"""Shards: the sources divided, each shard one file, and a run that goes on where it was killed."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from tests.inference.made_films import write_film

from onelook.inference.bulk import PLAN, SOURCES, Job, make_plan, read_plan, run_shard, totals
from onelook.inference.model import Detector
from onelook.structures.errors import UserError


@pytest.fixture
def job(model: Path, tmp_path: Path) -> Job:
    """Return the work of the small detector in a new folder."""
    return Job(str(tmp_path / "out"), str(tmp_path), str(model), score=0.6)


def rows_of(folder: Path) -> list[dict[str, object]]:
    """Return the lines of all shards in order."""
    return [json.loads(line) for file in sorted(folder.glob("shard-*")) for line in file.read_text().splitlines()]


def test_the_shards_hold_every_source_once_in_order(job: Job, pictures: Path, detector: Detector) -> None:
    sources = [str(pictures / name) for name in ("a.jpg", "notes.txt", "b.JPG", "absent.jpg", "deeper/c.jpg")]
    plan = make_plan(job, sources, 2)

    told = [list(run_shard(job, plan, index)) for index in plan.left(Path(job.folder))]

    rows = rows_of(Path(job.folder))
    assert [row["file"] for row in rows] == sources
    assert [sorted(row) for row in rows][:2] == [["detections", "file", "height", "width"], ["error", "file"]]
    assert rows[0]["detections"] == detector.predict(sources[0], score=0.6).as_json()["detections"]
    assert [sum(each.seen for each in shard) for shard in told] == [2, 3]
    assert [len(each.errors) for shard in told for each in shard] == [1, 1]
    assert plan.left(Path(job.folder)) == []
    counts = totals(Path(job.folder), plan)
    objects = sum(len(row["detections"]) for row in rows if isinstance(row.get("detections"), list))  # type: ignore[arg-type]
    assert counts == {"shards": 2, "images": 3, "failed": 2, "objects": objects}


def test_a_film_in_a_shard_is_told_frame_by_frame(job: Job, tmp_path: Path) -> None:
    film = str(write_film(tmp_path / "x.mp4", 3))
    list(run_shard(job, make_plan(job, [film], 1), 0))

    assert [(row["file"], row["frame"]) for row in rows_of(Path(job.folder))] == [(film, 0), (film, 1), (film, 2)]


def test_there_are_no_more_shards_than_sources_and_they_are_alike_in_size(job: Job) -> None:
    plan = make_plan(job, [f"{number}.jpg" for number in range(10)], 4)

    assert sorted(plan.counts) == [2, 2, 3, 3]
    assert len(make_plan(replace(job, folder=f"{job.folder}2"), ["a.jpg", "b.jpg"], 50).counts) == 2


def test_a_shard_that_is_left_in_the_middle_is_not_there(
    job: Job, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("onelook.inference.bulk._TOLD_AT_ONCE", 1)
    plan = make_plan(job, [str(pictures / "a.jpg"), str(pictures / "b.JPG")], 1)
    at_work = run_shard(job, plan, 0)
    next(at_work)
    at_work.close()

    assert plan.left(Path(job.folder)) == [0]
    assert sorted(path.name for path in Path(job.folder).iterdir()) == [PLAN, SOURCES]


def test_the_same_call_finds_its_plan_and_another_is_refused(job: Job, model: Path) -> None:
    plan = make_plan(job, ["a.jpg", "b.jpg"], 2)

    assert make_plan(job, ["a.jpg", "b.jpg"], 2) == plan == read_plan(Path(job.folder))
    for other, sources, shards in (
        (replace(job, score=0.7), ["a.jpg", "b.jpg"], 2),
        (job, ["a.jpg", "c.jpg"], 2),
        (job, ["a.jpg", "b.jpg"], 1),
    ):
        with pytest.raises(UserError, match="expected the same model, options and pictures as before, got others"):
            make_plan(other, sources, shards)
    (model / "weights.safetensors").write_bytes(b"other weights")
    with pytest.raises(UserError, match="expected the same model"):
        make_plan(job, ["a.jpg", "b.jpg"], 2)


def test_a_plan_that_was_killed_while_it_was_made_is_made_anew(job: Job) -> None:
    Path(job.folder).mkdir()
    (Path(job.folder) / SOURCES).write_text('"a.j')

    assert make_plan(job, ["a.jpg"], 1).counts == (1,)


@pytest.mark.parametrize(
    ("sources", "shards", "message"),
    [
        (["a.jpg"], 0, "--shards: expected at least 1, got 0"),
        (["-"], 2, "-: expected files or addresses with --shards; they can be read again"),
        (["3"], 2, "3: expected files or addresses with --shards"),
    ],
)
def test_what_cannot_be_divided_is_one_line(job: Job, sources: list[str], shards: int, message: str) -> None:
    with pytest.raises(UserError) as caught:
        make_plan(job, sources, shards)

    assert str(caught.value).startswith(message)


def test_a_folder_that_holds_something_else_is_left_alone(job: Job) -> None:
    Path(job.folder).mkdir()
    (Path(job.folder) / "mine.txt").touch()

    with pytest.raises(UserError, match="expected a new or empty folder, got one that holds something"):
        make_plan(job, ["a.jpg"], 1)
