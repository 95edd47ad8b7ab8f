"""A small detector that does well, and what is said once something is broken; benchmarks/sabotage.py has more of it."""

import dataclasses
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.training.conftest import CFG, make_squares

from onelook.datasets.dataset import Dataset
from onelook.datasets.reading import read
from onelook.structures.bundle import Bundle, find_model
from onelook.structures.images import read_image, write_jpeg
from onelook.training.explaining.case import Case, Past, read_past
from onelook.training.explaining.causes import CAUSES, Cause
from onelook.training.explaining.explain import explain, ranked, write_diagnosis
from onelook.training.explaining.trials import leaps, usual_nms
from onelook.training.train import train

SETTINGS = {"max_batches": 260, "batch": 8, "learning_rate": 0.01, "workers": 0, "threads": 1, "eval_every": 1000}


@dataclasses.dataclass(frozen=True)
class Good:
    """A model that does well, and its images."""

    bundle: Bundle
    images: Dataset
    train: Dataset
    run: Path
    data: Path


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Good:
    folder = tmp_path_factory.mktemp("good")
    (folder / "tiny.cfg").write_text(CFG)
    data = make_squares(folder / "squares", 24, 16)
    given = {**SETTINGS, "mosaic": 0, "hue": 0, "scale": 1.1}
    train(folder / "tiny.cfg", data, out=folder / "run", settings=given, say=lambda _: None)
    dataset = read(data)
    return Good(find_model(folder / "run"), dataset.split("val"), dataset.split("train"), folder / "run", data)


def first(bundle: Bundle, images: Dataset, train: Dataset | None = None, past: Past | None = None) -> str:
    return explain(bundle, images, train, past).causes[0].code


def test_a_healthy_run_is_given_no_cause(good: Good) -> None:
    explanation = explain(good.bundle, good.images, good.train, read_past(good.run), model="run", data="data")

    assert explanation.ap50 is not None
    assert explanation.ap50 > 0.8
    assert explanation.causes == ()
    assert all(test.passed is not False for test in explanation.tests)
    assert "no cause of a bad result was found" in explanation.verdict
    json.dumps(explanation.as_json(), allow_nan=False)


def shifted(images: Dataset) -> Dataset:
    other = images.select(np.roll(np.arange(len(images)), 1))
    return replace(other, paths=images.paths, sizes=images.sizes)


def empty(images: Dataset) -> Dataset:
    columns = {name: getattr(images, name)[:0] for name in ("boxes", "classes", "difficult", "crowd", "truncated")}
    return replace(images, offsets=np.zeros(len(images) + 1, np.int64), **columns)


LABELS: dict[str, Callable[[Dataset], Dataset]] = {
    "classes-permuted": lambda images: replace(images, classes=1 - images.classes),
    "labels-shifted": shifted,
    "boxes-in-fractions": lambda images: replace(images, boxes=images.boxes / 64),
    "no-truth": empty,
}


@pytest.mark.parametrize("code", LABELS)
def test_labels_that_were_mixed_up_are_named_first(good: Good, code: str) -> None:
    assert first(good.bundle, LABELS[code](good.images), good.train) == code


def dead(arrays: dict[str, np.ndarray]) -> None:
    arrays["4.weights"][:] = 0


def not_a_number(arrays: dict[str, np.ndarray]) -> None:
    arrays["1.weights"][0] = np.nan


def forgotten(arrays: dict[str, np.ndarray]) -> None:
    for name, array in arrays.items():
        if "rolling" in name or name.endswith(("mean", "variance")):
            array[:] = 8 if "mean" in name else 9


def everything(arrays: dict[str, np.ndarray]) -> None:
    arrays["4.biases"].reshape(2, 7)[:, 4:] = 40


WEIGHTS: dict[str, Callable[[dict[str, np.ndarray]], None]] = {
    "weights-zero": dead,
    "weights-nan": not_a_number,
    "batch-norm": forgotten,
    "scores-one": everything,
}


@pytest.mark.parametrize("code", WEIGHTS)
def test_weights_that_were_broken_are_named_first(good: Good, code: str) -> None:
    arrays = {name: array.copy() for name, array in good.bundle.arrays.items()}
    WEIGHTS[code](arrays)

    assert first(replace(good.bundle, arrays=arrays), good.images) == code


def test_more_of_one_score_than_are_looked_at_are_not_taken_for_none(
    good: Good, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("onelook.training.explaining.case.MOST_FOUND", 5)
    arrays = {name: array.copy() for name, array in good.bundle.arrays.items()}
    everything(arrays)

    assert first(replace(good.bundle, arrays=arrays), good.images) == "scores-one"


def test_scores_are_counted_behind_a_usual_nms(good: Good) -> None:
    idle = replace(good.bundle, settings=replace(good.bundle.settings, nms=1.0))
    cases = [Case(bundle, good.images, None, Past(), None, torch.device("cpu")) for bundle in (good.bundle, idle)]

    assert usual_nms(cases[0]) is cases[0].network
    assert (usual_nms(cases[1]).nms, cases[1].network.nms) == (0.45, 1.0)


def test_exchanged_colours_are_named_first(good: Good, tmp_path: Path) -> None:
    paths = []
    for path in good.images.paths:
        paths.append(tmp_path / f"{path.stem}.jpg")
        write_jpeg(paths[-1], np.ascontiguousarray(read_image(path)[..., ::-1]), quality=100)

    code = first(good.bundle, replace(good.images, paths=tuple(paths)))

    assert code in ("colours", "classes-permuted")  # red squares are blue then: both readings are true


def test_a_rate_of_zero_and_weights_that_never_changed_are_told_by_the_run(good: Good) -> None:
    past = read_past(good.run)
    beginning = dataclasses.replace(past, metrics=[{**line, "learning_rate": 0.0} for line in past.metrics])
    arrays = {name: array * 0.01 if name == "4.weights" else array for name, array in good.bundle.arrays.items()}
    bad = replace(good.bundle, arrays=arrays)

    assert first(bad, good.images, past=beginning) == "learning-rate-zero"


def test_a_run_that_learns_nothing_explains_itself(good: Good, tmp_path: Path) -> None:
    (tmp_path / "tiny.cfg").write_text(CFG)
    told: list[str] = []

    train(
        tmp_path / "tiny.cfg",
        good.data,
        out=tmp_path / "run",
        settings={**SETTINGS, "max_batches": 4, "learning_rate": 0.0},
        say=told.append,
    )

    text = (tmp_path / "run" / "diagnosis.md").read_text()
    assert "the learning rate was 0" in text
    assert any("because the learning rate was 0" in line for line in told)
    assert "| a batch can be learnt by heart |" in text


def test_the_strongest_cause_leads_and_stands_once() -> None:
    causes = [
        Cause("undertrained", 0.6, ""),
        Cause("anchors", 1.0, "a"),
        Cause("colours", 1.9, ""),
        Cause("anchors", 1.2, "b"),
    ]

    assert [cause.code for cause in ranked(causes)] == ["colours", "anchors"]
    assert [cause.evidence for cause in ranked(causes)] == ["", "b"]
    assert [cause.code for cause in ranked(causes[:1])] == ["undertrained"]


@pytest.mark.parametrize(
    ("before", "after", "leap"),
    [(0.0, 0.3, True), (0.02, 0.2, True), (0.9, 0.93, False), (0.5, 0.55, False), (0.3, 0.9, True)],
)
def test_a_leap_is_more_than_chance(before: float, after: float, leap: bool) -> None:
    assert leaps(before, after) is leap


def test_every_fix_can_be_filled_in() -> None:
    from onelook.training.explaining.explain import _fix

    words = {name for _, fix in CAUSES.values() for name in fix.replace("}", "{").split("{")[1::2]}

    assert words <= {
        *(
            "model",
            "data",
            "network",
            "lower",
            "resize",
            "width",
            "height",
            "wider",
            "higher",
            "longer",
            "best",
            "renames",
        )
    }
    assert callable(_fix)


def test_a_diagnosis_is_added_to_what_stands_there(good: Good, tmp_path: Path) -> None:
    (tmp_path / "diagnosis.md").write_text("# The run was killed\n")

    write_diagnosis(tmp_path, explain(good.bundle, empty(good.images)))

    text = (tmp_path / "diagnosis.md").read_text()
    assert text.startswith("# The run was killed\n")
    assert "**the images hold no labelled object" in text
