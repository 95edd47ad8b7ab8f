"""What `onelook darknet detector` does: train, test and calc_anchors, with the result lines that scripts parse.

Source: what AlexeyAB/darknet at commit 59596d7 prints.
"""

import dataclasses
import json
import time
from pathlib import Path
from typing import Any

import typer

from onelook.cli.darknet_call import Call
from onelook.cli.darknet_files import data_bundle, let_unlabelled_pass, lines_of_stdin
from onelook.cli.darknet_map import map_lines
from onelook.cli.darknet_training import train_as_darknet

NMS = 0.45


def test(call: Call) -> None:
    """Print what the network sees on the images, as `detector test` does; -out writes them as JSON."""
    from onelook.inference.model import load
    from onelook.inference.sources import find_images

    bundle = data_bundle(call)
    letterbox = "-letter_box" in call.flags or bool(bundle.cfg.net.integer("letter_box", 0))
    settings = dataclasses.replace(bundle.settings, resize="letterbox" if letterbox else "stretch")
    detector = load(dataclasses.replace(bundle, settings=settings))
    images = find_images([str(path) for path in call.words[3:]] or lines_of_stdin("detector test"))
    frames = []
    for number, image in enumerate(images, start=1):
        frames.append(_frame(detector, image, number, call))
    if "-out" in call.flags:
        from onelook.structures.files import write_text

        write_text(Path(call.flags["-out"]), json.dumps(frames, indent=1) + "\n")


def _frame(detector: Any, path: Path, number: int, call: Call) -> dict[str, Any]:
    """Print one image's lines and return its entry of the JSON."""
    from onelook.structures.images import read_image

    image = read_image(path)
    began = time.perf_counter()
    found = detector.predict(image, score=call.flags.get("-thresh", 0.25), nms=NMS)
    typer.echo(f"{path}: Predicted in {(time.perf_counter() - began) * 1000:f} milli-seconds.")
    height, width = image.shape[:2]
    objects = []
    for box, score, kind in zip(found.boxes.tolist(), found.scores.tolist(), found.classes.tolist(), strict=True):
        x1, y1, x2, y2 = box
        line = f"{detector.names[kind]}: {score * 100:.0f}%"
        if "-ext_output" in call.flags:
            line += f"\t(left_x: {x1:4.0f}   top_y: {y1:4.0f}   width: {x2 - x1:4.0f}   height: {y2 - y1:4.0f})"
        typer.echo(line)
        centre = {"center_x": (x1 + x2) / 2 / width, "center_y": (y1 + y2) / 2 / height}
        place = {**centre, "width": (x2 - x1) / width, "height": (y2 - y1) / height}
        objects.append(
            {"class_id": kind, "name": detector.names[kind], "relative_coordinates": place, "confidence": score}
        )
    return {"frame_id": number, "filename": str(path), "objects": objects}


def train(call: Call) -> None:
    """Train by the darknet recipe on .data .cfg [.weights]; -map prints `map`'s lines of the best model at the end.

    -letter_box is not heard, as in Darknet: `letter_box=1` in the cfg is. Every run begins at step 0, as with -clear.
    """
    result = train_as_darknet(call, {"anchors": "keep"})
    if "-map" in call.flags:
        from onelook.inference.model import load
        from onelook.structures.bundle import find_model

        typer.echo("\n".join(map_lines(call, load(find_model(result.run, exact=True)))))


def calc_anchors(call: Call) -> None:
    """Print anchors fitted to the .data file's training boxes, the best of several starts.

    As `detector calc_anchors`, it leaves them in anchors.txt too.
    """
    from onelook.datasets.anchors import box_shapes, fit_anchors
    from onelook.datasets.reading import read
    from onelook.structures.files import write_text

    count = call.flags.get("-num_of_clusters", 9)
    size = call.flags.get("-width", 416), call.flags.get("-height", 416)
    dataset = read(call.path(0, "a .data file"), "darknet", report=let_unlabelled_pass).split("train")
    shapes = box_shapes(dataset, size, letterbox=False)
    typer.echo(f"\n num_of_clusters = {count}, width = {size[0]}, height = {size[1]} ")
    if len(dataset.dropped):
        typer.echo(f" {len(dataset.dropped)} boxes without area are left out ", err=True)
    anchors, mean = fit_anchors(shapes, count, 0)
    typer.echo(
        f" counters_per_class = {', '.join(str(int((dataset.classes == k).sum())) for k in range(len(dataset.names)))}"
    )
    typer.echo(f"\n avg IoU = {mean * 100:2.2f} % ")
    texts = [f"{value:3.0f}" for value in anchors.reshape(-1).tolist()]
    line = ", ".join(f"{w},{h}" for w, h in zip(texts[::2], texts[1::2], strict=True))
    typer.echo("\nSaving anchors to the file: anchors.txt ")
    write_text(Path("anchors.txt"), line)
    typer.echo(f"anchors = {line}")
