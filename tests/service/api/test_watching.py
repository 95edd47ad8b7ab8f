"""A training as it goes, over HTTP: its metrics, pace, resources, samples, log, files; every hyperparameter."""

import json
import threading
from pathlib import Path
from typing import Any

import pytest
from PIL import Image as Pillow
from tests.service.api.conftest import Api, Start, problem
from tests.service.api.test_trainings import CFG, blood, started, uploaded

from onelook.service.api.routes import watching as watching_routes
from onelook.service.clients import list_keys, revoke_key
from onelook.service.trainings.record import change, find_training, folder_of, run_of
from onelook.service.trainings.watching import seconds_left

__all__ = ["blood"]


def run_folder(api: Api, id_: str) -> Path:
    """Return the folder of a run that is at work, as the test says; nothing really runs."""
    root = api.backend.settings.http.trainings
    record = find_training(root, api.clients["anna"].id, id_)
    assert record is not None
    change(root, record, state="running")
    run_of(root, record).mkdir()
    return run_of(root, record)


def write_lines(path: Path, *lines: dict[str, Any]) -> None:
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))


def step(number: int, at: float) -> dict[str, Any]:
    return {"kind": "step", "step": number, "loss": 2.0, "learning_rate": 0.001, "time": at}


def test_progress_goes_on_behind_what_was_seen_and_tells_the_pace(api: Api, blood: bytes) -> None:
    id_ = started(api, blood)
    before = api.ask("GET", f"/v1/trainings/{id_}/progress").json()
    run = run_folder(api, id_)
    (run / "settings.toml").write_text("max_batches = 100\n")
    write_lines(run / "metrics.jsonl", step(10, 100.0), step(20, 105.0))
    write_lines(run / "resources.jsonl", {"cpu": [1.0]}, {"cpu": [50.0], "memory": 7})

    first = api.ask("GET", f"/v1/trainings/{id_}/progress").json()
    later = api.ask("GET", f"/v1/trainings/{id_}/progress?after={first['next']}").json()

    assert (before["lines"], before["steps"], before["seconds_left"], before["resources"]) == ([], None, None, None)
    assert [line["step"] for line in first["lines"]] == [10, 20]
    assert (first["steps"], first["seconds_left"], first["next"]) == (100, 40.0, 2)
    assert first["resources"] == {"cpu": [50.0], "memory": 7}
    assert (later["lines"], later["next"], later["training"]["progress"]["step"]) == ([], 2, 20)


@pytest.mark.parametrize(
    ("lines", "steps", "left"),
    [
        ([], 100, None),
        ([step(10, 5.0)], 100, None),
        ([step(10, 5.0), step(20, 6.0)], None, None),
        ([step(10, 5.0), step(20, 6.0), {"kind": "eval", "step": 20}, step(30, 9.0)], 50, 4.0),
        ([step(10, 50.0), step(10, 10.0), step(20, 11.0)], 30, 1.0),
        ([step(90, 5.0), step(100, 6.0)], 100, 0.0),
    ],
)
def test_the_time_left_is_told_by_the_latest_steps(
    lines: list[dict[str, Any]], steps: int | None, left: float | None
) -> None:
    assert seconds_left(lines, steps) == left


def test_samples_are_told_by_evaluation_with_pictures_and_without_our_folders(
    api: Api, blood: bytes, tmp_path: Path
) -> None:
    id_ = started(api, blood)
    assert api.ask("GET", f"/v1/trainings/{id_}/samples").json() == {"evaluations": [], "least": 0.1, "most": 50}
    run = run_folder(api, id_)
    Pillow.new("RGB", (80, 40)).save(tmp_path / "cell.jpg")
    seen = {"class": "red", "index": 0, "score": 0.5, "box": [1.0, 2.0, 3.0, 4.0]}
    image = {
        "file": str(tmp_path / "cell.jpg"),
        "width": 80,
        "height": 40,
        "truth": [],
        "detections": [seen],
        "best": 0.5,
    }
    write_lines(
        run / "samples.jsonl",
        {"step": 5, "epoch": 0.5, "images": [image]},
        {"step": 9, "epoch": 1.0, "images": [image]},
    )

    told = api.ask("GET", f"/v1/trainings/{id_}/samples").json()["evaluations"]
    picture = api.ask("GET", f"/v1/trainings/{id_}/samples/0", params={"side": 40})

    assert [each["step"] for each in told] == [5, 9]
    assert told[0]["images"][0]["file"] == "cell.jpg"
    assert told[0]["images"][0]["detections"] == [seen]
    assert told[0]["images"][0]["best"] == 0.5
    assert picture.headers["Content-Type"] == "image/jpeg"
    problem(api.ask("GET", f"/v1/trainings/{id_}/samples/1"), 404, "no_picture")


def test_the_log_is_told_without_our_folders(api: Api, blood: bytes) -> None:
    id_ = started(api, blood)
    run = run_folder(api, id_)
    (run.parent / "stderr").write_text(f"run: {run.parent.resolve()}/run\nstep 5\n")

    answer = api.ask("GET", f"/v1/trainings/{id_}/log")

    assert answer.headers["Content-Type"].startswith("text/plain")
    assert answer.text == "run: run\nstep 5\n"


def test_a_run_s_files_are_read_and_no_others(api: Api, blood: bytes) -> None:
    id_ = started(api, blood)
    run = run_folder(api, id_)
    (run / "report.html").write_text("<h1>report</h1>")
    (run / "secret.txt").write_text("no")

    report = api.ask("GET", f"/v1/trainings/{id_}/files/report.html")

    assert report.text == "<h1>report</h1>"
    assert report.headers["Content-Type"] == "text/html; charset=utf-8"
    assert report.headers["Content-Security-Policy"].startswith("sandbox; default-src 'none'"), "no script runs in it"
    for name in ("secret.txt", "chart.png"):
        problem(api.ask("GET", f"/v1/trainings/{id_}/files/{name}"), 404, "no_file")
    for path in ("progress", "samples", "samples/0", "log", "files/report.html"):
        problem(api.ask("GET", f"/v1/trainings/{id_}/{path}", "bert"), 404, "no_training")


def test_a_cfg_keeps_its_file_s_name_and_can_be_had_again(api: Api, blood: bytes) -> None:
    asked = {"network": None, "cfg": CFG, "cfg_name": "My-tiny.v2.cfg"}
    id_, by_name = started(api, blood, **asked), started(api, blood)

    assert api.ask("GET", f"/v1/trainings/{id_}").json()["network"] == "My-tiny.v2.cfg"
    assert api.ask("GET", f"/v1/trainings/{id_}/files/network.cfg").text == CFG
    problem(api.ask("GET", f"/v1/trainings/{by_name}/files/network.cfg"), 404, "no_file")


@pytest.mark.parametrize("name", ["../x.cfg", "a/b.cfg", ".cfg", "training.json", "", "x" * 99 + ".cfg", "ö.cfg"])
def test_a_cfg_s_name_that_is_no_plain_file_s_is_refused(api: Api, blood: bytes, name: str) -> None:
    asked = {"data": uploaded(api, blood), "cfg": CFG, "cfg_name": name}

    told = problem(api.ask("POST", "/v1/trainings", json=asked), 422, "invalid")

    assert told["errors"][0]["field"] == "cfg_name"


def test_every_hyperparameter_is_told_with_the_networks(api: Api) -> None:
    told = api.ask("GET", "/v1/trainings/settings").json()

    seed = next(each for each in told["settings"] if each["name"] == "seed")
    words = "Of everything that is drawn: the same seed gives the same run."
    assert seed == {
        "name": "seed",
        "group": "training",
        "kind": "whole",
        "default": 0,
        "least": 0,
        "most": 2**32 - 1,
        "choices": [],
        "words": words,
    }
    assert {"yolov3-tiny", "resnet18"} <= set(told["networks"])


@pytest.mark.parametrize(
    ("settings", "field"),
    [({"epochs": -1}, "settings.epochs"), ({"batch": "many"}, "settings.batch"), ({"flip": 2}, "settings.flip")],
)
def test_a_setting_out_of_range_is_refused_before_anything_starts(
    api: Api, blood: bytes, settings: dict[str, Any], field: str
) -> None:
    asked = {"data": uploaded(api, blood), "network": "yolov3-tiny", "settings": settings}

    told = problem(api.ask("POST", "/v1/trainings", json=asked), 422, "invalid")

    assert told["errors"][0]["field"] == field
    assert api.ask("GET", "/v1/trainings").json()["trainings"] == []


def test_the_same_key_gives_the_same_training(api: Api, blood: bytes) -> None:
    asked = {"data": uploaded(api, blood), "network": "yolov3-tiny"}
    key = {"Idempotency-Key": "two tabs"}

    ids = {api.ask("POST", "/v1/trainings", json=asked, headers=key).json()["id"] for _ in range(2)}
    other = api.ask("POST", "/v1/trainings", json={**asked, "settings": {"seed": 1}}, headers=key)

    assert len(ids) == len(api.ask("GET", "/v1/trainings").json()["trainings"]) == 1
    assert problem(other, 422, "invalid")["errors"][0]["field"] == "Idempotency-Key"
    root = api.backend.settings.http.trainings
    record = find_training(root, api.clients["anna"].id, *ids)
    assert record is not None
    assert folder_of(root, record).is_dir()


def test_a_model_is_promoted_for_another_client_by_an_administrator(api: Api, blood: bytes, bundle: Path) -> None:
    asked = {"data": uploaded(api, blood, "admin"), "network": "yolov3-tiny"}
    id_ = api.ask("POST", "/v1/trainings", "admin", json=asked).json()["id"]
    root = api.backend.settings.http.trainings
    record = find_training(root, api.clients["admin"].id, id_)
    assert record is not None
    run_of(root, record).mkdir()
    (run_of(root, record) / "model").symlink_to(bundle, target_is_directory=True)
    wanted = {"name": "cells", "client": api.clients["bert"].id}

    answer = api.ask("POST", f"/v1/trainings/{id_}/promote", "admin", json=wanted)

    assert answer.status_code == 201, answer.text
    assert api.ask("GET", "/v1/models/cells", "bert").json()["current"] == answer.json()["version"]
    problem(api.ask("GET", "/v1/models/cells", "admin"), 404, "no_model")
    nobody = {"name": "cells", "client": "nobody"}
    problem(api.ask("POST", f"/v1/trainings/{id_}/promote", "admin", json=nobody), 422, "no_client")
    mine = started(api, blood)
    problem(api.ask("POST", f"/v1/trainings/{mine}/promote", json=wanted), 403, "no_admin")


def test_events_say_that_they_are_there_and_end_with_their_key(
    start: Start, blood: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching_routes, "LOOK_SECONDS", 0.02)
    monkeypatch.setattr(watching_routes, "QUIET_SECONDS", 0.05)
    api = start()
    id_ = started(api, blood)
    (key,) = list_keys(api.backend.database, api.clients["anna"].id)
    revoking = threading.Timer(0.5, lambda: revoke_key(api.backend.database, key.id))
    revoking.start()

    text = api.ask("GET", f"/v1/trainings/{id_}/events").text
    revoking.join()

    assert text.startswith("event: state\n")
    assert text.count(": nothing new\n\n") >= 2
    problem(api.ask("GET", f"/v1/trainings/{id_}"), 401, "no_key")
