"""diagnosis.md: how a run went or why it ended, what the guard saw, and what to do about it. Needs no torch."""

import math
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from onelook.structures.errors import UserError
from onelook.structures.files import append_json, write_text
from onelook.training.run import Run

WAYS_OUT = {
    "loss not finite": "begin again with a lower `learning_rate`, and look at the pictures named below with `onelook data show`",
    "gradient not finite": "begin again with a lower `learning_rate` or a smaller `clip`",
    "loss spike": "in steps one after the other, `learning_rate` is too high, or `burn_in` too short; now and then, look at the "
    "pictures named below, and take a smaller `clip` if they are in order",
    "exploding gradient": "take a lower `learning_rate`, a longer `burn_in` or a smaller `clip`; batch normalisation helps",
    "weights not finite": "begin again with a lower `learning_rate` or a longer `burn_in`",
    "dead layers": "units that answer 0 to everything pass no gradient on: take a lower `learning_rate`, a longer `burn_in`, batch "
    "normalisation, or `leaky` for `relu`",
    "frozen loss": "nothing can change: look at `learning_rate`, at which layers are frozen, and whether the data has boxes",
    "loss at chance": "the network answers without looking: take a lower `learning_rate` and a longer `burn_in`, add batch "
    "normalisation, look whether dead layers are named below, and whether the labels belong to the pictures (`onelook data show`)",
    "signal fades": "without batch normalisation every layer must keep the size of what passes it: take a network that has it "
    "(`se_googlenet_paths` for `se_googlenet_paths_plain`, `vgg16_bn` for `vgg16`, `batch_normalize=1` in a cfg), or begin from "
    "weights (`--weights`)",
    "answers alike": "take a lower `learning_rate` and a longer `burn_in`, or a network with batch normalisation",
    "rate too high": "take a lower `learning_rate`, a larger `batch` or a longer `burn_in`",
    "rate too low": "take a higher `learning_rate`, or leave it out",
    "labels do not fit": "look whether the labels belong to the pictures with `onelook data show`; if they do, take another "
    "`learning_rate`, and wait longer with `chance_steps`",
    "loss flat": "look at the data with `onelook data show`, and try another `learning_rate`",
    "nothing detected": "look at the boxes with `onelook data show`, train longer, or begin from weights",
    "everything detected": "look at the boxes with `onelook data show`, and take a lower `learning_rate`",
    "picture unreadable": "mend or remove the pictures named below; `onelook data check` finds all such",
    "out of memory": "take a smaller `batch`, more `subdivisions`, a smaller `width` and `height`, or fewer `workers`",
    "disk full": "make room, then go on with `--resume`",
    "killed": "go on with `--resume`",
    "machine went down": "go on with `--resume`",
    "error": "go on with `--resume`; if it comes again, report it with the lines above",
}
"""By cause, what to do."""

_MOST_ROWS, _MOST_PICTURES = 40, 6


def write_diagnosis(run: Run, ending: str, cause: str | None = None, what: str = "") -> None:
    """Write the run's diagnosis.md.

    `ending` is a sentence such as `finished`, `cause` a key of WAYS_OUT when it did not end well, and `what` says it in a line.
    """
    events, metrics = run.read_events(), run.read_metrics()
    parts = [
        f"# {run.folder.resolve().name}: {ending}",
        what or _verdict(events),
        *_section("What to do", _ways_out(events, cause)),
        *_section("What the guard saw", _table([event for event in events if event["kind"] == "guard"])),
        *_section("How it died", [_died(event) for event in events if event["kind"] == "death"]),
        *_section("Figures", _figures(metrics)),
        f"_Written {time.strftime('%Y-%m-%d %H:%M:%S %z')}. All events are in guard.jsonl, norms by layer in metrics.jsonl._",
    ]
    write_text(run.diagnosis, "\n\n".join(part for part in parts if part) + "\n")


def record_death(run: Run, event: Mapping[str, Any]) -> None:
    """Keep the event of a death and write the diagnosis; on a full disk neither is written."""
    with suppress(UserError, OSError):
        append_json(run.guard, event)
        write_diagnosis(run, "died", event["cause"], f"The run died: {event['what']}.")


def _verdict(events: Sequence[Mapping[str, Any]]) -> str:
    counts: dict[str, int] = {}
    for event in events:
        if event["kind"] == "guard":
            counts[event["action"]] = counts.get(event["action"], 0) + 1
    if not counts:
        return "Healthy: every loss and every gradient was a finite number, no layer died, and nothing leapt."
    words = ", ".join(f"{count} x {action}" for action, count in counts.items())
    return f"The guard stepped in: {words}."


def _ways_out(events: Sequence[Mapping[str, Any]], cause: str | None) -> list[str]:
    causes = [cause] if cause else [event["cause"] for event in events if event["kind"] == "guard"]
    lines = [f"- {name}: {WAYS_OUT[name]}" for name in dict.fromkeys(causes) if name in WAYS_OUT]
    changed = [event["policy"] for event in events if event.get("policy")]
    if changed and not cause:
        lines.append(f"- what helped: begin the next run with {changed[-1]}")
    return ["\n".join(lines)] if lines else []


def _table(events: Sequence[Mapping[str, Any]]) -> list[str]:
    if not events:
        return []
    rows = ["| step | what | done | layers | pictures |", "|---|---|---|---|---|"]
    rows += [_row(event) for event in events[-_MOST_ROWS:]]
    hidden = len(events) - _MOST_ROWS
    return ["\n".join(rows), *([f"{hidden} earlier ones are in guard.jsonl."] if hidden > 0 else [])]


def _row(event: Mapping[str, Any]) -> str:
    done = event["action"] + (f": {event['policy']}" if event.get("policy") else "")
    cells = (str(event["step"]), event["what"], done, ", ".join(event["layers"]), _pictures(event["pictures"]))
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def _died(event: Mapping[str, Any]) -> str:
    when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(event["time"]))
    pictures = f" Its pictures: {_pictures(event['pictures'])}." if event["pictures"] else ""
    return f"- {event['what']} (last sign of life {when}).{pictures}"


def _pictures(paths: Sequence[str]) -> str:
    more = f" and {len(paths) - _MOST_PICTURES} more" if len(paths) > _MOST_PICTURES else ""
    return ", ".join(f"`{Path(path).name}`" for path in paths[:_MOST_PICTURES]) + more


def _figures(metrics: Sequence[Mapping[str, Any]]) -> list[str]:
    losses = [line for line in metrics if line["kind"] == "step" and line["loss"] is not None]
    evaluations = [line for line in metrics if line["kind"] == "eval"]
    rows = []
    if losses:
        first, last = losses[0], losses[-1]
        rows.append(f"- loss {first['loss']:.4g} at step {first['step']}, {last['loss']:.4g} at step {last['step']}")
    if evaluations:
        shown = {key: value for key, value in evaluations[-1].items() if isinstance(value, float) and key != "epoch"}
        words = ", ".join(f"{key} {value:.3f}" for key, value in shown.items() if math.isfinite(value))
        rows.append(f"- last evaluation, step {evaluations[-1]['step']}: {words}")
    return ["\n".join(rows)] if rows else []


def _section(title: str, paragraphs: Sequence[str]) -> list[str]:
    return [f"## {title}", *paragraphs] if paragraphs else []
