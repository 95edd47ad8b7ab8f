"""The service as a user starts it: a real training, versions swapped under load, memory; benchmarks/ has the long versions."""

import importlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pytest

from onelook.service.client import Service

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
REFRESH = 0.5
JOBS = 1000
"""After which memory is where it was after the first third of them."""
pytestmark = pytest.mark.slow

CFG = """[net]
width=64
height=64
channels=3
[convolutional]
batch_normalize=1
filters=8
size=3
stride=4
pad=1
activation=leaky
[convolutional]
filters=16
size=3
stride=2
pad=1
activation=leaky
[convolutional]
filters=16
size=1
activation=linear
[yolo]
mask=0,1
anchors=10,10, 24,24
classes=3
num=2
"""
STEPS = 50
SETTINGS = {"recipe": "darknet", "max_batches": STEPS, "batch": 2, "subdivisions": 1, "workers": 0, "eval_every": 5}
"""Pictures as they are, and few evaluations: as little work as a real training can be."""


@dataclass(frozen=True)
class Served:
    """A service that runs with two workers and may train."""

    address: str
    key: str
    folder: Path
    process: int
    swapping: ModuleType
    soaking: ModuleType


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Give a service for all of these tests."""
    settings = ("http.most_trainings=1", "http.notice_seconds=0", f"service.model_refresh={REFRESH}")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BENCHMARKS))
        swapping, soaking = (importlib.import_module(name) for name in ("service_swap", "service_soak"))
        patch.chdir(tmp_path_factory.mktemp("served"))
        with swapping.served("sqlite", 2, *settings, "service.result_ttl=60") as (address, key, folder, process):
            yield Served(address, key, folder, process, swapping, soaking)


def few(shared: Path, folder: Path) -> Path:
    """Return a folder with a few real pictures of blood and their labels, some to train on and some to judge by."""
    top = shared / "data" / "bccd" / "BCCD"
    names = sorted(path.stem for path in (top / "Annotations").iterdir())[:11]
    (folder / "ImageSets" / "Main").mkdir(parents=True)
    for split, chosen in (("train", names[:8]), ("val", names[8:])):
        (folder / "ImageSets" / "Main" / f"{split}.txt").write_text("".join(f"{name}\n" for name in chosen))
    for kind, suffix in (("Annotations", "xml"), ("JPEGImages", "jpg")):
        (folder / kind).mkdir()
        for name in names:
            shutil.copy(top / kind / f"{name}.{suffix}", folder / kind)
    return folder


def test_real_pictures_become_a_model_that_serves(served: Served, shared: Path, tmp_path: Path) -> None:
    with Service(served.address, served.key) as service:
        data = service.upload_data(few(shared, tmp_path / "blood"), "blood")
        training = service.train(data.id, cfg=CFG, settings=SETTINGS)
        steps = []
        for name, told in service.follow(training.id):
            if name == "progress" and told.get("kind") == "step":
                steps.append(told["step"])
                if len(steps) == 1:
                    service.stop_training(training.id)
        stopped = service.training(training.id)
        service.resume_training(training.id)
        for name, told in service.follow(training.id):
            if name == "progress" and told.get("kind") == "step" and told["step"] > steps[-1]:
                steps.append(told["step"])
        done = service.training(training.id)
        made = service.promote_training(training.id, "blood")
        seen = service.detect(next((tmp_path / "blood" / "JPEGImages").iterdir()), "blood", 0.001)
        service.delete_training(training.id)
        left = service.trainings()

    assert data.classes == ["Platelets", "RBC", "WBC"]
    assert (stopped.state, stopped.error) == ("stopped", "")
    assert (done.state, done.error) == ("done", None)
    assert steps == sorted(steps)
    assert steps[-1] == STEPS
    assert done.result is not None
    assert 0 <= done.result["ap50"] <= 1
    assert seen.model_version.endswith(f"/blood@{made.version}")
    assert {found.name for found in seen.detections or ()} <= set(data.classes)
    assert left == []


def test_versions_are_swapped_while_jobs_flow(served: Served) -> None:
    told = served.swapping.swap(served.address, served.key, served.folder, 6, REFRESH)

    assert told["faults"] == []
    assert (told["failed"], told["mixed"], told["late"]) == (0, 0, 0)
    assert told["swaps"] >= 3
    assert len(told["versions"]) == 2
    assert told["decided"] >= 10, "these were sent when one version alone could be meant"


def test_memory_does_not_grow_with_jobs(served: Served) -> None:
    told = served.soaking.soak(served.address, served.key, served.process, served.folder, 6, 12, JOBS)

    assert told["failed"] == 0
    assert told["samples"][-1]["jobs"] >= JOBS
    assert told["flat"], told["samples"]
