"""The pages name what the code has."""

import dataclasses
import re
from pathlib import Path

import pytest

from onelook.datasets.augment import AugmentSettings
from onelook.datasets.findings import CODES
from onelook.datasets.formats import FORMATS

DOCS = Path(__file__).resolve().parents[2] / "docs"


def first_column(heading: str) -> list[str]:
    """Return the first words of a section's table in docs/datasets.md, with the second column."""
    section = (DOCS / "datasets.md").read_text().partition(f"## {heading}\n")[2].partition("\n## ")[0]
    return re.findall(r"^\| `([\w-]+)` \| ([\w.]+) ", section, re.MULTILINE)


def test_every_code_is_told_with_its_severity():
    assert first_column("What `data check` finds") == [(code, severity) for code, (severity, _) in CODES.items()]


def test_every_augmentation_is_told_with_its_default():
    fields = [(field.name, str(field.default).lower()) for field in dataclasses.fields(AugmentSettings)]

    assert first_column("Augmentation") == fields


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_has_its_page(name: str):
    assert (DOCS / "formats" / f"{name}.md").is_file()
    assert f"(formats/{name}.md)" in (DOCS / "datasets.md").read_text()
