"""The Python API: three functions, each from its room, none imported before it is asked for."""

import subprocess
import sys

import pytest

import onelook


def test_each_name_is_its_room_s_function() -> None:
    from onelook.datasets.reading import read
    from onelook.inference.loading import load
    from onelook.training.train import train

    assert (onelook.read, onelook.load, onelook.train) == (read, load, train)
    assert dir(onelook) == sorted(onelook.__all__)


def test_an_unknown_name_is_told_with_the_known_ones() -> None:
    with pytest.raises(AttributeError, match="no attribute 'predict'; it has __version__, load, read, train"):
        onelook.predict  # type: ignore[attr-defined]  # noqa: B018 - asking is the test


def test_loading_a_model_imports_no_torch() -> None:
    program = "import sys, onelook; onelook.load; onelook.read; sys.exit('torch' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", program]).returncode == 0


def test_the_package_is_the_command() -> None:
    done = subprocess.run([sys.executable, "-m", "onelook", "--help"], capture_output=True, text=True)

    assert done.returncode == 0, done.stderr
    assert "train" in done.stdout
