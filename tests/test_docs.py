"""What the documents say is there, and all of it: commands, options, pages, pictures."""

import importlib.util
import re
import shlex
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("benchmarks/*.md")])
LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)(?:#[^)]*)?\)")
BLOCK = re.compile(r"^```(?:sh|bash|console)\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    """Return docs/generate_commands.py as a module."""
    spec = importlib.util.spec_from_file_location("generate_commands", ROOT / "docs" / "generate_commands.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def sections() -> dict[str, str]:
    """Return the committed help of every command by its words: "onelook", "onelook data check"..."""
    page = (ROOT / "docs" / "commands.md").read_text()
    return dict(re.findall(r"^## (onelook[^\n]*)\n\n```text\n(.*?)^```", page, re.MULTILINE | re.DOTALL))


def typed_commands(page: Path) -> list[list[str]]:
    """Return the words of every `onelook` command in the page's shell blocks, a line that ends in \\ joined to the next."""
    text = "".join(BLOCK.findall(page.read_text())).replace("\\\n", " ")
    lines = [line.removeprefix("$ ") for line in text.splitlines()]
    return [shlex.split(line, comments=True) for line in lines if line.startswith("onelook ")]


def test_the_command_reference_is_what_help_prints(generator: ModuleType) -> None:
    written = (ROOT / "docs" / "commands.md").read_text()

    assert written == generator.reference(), "docs/commands.md is old: run `make docs`"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_typed_command_and_option_exists(page: Path, sections: dict[str, str]) -> None:
    for words in typed_commands(page):
        name = next(" ".join(words[:n]) for n in (3, 2, 1) if " ".join(words[:n]) in sections)
        options = {word.partition("=")[0] for word in words if re.match(r"--?[a-z]", word)}

        assert name != "onelook" or words[1] == "--help", f"{page}: no such command: {shlex.join(words)}"
        assert options <= set(re.findall(r"(?<!\S)--?[a-z][a-z0-9-]*", sections[name])), f"{page}: {shlex.join(words)}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    targets = [target for target in LINK.findall(page.read_text()) if "://" not in target]

    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_the_index_names_every_page() -> None:
    index = (ROOT / "docs" / "README.md").read_text()
    pages = [page.relative_to(ROOT / "docs").as_posix() for page in ROOT.glob("docs/**/*.md")]

    assert [page for page in pages if page != "README.md" and f"({page})" not in index] == []
