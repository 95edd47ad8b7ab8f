"""Darknet's `train`, of detectors and classifiers: the cfg's own recipe, weights left where the .data file's `backup` says."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from onelook.cli.darknet_call import Call
from onelook.cli.darknet_files import beside
from onelook.cli.train import STOPPED, need_torch, told_stop
from onelook.training.run import new_run_folder
from onelook.training.survival.supervisor import supervise

if TYPE_CHECKING:
    from onelook.training.train import TrainResult


def train_as_darknet(call: Call, settings: Mapping[str, Any]) -> "TrainResult":
    """Return the run of .data .cfg [.weights], in the .data file's `backup` where it has one; `settings` are added.

    Every run begins at step 0, as with -clear; of weights that count images it is told where Darknet would go on. Raises
    typer.Exit for one that was stopped.
    """
    from onelook.datasets.files.data_file import read_data_file

    need_torch()
    data, cfg = call.path(0, "a .data file"), call.path(1, "a .cfg file")
    weights = call.path(2, "weights") if len(call.words) > 2 else None
    if weights is not None and weights.is_file() and "-clear" not in call.flags:
        _tell_seen(weights, cfg)
    backup = read_data_file(data).get("backup")
    steps = _max_batches(cfg)
    chosen = {"recipe": "darknet", **settings, **({"max_batches": steps} if steps else {})}
    folder = (beside(data, backup[0]) / cfg.stem) if backup else new_run_folder(str(cfg), data)
    if call.supervised:
        supervise(folder)
    from onelook.training.train import train  # torch, which a supervisor need not load

    with told_stop():
        result = train(cfg, data, weights, folder, chosen, say=typer.echo)
    if not result.finished:
        raise typer.Exit(STOPPED)
    _write_backup(result.run, cfg.stem)
    return result


def _max_batches(cfg: Path) -> int:
    from onelook.structures.network.cfg import read_cfg

    return read_cfg(cfg).net.integer("max_batches", 0)


def _tell_seen(weights: Path, cfg: Path) -> None:
    """Say on stderr where Darknet would go on, for weights that count images, and how a run here goes on."""
    from onelook.structures.network.cfg import read_cfg
    from onelook.structures.network.weights_file import read_weights

    seen, batch = read_weights(weights).seen, max(1, read_cfg(cfg).net.integer("batch", 1))
    if seen >= batch:
        typer.echo(
            f"{weights}: has seen {seen} images, Darknet would go on at step {seen // batch}; this run begins at step 0, as "
            f"with -clear (to go on with a run of onelook: onelook train --resume --out RUN)",
            err=True,
        )


def _write_backup(run: Path, stem: str) -> None:
    """Write NAME_best.weights beside the run's model, as Darknet leaves in its backup folder."""
    from onelook.structures.bundle import read_bundle
    from onelook.structures.network.weights_file import write_weights

    bundle = read_bundle(run / "model")
    path = run / f"{stem}_best.weights"
    write_weights(path, bundle.layers(), bundle.arrays, bundle.settings.seen)
    typer.echo(f"saved: {path}")
