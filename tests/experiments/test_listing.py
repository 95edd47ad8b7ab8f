"""Runs and grids listed: by place, by tag, in the order that was asked for."""

from pathlib import Path

import pytest
from tests.experiments.made_runs import make_run
from tests.experiments.report.known_grids import outcome

from onelook.experiments.listing import list_runs, listing_table
from onelook.experiments.outcome import write_outcome
from onelook.experiments.tagging import change_tags
from onelook.structures.errors import UserError


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a working folder with three runs and a grid of two rows."""
    monkeypatch.chdir(tmp_path)
    make_run(tmp_path / "runs" / "a", 0.4, "2026-01-03T00:00:00+0000", batch=4)
    make_run(tmp_path / "runs" / "b", 0.6, "2026-01-01T00:00:00+0000", batch=8)
    make_run(tmp_path / "runs" / "c", None, "2026-01-02T00:00:00+0000", batch=8)
    (tmp_path / "runs" / "notes").mkdir()
    write_outcome(tmp_path / "grids" / "g", outcome())
    write_outcome(tmp_path / "grids" / "g", outcome(batch=8))
    return tmp_path


def names(**asked: str | None) -> list[str]:
    return [run.folder.name for run in list_runs((), **asked)]  # type: ignore[arg-type]  # words of the signature


def test_runs_and_grids_are_found_where_they_are_made(home: Path) -> None:
    assert names() == ["tiny-4-1-0", "tiny-8-1-0", "a", "b", "c"]


def test_figures_sort_the_best_first_and_the_unknown_last(home: Path) -> None:
    assert names(sort="accuracy") == ["b", "a", "tiny-4-1-0", "tiny-8-1-0", "c"]
    assert names(sort="started")[-3:] == ["b", "c", "a"]


def test_an_unknown_order_names_the_nearest(home: Path) -> None:
    with pytest.raises(UserError, match="--sort: unknown word 'acuracy'; did you mean 'accuracy'"):
        list_runs((), sort="acuracy")


def test_a_tag_chooses(home: Path) -> None:
    change_tags(home / "runs" / "b", ["best"], [])

    assert names(tag="best") == ["b"]
    assert names(tag="worst") == []


def test_one_broken_file_of_tags_does_not_hide_the_others(home: Path) -> None:
    (home / "runs" / "b" / "tags.json").write_text("{")

    assert {run.folder.name: run.tags for run in list_runs([Path("runs")])}["b"] == ("(broken)",)


def test_a_place_may_be_a_run_a_grid_or_a_folder_of_them(home: Path) -> None:
    assert [run.folder.name for run in list_runs([home / "runs" / "a", home / "grids"])] == [
        "tiny-4-1-0",
        "tiny-8-1-0",
        "a",
    ]
    with pytest.raises(UserError, match="nowhere: expected a folder with runs, got none"):
        list_runs([home / "nowhere"])


def test_the_table_tells_how_a_run_stands(home: Path) -> None:
    text = listing_table(list_runs([home / "runs"])).as_text()

    assert text.splitlines()[0].split() == ["run", "network", "data", "state", "accuracy", "time", "started", "tags"]
    assert "2026-01-01 00:00" in text
    assert "0.600" in text
    assert list_runs([home / "runs"])[2].as_json()["state"] == "failed"


def test_no_runs_are_an_empty_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    assert list_runs() == []
    assert listing_table([]).as_text() == ""
