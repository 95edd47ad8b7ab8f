"""What `onelook export` compares source and export on, and what INT8's ranges are measured on."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from onelook.structures.errors import UserError

if TYPE_CHECKING:
    from onelook.datasets.dataset import Dataset
    from onelook.inference.export import Proof
    from onelook.structures.bundle import Bundle
    from onelook.structures.named_bundle import NamedBundle

MOST_COMPARED = 500
"""Pictures of a data set, evenly spread; AP of more takes long and says the same."""


def proof_of(
    bundle: "Bundle | NamedBundle",
    images: Sequence[str] | None,
    data: Path | None,
    int8: Path | None,
    tolerance: float | None,
) -> "Proof":
    """Return the pictures of --images, of --data or of --int8, else generated ones; labelled where a data set says how.

    Raises UserError for a tolerance outside 0..1, and for data whose classes are none of the model's.
    """
    from onelook.inference.export import Proof, generated_pictures
    from onelook.inference.gate import EXACT, INT8
    from onelook.inference.sources import find_images

    allowed = INT8 if int8 else EXACT
    if tolerance is not None:
        if not 0 <= tolerance <= 1:
            raise UserError(f"--tolerance: expected a number from 0 to 1, got {tolerance}")
        allowed = replace(allowed, ap50=tolerance)
    if images:
        return Proof(find_images(images), tolerance=allowed)
    source = data or int8
    if source is None:
        return Proof(generated_pictures(), tolerance=allowed)
    dataset = _data_set(source, "val")
    labelled = _labelled(bundle, dataset) if dataset else None
    if not labelled and data is not None:
        raise UserError(f"--data: expected labelled images, got pictures alone in {data}; give them by --images")
    if not labelled:
        pictures = list(dataset.paths) if dataset else find_images([str(source)])
        return Proof(_spread(pictures, MOST_COMPARED), tolerance=allowed)
    return _with_truth(bundle, labelled, Proof([], tolerance=allowed))


def calibration_of(source: Path) -> list[Path]:
    """Return the pictures of a data set's training images, or of a folder, evenly spread."""
    from onelook.inference.quantising import MOST_PICTURES
    from onelook.inference.sources import find_images

    dataset = _data_set(source, "train")
    return _spread(list(dataset.paths) if dataset else find_images([str(source)]), MOST_PICTURES)


def _labelled(bundle: "Bundle | NamedBundle", dataset: "Dataset") -> "Dataset":
    """Return the images that somebody has labelled as the model answers; of the others nobody knows what is on them."""
    from onelook.inference.loading import is_classifier

    return dataset.select(np.flatnonzero(dataset.labels >= 0 if is_classifier(bundle) else dataset.labelled))


def _with_truth(bundle: "Bundle | NamedBundle", dataset: "Dataset", proof: "Proof") -> "Proof":
    """Return the proof with labelled images and what is on them."""
    from onelook.cli.seeing import class_places
    from onelook.inference.gate import Labels
    from onelook.inference.loading import is_classifier
    from onelook.inference.quantising import spread
    from onelook.structures.classes import class_map

    class_places(bundle.names, dataset.names, bundle.where)
    dataset = dataset.select(spread(len(dataset), MOST_COMPARED))
    if is_classifier(bundle):
        places = class_map(dataset.names, bundle.names)
        classes = [places[label] for label in dataset.labels]
        return replace(proof, pictures=list(dataset.paths), classes=classes)
    truths = [dataset.truth(index) for index in range(len(dataset))]
    return replace(proof, pictures=list(dataset.paths), labels=Labels(truths, tuple(dataset.names)))


def _data_set(source: Path, split: str) -> "Dataset | None":
    """Return the split, or all where there is none of that name, of a data set; None for what is pictures without labels."""
    from onelook.cli.darknet_files import let_unlabelled_pass
    from onelook.datasets.reading import decide, read

    try:
        decide(source)
    except UserError:
        return None
    dataset = read(source, report=let_unlabelled_pass)
    return dataset.split(split) if split in dataset.splits else dataset


def _spread(paths: list[Path], most: int) -> list[Path]:
    from onelook.inference.quantising import spread

    return [paths[index] for index in spread(len(paths), most)]
