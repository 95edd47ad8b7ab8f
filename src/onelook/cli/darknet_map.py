"""What `onelook darknet detector map` does: Darknet's evaluation, with the lines that it prints.

Source: what AlexeyAB/darknet at commit 59596d7 prints.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any

import typer

from onelook.cli.darknet_call import Call
from onelook.cli.darknet_files import data_bundle, let_unlabelled_pass
from onelook.structures.detections import Detections
from onelook.structures.truth import Truth


def validate_map(call: Call) -> None:
    """Print AP by class, precision, recall, F1 and mAP, as `detector map` does.

    Images are fitted by letterbox only where the cfg says letter_box=1: Darknet does not hear -letter_box here either.
    """
    from onelook.inference.model import load
    from onelook.structures.bundle import as_darknet_resizes

    bundle = data_bundle(call)
    exact = as_darknet_resizes(bundle, bool(bundle.cfg.net.integer("letter_box", 0)))
    typer.echo("\n".join(map_lines(call, load(exact))))


def map_lines(call: Call, detector: Any) -> list[str]:
    """Return the lines of `map` for the images that the .data file's `valid` lists."""
    from onelook.datasets.reading import read
    from onelook.structures.progress import track

    dataset = read(call.path(0, "a .data file"), "darknet", report=let_unlabelled_pass).split("val")
    found = [detector.list_as_darknet(path) for path in track(dataset.paths, len(dataset), "evaluating")]
    truths = [dataset.truth(index) for index in range(len(dataset))]
    return lines_of(call, truths, found, dataset.names)


def lines_of(call: Call, truths: Sequence[Truth], found: Sequence[Detections], names: Sequence[str]) -> list[str]:
    """Return the lines of `map` for what was found, in Darknet's order, on images with such truth."""
    from onelook.evaluation.average_precision import class_average_precision, mean_over_classes
    from onelook.evaluation.evaluation import judge
    from onelook.evaluation.problem import lay_out
    from onelook.evaluation.rules import RULES

    points, iou = call.flags.get("-points", 0), call.flags.get("-iou_thresh", 0.5)
    rules = dataclasses.replace(RULES["darknet"], points=points, iou=iou, score=call.flags.get("-thresh", 0.25))
    result, matches = judge(lay_out(truths, found, names), rules)
    precisions = class_average_precision(matches)
    judged = result.detections - int(matches.ignored.sum())
    lines = [f"detections_count = {judged}, unique_truth_count = {result.truths}  "]
    for index, (row, precision) in enumerate(zip(result.per_class, precisions, strict=True)):
        hits = f"(TP = {row.counts.right}, FP = {row.counts.wrong}) "
        percent = 0.0 if precision != precision else precision * 100  # nan, without truth, is 0 to Darknet
        lines.append(f"class_id = {index}, name = {row.name}, ap = {percent:.2f}%   \t {hits}")
    used = f"{points} Recall-points" if points else "Area-Under-Curve for each unique Recall"
    mean = mean_over_classes(precisions, rules) if result.truths else 0.0
    return [
        *lines,
        "",
        *_totals(result),
        "",
        f" IoU threshold = {iou * 100:.0f} %, used {used} ",
        f" mean average precision (mAP@{iou:.2f}) = {mean:f}, or {mean * 100:.2f} %",
    ]


def _totals(result: Any) -> list[str]:
    at = f" for conf_thresh = {result.score:.2f}, "
    counts = result.counts
    hits = f"TP = {counts.right}, FP = {counts.wrong}, FN = {counts.missed}"
    return [
        f"{at}precision = {counts.precision:.2f}, recall = {result.recall or 0:.2f}, F1-score = {result.f1 or 0:.2f} ",
        f"{at}{hits}, average IoU = {result.average_iou * 100:.2f} % ",
    ]
