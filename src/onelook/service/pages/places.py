"""Where the pages' files lie, in a checkout as in an installed package."""

from pathlib import Path

UI = Path(__file__).resolve().parents[2] / "ui"
