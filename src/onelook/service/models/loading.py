"""A version that has arrived becomes something that looks at pictures; it has to prove itself on one first."""

from pathlib import Path

import numpy as np

from onelook.inference.classifier import ImageClassifier
from onelook.inference.loading import load
from onelook.inference.model import Detector
from onelook.structures.bundle import NAMED, read_bundle
from onelook.structures.named_bundle import read_named_bundle

Predictor = Detector | ImageClassifier

_GREY = 127


def load_version(folder: Path, threads: int) -> Predictor:
    """Return the model in a folder whose digest was checked; it has looked at a grey picture. Raises UserError for a bad one."""
    if (folder / NAMED).is_file():
        predictor = load(read_named_bundle(folder, verify=False, mapped=True), threads=threads)
    else:
        predictor = load(read_bundle(folder, verify=False, mapped=True), threads=threads)
    predictor.predict(np.full((64, 96, 3), _GREY, np.uint8))
    return predictor
