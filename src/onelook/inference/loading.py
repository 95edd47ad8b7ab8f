"""`load`: the model that a user names, a detector or a classifier."""

from pathlib import Path

from onelook.inference.classifier import ImageClassifier, load_classifier
from onelook.inference.model import Detector
from onelook.inference.model import load as load_detector
from onelook.structures.bundle import Bundle, find_model
from onelook.structures.named_bundle import NamedBundle, find_named_bundle
from onelook.structures.network.heads import classified


def load(
    model: str | Path | Bundle | NamedBundle,
    weights: str | Path | None = None,
    names: str | Path | None = None,
    threads: int | None = None,
    runtime: str | None = None,
) -> Detector | ImageClassifier:
    """Return what `model` names: a bundle, a run, or a `.cfg` or `.weights` with the others beside it.

    A detector's `predict(image)` gives detections, a classifier's class scores. `weights` and `names` stand for files that are
    elsewhere; `threads` bounds what one image may use, `runtime` (a key of RUNTIMES) says what computes, by default the fastest
    one here. Raises UserError, in one line with the way out, for what is no model.
    """
    if not isinstance(model, Bundle | NamedBundle):
        path = Path(model)
        found = find_named_bundle(path)
        model = found or find_model(path, Path(weights) if weights else None, Path(names) if names else None)
    if isinstance(model, NamedBundle) or classified(model.layers()):
        return load_classifier(model, threads, runtime)
    return load_detector(model, threads=threads, runtime=runtime)
