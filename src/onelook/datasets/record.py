"""What a conversion says of itself in the folder that it makes: where it came from, how boxes were taken, what was lost."""

import json
from collections.abc import Sequence
from pathlib import Path

from onelook.datasets.dataset import COORDINATES, Dataset
from onelook.structures.files import write_text

RECORD = "conversion.toml"


def write_record(dataset: Dataset, to: str, lost: Sequence[str], folder: Path) -> None:
    """Write RECORD into a folder; the same conversion writes the same text."""
    words = {
        "from": str(dataset.root),
        "from_format": dataset.format,
        "from_coordinates": dataset.coordinates,
        "to": to,
    }
    lines = [
        "# Written by `onelook data convert`. Boxes are continuous pixels of the picture as it is shown, from its top left corner.",
        *(f"{key} = {_quoted(value)}" for key, value in words.items()),
        f"coordinates = {_quoted(COORDINATES[0])}",
        f"lost = [{', '.join(map(_quoted, lost))}]",
    ]
    write_text(folder / RECORD, "\n".join(lines) + "\n")


def _quoted(text: str) -> str:
    return json.dumps(text.encode("utf-8", "replace").decode())


def is_continuous(data: Path) -> bool:
    """Return whether a record beside the data says that its boxes are continuous."""
    return any((folder / RECORD).is_file() for folder in (data, data.parent))
