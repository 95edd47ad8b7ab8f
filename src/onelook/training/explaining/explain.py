"""All tests in order, their causes ranked, and the command that mends each."""

import shlex
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import torch

from onelook.datasets.dataset import Dataset
from onelook.structures.bundle import Bundle
from onelook.structures.files import write_text
from onelook.structures.progress import track
from onelook.training.explaining import facts, trials
from onelook.training.explaining.case import Case, Past, first_images
from onelook.training.explaining.causes import CAUSES, Cause, Explanation, Test

LOW = 0.05
"""AP50 under which a run is explained by itself."""

FACTS: tuple[Callable[[Case], Iterator[facts.Finding]], ...] = (facts.weights, facts.labels, facts.pictures)
TRIALS = (
    *(trials.scores, trials.encoding, trials.anchors, trials.readings, trials.views, trials.statistics),
    *(trials.suppression, trials.training_images, trials.threshold, trials.heart),
)
FATAL = ("weights-nan", "no-truth", "scores-one")
"""With these nothing else can be tried, or it would take for ever."""


def explain(
    bundle: Bundle,
    images: Dataset,
    train: Dataset | None = None,
    past: Past | None = None,
    score: float | None = None,
    model: str = "MODEL",
    data: str = "DATA",
) -> Explanation:
    """Return why `bundle` does badly on `images` (one split), with ranked causes and the command that mends each.

    `train` are images that it was trained on, `past` what its run tells, `score` a threshold that the user asked for; `model`
    and `data` are what the user calls them. The first 64 images are looked at. A good result gives no cause.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    case = Case(bundle, first_images(images), train, past or Past(), score, device)
    tests: list[Test] = []
    causes: list[Cause] = []
    todo = [*FACTS, *TRIALS]
    for each in track(todo, len(todo), "explaining", "tests"):
        if each in TRIALS and any(cause.code in FATAL for cause in causes):
            continue
        for test, cause in each(case):
            tests.append(test)
            if cause is not None:
                causes.append(replace(cause, fix=_fix(case, cause, model, data)))
    fatal = any(cause.code in FATAL for cause in causes)
    return Explanation(len(case.images), None if fatal else case.base_ap50, tuple(ranked(causes)), tuple(tests))


def ranked(causes: Sequence[Cause]) -> list[Cause]:
    """Return the causes, the strongest first, each once; too short a training is no news where something stronger is."""
    found: dict[str, Cause] = {}
    for cause in sorted(causes, key=lambda cause: -cause.strength):
        found.setdefault(cause.code, cause)
    if next(iter(found), "") != "undertrained":
        found.pop("undertrained", None)
    return list(found.values())


def write_diagnosis(run: Path, explanation: Explanation) -> Path:
    """Write the explanation to the run's diagnosis.md, after what may stand there, and return its path."""
    path = run / "diagnosis.md"
    before = path.read_text(encoding="utf-8") + "\n" if path.is_file() else ""
    write_text(path, before + explanation.markdown())
    return path


def _fix(case: Case, cause: Cause, model: str, data: str) -> str:
    """Return the line that mends the cause, with the names and numbers of the case in it."""
    settings, past = case.bundle.settings, case.past
    rate = float(past.settings.get("learning_rate") or 0.001)
    epochs = past.steps[-1].get("epoch", 5.0) if past.steps else 5.0
    known = case.bundle.cfg.input_size
    best = cause.evidence.rpartition(" ")[2] if cause.code == "threshold" else ""
    return CAUSES[cause.code][1].format(
        model=shlex.quote(model),
        data=shlex.quote(data),
        network=shlex.quote(past.network),
        lower=f"{rate / 10 or 0.0001:.2g}",
        resize="stretch" if settings.letterbox else "letterbox",
        width=known[0],
        height=known[1],
        wider=2 * settings.width,
        higher=2 * settings.height,
        longer=max(50, round(4 * epochs)),
        best=best,
        renames=_renames(cause),
    )


def _renames(cause: Cause) -> str:
    """Return the `--rename` options that the evidence of permuted classes speaks of."""
    told = cause.evidence.partition("what the model calls ")[2].partition(" in the labels")[0]
    pairs = [each.split(" is ") for each in told.split(", ") if " is " in each]
    return " ".join(f"--rename {shlex.quote(f'{wrong}={right}')}" for right, wrong in pairs)
