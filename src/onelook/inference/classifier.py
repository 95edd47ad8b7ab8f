"""Classifiers at work, without torch: an image in, the likelihood of each class out."""

from pathlib import Path
from typing import overload

from onelook.inference.classification import Classification
from onelook.inference.exported import Exported, is_exported, read_exported
from onelook.inference.named_graph import named_model
from onelook.inference.onnx_graph import onnx_model
from onelook.inference.runtime import Floats, Runtime
from onelook.inference.runtimes import make_runtime
from onelook.inference.sources import Picture, Pictures, fetched, pixels_of
from onelook.inference.throughput import in_order
from onelook.structures.bundle import Bundle, find_model
from onelook.structures.class_scores import softmax
from onelook.structures.darknet_resize import darknet_cut, darknet_fit, darknet_place
from onelook.structures.letterbox import Image, cut, fit, place
from onelook.structures.named_bundle import NamedBundle, find_named_bundle
from onelook.structures.network.heads import classified

Classifying = Bundle | NamedBundle | Exported
"""What a classifier may come from."""


class ImageClassifier:
    """A model ready to look at images. Nothing in it changes after it is made: any number of threads may share it."""

    def __init__(self, bundle: Classifying, runtime: Runtime) -> None:
        """Join a bundle and the runtime that computes its network."""
        self.names, self.settings, self.runtime = bundle.names, bundle.settings, runtime
        self._logits = isinstance(bundle, NamedBundle)

    @overload
    def predict(self, images: Picture) -> Classification: ...

    @overload
    def predict(self, images: Pictures) -> list[Classification]: ...

    def predict(self, images: Picture | Pictures) -> Classification | list[Classification]:
        """Return how likely each class is for one image, or a list of that for a list of images.

        An image is a path, an http or https address, a file's bytes, a PIL image, or an array (h, w, 3) uint8 RGB. Raises
        FormatError for a file that is no picture, ValueError for an array of another form.
        """
        if isinstance(images, list):
            return list(in_order(self.predict, images, self.runtime.at_once))
        file = str(images) if isinstance(images, str | Path) else None
        picture = fetched(images)
        image = pixels_of(picture, file)
        found = self.runtime.run(self.fitted(image)[None])[0].reshape(-1)
        scores = softmax(found) if self._logits else found
        return Classification(scores, self.names, (image.shape[1], image.shape[0]), picture, file)

    def fitted(self, image: Image) -> Image | Floats:
        """Return the network's input: uint8 (h, w, 3), or with Darknet's arithmetic float32 (3, h, w)."""
        size, letterbox, shown = self.settings.size, self.settings.letterbox, (image.shape[1], image.shape[0])
        if self.settings.resize == "darknet_cut":
            return darknet_cut(image, size)
        if self.settings.exact:
            return darknet_place(image, darknet_fit(shown, size, letterbox), size)
        return place(image, cut(shown, size) if self.settings.resize == "cut" else fit(shown, size, letterbox), size)


def find_classifier(path: Path, weights: Path | None = None, names: Path | None = None) -> Classifying | None:
    """Return the classifier that a user names as `find_model` does, or an export; None when the model is a detector."""
    if is_exported(path):
        exported = read_exported(path)
        return exported if exported.cfg is None or classified(exported.layers()) else None
    named = find_named_bundle(path)
    if named is not None:
        return named
    bundle = find_model(path, weights, names)
    return bundle if classified(bundle.layers()) else None


def load_classifier(bundle: Classifying, threads: int | None = None, runtime: str | None = None) -> ImageClassifier:
    """Return the bundle's classifier; `threads` bounds what one image may use, None takes every core.

    `runtime` is a key of RUNTIMES; None takes the fastest one here.
    """
    if isinstance(bundle, Exported):
        return ImageClassifier(bundle, bundle.runtime(threads, runtime))
    if isinstance(bundle, NamedBundle):
        serialised = named_model(bundle)
    else:
        pixels = "float32" if bundle.settings.exact else "uint8"
        serialised = onnx_model(bundle.layers(), bundle.arrays, pixels).SerializeToString()
    return ImageClassifier(bundle, make_runtime(serialised, threads, bundle.where, runtime))
