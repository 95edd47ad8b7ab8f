"""What in a cfg does not count as it is written is told by every command that takes one, beside what it prints."""

import json
from pathlib import Path

import pytest
from tests.structures.small_models import CFG, random_arrays
from typer.testing import CliRunner

from onelook.cli.main import build_app
from onelook.datasets.generated import make_blood
from onelook.structures.network.cfg import read_cfg
from onelook.structures.network.layers import describe
from onelook.structures.network.weights_file import write_weights


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a network whose last line is an option that Darknet does not know, and pictures."""
    folder = tmp_path_factory.mktemp("odd")
    make_blood(folder / "cells", {"val": 1}, seed=0)
    (folder / "odd.cfg").write_text(CFG + "igmore_thresh=.7\n")
    (folder / "odd.names").write_text("red\nwhite\n")
    layers = describe(read_cfg(folder / "odd.cfg"))
    write_weights(folder / "odd.weights", layers, random_arrays(layers), 0)
    return folder


@pytest.mark.parametrize(
    "words",
    [
        ("summary", "odd.cfg"),
        ("predict", "odd.cfg", "cells/**"),
        ("eval", "odd.cfg", "cells"),
        ("export", "odd.cfg", "--to", "onnx", "--out", "odd.onnx"),
    ],
    ids=lambda words: words[0],
)
def test_a_command_tells_what_it_does_not_follow(
    words: tuple[str, ...], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)

    done = CliRunner().invoke(build_app(), [*words, "--json"], catch_exceptions=False)

    line = len(CFG.splitlines()) + 1
    odd = f"odd.cfg:{line}: [yolo] unknown option 'igmore_thresh' is ignored; did you mean 'ignore_thresh'?"
    assert done.exit_code == 0
    assert odd in done.stderr.splitlines()
    assert json.loads(done.stdout)
