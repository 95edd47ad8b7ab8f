"""What ends a run: its best model on the images it was not trained on, with pictures and a report."""

from collections.abc import Mapping
from typing import Any

import torch

from onelook.datasets.dataset import Dataset
from onelook.evaluation.evaluation import Evaluation, evaluate
from onelook.models.network import Network
from onelook.structures.bundle import read_bundle
from onelook.training.explaining.case import read_past
from onelook.training.explaining.explain import LOW, explain, write_diagnosis
from onelook.training.report.predictions import (
    Predictions,
    SplitPredictions,
    data_facts,
    split_predictions,
    write_predictions,
)
from onelook.training.report.report import rebuild_report
from onelook.training.run import Run
from onelook.training.settings import TrainSettings
from onelook.training.tasks.task import Say
from onelook.training.tasks.validation import detect


def prove(
    run: Run,
    splits: Mapping[str, Dataset],
    settings: TrainSettings,
    about: Mapping[str, Any],
    device: torch.device,
    say: Say,
) -> Evaluation:
    """Return the validation's evaluation of the run's best model; write predictions.json and report.html.

    Where AP50 is under LOW, the cause is looked for, told, and written to diagnosis.md.

    `splits` are those by name that the report shows: `train`, `val`, and `test` where the data has one; training images are
    counted, not evaluated. The headline is that of `val`, since the best model was chosen by it, the others are said.
    """
    bundle = read_bundle(run.model)
    network = Network(bundle.cfg, settings.loss)
    network.load(bundle.arrays)
    network.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stub lacks it
    shown: dict[str, SplitPredictions] = {}
    evaluations: dict[str, Evaluation] = {}
    for name, dataset in splits.items():
        if name == "train" or not len(dataset):
            continue
        found = detect(network, dataset, settings, device)
        shown[name] = split_predictions(dataset, found)
        evaluations[name] = evaluate(shown[name].truths, found, dataset.names)
        say(told(name, evaluations[name]))
    predictions = Predictions(bundle.names, shown, data_facts(splits), about)
    write_predictions(run.predictions, predictions)
    report = rebuild_report(run.folder)
    say(f"model: {run.model}  report: {report}")
    if (evaluations["val"].ap50 or 0.0) < LOW:
        past, data = read_past(run.folder), str(about.get("data", "DATA"))
        explanation = explain(bundle, splits["val"], splits["train"], past, model=str(run.folder), data=data)
        say("\n".join(explanation.lines()))
        say(f"diagnosis: {write_diagnosis(run.folder, explanation)}")
    return evaluations["val"]


def told(split: str, evaluation: Evaluation) -> str:
    """Return one line on a split's evaluation."""
    numbers = {
        "AP50": evaluation.ap50,
        "AP": evaluation.ap,
        "precision": evaluation.precision,
        "recall": evaluation.recall,
    }
    words = "  ".join(f"{name} {value:.3f}" for name, value in numbers.items() if value is not None)
    return f"{split}: {words} (precision and recall at score {evaluation.score:.2f}), {evaluation.images} images"
