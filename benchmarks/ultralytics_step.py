"""Seconds an image of Ultralytics' own training steps, run in an environment of its own; see train_step.py, which starts it.

    PYTHON ultralytics_step.py DATA_YAML NETWORK_YAML SIDE BATCH WARM_UP

Uses its public API and nothing of onelook's. Prints one JSON object: the seconds an image of every step after the warm-up, from
one step's end to the next one's, loading and augmentation included.
"""

import itertools
import json
import sys
import time
from contextlib import suppress
from importlib import import_module
from types import ModuleType


class EpochEndedError(Exception):
    """All steps were taken."""


def end(_: object) -> None:
    """Go no further."""
    raise EpochEndedError


def main() -> None:
    """Train one epoch without validation, taking the time at the end of every step."""
    allow_no_torchvision()
    from ultralytics import YOLO, __version__

    data, network, side, batch, warm_up = sys.argv[1], sys.argv[2], *map(int, sys.argv[3:])
    ends: list[float] = []
    model = YOLO(network)
    model.add_callback("on_train_batch_end", lambda _: ends.append(time.perf_counter()))
    off = {"val": False, "plots": False, "save": False, "verbose": False, "pretrained": False}
    model.add_callback("on_train_epoch_end", end)
    with suppress(EpochEndedError):  # what follows is a validation
        model.train(data=data, imgsz=side, batch=batch, epochs=1, device="cpu", workers=1, nbs=batch, **off)
    seconds = [(after - before) / batch for before, after in itertools.pairwise(ends)][warm_up - 1 :]
    print("\n" + json.dumps({"version": __version__, "seconds": seconds}))


def allow_no_torchvision() -> None:
    """Let an empty module stand for torchvision where it does not load, as beside CPU torch; no training step calls it."""
    try:
        import_module("torchvision")
    except (ImportError, RuntimeError):
        for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
            del sys.modules[name]
        sys.modules["torchvision"] = ModuleType("torchvision")


if __name__ == "__main__":
    main()
