"""A classifier's run, of Darknet's sections and by name: what it learns, leaves, refuses and goes on from."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file
from tests.training.report.test_report import Page
from tests.training.test_train import quiet, stopped_after

from onelook.evaluation.classification import ClassEvaluation
from onelook.inference.classifier import load_classifier
from onelook.models.classifiers.classifier import Classifier
from onelook.structures.bundle import read_bundle
from onelook.structures.errors import UserError
from onelook.structures.named_bundle import read_named_bundle
from onelook.training.report.class_predictions import read_class_predictions
from onelook.training.report.report import rebuild_report
from onelook.training.run import Run
from onelook.training.train import TrainResult, train

SETTINGS = {"max_batches": 30, "batch": 8, "learning_rate": 0.05, "eval_every": 1, "workers": 0, "threads": 1}
SHORT = {**SETTINGS, "max_batches": 2, "batch": 2}


def accuracy(result: TrainResult) -> float:
    assert isinstance(result.evaluation, ClassEvaluation)
    return result.evaluation.top1 or 0.0


def test_a_cfg_classifier_learns_three_colours(classifier: Path, colours: Path, tmp_path: Path) -> None:
    told: list[str] = []
    result = train(
        str(classifier), colours, out=tmp_path / "run", settings={**SETTINGS, "max_batches": 120}, say=told.append
    )

    bundle = read_bundle(tmp_path / "run" / "model")
    assert accuracy(result) > 0.9
    assert bundle.names == ("blue", "green", "red")
    assert bundle.metrics["top1"] > 0.9
    assert any("filters: 1000 -> 3" in line for line in told)
    assert any(line.startswith("test: top-1") for line in told)


def test_a_network_by_name_leaves_a_bundle_that_says_what_it_is(colours: Path, tmp_path: Path) -> None:
    chosen = {**SHORT, "head": "16", "cutmix": 0.5, "mixup": 0.5, "label_smoothing": 0.1}
    train("resnet18", colours, out=tmp_path / "run", settings=chosen, say=quiet)

    bundle = read_named_bundle(tmp_path / "run" / "model")
    files = {path.name for path in (tmp_path / "run").iterdir()}
    assert (bundle.network.name, bundle.network.classes, bundle.network.stem) == ("resnet18", 3, "small")
    assert bundle.arrays["fc.0.weight"].shape == (16, 512)
    assert bundle.settings.size == (32, 32)
    assert files >= {"settings.toml", "metrics.jsonl", "chart.png", "report.html", "predictions.json", "last"}


def test_stages_of_a_network_by_name_are_frozen_up_to_one_of_them_and_the_middle_is_judged(
    colours: Path, tmp_path: Path
) -> None:
    chosen = {**SHORT, "freeze": "layer3", "optimizer": "asgd", "grow": 0.5, "resize": "cut", "policy": "plateau"}
    told: list[str] = []
    run = train("resnet18", colours, out=tmp_path / "run", settings=chosen, say=told.append).run
    bundle = read_named_bundle(run / "model")
    torch.manual_seed(0)
    fresh = Classifier(bundle.network).arrays()
    changed = {
        name.partition(".")[0] for name, array in bundle.arrays.items() if not np.array_equal(array, fresh[name])
    }

    assert changed == {"layer4", "fc"}
    assert any(line.startswith("frozen: 7 of ") for line in told)
    assert bundle.settings.resize == "cut"
    scores = load_classifier(bundle).predict(colours / "val" / "red" / "00.png").scores
    kept = read_class_predictions(run / "predictions.json").splits["val"]
    row = next(index for index, path in enumerate(kept.paths) if path.parent.name == "red" and path.name == "00.png")
    assert kept.tops[row][0][1] == pytest.approx(float(scores.max()), abs=1e-4)


@pytest.mark.parametrize("kind", ["cfg", pytest.param("name", marks=pytest.mark.slow)])
def test_a_run_that_was_stopped_ends_with_the_weights_of_one_that_was_not(
    kind: str, classifier: Path, colours: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = str(classifier) if kind == "cfg" else "resnet18"
    chosen = {**SETTINGS, "mixup": 0.5} if kind == "cfg" else {**SHORT, "max_batches": 11, "batch": 1}
    whole = train(network, colours, out=tmp_path / "whole", settings=chosen, say=quiet)
    with monkeypatch.context() as patch:
        stopped_after(10, patch)
        first = train(network, colours, out=tmp_path / "parts", settings=chosen, say=quiet)
    second = train(network, colours, out=tmp_path / "parts", resume=True, say=quiet)

    assert not first.finished
    assert second.finished
    states = [load_file(run / "last" / "state.safetensors") for run in (whole.run, second.run)]
    assert states[0].keys() == states[1].keys()
    assert all(np.array_equal(states[0][name], states[1][name]) for name in states[0])


def test_the_report_tells_accuracy_confusions_and_shows_pictures(
    classifier: Path, colours: Path, tmp_path: Path
) -> None:
    train(str(classifier), colours, out=tmp_path / "run", settings=SETTINGS, say=quiet)
    text = (tmp_path / "run" / "report.html").read_text()
    page = Page(text)

    assert "Top-1" in page.text
    assert "Calibration error" in page.text
    assert "Gradient flow" in page.text
    assert "What is taken for what" in page.text
    assert page.tags.count("img") >= 3
    assert all(link.startswith("data:") for link in page.links)
    (tmp_path / "run" / "report.html").unlink()
    assert rebuild_report(tmp_path / "run").read_text() == text


def test_predictions_hold_what_the_evaluation_says(classifier: Path, colours: Path, tmp_path: Path) -> None:
    result = train(str(classifier), colours, out=tmp_path / "run", settings=SETTINGS, say=quiet)
    kept = read_class_predictions(tmp_path / "run" / "predictions.json")
    lines = [line for line in Run(tmp_path / "run").read_metrics() if line["kind"] == "eval"]

    assert (kept.splits["val"].guesses.rank == 0).mean() == pytest.approx(accuracy(result))
    assert kept.data["splits"]["train"]["classes"] == {"blue": 24, "green": 24, "red": 24}
    assert set(lines[0]) >= {"top1", "top5", "mean_accuracy", "f1", "per_class"}
    assert json.loads((tmp_path / "run" / "predictions.json").read_text())["kind"] == "classes"


def test_weights_of_a_run_start_another(colours: Path, tmp_path: Path) -> None:
    first = train("resnet18", colours, out=tmp_path / "a", settings=SHORT, say=quiet)
    told: list[str] = []
    train("resnet18", colours, weights=first.run, out=tmp_path / "b", settings=SHORT, say=told.append)

    assert any("102 of 102 arrays" in line for line in told)


def test_weights_of_a_cfg_classifier_keep_its_last_layer_only_for_the_same_classes(
    classifier: Path, colours: Path, tmp_path: Path
) -> None:
    first = train(str(classifier), colours, out=tmp_path / "a", settings=SHORT, say=quiet)
    told: list[str] = []
    train(str(classifier), colours, weights=first.run, out=tmp_path / "b", settings=SHORT, say=told.append)
    for split in ("train", "val", "test"):
        (colours / split / "red").rename(colours / split / "rot")
    train(str(classifier), colours, weights=first.run, out=tmp_path / "c", settings=SHORT, say=told.append)

    assert [line[-15:] for line in told if "weights from" in line] == [": 2 of 2 layers", ": 1 of 2 layers"]


@pytest.mark.parametrize(
    ("network", "settings", "words"),
    [
        ("resnet18", {"mosaic": 1}, "mosaic=1: expected 0"),
        ("resnet18", {"anchors": "fit"}, "anchors=fit: expected a detector"),
        ("resnet18", {"stem": "tiny"}, "stem: expected standard, small, got 'tiny'"),
        ("resnet18", {"head": "0"}, "head: expected widths of at least 1"),
        ("classifier.cfg", {"head": "8"}, "expected a network by name, such as resnet18"),
        ("resnet8", {}, "did you mean 'resnet18'?"),
    ],
)
def test_a_mistake_is_told_before_anything_is_written(
    classifier: Path, colours: Path, tmp_path: Path, network: str, settings: dict[str, object], words: str
) -> None:
    name = str(classifier) if network.endswith(".cfg") else network
    with pytest.raises(UserError) as caught:
        train(name, colours, out=tmp_path / "run", settings=settings, say=quiet)

    assert words in str(caught.value)
    assert not (tmp_path / "run").exists()


def test_boxes_are_no_classes_of_images(squares: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="expected images with a class each, as folders by class have, got 16 without"):
        train("resnet18", squares, out=tmp_path / "run", settings=SHORT, say=quiet)


def test_a_network_of_neither_kind_is_refused(classifier: Path, colours: Path, tmp_path: Path) -> None:
    classifier.write_text(classifier.read_text().partition("[softmax]")[0])
    with pytest.raises(UserError, match=r"expected a \[softmax\] section, or a head such as \[yolo\], got neither"):
        train(str(classifier), colours, out=tmp_path / "run", settings=SHORT, say=quiet)


def test_a_detector_has_no_use_for_a_stem(network: Path, squares: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="expected a classifier, such as resnet18"):
        train(str(network), squares, out=tmp_path / "run", settings={"stem": "small"}, say=quiet)
