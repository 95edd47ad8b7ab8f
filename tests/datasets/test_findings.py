from pathlib import Path

import pytest

from onelook.datasets.findings import CODES, Finding, strict
from onelook.structures.errors import FormatError


def test_a_finding_is_one_line_of_place_fault_and_way_out():
    finding = Finding(Path("a.xml"), 3, "zero-box", "expected area, got none", "draw it again")

    assert str(finding) == "a.xml:3: expected area, got none; draw it again"
    assert finding.as_json()["severity"] == "warning"


def test_strict_reading_stops_at_errors_only():
    strict(Finding(Path("a.xml"), 3, "zero-box", "what", "fix"))
    with pytest.raises(FormatError, match=r"^a\.xml: what; fix$"):
        strict(Finding(Path("a.xml"), None, "unlabelled", "what", "fix"))


def test_an_unknown_code_is_a_mistake_in_the_program():
    with pytest.raises(ValueError, match="expected one of the codes"):
        Finding(Path("a.xml"), None, "odd", "what", "fix")


def test_every_code_has_a_severity_and_a_meaning():
    assert all(severity in ("error", "warning") and meaning for severity, meaning in CODES.values())
