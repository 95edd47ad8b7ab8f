"""Many pictures: where drawings go, files that cannot be read, tracks and counts from frame to frame."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from tests.inference.made_films import write_film

from onelook.inference.items import items_of
from onelook.inference.line_counts import Line
from onelook.inference.model import Detector
from onelook.inference.predicting import Looker, Way, drawing_paths
from onelook.inference.prediction import Prediction
from onelook.inference.sources import pixels_of
from onelook.structures.boxes import as_boxes
from onelook.structures.errors import FormatError, UserError
from onelook.structures.letterbox import Image


class Squares:
    """A detector that sees the red square of the made film."""

    names = ("square",)
    runtime = SimpleNamespace(at_once=2)

    def predict(self, picture: Image | Path, **_: object) -> Prediction:
        image = pixels_of(picture)
        rows, columns = np.nonzero(image[..., 0].astype(int) - image[..., 1] > 60)
        boxes = as_boxes([[columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]] if len(rows) else [])
        count = len(boxes)
        size = image.shape[1], image.shape[0]
        return Prediction(boxes, np.full(count, 0.9), np.zeros(count), self.names, size, image)


def look(detector: object, way: Way, *sources: Path) -> tuple[Looker, list[Prediction], list[str]]:
    """Return what looked, what it saw and what failed."""
    failed: list[str] = []
    tell: Callable[[str, FormatError], None] = lambda source, _: failed.append(source)  # noqa: E731 - one line
    looker = Looker(detector, way)  # type: ignore[arg-type]
    seen = [found for _, found in looker.look(items_of([str(each) for each in sources]), tell)]
    return looker, seen, failed


def test_a_file_that_cannot_be_read_is_told_and_the_rest_goes_on(detector: Detector, pictures: Path) -> None:
    paths = [pictures / "a.jpg", pictures / "notes.txt", pictures / "absent.jpg", pictures / "b.JPG"]
    _, seen, failed = look(detector, Way(), *paths)

    assert [each.file for each in seen] == [str(paths[0]), str(paths[3])]
    assert failed == [str(path) for path in paths[1:3]]
    np.testing.assert_array_equal(seen[0].boxes, detector.predict(paths[0]).boxes)
    assert seen[0].tracks is None


def test_a_film_s_object_keeps_its_number_and_is_counted_when_it_crosses(tmp_path: Path) -> None:
    film = write_film(tmp_path / "x.mp4")
    looker, seen, _ = look(Squares(), Way(track=True, lines=(Line((48, 0), (48, 64)),)), film)

    assert [found.frame for found in seen] == list(range(12))
    assert [found.seconds for found in seen][:3] == [0.0, 0.1, 0.2]
    assert {int(track) for found in seen if found.tracks is not None for track in found.tracks} == {1}
    (count,) = looker.counts()[str(film)]
    assert count.as_json() == {"line": [48, 0, 48, 64], "left": {"square": 1}, "right": {}}
    assert (looker.draw(seen[-1])[2, 48] == (255, 220, 0)).all()


def test_each_film_has_its_own_tracks_and_counts(tmp_path: Path) -> None:
    films = [write_film(tmp_path / name) for name in ("x.mp4", "y.mp4")]
    looker, seen, _ = look(Squares(), Way(track=True, lines=(Line((48, 0), (48, 64)),)), *films)

    assert {found.tracks.tolist()[0] for found in seen if found.tracks is not None} == {1}
    assert [counts[0].as_json()["left"] for counts in looker.counts().values()] == [{"square": 1}] * 2


def test_drawings_of_equal_names_are_told_apart(tmp_path: Path) -> None:
    sources = ["a/x.jpg", "b/x.png", "x-2.jpg", "c/x.jpg", "-", "0", "http://h/x/y.webp?z=1#a", "http://h/", "x.MP4"]

    names = [path.name for path in drawing_paths(sources, tmp_path).values()]

    assert names[:4] == ["x.jpg", "x-2.jpg", "x-2-2.jpg", "x-3.jpg"]
    assert names[4:] == ["stdin.jpg", "camera0.mp4", "y.jpg", "h.jpg", "x-4.mp4"]
    assert drawing_paths([], tmp_path) == {}


def test_a_drawing_never_takes_the_picture_s_place(pictures: Path) -> None:
    with pytest.raises(UserError, match=r"a\.jpg: a drawing would replace the picture itself; choose another --out"):
        drawing_paths([str(pictures / "a.jpg")], pictures)


def test_what_cannot_be_read_is_told_in_its_turn(detector: Detector, pictures: Path, tmp_path: Path) -> None:
    (tmp_path / "x.mp4").write_bytes(b"no film")
    sources = [pictures / "notes.txt", pictures / "a.jpg", tmp_path / "x.mp4", pictures / "absent.jpg"]

    _, _, failed = look(detector, Way(), *sources)

    assert failed == [str(sources[place]) for place in (0, 2, 3)]
