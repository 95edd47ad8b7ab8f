"""Many files through one detector."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from onelook.inference.model import Detector
from onelook.inference.prediction import Prediction
from onelook.inference.thresholds import Score
from onelook.structures.errors import FormatError, UserError
from onelook.structures.images import read_image


def predict_files(
    detector: Detector,
    paths: Iterable[Path],
    score: Score | None,
    nms: float | None,
    failed: Callable[[Path, FormatError], None],
) -> Iterator[Prediction]:
    """Yield what is seen on each picture, in order; one that cannot be read goes to `failed`, and the rest goes on."""
    for path in paths:
        try:
            image = read_image(path)
        except FormatError as error:
            failed(path, error)
            continue
        yield replace(detector.predict(image, score, nms), file=str(path))


def drawing_paths(paths: Sequence[Path], folder: Path) -> dict[Path, Path]:
    """Return for every picture the JPEG in `folder` that shows its boxes; equal names are told apart by -2, -3, ...

    Raises UserError when a drawing would take the place of a picture that is read.
    """
    taken: set[str] = set()
    places = {}
    for path in paths:
        name, number = path.stem, 2
        while name in taken:
            name, number = f"{path.stem}-{number}", number + 1
        taken.add(name)
        places[path] = folder / f"{name}.jpg"
    sources = {path.resolve() for path in paths}
    for place in places.values():
        if place.resolve() in sources:
            raise UserError(f"{place}: a drawing would replace the picture itself; choose another --out")
    return places
