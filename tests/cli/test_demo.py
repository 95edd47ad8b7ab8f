"""The demo types only commands that exist, shows what it types, and harms nothing that isn't its own."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer

from onelook.cli import demo
from onelook.structures.errors import UserError


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the demo's data and training as small as they can be."""
    monkeypatch.setattr(demo, "IMAGES", {"train": 4, "val": 2, "test": 2})
    monkeypatch.setattr(demo, "TRAINING", {"width": 96, "height": 96, "max_batches": 2, "batch": 2, "workers": 0})


class Typed:
    """Stands for subprocess.run: keeps the commands, makes nothing, answers as `answers` says."""

    def __init__(self, answers: dict[str, str], codes: dict[str, int]) -> None:
        self.commands: list[list[str]] = []
        self.answers, self.codes = answers, codes

    def __call__(self, command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        words = command[3:]  # after: python -m onelook
        self.commands.append(words)
        return subprocess.CompletedProcess(command, self.codes.get(words[0], 0), self.answers.get(words[0], ""))


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Typed:
    double = Typed({"train": '{"seconds": 61.5}', "eval": '{"ap50": 0.93}'}, {})
    monkeypatch.setattr(demo.subprocess, "run", double)
    return double


def test_a_folder_that_holds_something_else_is_refused_and_kept(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")

    with pytest.raises(UserError, match="expected a new folder or an earlier demo"):
        demo.prepare(tmp_path, seed=0)

    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_file_in_the_folder_s_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "demo").write_text("mine")

    with pytest.raises(UserError, match="expected a new folder or an earlier demo"):
        demo.prepare(tmp_path / "demo", seed=0)


def test_an_earlier_demo_is_replaced_and_nothing_beside_it(tmp_path: Path) -> None:
    demo.prepare(tmp_path, seed=0)
    (tmp_path / "run").mkdir()
    (tmp_path / "data.jpg").write_bytes(b"old")
    (tmp_path / "notes.txt").write_text("mine")

    demo.prepare(tmp_path, seed=1)

    assert sorted(path.name for path in tmp_path.iterdir()) == [demo.MARK, "notes.txt"]
    assert json.loads((tmp_path / demo.MARK).read_text()) == {"seed": 1}


@pytest.mark.usefixtures("small")
def test_what_is_shown_is_what_is_typed(tmp_path: Path, typed: Typed, capsys: pytest.CaptureFixture[str]) -> None:
    demo.demo(tmp_path / "demo", seed=3, serve=None, as_json=False)

    shown = [line for line in capsys.readouterr().out.splitlines() if line.startswith("$ ")]
    assert shown == ["$ onelook " + " ".join(words) for words in typed.commands]
    assert [words[0] for words in typed.commands] == ["data", "data", "data", "train", "eval", "predict", "report"]
    assert "seed=3" in typed.commands[3]


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(
    ("serve", "in_terminal", "serves"),
    [(None, True, True), (None, False, False), (False, True, False), (True, False, True)],
)
def test_in_a_terminal_it_ends_by_serving_the_pages(
    tmp_path: Path,
    typed: Typed,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    serve: bool | None,
    in_terminal: bool,
    serves: bool,
) -> None:
    became: list[list[str]] = []
    monkeypatch.setattr(demo.os, "execv", lambda program, words: became.append(words[3:]))
    for stream in (sys.stdin, sys.stdout):
        monkeypatch.setattr(stream, "isatty", lambda: in_terminal)

    demo.demo(tmp_path / "demo", seed=0, serve=serve, as_json=False)

    assert bool(became) == serves == ("Ctrl-C stops it" in capsys.readouterr().out)
    if serves:
        assert became[0][0] == "serve"
        assert became[0][became[0].index("--show") + 1] == str(tmp_path / "demo" / "run")
        assert (tmp_path / "demo" / demo.SERVICE).is_dir()


def test_serving_and_one_json_object_exclude_each_other(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="--serve: expected to stand without --json"):
        demo.demo(tmp_path / "demo", seed=0, serve=True, as_json=True)

    assert not (tmp_path / "demo").exists()


@pytest.mark.usefixtures("small")
def test_json_is_all_that_stdout_gets(tmp_path: Path, typed: Typed, capfd: pytest.CaptureFixture[str]) -> None:
    demo.demo(tmp_path / "demo", seed=0, serve=None, as_json=True)

    out, err = capfd.readouterr()
    assert json.loads(out) == {"run": str(tmp_path / "demo" / "run"), "ap50": 0.93, "seconds": 61.5}
    assert "$ onelook train" in err


@pytest.mark.usefixtures("small")
def test_the_first_command_that_fails_ends_the_demo_with_its_exit_code(tmp_path: Path, typed: Typed) -> None:
    typed.codes["train"] = 2

    with pytest.raises(typer.Exit) as stopped:
        demo.demo(tmp_path / "demo", seed=0, serve=None, as_json=False)

    assert stopped.value.exit_code == 2
    assert typed.commands[-1][0] == "train"


@pytest.mark.usefixtures("small")
def test_a_small_demo_goes_down_the_whole_road(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "demo"

    demo.demo(folder, seed=0, serve=None, as_json=True)

    result = json.loads(capfd.readouterr().out)
    assert set(result) == {"run", "ap50", "seconds"}
    assert (folder / "run" / "report.html").is_file()
    assert (folder / "data.jpg").is_file()
    assert len(list((folder / "predictions").iterdir())) == 2


@pytest.mark.slow
def test_the_demo_s_detector_finds_nine_in_ten(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    demo.demo(tmp_path / "demo", seed=0, serve=None, as_json=True)

    assert json.loads(capfd.readouterr().out)["ap50"] >= 0.90
