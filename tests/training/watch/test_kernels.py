"""What GPU kernels take, by a profiler that stands for torch's: no GPU is needed."""

import json
from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch.autograd import DeviceType

from onelook.training.watch.kernels import LATEST, STEPS, KernelWatch, largest_kernel


def event(name: str, microseconds: float, device: Any = DeviceType.CUDA, span: bool = False) -> SimpleNamespace:
    time_range = SimpleNamespace(elapsed_us=lambda: microseconds)
    return SimpleNamespace(name=name, device_type=device, is_user_annotation=span, time_range=time_range)


EVENTS = [
    event("gemm", 300.0),
    event("gemm", 100.0),
    event("relu", 350.0),
    event("relu", 50.0, DeviceType.CPU),
    event("Memcpy HtoD (Pageable -> Device)", 9000.0),
    event("Memset (Device)", 9000.0),
    event("Optimizer.step#AdamW.step", 9000.0, span=True),
]


class Profile:
    """Stands for torch's profiler, and fails where it is told to."""

    def __init__(self, events: Iterable[Any] = EVENTS, fails: str = "") -> None:
        self.told, self.fails, self.called = events, fails, list[str]()

    def _call(self, name: str) -> None:
        self.called.append(name)
        if name == self.fails:
            raise RuntimeError("CUPTI_ERROR_INSUFFICIENT_PRIVILEGES\nmore")

    def start(self) -> None:
        self._call("start")

    def stop(self) -> None:
        self._call("stop")

    def events(self) -> Iterable[Any]:
        self._call("events")
        return self.told


def test_the_largest_kernel_is_that_of_most_time_together() -> None:
    found = largest_kernel(EVENTS, DeviceType.CUDA)

    assert found == {
        "kernel": "gemm",
        "calls": 2,
        "mean_seconds": pytest.approx(200e-6),
        "share": pytest.approx(400 / 750),
        "seconds": pytest.approx(750e-6),
    }


def test_no_kernels_have_no_largest() -> None:
    assert largest_kernel([], DeviceType.CUDA) is None
    assert largest_kernel([event("gemm", 0.0), EVENTS[3]], DeviceType.CUDA) is None


def test_a_few_steps_are_looked_at_once(tmp_path: Path) -> None:
    profile, told = Profile(), list[str]()
    watch = KernelWatch(tmp_path / "kernels.json", 1000, told.append, lambda: profile)
    for _ in range(LATEST - 1):
        watch.after_step()
    before = list(profile.called)
    for _ in range(STEPS + 50):
        watch.after_step()
    watch.end()

    written = json.loads((tmp_path / "kernels.json").read_text())
    again = KernelWatch(tmp_path / "kernels.json", 1000, told.append, lambda: pytest.fail("it is known"))
    for _ in range(100):
        again.after_step()

    assert before == []
    assert profile.called == ["start", "stop", "events"]
    assert (written["kernel"], written["steps"], written["calls"]) == ("gemm", STEPS, 2)
    assert told == []


def test_a_short_run_is_looked_at_too(tmp_path: Path) -> None:
    watch = KernelWatch(tmp_path / "kernels.json", 5, pytest.fail, Profile)
    for _ in range(5):
        watch.after_step()

    assert (tmp_path / "kernels.json").is_file()


@pytest.mark.parametrize("fails", ["start", "stop", "events"])
def test_a_profiler_that_refuses_is_told_once_and_the_run_goes_on(tmp_path: Path, fails: str) -> None:
    told: list[str] = []
    watch = KernelWatch(tmp_path / "kernels.json", 10, told.append, lambda: Profile(fails=fails))
    for _ in range(20):
        watch.after_step()
    watch.end()

    assert told == ["kernels: not measured (CUPTI_ERROR_INSUFFICIENT_PRIVILEGES)"]
    assert not (tmp_path / "kernels.json").exists()


def test_no_profiler_no_kernels_and_no_room_are_told_too(tmp_path: Path) -> None:
    def missing() -> Any:
        raise AssertionError("")

    told: list[str] = []
    for make in (missing, lambda: Profile(())):
        watch = KernelWatch(tmp_path / "kernels.json", 10, told.append, make)
        for _ in range(20):
            watch.after_step()
    (tmp_path / "file").touch()
    blocked = KernelWatch(tmp_path / "file" / "kernels.json", 10, told.append, Profile)
    for _ in range(20):
        blocked.after_step()

    assert told[:2] == ["kernels: not measured (AssertionError)", "kernels: not measured (the profiler saw none)"]
    assert "cannot be written" in told[2]


def test_a_look_that_the_runs_end_cuts_short_is_ended(tmp_path: Path) -> None:
    profile = Profile()
    watch = KernelWatch(tmp_path / "kernels.json", 10, pytest.fail, lambda: profile)
    watch.after_step()
    watch.end()
    watch.end()

    assert profile.called == ["start", "stop"]
    assert not (tmp_path / "kernels.json").exists()


def test_torchs_own_events_have_what_is_read_of_them() -> None:
    """On a CPU its operations stand for kernels: the same class of events, with the same names of fields."""
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
        torch.ones(64, 64) @ torch.ones(64, 64)

    found = largest_kernel(profile.events(), DeviceType.CPU)

    assert found is not None
    assert found["kernel"].startswith("aten::")
    assert 0 < found["mean_seconds"] * found["calls"] == pytest.approx(found["share"] * found["seconds"])
    assert found["seconds"] < 10
