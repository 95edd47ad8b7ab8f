import json
from pathlib import Path

import numpy as np
import pytest

from onelook.datasets.dataset import Dataset
from onelook.structures.detections import Detections
from onelook.structures.errors import FormatError
from onelook.structures.truth import Truth
from onelook.training.report.predictions import (
    Predictions,
    SplitPredictions,
    add_split,
    data_facts,
    read_predictions,
    split_predictions,
    write_predictions,
)


def one_split(seed: int = 0) -> SplitPredictions:
    generator = np.random.default_rng(seed)
    boxes = np.sort(generator.uniform(0, 640, (5, 2, 2)), axis=1).reshape(5, 4)
    truth = Truth(boxes, [0, 1, 1, 0, 1], [True, False, False, False, False], [False, True, False, False, False])  # type: ignore[arg-type]
    found = Detections(boxes + 1 / 3, generator.random(5), [1, 1, 0, 0, 1])  # type: ignore[arg-type]
    nothing = Truth(np.zeros((0, 4)), [])  # type: ignore[arg-type]
    return SplitPredictions(
        (Path("/data/ä b.jpg"), Path("/data/2.png")), ((640, 480), (1, 2)), (truth, nothing), (found, Detections.none())
    )


def dataset(tmp_path: Path) -> Dataset:
    return Dataset(
        names=("a", "b"),
        paths=(tmp_path / "1.jpg", tmp_path / "2.jpg"),
        sizes=np.asarray([[640, 480], [320, 240]]),
        boxes=np.asarray([[1, 2, 3, 4]], np.float32),
        classes=np.asarray([1]),
        offsets=np.asarray([0, 1, 1]),
        difficult=np.asarray([False]),
        crowd=np.asarray([False]),
        truncated=np.asarray([False]),
        labelled=np.asarray([True, True]),
        root=tmp_path,
        format="voc",
    )


def test_everything_comes_back_bit_for_bit(tmp_path: Path) -> None:
    path = tmp_path / "run/predictions.json"
    split = one_split()

    write_predictions(path, Predictions(("a", "b"), {"test": split}, {"path": "x"}, {"network": "n"}))
    stored = read_predictions(path)

    assert (stored.names, stored.data, stored.about) == (("a", "b"), {"path": "x"}, {"network": "n"})
    back = stored.splits["test"]
    assert (back.paths, back.sizes) == (split.paths, split.sizes)
    for one, other in zip(back.truths, split.truths, strict=True):
        for name in ("boxes", "classes", "difficult", "crowd"):
            assert np.array_equal(getattr(one, name), getattr(other, name))
    for seen, given in zip(back.detections, split.detections, strict=True):
        for name in ("boxes", "scores", "classes"):
            assert np.array_equal(getattr(seen, name), getattr(given, name))


def test_a_split_is_added_and_one_that_was_there_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "predictions.json"
    write_predictions(path, Predictions(("a", "b"), {"val": one_split()}, about={"network": "n"}))

    add_split(path, "test", one_split(1))
    add_split(path, "val", one_split(2))

    stored = read_predictions(path)
    assert list(stored.splits) == ["val", "test"]
    assert np.array_equal(stored.splits["val"].detections[0].scores, one_split(2).detections[0].scores)
    assert stored.about == {"network": "n"}


def test_a_data_set_beside_its_detections_becomes_a_split(tmp_path: Path) -> None:
    split = split_predictions(dataset(tmp_path), [Detections.none(), Detections.none()])

    assert split.sizes == ((640, 480), (320, 240))
    assert [len(truth) for truth in split.truths] == [1, 0]
    assert split.paths[0].is_absolute()


def test_as_many_of_everything_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="got \\(2, 2, 2, 1\\)"):
        split_predictions(dataset(tmp_path), [Detections.none()])


def test_the_facts_of_the_data_are_counts_by_split_and_class(tmp_path: Path) -> None:
    facts = data_facts({"train": dataset(tmp_path), "val": dataset(tmp_path).select([1])})

    assert facts["format"] == "voc"
    assert facts["splits"]["train"]["classes"] == {"a": 0, "b": 1}
    assert facts["splits"]["val"] | {"digest": ""} == {
        "images": 1, "boxes": 0, "negatives": 1, "classes": {"a": 0, "b": 0}, "digest": ""
    }  # fmt: skip
    json.dumps(facts)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "expected JSON"),
        ("[]", "expected about, data, names and splits"),
        ('{"about": {}, "data": {}, "names": []}', "expected about, data, names and splits"),
        ('{"about": {}, "data": {}, "names": [], "splits": {"val": [{"file": "a"}]}}', "val: image 0: expected file"),
        (
            '{"about": {}, "data": {}, "names": [], "splits": {"val": [{"file": "a", "truth": [[1]], "detections": []}]}}',
            "val: image 0: expected file",
        ),
    ],
)
def test_a_broken_file_is_named(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "predictions.json"
    path.write_text(text)

    with pytest.raises(FormatError, match=f"predictions.json: .*{words}"):
        read_predictions(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"none\.json: expected a run's predictions"):
        read_predictions(tmp_path / "none.json")
