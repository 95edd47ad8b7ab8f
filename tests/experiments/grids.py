"""Plans in a folder, and a stand-in for the trainer."""

import sys
from pathlib import Path

import pytest

from onelook.experiments import running
from onelook.experiments.grid import Grid, PlanQueue, open_grid
from onelook.experiments.local import run_locally
from onelook.experiments.outcome import Outcome
from onelook.experiments.plan import expand
from onelook.experiments.plan_file import read_plan
from onelook.training.survival.interrupt import StopFlag

FAKE = Path(__file__).parent / "fake_train.py"


def write_plan(folder: Path, text: str, network: str = "good", name: str = "plan.toml") -> Path:
    """Write a plan of the given tables, for a stand-in's network and data; return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    head, _, tables = text.partition("[") if "[" in text else (text, "", "")
    more = f"[{tables}" if tables else ""
    path.write_text(f'{head}\n[networks]\n{network} = "{network}"\n\n[data]\ncells = "cells"\n\n{more}\n')
    return path


def use_fake(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the stand-in run wherever `onelook train` would."""
    monkeypatch.setattr(running, "command", lambda words: [sys.executable, "-I", str(FAKE), *words])


def run_plan(path: Path, out: Path) -> dict[str, Outcome]:
    """Run a plan on this machine and return its rows by name."""
    plan = read_plan(path)
    requests = expand(plan)
    with StopFlag() as stop, open_grid(plan, out, requests) as grid:
        queue = PlanQueue(grid, requests)
        list(run_locally(grid, queue, plan.parallel, [], stop))
    return queue.rows


def begun(out: Path) -> list[str]:
    """Return the names of the runs that were begun, in order."""
    path = out / "begun.txt"
    return path.read_text().splitlines() if path.is_file() else []


def opened(path: Path, out: Path) -> Grid:
    """Return a grid that nobody holds."""
    out.mkdir(parents=True, exist_ok=True)
    return Grid(out, read_plan(path))
