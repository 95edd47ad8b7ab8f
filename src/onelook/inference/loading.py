"""`load`: the model that a user names, a detector or a classifier."""

from pathlib import Path

from onelook.inference.classifier import ImageClassifier, load_classifier
from onelook.inference.exported import Exported
from onelook.inference.model import Detector, find_detector
from onelook.inference.model import load as load_detector
from onelook.structures.bundle import Bundle
from onelook.structures.named_bundle import NamedBundle, find_named_bundle
from onelook.structures.network.heads import classified


def load(
    model: str | Path | Bundle | NamedBundle,
    weights: str | Path | None = None,
    names: str | Path | None = None,
    threads: int | None = None,
    runtime: str | None = None,
) -> Detector | ImageClassifier:
    """Return what `model` names: a bundle, a run, an export, or a `.cfg` or `.weights` with the others beside it.

    A detector's `predict(image)` gives detections, a classifier's class scores. `weights` and `names` stand for files that are
    elsewhere; `threads` bounds what one image may use, `runtime` (a key of RUNTIMES) says what computes, by default the fastest
    one here. Raises UserError, in one line with the way out, for what is no model.
    """
    if isinstance(model, str | Path):
        path = Path(model)
        named = find_named_bundle(path)
        found = named or find_detector(path, Path(weights) if weights else None, Path(names) if names else None)
    else:
        found = model
    if isinstance(found, NamedBundle) or is_classifier(found):
        return load_classifier(found, threads, runtime)
    return load_detector(found, threads=threads, runtime=runtime)


def is_classifier(model: Bundle | NamedBundle | Exported) -> bool:
    """Return whether a model names classes of whole pictures, and finds no boxes."""
    if isinstance(model, NamedBundle) or (isinstance(model, Exported) and model.cfg is None):
        return True
    return classified(model.layers()) is not None
