"""The objects of one image as plain JSON: what JSON lines and tar shards write down."""

from typing import Any

from onelook.datasets.collecting import Collector
from onelook.datasets.dataset import Dataset
from onelook.datasets.files.layout import numbers

FLAGS = ("difficult", "crowd", "truncated")


def objects_of(dataset: Dataset, index: int) -> list[dict[str, Any]] | None:
    """Return [{class, box: [x1, y1, x2, y2], difficult...}] of an image, flags only where set; None when it is unlabelled."""
    if not dataset.labelled[index]:
        return None
    rows = range(int(dataset.offsets[index]), int(dataset.offsets[index + 1]))
    return [
        {
            "class": dataset.names[dataset.classes[row]],
            "box": [float(value) for value in dataset.boxes[row]],
            **{flag: True for flag in FLAGS if getattr(dataset, flag)[row]},
        }
        for row in rows
    ]


def take_objects(collector: Collector, found: Any, where: Any, line: int | None) -> None:
    """Add what `objects_of` wrote to the image begun last; `class` may also be called `label` or `name`, `box` `bbox`."""
    if not isinstance(found, list):
        collector.tell(
            where, line, "broken-annotation", f"expected a list of boxes, got {type(found).__name__}", "mend it"
        )
        return
    for item in found:
        known = item if isinstance(item, dict) else {}
        name = next((known[word] for word in ("class", "label", "name") if isinstance(known.get(word), str)), None)
        corners = numbers(known.get("box", known.get("bbox")), 4)
        if name is None or corners is None or len(corners) != 4:
            what = f'expected {{"class": NAME, "box": [x1, y1, x2, y2]}}, got {str(item)[:80]}'
            collector.tell(where, line, "broken-annotation", what, "write the object again")
            continue
        flags = {flag: known.get(flag) is True for flag in FLAGS}
        collector.box(name, corners, line, **flags)
