"""A figure without a screen, and one line where matplotlib is not installed."""

import sys

import pytest

from onelook.structures.errors import UserError
from onelook.structures.figures import blank_figure


def test_a_figure_has_the_size_that_is_asked_for() -> None:
    assert tuple(blank_figure((4, 3), 50).bbox.size) == (200, 150)


def test_without_matplotlib_the_way_to_get_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)

    with pytest.raises(
        UserError, match=r"charts: expected matplotlib installed, got .*; pip install 'onelook\[charts\]'"
    ):
        blank_figure((4, 3))
