"""Stands for `onelook train` in tests of what begins, watches and ends it: the network's name says what becomes of the run."""

import json
import math
import os
import signal
import sys
import time
from pathlib import Path


def main(words: list[str]) -> int:
    network, _data, *options = words
    out = Path(options[options.index("--out") + 1])
    asked = dict(each.split("=", 1) for each in options if "=" in each)
    with (out.parent.parent / "begun.txt").open("a") as file:
        file.write(f"{out.name}{' --resume' if '--resume' in options else ''}\n")
    if network == "refusing":
        print("onelook: data: expected pictures, got none", flush=True)
        return 2
    begin(out, asked, network)
    return BEHAVIOURS.get(network, finish)(out)


def begin(out: Path, asked: dict[str, str], network: str) -> None:
    """Write what a run has at its beginning; one that is resumed has it."""
    if (out / "settings.toml").is_file():
        return
    (out / "last").mkdir(parents=True)
    batch = "3" if network == "liar" else asked.get("batch", "4")
    steps = math.ceil(16 * float(asked.get("epochs", "1")) / int(batch))
    plain = {key: value for key, value in asked.items() if key != "epochs"}
    values = {**plain, "batch": batch, "max_batches": steps, "seed": asked.get("seed", "0")}
    (out / "settings.toml").write_text("".join(f"{key} = {value}\n" for key, value in values.items()))
    (out / "last" / "state.safetensors").write_text("state")
    (out / "environment.json").write_text(json.dumps({"cores": 2}))


def finish(out: Path) -> int:
    """Write what a run has at its end."""
    values = dict(line.split(" = ") for line in (out / "settings.toml").read_text().splitlines())
    steps, batch = int(values["max_batches"]), int(values["batch"])
    if out.name.startswith("short"):
        steps -= 1
    step = {
        "kind": "step",
        "step": steps,
        "epoch": steps * batch / 16,
        "loss": 1 / batch,
        "losses": {"objectness": 1 / batch},
    }
    judged = {"kind": "eval", "step": steps, "epoch": steps * batch / 16, "ap": batch / 100, "ap50": batch / 50}
    (out / "metrics.jsonl").write_text(
        json.dumps({**step, "images_per_second": 10.0, "waiting": 0.1}) + "\n" + json.dumps(judged) + "\n"
    )
    told = {"about": {}, "data": {"splits": {"train": {"digest": "d"}}}, "names": [], "splits": {}}
    (out / "predictions.json").write_text(json.dumps(told))
    return 0


def hungry(out: Path) -> int:
    held = []
    for _ in range(40):
        held.append(bytearray(os.urandom(1024) * 4096))
        time.sleep(0.02)
    time.sleep(30)
    return finish(out)


def slow(out: Path) -> int:
    """Take long the first time, and save when asked to stop; go on to the end when resumed."""
    if (out / "saved").is_file():
        return finish(out)

    def stop(*_: object) -> None:
        (out / "saved").write_text("yes")
        sys.exit(130)

    signal.signal(signal.SIGTERM, stop)
    (out / "under-way").write_text(str(os.getpid()))
    time.sleep(60)
    return 0


def broken(out: Path) -> int:
    print("Traceback: something is wrong inside", flush=True)
    return 1


def flaky(out: Path) -> int:
    """Fail the first time."""
    if (out / "tried").is_file():
        return finish(out)
    (out / "tried").write_text("once")
    return 1


def killed(out: Path) -> int:
    os.kill(os.getpid(), signal.SIGKILL)
    return 0


def pruned(out: Path) -> int:
    """Tell of evaluations as they come, worse for a larger batch."""
    batch = int(dict(line.split(" = ") for line in (out / "settings.toml").read_text().splitlines())["batch"])
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(130))
    for epoch in range(1, 4):
        with (out / "metrics.jsonl").open("a") as file:
            file.write(
                json.dumps({"kind": "eval", "step": epoch, "epoch": epoch, "ap": 1 / batch, "ap50": 1 / batch}) + "\n"
            )
        time.sleep(0.5)
    return finish(out)


def crowded(out: Path) -> int:
    """Find the disk full the first time, as a training says it."""
    if (out / "full").is_file():
        return finish(out)
    (out / "full").touch()
    print("onelook: last: expected room on the disk, got No space left on device; make some", flush=True)
    return 2


def diverging(_: Path) -> int:
    """End by the guard's word, which is no refusal: steps were made."""
    print("onelook: the loss is not finite", flush=True)
    return 2


def scribbled(out: Path) -> int:
    """Finish, and leave files that somebody wrote into."""
    finish(out)
    (out / "metrics.jsonl").write_bytes(b'{"kind": "step", "step": 1, "loss": "much"}\n\xff\xfe\n')
    return 0


BEHAVIOURS = {
    "crowded": crowded,
    "diverging": diverging,
    "scribbled": scribbled,
    "hungry": hungry,
    "slow": slow,
    "broken": broken,
    "flaky": flaky,
    "killed": killed,
    "pruned": pruned,
}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
