"""What a run takes for what, over HTTP: the same numbers as its report, by split, with the worst pictures."""

from pathlib import Path

import pytest
from tests.service.api.conftest import Api, problem
from tests.service.api.evaluated import NAMES, write_classified, write_evaluated
from tests.service.api.test_trainings import blood, started
from tests.service.api.test_watching import run_folder

__all__ = ["blood"]


@pytest.fixture
def path(api: Api, blood: bytes, tmp_path: Path) -> str:
    """Return the path of a detector's run that was evaluated."""
    id_ = started(api, blood)
    write_evaluated(run_folder(api, id_), tmp_path)
    return f"/v1/trainings/{id_}"


def test_mistakes_are_counted_and_named(api: Api, path: str) -> None:
    told = api.ask("GET", f"{path}/mistakes", params={"split": "val"}).json()

    assert (told["split"], told["splits"], told["images"]) == ("val", ["test", "val"], 4)
    assert told["columns"] == list(NAMES)
    assert told["matrix"] == [[3, 1, 0, 1], [0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 1, 0]]
    assert told["confusions"] == [
        {"true": "red", "seen": "white", "count": 1},
        {"true": "red", "seen": None, "count": 1},
        {"true": None, "seen": "<b>", "count": 1},
    ]


def test_the_worst_pictures_come_first_with_what_is_wrong_on_them(api: Api, path: str) -> None:
    worst = api.ask("GET", f"{path}/mistakes", params={"split": "val"}).json()["worst"]

    assert [(each["number"], each["right"], each["wrong"], each["missed"]) for each in worst] == [
        (1, 0, 1, 1),
        (2, 1, 0, 1),
        (3, 1, 1, 0),
    ]
    (seen,) = worst[0]["detections"]
    assert (seen["class"], seen["score"], seen["wrong"]) == ("white", pytest.approx(0.8), True)
    assert seen["box"] == pytest.approx([0.1, 0.125, 0.3, 0.375])
    assert [box["wrong"] for box in worst[1]["truth"]] == [False, True]
    picture = api.ask("GET", f"{path}/mistakes/1", params={"split": "val", "side": 50})
    assert picture.headers["Content-Type"] == "image/jpeg"


def test_the_worst_pictures_go_on_from_where_one_has_seen_them(api: Api, path: str) -> None:
    asked = {"split": "val", "start": 2}
    told = api.ask("GET", f"{path}/mistakes", params=asked).json()

    assert (told["mistaken"], [each["number"] for each in told["worst"]]) == (3, [3])
    assert api.ask("GET", f"{path}/mistakes", params={**asked, "start": 3}).json()["worst"] == []
    assert len(api.ask("GET", f"{path}/mistakes", params={"split": "val"}).json()["worst"]) == 3


def test_the_headline_s_split_is_told_by_default_and_others_are_not_there(api: Api, path: str) -> None:
    told = api.ask("GET", f"{path}/mistakes").json()

    assert (told["split"], told["confusions"], told["worst"]) == ("test", [], [])
    problem(api.ask("GET", f"{path}/mistakes", params={"split": "odd"}), 404, "no_split")
    problem(api.ask("GET", f"{path}/mistakes/1"), 404, "no_picture")
    problem(api.ask("GET", f"{path}/mistakes", "bert"), 404, "no_training")


def test_a_record_that_changes_is_read_again(api: Api, path: str, tmp_path: Path) -> None:
    before = api.ask("GET", f"{path}/mistakes").json()
    root = api.backend.settings.http.trainings
    run = root / api.clients["anna"].id / "runs" / path.rpartition("/")[2] / "run"
    write_classified(run, tmp_path / "others")

    after = api.ask("GET", f"{path}/mistakes").json()

    assert (before["split"], after["split"]) == ("test", "val")


def test_a_classifier_s_surest_mistake_is_shown_with_its_guesses(api: Api, blood: bytes, tmp_path: Path) -> None:
    id_ = started(api, blood)
    write_classified(run_folder(api, id_), tmp_path)

    told = api.ask("GET", f"/v1/trainings/{id_}/mistakes").json()

    assert (told["score"], told["matrix"]) == (None, [[1, 0, 0], [1, 1, 0], [0, 0, 0]])
    assert told["confusions"] == [{"true": "white", "seen": "red", "count": 1}]
    (worst,) = told["worst"]
    assert (worst["file"], worst["class"]) == ("cell2.jpg", "white")
    assert worst["classes"][0] == {"class": "red", "score": 0.9}


def test_before_the_end_there_are_none(api: Api, blood: bytes) -> None:
    id_ = started(api, blood)
    run_folder(api, id_)

    problem(api.ask("GET", f"/v1/trainings/{id_}/mistakes"), 404, "no_split")


def test_what_is_broken_is_said_without_our_folders(api: Api, path: str) -> None:
    root = api.backend.settings.http.trainings
    run = root / api.clients["anna"].id / "runs" / path.rpartition("/")[2] / "run"
    (run / "predictions.json").write_text("{")

    told = problem(api.ask("GET", f"{path}/mistakes"), 422, "invalid")

    assert str(root) not in told["detail"]
    assert "predictions.json" in told["detail"]
