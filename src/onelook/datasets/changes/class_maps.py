"""Classes of a data set renamed, merged and dropped, and several data sets made one: by name, never by position."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onelook.datasets.dataset import SPLITS, Dataset
from onelook.structures.classes import canonical
from onelook.structures.errors import UserError, nearest


def map_classes(dataset: Dataset, renames: Mapping[str, str], drops: Sequence[str] = ()) -> Dataset:
    """Return the data set with classes renamed and dropped; classes that get one name are merged.

    An image whose objects are all dropped is a negative. Raises UserError naming a class that is not there.
    """
    for name in (*renames, *drops):
        if name not in dataset.names:
            told = ", ".join(dataset.names[:10])
            raise UserError(
                f"{dataset.root}: expected one of the classes {told}, got {name!r}{nearest(name, dataset.names)}"
            )
    kept = [renames.get(name, name) for name in dataset.names if name not in drops]
    names = list(dict.fromkeys(kept))
    places = [-1 if name in drops else names.index(renames.get(name, name)) for name in dataset.names]
    return with_classes(dataset, names, places)


def with_classes(dataset: Dataset, names: Sequence[str], places: Sequence[int]) -> Dataset:
    """Return the data set with other class names; `places` holds the new index of every class, -1 for one that goes."""
    moved = np.asarray([*places, -1], np.int64)  # the last for an image without a class, -1
    classes = moved[dataset.classes]
    wanted = classes >= 0
    kept = np.concatenate([[0], np.cumsum(wanted)])
    dropped = dataset.dropped.copy()
    dropped[:, 1] = moved[dropped[:, 1]]
    return Dataset(
        names=tuple(names),
        paths=dataset.paths,
        sizes=dataset.sizes,
        boxes=dataset.boxes[wanted],
        classes=classes[wanted],
        offsets=kept[dataset.offsets],
        difficult=dataset.difficult[wanted],
        crowd=dataset.crowd[wanted],
        truncated=dataset.truncated[wanted],
        labelled=dataset.labelled,
        dropped=dropped[dropped[:, 1] >= 0],
        labels=moved[dataset.labels],
        splits=dataset.splits,
        root=dataset.root,
        format=dataset.format,
        coordinates=dataset.coordinates,
    )


def union(datasets: Sequence[Dataset]) -> Dataset:
    """Return all images of at least one data set as one; classes whose names are alike are one class, splits are joined.

    The first spelling of a class stays. Nobody has looked for one set's classes on another's images: where the class lists
    differ, an object that is there and not labelled counts against a model. Raises UserError when a picture is in two sets.
    """
    names: dict[str, str] = {}
    for dataset in datasets:
        for name in dataset.names:
            names.setdefault(canonical(name), name)
    order = list(names)
    parts = [
        with_classes(one, list(names.values()), [order.index(canonical(name)) for name in one.names])
        for one in datasets
    ]
    paths = [path for part in parts for path in part.paths]
    twice = next((path for path, count in _counts(paths).items() if count > 1), None)
    if twice is not None:
        raise UserError(f"{twice}: expected every picture in one data set, got it in two; name each set once")
    return _joined(parts, tuple(names.values()), tuple(paths))


def _counts(paths: Sequence[Path]) -> dict[Path, int]:
    counts: dict[Path, int] = {}
    for path in paths:
        counts[path] = counts.get(path, 0) + 1
    return counts


def _joined(parts: Sequence[Dataset], names: tuple[str, ...], paths: tuple[Path, ...]) -> Dataset:
    starts = np.cumsum([0, *(len(part) for part in parts)])
    offsets, total = [np.zeros(1, np.int64)], 0
    for part in parts:
        offsets.append(part.offsets[1:] + total)
        total += len(part.boxes)

    def column(word: str) -> NDArray[Any]:
        return np.concatenate([getattr(part, word) for part in parts])

    splits = {
        name: np.concatenate(
            [part.splits[name] + start for part, start in zip(parts, starts, strict=False) if name in part.splits]
        )
        for name in SPLITS
        if any(name in part.splits for part in parts)
    }
    shifts = [np.array([start, 0]) for start in starts]
    return Dataset(
        names=names,
        paths=paths,
        sizes=column("sizes"),
        boxes=np.concatenate([part.boxes for part in parts]),
        classes=column("classes"),
        offsets=np.concatenate(offsets),
        difficult=column("difficult"),
        crowd=column("crowd"),
        truncated=column("truncated"),
        labelled=column("labelled"),
        dropped=np.concatenate([part.dropped + shift for part, shift in zip(parts, shifts, strict=False)]),
        labels=column("labels"),
        splits=splits,
        root=Path(os.path.commonpath([part.root.absolute() for part in parts])),
        format=parts[0].format,
        coordinates=" and ".join(dict.fromkeys(part.coordinates for part in parts)),
    )
