"""What a run's folder tells of it while it goes: pace, resources, sample predictions, its log and its report."""

import json
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from onelook.service.trainings.record import Training, folder_of, progress_lines, run_of
from onelook.structures.errors import UserError
from onelook.structures.settings import read_toml

CFG = "network.cfg"
FILES = {
    "report.html": "text/html; charset=utf-8",
    "chart.png": "image/png",
    "diagnosis.md": "text/markdown; charset=utf-8",
    "settings.toml": "application/toml; charset=utf-8",
    "metrics.jsonl": "application/jsonl; charset=utf-8",
    "resources.jsonl": "application/jsonl; charset=utf-8",
    "environment.json": "application/json",
    CFG: "text/plain; charset=utf-8",
}
"""The files of a run that its client may read, each with its media type; CFG is the network's that came with the request."""

MOST_LOG = 64 * 1024
_LAST_STEPS = 20
"""Lines of metrics by whose times the pace is told."""
_TAIL = 16 * 1024


def steps_of(root: Path, training: Training) -> int | None:
    """Return how many steps the run has in all; None before it has begun."""
    try:
        steps = read_toml(run_of(root, training) / "settings.toml").get("max_batches")
    except UserError:
        return None
    return steps if isinstance(steps, int) else None


def seconds_left(lines: Sequence[dict[str, Any]], steps: int | None) -> float | None:
    """Return the seconds until the last step at the pace of the latest ones, evaluations among them; None where none is known."""
    timed = [(line["step"], line["time"]) for line in lines if line.get("kind") == "step" and "time" in line]
    recent = timed[-_LAST_STEPS:]
    taken = [
        (step - before, at - then) for (before, then), (step, at) in pairwise(recent) if step > before and at > then
    ]
    if steps is None or not taken:
        return None
    pace = float(sum(seconds for _, seconds in taken) / sum(count for count, _ in taken))
    return max(0.0, float(steps - recent[-1][0]) * pace)


def resources(root: Path, training: Training) -> dict[str, Any] | None:
    """Return the latest sample of what the run takes of the machine, as resources.jsonl has it; None before the first."""
    lines = _whole_lines(_tail(run_of(root, training) / "resources.jsonl", _TAIL))
    found: dict[str, Any] | None = json.loads(lines[-1]) if lines else None
    return found


def sample_lines(root: Path, training: Training) -> list[dict[str, Any]]:
    """Return what was seen on a few pictures at each evaluation, as samples.jsonl has it; none before the first."""
    try:
        text = (run_of(root, training) / "samples.jsonl").read_text()
    except (FileNotFoundError, NotADirectoryError):
        return []
    return [json.loads(line) for line in _whole_lines(text)]


def log_of(root: Path, training: Training) -> str:
    """Return the end of what the training said, without the names of the server's folders; nothing before it has begun."""
    return client_words(root, training, _tail(folder_of(root, training) / "stderr", MOST_LOG))


def client_words(root: Path, training: Training, words: str) -> str:
    """Return what a training said with paths as its client knows them: from the data's or the run's folder on."""
    folder, data = folder_of(root, training), root / training.client_id / "data" / training.data / "files"
    for place in (data.resolve(), data, folder.resolve(), folder, root.resolve()):
        words = words.replace(f"{place}/", "")
    return words


def loss_and_score(root: Path, training: Training) -> tuple[list[float], list[float]]:
    """Return a run's losses and its evaluations' scores in the order of their steps; a run without any has none."""
    lines = progress_lines(root, training)
    losses = [line["loss"] for line in lines if line.get("kind") == "step" and line.get("loss") is not None]
    scores = [line.get("ap50", line.get("top1")) for line in lines if line.get("kind") == "eval"]
    return losses, [score for score in scores if score is not None]


def _tail(path: Path, most: int) -> str:
    """Return the last `most` bytes of a file as text, from the beginning of a line; nothing where there is no file."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - most))
            text = file.read().decode(errors="replace")
    except (FileNotFoundError, NotADirectoryError):
        return ""
    return text if size <= most else text.partition("\n")[2]


def _whole_lines(text: str) -> list[str]:
    return [line for line in text.split("\n")[:-1] if line.strip()]
