"""`onelook demo`: the whole road on generated images, by the very commands that a user would type."""

import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from onelook.cli.output import print_json
from onelook.structures.errors import UserError

NETWORK = "yolov3-tiny"
IMAGES = {"train": 160, "val": 32, "test": 48}
TRAINING = {"width": 256, "height": 192, "max_batches": 260, "batch": 8}
"""What `onelook train` is given by `--set`; everything else stands at its default."""
SHOWN = 6
"""Test images that the detector is drawn on."""

MARK = "made-by-onelook-demo.json"
SERVICE = "service"
PARTS = ("data", "run", "predictions", "data.jpg", SERVICE)
"""What the demo makes in its folder, and so may take away the next time."""


def demo(
    out: Annotated[Path, typer.Option(help="Folder to make; an earlier demo in it is replaced.")] = Path("demo"),
    seed: Annotated[int, typer.Option(help="Another seed, other images and another training.")] = 0,
    serve: Annotated[
        bool | None, typer.Option(help="End by serving the pages with the model; left out: in a terminal, yes.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object: run, ap50, seconds.")] = False,
) -> None:
    """Generate blood smears with three kinds of cells, then check, train, evaluate, predict, report, and serve the pages."""
    if serve and as_json:
        raise UserError("--serve: expected to stand without --json, got both; leave out one of them")
    prepare(out, seed)
    data, run = out / "data", out / "run"
    road = Road(as_json)
    road.say(f"{sum(IMAGES.values())} pictures of blood cells that never were, with their labels: {data}")
    tests = generate(data, seed)
    road.walk("data", "check", data)
    road.walk("data", "stats", data)
    road.walk("data", "show", data, "--out", out / "data.jpg")
    trained = road.walk("train", NETWORK, data, "--out", run, *training(seed), result=True)
    proven = road.walk("eval", run, data, "--split", "test", result=True)
    road.walk("predict", run, *tests[:SHOWN], "--out", out / "predictions")
    road.walk("report", run)
    road.say(f"Look at {run / 'report.html'} and at the detections drawn in {out / 'predictions'}.")
    if as_json:
        print_json({"run": str(run), "ap50": proven["ap50"], "seconds": trained["seconds"]})
    elif serve if serve is not None else sys.stdin.isatty() and sys.stdout.isatty():
        become_the_service(road, out)


def prepare(out: Path, seed: int) -> None:
    """Make `out`, without what an earlier demo left there. Raises UserError where `out` holds something else."""
    if out.exists() and not (out.is_dir() and ((out / MARK).is_file() or not any(out.iterdir()))):
        raise UserError(f"{out}: expected a new folder or an earlier demo, got something else; choose another --out")
    out.mkdir(parents=True, exist_ok=True)
    (out / MARK).write_text(json.dumps({"seed": seed}) + "\n")
    for part in PARTS:
        shutil.rmtree(out / part) if (out / part).is_dir() else (out / part).unlink(missing_ok=True)


def generate(data: Path, seed: int) -> list[Path]:
    """Write the generated data set to `data` and return the paths of its test images."""
    from onelook.datasets.generated import make_blood
    from onelook.datasets.reading import read

    make_blood(data, IMAGES, seed)
    return list(read(data).split("test").paths)


def training(seed: int) -> list[str]:
    """Return the settings of the training as the command line takes them."""
    pairs = {**TRAINING, "seed": seed}
    return [word for key, value in pairs.items() for word in ("--set", f"{key}={value}")]


def become_the_service(road: "Road", out: Path) -> NoReturn:
    """Go on as `onelook serve` with the demo's model, until Ctrl-C; what it keeps lies in the demo's folder."""
    folder = out / SERVICE
    folder.mkdir()
    places = {"service.cache": "model-cache", "http.trainings": "trainings"}
    command = ["serve", "--port", "0", "--database", f"sqlite:///{folder / 'onelook.db'}"]
    command += ["--models", str(folder / "models"), "--show", str(out / "run")]
    command += [word for key, name in places.items() for word in ("--set", f"{key}={folder / name}")]
    road.tell(command)
    road.say("Ctrl-C stops it; the same command starts it again.")
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", "onelook", *command])


class Road:
    """Runs `onelook` commands one after the other, showing each as it is typed; stops at the first that fails."""

    def __init__(self, quiet_stdout: bool) -> None:
        self.quiet_stdout = quiet_stdout

    def say(self, line: str) -> None:
        """Print a line where it belongs: stdout is kept free for JSON when that was asked for."""
        typer.echo(line, err=self.quiet_stdout)

    def tell(self, command: Sequence[str]) -> None:
        """Show an `onelook` command as it is typed."""
        self.say(f"\n$ {shlex.join(['onelook', *command])}")

    def walk(self, *words: str | Path, result: bool = False) -> dict[str, Any]:
        """Run `onelook WORDS` as its own process and return its JSON object, or nothing when it speaks to a person.

        With `result`, under `--json`, the command is typed with `--json` too. Raises typer.Exit with its exit code.
        """
        wanted = result and self.quiet_stdout
        command = [str(word) for word in words] + ["--json"] * wanted
        self.tell(command)
        sys.stdout.flush()
        stdout = subprocess.PIPE if wanted else sys.stderr if self.quiet_stdout else None
        done = subprocess.run([sys.executable, "-m", "onelook", *command], stdout=stdout, text=True, check=False)
        if done.returncode != 0:
            raise typer.Exit(done.returncode if done.returncode > 0 else 128 - done.returncode)
        answer: dict[str, Any] = json.loads(done.stdout) if wanted else {}
        return answer
