"""The bar: on a terminal only."""

import io
import sys
import time

import pytest

from onelook.structures.progress import track


class Terminal(io.StringIO):
    """Text that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_items_come_through_and_nothing_is_said_without_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(track(range(3), 3, "counting")) == [0, 1, 2]

    assert capsys.readouterr() == ("", "")


def test_a_terminal_sees_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)

    assert list(track(iter("ab"), 2, "counting", "letters")) == ["a", "b"]
    assert "counting" in terminal.getvalue()


def test_what_belongs_below_the_bar_is_drawn_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)

    assert list(track(range(2), 2, "counting", below=lambda: "a table of heads")) == [0, 1]
    assert "a table of heads" in terminal.getvalue()


def test_what_belongs_below_the_bar_is_made_anew_once_a_second_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", Terminal())
    made = []

    def below() -> str:
        made.append(time.monotonic())
        return "a table"

    for _ in track(range(3), 3, "counting", below=below):
        time.sleep(0.4)

    assert 1 <= len(made) <= 3
