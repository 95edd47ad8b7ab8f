"""What `onelook darknet classifier` does: train, predict and valid, with the result lines that scripts parse.

Source: what AlexeyAB/darknet at commit 59596d7 prints. As there, a picture's short side fills the input, its middle is cut out.
"""

import dataclasses
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import typer

from onelook.cli.darknet_call import Call
from onelook.cli.darknet_files import data_bundle, lines_of_stdin
from onelook.cli.darknet_training import train_as_darknet
from onelook.structures.errors import UserError

if TYPE_CHECKING:
    from onelook.inference.classifier import ImageClassifier

TOP = 5
"""Classes that `predict` prints where neither -t nor the .data file's `top` says otherwise."""


def train(call: Call) -> None:
    """Train by the darknet recipe on .data .cfg [.weights]; -topk prints `valid`'s last line of the best model at the end."""
    result = train_as_darknet(call, {})
    if "-topk" in call.flags:
        _validate(call, load(call, result.run), "val")


def predict(call: Call) -> None:
    """Print the likeliest classes of each picture, as `classifier predict` does: .data .cfg .weights IMAGE..."""
    classifier = load(call)
    count = min(call.flags.get("-t", _top(call, TOP)), len(classifier.names))
    for text in call.words[3:] or lines_of_stdin("classifier predict"):
        began = time.perf_counter()
        scores = classifier.predict(Path(text))
        typer.echo(f"{text}: Predicted in {(time.perf_counter() - began) * 1000:f} milli-seconds.")
        for index, score in scores.top(count):
            typer.echo(f"{classifier.names[index]}: {score:f}")


def validate(call: Call) -> None:
    """Print how many of the .data file's `valid` pictures are right, as they come: .data .cfg .weights."""
    _validate(call, load(call), "val")


def _validate(call: Call, classifier: "ImageClassifier", split: str) -> None:
    from onelook.datasets.reading import read

    dataset = read(call.path(0, "a .data file"), "darknet", names=classifier.names).split(split)
    known = np.flatnonzero(dataset.labels >= 0)
    count, first, among = min(_top(call, 1), len(classifier.names)), 0, 0
    for number, index in enumerate(known):
        best = [place for place, _ in classifier.predict(dataset.paths[index]).top(count)]
        first += best[0] == dataset.labels[index]
        among += dataset.labels[index] in best
        done = number + 1
        typer.echo(f"{number}: top 1: {first / done:f}, top {count}: {among / done:f}")
    if not len(known):
        raise UserError(f"{call.words[0]}: expected pictures with a class in `valid`, got none")


def load(call: Call, run: Path | None = None) -> "ImageClassifier":
    """Return the classifier of the call's cfg and weights, or of a run that was made of them, with the .data file's class names."""
    from onelook.datasets.files.class_lists import class_labels
    from onelook.datasets.files.data_file import read_data_file
    from onelook.inference.classifier import load_classifier
    from onelook.structures.bundle import find_model
    from onelook.structures.network.heads import classified

    data = call.path(0, "a .data file")
    class_labels(data, read_data_file(data))
    bundle = find_model(run) if run else data_bundle(call, ("names", "labels"))
    if not classified(bundle.layers()):
        cfg = call.path(1, "a .cfg file")
        raise UserError(f"{cfg}: expected a classifier with [softmax] at its end, got a detector; see darknet detector")
    return load_classifier(
        dataclasses.replace(bundle, settings=dataclasses.replace(bundle.settings, resize="darknet_cut"))
    )


def _top(call: Call, default: int) -> int:
    """Return the .data file's `top`. Raises UserError when it is no number from 1."""
    from onelook.datasets.files.data_file import read_data_file

    data = call.path(0, "a .data file")
    text, line = read_data_file(data).get("top", (str(default), 0))
    if not text.isdecimal() or int(text) < 1:
        raise UserError(f"{data}:{line}: expected top = a number from 1, got {text!r}")
    return int(text)
