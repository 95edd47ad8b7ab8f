"""The lines of metrics.jsonl as TensorBoard shows them: an extra, by the setting tensorboard=true."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from onelook.structures.errors import UserError


def need_tensorboard() -> None:
    """Raise UserError that says how to get TensorBoard, where it is not installed."""
    try:
        import tensorboard  # noqa: F401 - only to say how to get it
    except ImportError:
        raise UserError(
            "tensorboard=true: expected TensorBoard, got none; install it by: pip install 'onelook[tensorboard]'"
        ) from None


class Board:
    """Writes event files into a folder; what an earlier part of the run wrote of steps after `step` is taken back."""

    def __init__(self, folder: Path, step: int) -> None:
        need_tensorboard()
        from torch.utils.tensorboard import SummaryWriter

        self._writer = SummaryWriter(str(folder), purge_step=step + 1 if step else None)

    def add(self, line: Mapping[str, Any]) -> None:
        """Write every number of a line of metrics, under its kind and name."""
        for name, value in numbers_of(line):
            self._writer.add_scalar(f"{line['kind']}/{name}", value, line["step"])

    def close(self) -> None:
        """Write what is still held back."""
        self._writer.close()


_NOT_SHOWN = ("kind", "step", "time", "split", "per_class")


def numbers_of(line: Mapping[str, Any]) -> list[tuple[str, float]]:
    """Return every number of a line of metrics with its name, those of tables and rows as `losses/box`."""
    return _numbers({key: value for key, value in line.items() if key not in _NOT_SHOWN})


def _numbers(values: Mapping[str, Any], before: str = "") -> list[tuple[str, float]]:
    found: list[tuple[str, float]] = []
    for key, value in values.items():
        if isinstance(value, Mapping):
            found += _numbers(value, f"{before}{key}/")
        elif isinstance(value, list):
            for row in value:
                found += _numbers(row, f"{before}{key}/{row.get('grid', '')}/") if isinstance(row, Mapping) else []
        elif isinstance(value, int | float) and not isinstance(value, bool):
            found.append((f"{before}{key}", float(value)))
    return found
