"""What is told of the machine beside a run."""

import json
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from onelook.training.report.resource_plots import read_resources
from onelook.training.watch.resources import Gpus, ResourceMonitor


def test_samples_come_by_themselves_and_tell_of_cores_memory_and_disk(tmp_path: Path) -> None:
    with ResourceMonitor(tmp_path / "resources.jsonl", lambda: 7, every=0.05):
        time.sleep(0.3)
    lines = read_resources(tmp_path / "resources.jsonl")

    assert len(lines) >= 3
    assert {line["step"] for line in lines} == {7}
    assert all(0 <= percent <= 100 for percent in lines[-1]["cpu"])
    assert lines[-1]["memory"] > 10e6
    assert lines[-1]["available"] > 0
    assert lines[-1]["disk_free"] > 0


def test_a_busy_run_is_seen_as_busy_from_the_first_sample_to_the_last(tmp_path: Path) -> None:
    with ResourceMonitor(tmp_path / "resources.jsonl", lambda: 0, every=0.3):
        ends = time.process_time() + 0.8
        while time.process_time() < ends:
            sum(range(1000))
    lines = read_resources(tmp_path / "resources.jsonl")

    assert all(max(line["cpu"]) > 0 for line in lines[:-1])
    assert all(line["cpu_run"] > 0 for line in lines)


def test_a_sample_costs_less_than_a_hundredth_of_the_time_between_two(tmp_path: Path) -> None:
    with ResourceMonitor(tmp_path / "resources.jsonl", lambda: 0, every=60) as monitor:
        for _ in range(5):
            monitor.sample()
        monitor._append()

    assert monitor.seconds < 0.05  # of one sample, every five seconds


def test_a_folder_that_vanished_does_not_end_the_run(tmp_path: Path) -> None:
    with ResourceMonitor(tmp_path / "nowhere" / "resources.jsonl", lambda: 0, every=0.01):
        time.sleep(0.05)

    assert read_resources(tmp_path / "nowhere" / "resources.jsonl") == []


def test_a_line_that_a_kill_cut_short_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "resources.jsonl"
    path.write_text('{"time": 1, "memory": 5}\n{"time": 2, "mem')

    assert read_resources(path) == [{"time": 1, "memory": 5}]


class NVMLError(Exception):
    pass


def no_power(_: object) -> float:
    raise NVMLError("not supported")


def no_driver() -> None:
    raise NVMLError("driver not loaded")


CARD = SimpleNamespace(
    NVMLError=NVMLError,
    NVML_TEMPERATURE_GPU=0,
    nvmlInit=lambda: None,
    nvmlDeviceGetCount=lambda: 1,
    nvmlDeviceGetHandleByIndex=lambda index: index,
    nvmlDeviceGetUtilizationRates=lambda _: SimpleNamespace(gpu=93),
    nvmlDeviceGetMemoryInfo=lambda _: SimpleNamespace(used=5, total=16),
    nvmlDeviceGetTemperature=lambda _, kind: 61,
    nvmlDeviceGetPowerUsage=no_power,
)


def test_a_card_is_told_with_what_it_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", CARD)

    told = Gpus().read()

    assert told == [{"utilisation": 93, "memory": 5, "memory_total": 16, "temperature": 61, "power": None}]
    json.dumps(told)


@pytest.mark.parametrize(
    ("visible", "memory"),
    [
        (None, [0, 1, 2]),
        ("1", [1]),
        ("2, 0", [2, 0]),
        ("0,7,1", [0]),  # as CUDA: nothing behind a card that there is not
        ("GPU-c", [2]),
        ("MIG-x", [9]),
        ("", []),
        ("-1", []),
    ],
)
def test_only_cards_that_the_run_may_use_are_looked_at(
    monkeypatch: pytest.MonkeyPatch, visible: str | None, memory: list[int]
) -> None:
    several = SimpleNamespace(
        **{
            **vars(CARD),
            "nvmlDeviceGetCount": lambda: 3,
            "nvmlDeviceGetUUID": lambda card: f"GPU-{'abc'[card]}123",
            "nvmlDeviceGetHandleByUUID": lambda _: 9,
            "nvmlDeviceGetMemoryInfo": lambda card: SimpleNamespace(used=card, total=16),
        }
    )
    monkeypatch.setitem(sys.modules, "pynvml", several)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)

    assert [card["memory"] for card in Gpus().read()] == memory


def test_without_a_driver_there_are_no_cards(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = SimpleNamespace(**{**vars(CARD), "nvmlInit": no_driver})
    monkeypatch.setitem(sys.modules, "pynvml", broken)

    assert Gpus().read() == []
