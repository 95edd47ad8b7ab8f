"""A grid whose true effects are known, and its folder."""

from pathlib import Path

import pytest
from tests.experiments.report.known_grids import as_rows, grid_outcomes

from onelook.experiments.report.rows import Row


@pytest.fixture
def rows(tmp_path: Path) -> list[Row]:
    """Return the rows of a whole grid; the large network's model has more bytes of weights than the tiny one's."""
    found = as_rows(list(grid_outcomes()), tmp_path)
    for row in found:
        model = row.folder / "model"
        model.mkdir(parents=True)
        (model / "weights.safetensors").write_bytes(b"0" * (900 if row.outcome.network == "large" else 100))
    return found
