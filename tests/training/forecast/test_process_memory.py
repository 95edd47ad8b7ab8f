"""Memory taken, and memory left."""

import os
from pathlib import Path

import pytest

from onelook.training.forecast import process_memory
from onelook.training.forecast.process_memory import available_memory, peak_memory, peak_to_come, tree_memory


def test_the_peak_is_at_least_what_is_taken_now() -> None:
    assert peak_memory() >= tree_memory() * 0.9 > 10e6


@pytest.mark.parametrize(
    ("line", "bound", "used"),
    [
        ("0::/job", "memory.max", "memory.current"),
        ("4:memory:/job", "memory.limit_in_bytes", "memory.usage_in_bytes"),
    ],
)
def test_a_control_groups_bound_is_respected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, bound: str, used: str
) -> None:
    group = tmp_path / ("memory/job" if "memory:" in line else "job")
    group.mkdir(parents=True)
    (group / bound).write_text("3000000\n")
    (group / used).write_text("1000000\n")
    (group / "memory.stat").write_text("anon 1\ninactive_file 500000\n")
    monkeypatch.setattr(process_memory, "_own_lines", lambda: [line])

    assert available_memory(tmp_path) == 2_500_000


def test_a_group_without_a_bound_leaves_what_the_machine_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "memory.max").write_text("max\n")
    (tmp_path / "memory.current").write_text("1\n")
    monkeypatch.setattr(process_memory, "_own_lines", lambda: ["0::/"])
    page = os.sysconf("SC_PAGE_SIZE")

    assert 0 < available_memory(tmp_path) <= os.sysconf("SC_PHYS_PAGES") * page


def test_what_is_to_come_is_a_little_more_than_what_was() -> None:
    assert peak_memory() < peak_to_come() < 1.2 * peak_memory()
