"""docs/darknet.md says of every section, option and activation what the code does with it."""

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

from onelook.structures.network.activations import ACTIVATIONS
from onelook.structures.network.cfg import SPELLED
from onelook.structures.network.options import own_options
from onelook.structures.network.sections.table import REFUSED, SECTIONS

DOCS = Path(__file__).resolve().parents[1] / "docs"
LINE = re.compile(r"^\| (.*?) ?\| (.*?) ?\| (.*?) ?\| ?(.*?) ?\|$", re.MULTILINE)


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    """Return docs/generate_darknet.py as a module."""
    spec = importlib.util.spec_from_file_location("generate_darknet", DOCS / "generate_darknet.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def said() -> dict[tuple[str, str], str]:
    """Return what the page says becomes of each option, by section and option."""
    found, section = {}, ""
    table = (DOCS / "darknet.md").read_text().partition("## Sections and options")[2]
    for title, options, use, _ in LINE.findall(table):
        names = re.findall(r"`\[(\w+)\]`", title)
        section = names[0] if names else section
        found.update({(section, option): use for option in re.findall(r"`(\w+)`", options)})
    return found


def test_the_page_is_what_the_code_and_the_reference_say(generator: ModuleType, shared: Path) -> None:
    written = (DOCS / "darknet.md").read_text()

    assert written == generator.page(generator.find_proofs(shared / "reference")), "run docs/generate_darknet.py"


def test_every_section_and_option_stands_there_with_its_fate() -> None:
    expected = {
        (SPELLED.get(kind, kind), option): use.value
        for kind in ("net", *SECTIONS)
        for option, use in own_options(kind).items()
    }

    assert said() == expected


def test_every_activation_and_every_refused_section_stands_there() -> None:
    page = (DOCS / "darknet.md").read_text()

    assert [name for name in ACTIVATIONS if f"| `{name}` | `act_{name}`" not in page] == []
    assert [kind for kind in REFUSED if f"`[{kind}]` ({REFUSED[kind]})" not in page] == []
