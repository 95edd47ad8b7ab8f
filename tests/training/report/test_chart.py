import math
import time
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from onelook.training.report.chart import draw_chart, duration, headline, seconds_left, smoothed, thinned


def step(number: int, loss: float = 2.0, seconds: float = 1.0) -> dict[str, Any]:
    return {
        "kind": "step",
        "step": number,
        "epoch": number / 10,
        "loss": loss,
        "losses": {"box": loss},
        "learning_rate": 0.001,
        "images_per_second": 8.0,
        "time": 1e9 + number * seconds,
    }


def evaluation(number: int, ap50: float | None = 0.8, ap: float | None = 0.5) -> dict[str, Any]:
    return {"kind": "eval", "step": number, "epoch": number / 10, "split": "val", "ap": ap, "ap50": ap50, "ap75": ap}


@pytest.mark.parametrize(
    "metrics",
    [
        [],
        [step(1)],
        [evaluation(1)],
        [step(1), evaluation(1, None, None)],
        [step(n, math.nan if n == 3 else 5.0 / n) for n in range(1, 40)] + [evaluation(20), evaluation(39)],
        [step(n, 1000.0 / n**2) for n in range(1, 40)],
        [step(n, 0.0) for n in range(1, 4)],
    ],
    ids=["nothing", "one step", "one evaluation", "undefined AP", "a loss that is NaN", "a wide range", "no loss"],
)
def test_whatever_a_run_has_logged_can_be_drawn(tmp_path: Path, metrics: list[dict[str, Any]]) -> None:
    draw_chart(metrics, tmp_path / "run/chart.png", 100)

    picture = Image.open(BytesIO((tmp_path / "run/chart.png").read_bytes()))
    assert picture.size == (1200, 675)
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["chart.png"]


def test_a_long_run_is_drawn_as_quickly_as_a_short_one(tmp_path: Path) -> None:
    draw_chart([step(1)], tmp_path / "chart.png", None)
    metrics = [step(number) for number in range(1, 20_000)]

    began = time.perf_counter()
    draw_chart(metrics, tmp_path / "chart.png", 20_000)

    assert time.perf_counter() - began < 5


def test_drawing_leaves_no_figure_behind(tmp_path: Path) -> None:
    import matplotlib.pyplot as plt

    draw_chart([step(1)], tmp_path / "chart.png", None)

    assert plt.get_fignums() == []


def test_the_headline_says_how_far_how_good_and_how_long() -> None:
    line = headline([step(n) for n in range(1, 51)] + [evaluation(50)], 100)

    for words in ("step 50 of 100 (50 %)", "loss 2", "AP50 0.800", "AP 0.500", "8.0 images/s", "50 s left"):
        assert words in line
    assert headline([], 100) == "no step yet"
    assert "finished" in headline([step(100)], 100)
    assert "left" not in headline([step(1)], 100)


def test_the_time_left_counts_evaluations_in_and_pauses_out() -> None:
    lines = [step(n) for n in range(1, 101)]
    with_evaluation = [{**line, "time": line["time"] + (100 if line["step"] > 50 else 0)} for line in lines]
    with_pause = [{**line, "time": line["time"] + (86_400 if line["step"] > 50 else 0)} for line in lines]

    assert seconds_left(lines, 200) == pytest.approx(100)
    assert seconds_left(with_evaluation, 200) == pytest.approx(100 * 199 / 99)
    assert seconds_left(with_pause, 200) == pytest.approx(100)
    assert seconds_left(lines, None) is None


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (45, "45 s"),
        (125, "2 min 05 s"),
        (700, "12 min"),
        (11_100, "3 h 05 min"),
        (86400 * 2 + 4 * 3600 + 5, "2 d 4 h"),
        (7199, "2 h 00 min"),
    ],
)
def test_a_duration_is_told_in_the_units_that_matter(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_smoothing_keeps_a_constant_and_leaves_out_what_is_not_finite() -> None:
    values = np.full(500, 3.0)
    values[100] = np.nan

    assert smoothed(values) == pytest.approx(3)
    assert len(smoothed(np.zeros(0))) == 0


def test_thinning_keeps_the_ends() -> None:
    (few,) = thinned(np.arange(10_000.0), most=100)

    assert (few[0], few[-1], len(few)) == (0, 9999, 100)
