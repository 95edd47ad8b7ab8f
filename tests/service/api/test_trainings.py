"""Trainings over HTTP: data in, a process that trains, its progress, its end, its model; stopped, resumed and forecast."""

import io
import json
import sys
import threading
import time
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.service.api.conftest import Api, Start, problem

from onelook.datasets.generated import make_blood
from onelook.service.api import publishing
from onelook.service.trainings import running
from onelook.service.trainings.record import (
    OWNER,
    STOP,
    MovedError,
    Training,
    change,
    find_training,
    folder_of,
    remove_training,
    run_of,
)

ZIP = {"Content-Type": "application/zip"}

CFG = "[net]\nwidth=32\nheight=32\nchannels=3\n[convolutional]\nfilters=8\nsize=1\nactivation=linear\n"

TRAIN = """
import json, pathlib, shutil, signal, sys, time
run, bundle, mode = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3]
signal.signal(signal.SIGTERM, lambda *_: sys.exit(130))
run.mkdir(exist_ok=True)
done = len((run / "metrics.jsonl").read_text().splitlines()) if (run / "metrics.jsonl").exists() else 0
for step in range(done, 3):
    with (run / "metrics.jsonl").open("a") as file:
        file.write(json.dumps({"step": step, "loss": 1.0}) + chr(10))
if mode == "long" and not (run / "last").exists():
    (run / "last").mkdir()
    time.sleep(60)
if mode == "broken":
    print("onelook: " + str(run) + ": expected images, got none", file=sys.stderr)
    sys.exit(2)
shutil.copytree(bundle, run / "model")
print(json.dumps({"run": str(run), "ap50": 0.5}))
"""


def packed(folder: Path) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for path in sorted(folder.rglob("*")):
            archive.write(path, f"blood/{path.relative_to(folder)}")
    return file.getvalue()


@pytest.fixture(scope="session")
def blood(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Return generated labelled images as a zip."""
    folder = tmp_path_factory.mktemp("generated") / "blood"
    make_blood(folder, {"train": 3, "val": 2}, seed=1, size=(96, 72))
    return packed(folder)


@pytest.fixture
def training(start: Start, bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Api]:
    """Return a function that starts an API whose trainings are a small program, in one of its moods."""
    monkeypatch.setattr(running, "TICK", 0.05)
    (tmp_path / "train.py").write_text(TRAIN)

    def begin(mode: str) -> Api:
        def command(root: Path, one: Training) -> list[str]:
            return [sys.executable, str(tmp_path / "train.py"), str(folder_of(root, one) / "run"), str(bundle), mode]

        monkeypatch.setattr(running, "command", command)
        return start(most_trainings=1, most_data=10_000_000)

    return begin


def uploaded(api: Api, blood: bytes, by: str = "anna") -> str:
    answer = api.ask("POST", "/v1/data", by, content=blood, headers=ZIP, params={"name": "smears"})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def started(api: Api, blood: bytes, **more: Any) -> str:
    asked = {"data": uploaded(api, blood), "network": "yolov3-tiny", "settings": {"max_batches": 3}, **more}
    answer = api.ask("POST", "/v1/trainings", json=asked)
    assert answer.status_code == 202, answer.text
    assert answer.headers["Location"] == f"/v1/trainings/{answer.json()['id']}"
    return str(answer.json()["id"])


def until(api: Api, id_: str, *states: str) -> dict[str, Any]:
    """Return a training as soon as it is in one of the states."""
    end = time.monotonic() + 30
    while time.monotonic() < end:
        told: dict[str, Any] = api.ask("GET", f"/v1/trainings/{id_}").json()
        if told["state"] in states:
            return told
        time.sleep(0.05)
    raise AssertionError(told)


def events(text: str) -> list[tuple[str, Any]]:
    """Return the events of a stream, each as its name and its data."""
    found = []
    for block in text.strip().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines())
        found.append((fields["event"], json.loads(fields["data"])))
    return found


def test_data_is_looked_at_and_kept_for_its_client(api: Api, blood: bytes) -> None:
    id_ = uploaded(api, blood)

    data = api.ask("GET", f"/v1/data/{id_}").json()

    assert (data["name"], data["images"], data["format"]) == ("smears", 5, "voc")
    assert data["classes"] == ["red", "white", "platelet"]
    assert data["bytes"] > 0 < data["boxes"]
    assert api.ask("GET", "/v1/data").json()["data"] == [data]
    assert api.ask("GET", "/v1/data", "bert").json()["data"] == []
    for method in ("GET", "DELETE"):
        problem(api.ask(method, f"/v1/data/{id_}", "bert"), 404, "no_data")
    assert api.ask("DELETE", f"/v1/data/{id_}").status_code == 204
    problem(api.ask("GET", f"/v1/data/{id_}"), 404, "no_data")


def test_a_client_keeps_so_much_data_and_no_more(start: Start, blood: bytes) -> None:
    api = start(most_data=len(blood) + 100)
    first = uploaded(api, blood)

    problem(api.ask("POST", "/v1/data", content=blood, headers=ZIP), 413, "too_large")
    api.ask("DELETE", f"/v1/data/{first}")
    uploaded(api, blood)


def test_a_training_whose_weights_are_not_there_leaves_nothing(api: Api, blood: bytes) -> None:
    asked = {"data": uploaded(api, blood), "network": "yolov3-tiny", "weights": "none"}

    problem(api.ask("POST", "/v1/trainings", json=asked), 422, "no_model")

    assert api.ask("GET", "/v1/trainings").json()["trainings"] == []


def test_so_many_trainings_wait_and_no_more(api: Api, blood: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("onelook.service.api.routes.trainings.MOST_UNFINISHED", 1)
    id_ = started(api, blood)
    asked = {"data": api.ask("GET", f"/v1/trainings/{id_}").json()["data"], "network": "yolov3-tiny"}

    root, record = api.backend.settings.http.trainings, _record(api, id_)
    over = change(root, record, state="done", started_at=time.time() - 500, finished_at=time.time() - 400)
    change(root, replace(over, id=started(api, blood)), state="running", started_at=time.time() - 58, finished_at=None)

    answer = api.ask("POST", "/v1/trainings", json=asked)

    problem(answer, 429, "quota")
    assert 40 <= int(answer.headers["Retry-After"]) <= 42, "the one before took 100 s, this one has run for 58"


@pytest.mark.parametrize("data", [b"", b"no zip", b"PK\x05\x06" + bytes(18)])
def test_what_is_no_labelled_images_is_refused(api: Api, data: bytes) -> None:
    told = problem(api.ask("POST", "/v1/data", content=data, headers=ZIP), 422, "invalid")

    assert told["errors"][0]["field"] == "data"
    assert "trainings" not in told["detail"], "no folder of ours is told"


def test_a_list_that_names_images_elsewhere_is_refused(api: Api, tmp_path: Path, picture: bytes) -> None:
    """A client that knew another's folder would train on its images."""
    (tmp_path / "elsewhere.jpg").write_bytes(picture)
    (tmp_path / "elsewhere.txt").write_text("0 .5 .5 .2 .2\n")
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("x.names", "square\n")
        archive.writestr("train.txt", f"{tmp_path}/elsewhere.jpg\n")
        archive.writestr("x.data", "classes=1\ntrain=train.txt\nvalid=train.txt\nnames=x.names\n")

    told = problem(api.ask("POST", "/v1/data", content=file.getvalue(), headers=ZIP), 422, "invalid")

    assert told["errors"][0]["field"] == "data"
    assert api.ask("GET", "/v1/data").json()["data"] == []


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no data": ({"network": "yolov3-tiny"}, "data"),
    "data that is not there": ({"data": "d1", "network": "yolov3-tiny"}, "data"),
    "no network": ({}, "network, cfg"),
    "two networks": ({"network": "yolov3-tiny", "cfg": "[net]"}, "network, cfg"),
    "a cfg that is none": ({"cfg": "hello"}, "cfg"),
    "a network by its path": ({"network": "../x.cfg"}, "network"),
    "a setting with spaces": ({"network": "yolov3-tiny", "settings": {"a b": 1}}, "settings"),
    "weights that are not there": ({"network": "yolov3-tiny", "weights": "none"}, "weights"),
    "a budget without a unit": ({"network": "yolov3-tiny", "time_budget": "3"}, "time_budget"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_training_names_the_field(api: Api, blood: bytes, name: str) -> None:
    asked, field = WRONG[name]
    if name not in ("no data", "data that is not there"):
        asked = {"data": uploaded(api, blood), **asked}

    answer = api.ask("POST", "/v1/trainings", json=asked)

    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"][0]["field"] == field


def test_a_training_runs_is_followed_and_its_model_serves(training: Callable[[str], Api], blood: bytes) -> None:
    api = training("short")
    id_ = started(api, blood)

    stream = events(api.ask("GET", f"/v1/trainings/{id_}/events").text)
    told = until(api, id_, "done")
    later = events(api.ask("GET", f"/v1/trainings/{id_}/events", headers={"Last-Event-ID": "2"}).text)
    published = api.ask("POST", f"/v1/trainings/{id_}/promote", json={"name": "smears"})

    assert [data["step"] for name, data in stream if name == "progress"] == [0, 1, 2]
    assert [data["state"] for name, data in stream if name == "state"][-1] == "done"
    assert [data["step"] for name, data in later if name == "progress"] == [2]
    assert told["result"]["ap50"] == 0.5
    assert told["progress"] == {"step": 2, "loss": 1.0}
    assert published.status_code == 201, published.text
    assert api.ask("GET", "/v1/models/smears").json()["current"] == published.json()["version"]
    for path in ("", "/events"):
        problem(api.ask("GET", f"/v1/trainings/{id_}{path}", "bert"), 404, "no_training")
    problem(api.ask("POST", f"/v1/trainings/{id_}/promote", json={"name": "x", "shared": True}), 403, "no_admin")


def test_a_training_is_stopped_and_resumed(training: Callable[[str], Api], blood: bytes) -> None:
    api = training("long")
    id_ = started(api, blood)
    until(api, id_, "running")
    data = api.ask("GET", f"/v1/trainings/{id_}").json()["data"]
    problem(api.ask("DELETE", f"/v1/data/{data}"), 409, "in_use")
    problem(api.ask("POST", f"/v1/trainings/{id_}/resume"), 409, "not_stopped")
    run = folder_of(api.backend.settings.http.trainings, _record(api, id_)) / "run"
    while not (run / "last").exists():
        time.sleep(0.05)

    assert api.ask("POST", f"/v1/trainings/{id_}/stop").status_code == 202
    until(api, id_, "stopped")
    problem(api.ask("POST", f"/v1/trainings/{id_}/promote", json={"name": "x"}), 409, "no_model")
    assert api.ask("POST", f"/v1/trainings/{id_}/resume").status_code == 202

    assert until(api, id_, "done", "failed")["state"] == "done"


def test_a_training_or_a_forecast_is_removed_once_it_has_ended(training: Callable[[str], Api], blood: bytes) -> None:
    api = training("long")
    id_ = started(api, blood)
    forecast = started(api, blood, kind="forecast")
    until(api, id_, "running")
    folder = folder_of(api.backend.settings.http.trainings, _record(api, id_))
    for each, state in ((id_, "running"), (forecast, "waiting")):
        told = problem(api.ask("DELETE", f"/v1/trainings/{each}"), 409, "not_ended")
        assert told["detail"] == f"training: expected one that has ended, got one that is {state}; stop it first"
    problem(api.ask("DELETE", f"/v1/trainings/{id_}", "bert"), 404, "no_training")
    while not (folder / "run" / "last").exists():
        time.sleep(0.05)

    api.ask("POST", f"/v1/trainings/{forecast}/stop")
    assert api.ask("DELETE", f"/v1/trainings/{forecast}").status_code == 204
    api.ask("POST", f"/v1/trainings/{id_}/stop")
    until(api, id_, "stopped")
    assert api.ask("DELETE", f"/v1/trainings/{id_}").status_code == 204

    assert list(folder.parent.iterdir()) == []
    problem(api.ask("DELETE", f"/v1/trainings/{id_}"), 404, "no_training")
    assert api.ask("GET", "/v1/trainings").json()["trainings"] == []


def test_what_is_listed_may_be_of_one_kind_and_in_one_state(api: Api, blood: bytes) -> None:
    training, forecast = started(api, blood), started(api, blood, kind="forecast")
    api.ask("POST", f"/v1/trainings/{training}/stop")

    def listed(**asked: str) -> list[str]:
        return [each["id"] for each in api.ask("GET", "/v1/trainings", params=asked).json()["trainings"]]

    assert (listed(kind="training"), listed(kind="forecast")) == ([training], [forecast])
    assert (listed(state="stopped"), listed(state="waiting"), listed(state="done")) == ([training], [forecast], [])
    problem(api.ask("GET", "/v1/trainings", params={"state": "dead"}), 422, "invalid")


def test_a_list_comes_in_pages_that_a_removal_between_them_does_not_cut(api: Api, blood: bytes) -> None:
    root, ids = api.backend.settings.http.trainings, [started(api, blood, kind="forecast") for _ in range(5)]
    change(root, _record(api, ids[3]), created_at=_record(api, ids[2]).created_at)  # two at the same moment
    whole = api.ask("GET", "/v1/trainings").json()
    order = [each["id"] for each in whole["trainings"]]

    seen, place = [], None
    while not seen or place is not None:
        asked = {"limit": "2", "kind": "forecast"} | ({"before": place} if place else {})
        page = api.ask("GET", "/v1/trainings", params=asked).json()
        seen += [each["id"] for each in page["trainings"]]
        place = page["next"]
        api.ask("POST", f"/v1/trainings/{seen[-1]}/stop")
        assert api.ask("DELETE", f"/v1/trainings/{seen[-1]}").status_code == 204

    assert whole["next"] is None
    assert seen == order
    assert set(order) == set(ids)
    for wrong in ("x", "0" * 16, "g" * 17):
        problem(api.ask("GET", "/v1/trainings", params={"before": wrong}), 422, "invalid")


def test_one_that_was_removed_stays_so_whatever_is_still_done_to_it(api: Api, blood: bytes) -> None:
    id_ = started(api, blood)
    api.ask("POST", f"/v1/trainings/{id_}/stop")
    root, known = api.backend.settings.http.trainings, _record(api, id_)
    assert remove_training(root, known)

    with pytest.raises(MovedError, match="expected one that has stopped, got one that is gone"):
        running.resume(root, known)
    with pytest.raises(MovedError, match="got one that is gone"):
        change(root, known, state="waiting")
    running.stop(root, known)

    assert not folder_of(root, known).exists()
    assert api.ask("GET", "/v1/trainings").json()["trainings"] == []


def test_a_wish_to_stop_at_the_moment_of_beginning_is_heard(
    training: Callable[[str], Api], blood: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin = running._start

    def stopped_meanwhile(root: Path, one: Training) -> Any:
        process = begin(root, one)
        running.stop(root, one)
        return process

    monkeypatch.setattr(running, "_start", stopped_meanwhile)
    api = training("long")

    assert until(api, started(api, blood), "stopped", "done")["state"] == "stopped"


def test_a_wish_to_stop_that_came_too_late_does_not_stop_what_is_resumed(api: Api, blood: bytes) -> None:
    id_ = started(api, blood)
    api.ask("POST", f"/v1/trainings/{id_}/stop")
    folder = folder_of(api.backend.settings.http.trainings, _record(api, id_))
    (folder / STOP).touch()

    assert api.ask("POST", f"/v1/trainings/{id_}/resume").json()["state"] == "waiting"

    assert not (folder / STOP).exists()


def test_a_process_that_cannot_be_begun_is_told(
    training: Callable[[str], Api], blood: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(12, "Cannot allocate memory")

    monkeypatch.setattr(running, "_start", full)
    api = training("short")

    told = until(api, started(api, blood), "stopped")

    assert told["error"] == "it could not be started (Cannot allocate memory); resume it"


def test_requests_at_the_same_time_get_no_more_than_one_after_the_other(
    start: Start, blood: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("onelook.service.api.routes.trainings.MOST_UNFINISHED", 1)
    api = start(most_data=len(blood) * 2)
    begin = threading.Barrier(4)

    def upload(_: int) -> int:
        begin.wait()
        return int(api.ask("POST", "/v1/data", content=blood, headers=ZIP).status_code)

    def train(_: int) -> int:
        begin.wait()
        return int(api.ask("POST", "/v1/trainings", json=asked).status_code)

    with ThreadPoolExecutor(4) as pool:
        uploads = list(pool.map(upload, range(4)))
        kept = api.ask("GET", "/v1/data").json()["data"]
        asked = {"data": kept[0]["id"], "network": "yolov3-tiny"}
        trainings = list(pool.map(train, range(4)))

    assert sum(each["bytes"] for each in kept) <= len(blood) * 2
    assert uploads.count(201) == len(kept) >= 1
    assert set(uploads) <= {201, 409, 422}
    assert sorted(trainings) == [202, 429, 429, 429]


def test_what_a_dead_owner_left_in_the_middle_of_beginning_is_begun(
    training: Callable[[str], Api], api: Api, blood: bytes
) -> None:
    id_ = started(api, blood)
    owner = folder_of(api.backend.settings.http.trainings, _record(api, id_)) / OWNER
    owner.write_text(f"{running.socket.gethostname()} 999999999 0")

    running.Runner(api.backend.settings.http.trainings, 0)._take_over()

    assert not owner.exists()
    assert _record(api, id_).state == "waiting"


def _record(api: Api, id_: str) -> Training:
    found = find_training(api.backend.settings.http.trainings, api.clients["anna"].id, id_)
    assert found is not None
    return found


def test_why_a_training_failed_is_told_without_our_folders(training: Callable[[str], Api], blood: bytes) -> None:
    api = training("broken")

    told = until(api, started(api, blood), "failed")

    assert told["error"] == "run: expected images, got none"


def test_one_that_waits_is_stopped_at_once(api: Api, blood: bytes) -> None:
    id_ = started(api, blood)

    assert api.ask("POST", f"/v1/trainings/{id_}/stop").json()["state"] == "stopped"


def test_the_end_of_the_service_saves_what_runs(training: Callable[[str], Api], blood: bytes) -> None:
    api = training("long")
    id_ = started(api, blood)
    until(api, id_, "running")
    run = folder_of(api.backend.settings.http.trainings, _record(api, id_)) / "run"
    while not (run / "last").exists():
        time.sleep(0.05)

    api.backend.runner.close()

    assert _record(api, id_).state == "stopped"


def test_what_a_dead_owner_left_is_stopped(training: Callable[[str], Api], api: Api, blood: bytes) -> None:
    id_ = started(api, blood)
    record, root = _record(api, id_), api.backend.settings.http.trainings
    change(root, record, state="running")
    (folder_of(root, record) / OWNER).write_text(f"{running.socket.gethostname()} 999999999 999999999")

    runner = running.Runner(root, 0)
    runner._take_over()

    assert _record(api, id_).state == "stopped"
    assert "resume it" in str(_record(api, id_).error)


def test_the_command_is_what_a_user_would_type(api: Api, blood: bytes) -> None:
    more = {"settings": {"max_batches": 3, "tensorboard": True}, "time_budget": "2h", "weights": "default"}
    first, root = _record(api, started(api, blood, **more)), api.backend.settings.http.trainings
    second = _record(api, started(api, blood, kind="forecast", network=None, cfg=CFG))

    words, other = running.command(root, first), running.command(root, second)

    folder = folder_of(root, first)
    assert words[1:5] == ["-m", "onelook", "train", "yolov3-tiny"]
    assert words[6:] == [
        *("--set", "max_batches=3", "--set", "tensorboard=true", "--weights", str(folder / "weights")),
        *("--time-budget", "2h", "--out", str(folder / "run"), "--json"),
    ]
    assert (folder / "weights" / "bundle.toml").is_file()
    assert Path(words[5]).name == "blood"
    assert other[3:5] == ["forecast", str(folder_of(root, second) / "network.cfg")]
    assert other[-1] == "--json"
    assert "--out" not in other


def test_a_model_that_is_written_while_it_is_promoted_is_promoted_whole(
    training: Callable[[str], Api], blood: bytes, monkeypatch: pytest.MonkeyPatch, bundle: Path
) -> None:
    api = training("short")
    id_ = started(api, blood)
    until(api, id_, "done")
    model = run_of(api.backend.settings.http.trainings, _record(api, id_)) / "model"
    (model / "weights.safetensors").write_bytes(b"of the next one")
    pauses: list[float] = []

    def written(seconds: float) -> None:
        pauses.append(seconds)
        (model / "weights.safetensors").write_bytes((bundle / "weights.safetensors").read_bytes())

    monkeypatch.setattr(publishing.time, "sleep", written)

    answer = api.ask("POST", f"/v1/trainings/{id_}/promote", json={"name": "smears"})

    assert answer.status_code == 201, answer.text
    assert len(pauses) == 1
