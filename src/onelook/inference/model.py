"""`load` a model, `predict` images: boxes come back in each image's own pixels."""

from functools import partial
from pathlib import Path
from typing import overload

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from onelook.inference.exported import Exported, is_exported, read_exported
from onelook.inference.onnx_graph import RAW, onnx_model
from onelook.inference.prediction import Prediction
from onelook.inference.runtime import Floats, Runtime
from onelook.inference.runtimes import make_runtime
from onelook.inference.sources import Picture, Pictures, fetched, pixels_of, reduced_pixels_of
from onelook.inference.thresholds import Score, share, thresholds
from onelook.inference.throughput import in_order
from onelook.inference.tiling import OVERLAP, Tiling, look_in_tiles
from onelook.structures.boxes import area, clip
from onelook.structures.bundle import Bundle, find_model
from onelook.structures.darknet_resize import darknet_fit, darknet_place
from onelook.structures.detections import Detections
from onelook.structures.errors import UserError
from onelook.structures.letterbox import Fit, Image, fit, place
from onelook.structures.network.heads import decode_all, heads_of
from onelook.structures.network.nms import MOST_KEPT, measure_of, suppress, suppress_in_order

DARKNET_SCORE, DARKNET_NMS = 0.005, 0.45
"""Thresholds of Darknet's `detector map`, whatever its flags say."""

REDUCED = 2
"""Times the input that a large JPEG must still measure when it is reduced in decoding: what resizing then does stays alike."""


class Detector:
    """A model ready to look at images. Nothing in it changes after it is made: any number of threads may share it."""

    def __init__(self, bundle: Bundle | Exported, runtime: Runtime) -> None:
        """Join a bundle and the runtime that computes its network; raises UserError for a bundle without a head."""
        self.names = bundle.names
        self.settings = bundle.settings
        self.runtime = runtime
        self.layers = bundle.layers()
        self._heads = heads_of(self.layers)
        if self.settings.resize in ("cut", "darknet_cut"):
            got = self.settings.resize
            raise UserError(f"{bundle.where}: resize: expected letterbox or stretch for a detector, got {got!r}")
        if isinstance(bundle, Exported) and bundle.outputs != RAW:
            raise UserError(
                f"{bundle.where}: expected raw outputs, got {bundle.outputs}; export it without --outputs to predict with it"
            )
        if not self._heads:
            raise UserError(
                f"{bundle.where}: expected a detector with [yolo] layers or another head, got a network without any"
            )

    @overload
    def predict(
        self,
        images: Picture,
        score: Score | None = None,
        nms: float | None = None,
        tile: int | None = None,
        overlap: float = OVERLAP,
    ) -> Prediction: ...

    @overload
    def predict(
        self,
        images: Pictures,
        score: Score | None = None,
        nms: float | None = None,
        tile: int | None = None,
        overlap: float = OVERLAP,
    ) -> list[Prediction]: ...

    def predict(
        self,
        images: Picture | Pictures,
        score: Score | None = None,
        nms: float | None = None,
        tile: int | None = None,
        overlap: float = OVERLAP,
    ) -> Prediction | list[Prediction]:
        """Return what is seen on one image, or a list of that for a list of images; best first.

        An image is a path, an http or https address, a file's bytes, a PIL image, or an array (h, w, 3) uint8 RGB. Boxes are in
        its own pixels, as it is shown (EXIF rotation applied), clipped to it. `score` (for all classes, or by name) and `nms`
        (IoU) default to the bundle's. With `tile` the image is looked at in pieces of so many pixels a side too, which share
        `overlap` of it. Raises FormatError for a file that is no picture, UserError for a number out of its range,
        ValueError for an array of another form.
        """
        if isinstance(images, list):
            look_at = partial(self.predict, score=score, nms=nms, tile=tile, overlap=overlap)
            return list(in_order(look_at, images, self.runtime.at_once))
        least = thresholds(score, self.settings.score, self.names)
        nms = share("nms", nms, self.settings.nms)
        tiling = None if tile is None else Tiling(tile, overlap)
        file = str(images) if isinstance(images, str | Path) else None
        picture = fetched(images)
        image, size = self.opened(picture, file, whole=tiling is not None)
        look = partial(self._look, least=least, nms=nms, size=None if tiling else size)
        found = look_in_tiles(look, image, tiling, nms) if tiling else look(image)
        return Prediction(found.boxes, found.scores, found.classes, self.names, size, picture, file)

    def opened(self, picture: Picture, where: str | None = None, whole: bool = False) -> tuple[Image, tuple[int, int]]:
        """Return a picture's pixels, of a large JPEG file no more than looking needs unless `whole`, and its own (width, height).

        `where` names it in errors. Raises what `predict` raises.
        """
        picture = fetched(picture)
        if isinstance(picture, np.ndarray | Pillow.Image) or whole or self.settings.exact:
            image = pixels_of(picture, where)
            return image, (image.shape[1], image.shape[0])
        return reduced_pixels_of(picture, self._enough, where)

    def _enough(self, size: tuple[int, int]) -> tuple[int, int]:
        """Return to which size a picture of `size` may be reduced in decoding: resizing then begins from a multiple of its end."""
        inner = fit(size, self.settings.size, self.settings.letterbox).inner
        return REDUCED * inner[0], REDUCED * inner[1]

    def _look(
        self, image: Image, least: NDArray[np.float32], nms: float, size: tuple[int, int] | None = None
    ) -> Detections:
        """Return what is seen on pixels (h, w, 3), of each class from its least score (c,) on.

        `size` is the picture's own (width, height) where it was reduced in decoding; boxes are in its pixels.
        """
        size = size or (image.shape[1], image.shape[0])
        return self.read_off(*self.raw_outputs(image, size), size, least, nms)

    def read_off(
        self,
        how: Fit,
        raws: list[Floats],
        size: tuple[int, int],
        least: float | NDArray[np.float32],
        nms: float,
    ) -> Detections:
        """Return what `raw_outputs` of an image of `size` (width, height) say, from the least score, one or by class (c,), on."""
        found = decode_all(raws, self._heads, self.settings.size, float(np.min(least)))
        if not len(found):
            return found
        if isinstance(least, np.ndarray):
            found = found[found.scores >= least[found.classes]]
        found = suppress(found, nms, MOST_KEPT, measure_of(self.layers, how.inner))
        return _in_image(found, how, size)

    def list_as_darknet(self, picture: Picture, score: float = DARKNET_SCORE, nms: float = DARKNET_NMS) -> Detections:
        """Return what Darknet's `detector map` judges: boxes not clipped, and in the order of Darknet's own list.

        By that order a detection is right or wrong where two find one object. Raises what `predict` raises.
        """
        image = pixels_of(picture)
        how, raws = self.raw_outputs(image)
        found = decode_all(raws, self._heads, self.settings.size, score)
        found = suppress_in_order(found, nms, measure_of(self.layers, how.inner))
        return Detections(how.back(found.boxes), found.scores, found.classes)

    def raw_outputs(self, image: Image, size: tuple[int, int] | None = None) -> tuple[Fit, list[Floats]]:
        """Return how the image was fitted into the input, and the numbers that each head receives, (c, h, w).

        `size` is the picture's own (width, height) where it was reduced in decoding.
        """
        how, pixels = self.fitted(image, size)
        return how, [output[0] for output in self.runtime.run(pixels[None])]

    def fitted(self, image: Image, shown: tuple[int, int] | None = None) -> tuple[Fit, Image | Floats]:
        """Return how the image fits the input, and the input: uint8 (h, w, 3), or with Darknet's arithmetic float32 (3, h, w)."""
        shown = shown or (image.shape[1], image.shape[0])
        size, letterbox = self.settings.size, self.settings.letterbox
        if self.settings.exact:
            how = darknet_fit(shown, size, letterbox)
            return how, darknet_place(image, how, size)
        how = fit(shown, size, letterbox)
        return how, place(image, how, size)


def load(
    model: str | Path | Bundle | Exported,
    weights: str | Path | None = None,
    names: str | Path | None = None,
    threads: int | None = None,
    runtime: str | None = None,
) -> Detector:
    """Return the detector that `model` names: a bundle, a run, an export, or a `.cfg` or `.weights` with the others beside it.

    `weights` and `names` stand for files that are elsewhere. `threads` bounds what one image may use; None takes every core.
    `runtime` is a key of RUNTIMES; None takes the fastest one here. Raises UserError, in one line with the way out, for what is
    no model or does not fit together.
    """
    if isinstance(model, str | Path):
        model = find_detector(Path(model), Path(weights) if weights else None, Path(names) if names else None)
    if isinstance(model, Exported):
        return Detector(model, model.runtime(threads, runtime))
    serialised = onnx_model(
        model.layers(), model.arrays, "float32" if model.settings.exact else "uint8"
    ).SerializeToString()
    return Detector(model, make_runtime(serialised, threads, model.where, runtime))


def find_detector(path: Path, weights: Path | None = None, names: Path | None = None) -> Bundle | Exported:
    """Return what a user names as a model: an export, or what `find_model` finds. Raises UserError with the ways out."""
    if not is_exported(path):
        return find_model(path, weights, names)
    if weights or names:
        raise UserError(f"{path}: an export has its own weights and names; give --weights and --names with a .cfg only")
    return read_exported(path)


def _in_image(found: Detections, how: Fit, size: tuple[int, int]) -> Detections:
    """Return the detections in the pixels of an image of `size` (width, height); those wholly outside are left out."""
    moved = Detections(clip(how.back(found.boxes), size), found.scores, found.classes)
    return moved[area(moved.boxes) > 0]
