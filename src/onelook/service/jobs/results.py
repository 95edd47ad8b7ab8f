"""A result as JSON, in the words of the API, and back."""

import json
from typing import Any

from onelook.service.jobs.job import ClassScore, Found, Result, Timings


def as_json(result: Result) -> dict[str, Any]:
    """Return the result in the API's words; `detections` or `classes` is there, as the model finds or classifies."""
    timings = result.timings
    body: dict[str, Any] = {
        "model_version": result.model_version,
        "width": result.width,
        "height": result.height,
        "timings": {
            "waited": timings.waited,
            "fetched": timings.fetched,
            "predicted": timings.predicted,
            "total": timings.total,
        },
    }
    if result.detections is not None:
        body["detections"] = [
            {"class": found.name, "index": found.index, "score": found.score, "box": list(found.box)}
            for found in result.detections
        ]
    if result.classes is not None:
        body["classes"] = [{"class": each.name, "index": each.index, "score": each.score} for each in result.classes]
    return body


def as_text(result: Result) -> str:
    """Return the result as it is stored."""
    return json.dumps(as_json(result), separators=(",", ":"), ensure_ascii=False)


def from_json(body: dict[str, Any]) -> Result:
    """Return the result that `as_json` gave."""
    detections, classes = body.get("detections"), body.get("classes")
    return Result(
        model_version=body["model_version"],
        width=body["width"],
        height=body["height"],
        detections=None if detections is None else tuple(_found(each) for each in detections),
        classes=None
        if classes is None
        else tuple(ClassScore(each["class"], each["index"], each["score"]) for each in classes),
        timings=Timings(**body["timings"]),
    )


def from_text(text: str) -> Result:
    """Return the result that `as_text` gave."""
    return from_json(json.loads(text))


def _found(each: dict[str, Any]) -> Found:
    left, top, right, bottom = each["box"]
    return Found(each["class"], each["index"], each["score"], (left, top, right, bottom))
