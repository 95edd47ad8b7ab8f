"""What pyproject.toml promises and requirements.lock pins."""

import ast
import re
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import onelook

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS: dict[str, list[str]] = PROJECT["optional-dependencies"]
LINES = [line for line in (ROOT / "requirements.lock").read_text().splitlines() if not line.startswith("#")]
PINS = {canonicalize_name(name): version for name, _, version in (line.partition("==") for line in LINES)}
RANGES = [Requirement(text) for texts in [PROJECT["dependencies"], *EXTRAS.values()] for text in texts]


def test_the_lock_holds_plain_pins_only() -> None:
    assert [line for line in LINES if not re.fullmatch(r"[\w.-]+==[\w.]+", line)] == []
    assert "torch==2.13.0" in LINES


@pytest.mark.parametrize("wanted", [r for r in RANGES if canonicalize_name(r.name) != "onelook"], ids=str)
def test_the_lock_pins_what_every_range_allows(wanted: Requirement) -> None:
    assert PINS[canonicalize_name(wanted.name)] in wanted.specifier


def test_the_base_install_brings_no_torch() -> None:
    base = {Requirement(text).name for text in PROJECT["dependencies"]}

    assert "torch" not in base
    assert "torch" in {Requirement(text).name for text in EXTRAS["train"]}


def test_nothing_brings_torchvision() -> None:
    assert "torchvision" not in PINS
    assert "torchvision" not in {wanted.name for wanted in RANGES}


def test_every_base_dependency_is_imported_somewhere() -> None:
    trees = [ast.parse(path.read_text()) for path in (ROOT / "src").rglob("*.py")]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    modules = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    modules |= {node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module}
    providers = packages_distributions()
    used = {canonicalize_name(name) for module in modules for name in providers.get(module.split(".")[0], [])}

    unused = {canonicalize_name(Requirement(text).name) for text in PROJECT["dependencies"]} - used

    assert not unused, f"nothing imports {', '.join(sorted(unused))}: take it out of pyproject.toml"


def test_the_version_is_a_released_or_coming_one_of_the_changelog() -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+", onelook.__version__)
    assert "## [Unreleased]" in (ROOT / "CHANGELOG.md").read_text()
