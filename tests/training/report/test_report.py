import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.evaluation.problems import random_problem
from tests.training.report.test_chart import evaluation, step

from onelook.cli.report import report
from onelook.structures.detections import Detections
from onelook.structures.errors import FormatError, UserError
from onelook.structures.truth import Truth
from onelook.training.report.facts import read_report_facts
from onelook.training.report.predictions import Predictions, SplitPredictions, write_predictions
from onelook.training.report.report import rebuild_report

VOID = {"meta", "br", "img", "link", "input", "hr"}


class Page(HTMLParser):
    """Reads a page strictly: every element is closed, in order; keeps tags, links and the words."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.links: list[str] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("href", "src")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("href", "src")]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.words))


def a_run(tmp_path: Path, names: tuple[str, ...] = ("red", "white", "green", "<b>&"), images: int = 12) -> Path:
    """Return the folder of a run that was trained and evaluated on random pictures."""
    run = tmp_path / "run 1"
    run.mkdir()
    (run / "settings.toml").write_text(
        'batch = 8\nlearning_rate = 0.001\nresize = "letterbox"\n[augment]\nflip = true\n'
    )
    (run / "environment.json").write_text(json.dumps({"started": "2025-01-02T03:04:05+0000", "device": "cpu"}))
    lines = [step(number * 10, 5.0 / number) for number in range(1, 30)]
    lines += [{**evaluation(n), "per_class": [{"class": name, "ap50": 0.5} for name in names]} for n in (100, 290)]
    (run / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    truths, detections = random_problem(1, images=images, classes=len(names), crowds=False)
    paths = []
    for number in range(images):
        paths.append(tmp_path / f"image{number}.png")
        Image.fromarray(np.full((450, 450, 3), 10 * number, np.uint8)).save(paths[-1])
    split = SplitPredictions(tuple(paths), ((450, 450),) * images, tuple(truths), tuple(detections))
    counts = {
        "images": images,
        "boxes": 40,
        "negatives": 0,
        "classes": dict.fromkeys(names, 10),
        "digest": "abcdef0123456789",
    }
    data = {"path": "/data/my set", "format": "voc", "splits": {"test": counts}}
    about = {"network": "yolov3-tiny", "seconds": 754.0}
    write_predictions(run / "predictions.json", Predictions(names, {"val": split, "test": split}, data, about))
    return run


def test_the_page_holds_everything_and_asks_for_nothing(tmp_path: Path) -> None:
    text = rebuild_report(a_run(tmp_path)).read_text()
    page = Page(text)

    assert all(link.startswith(("data:image/jpeg;base64,", "#")) for link in page.links)
    assert "script" not in page.tags
    assert "url(" not in text
    for words in ("Result on the test images", "Predictions beside truth", "Classes", "What is taken for what"):
        assert words in page.text
    for words in ("Training", "Data", "How to go on", "How it was made", "augment.flip", "abcdef012345", "13 min"):
        assert words in page.text
    assert page.tags.count("image") == 2 * 6


def test_the_numbers_are_those_of_the_evaluation_with_their_intervals(tmp_path: Path) -> None:
    from onelook.evaluation.evaluation import evaluate

    run = a_run(tmp_path)
    facts = read_report_facts(run)
    split = facts.predictions.splits["test"]
    result = evaluate(split.truths, split.detections, facts.predictions.names)

    page = Page(rebuild_report(run).read_text()).text

    for value in (result.ap50, result.ap, result.precision, result.recall, result.f1):
        assert f"{value:.3f}" in page
    assert len(re.findall(r"0\.\d{3} to 0\.\d{3}", page)) == 2 * 5
    assert f"at least {result.score:.2f}" in page


def test_names_from_the_data_are_text_and_never_markup(tmp_path: Path) -> None:
    text = rebuild_report(a_run(tmp_path)).read_text()

    assert "<b>&" not in text
    assert "&lt;b&gt;&amp;" in text


def test_the_commands_can_be_pasted(tmp_path: Path) -> None:
    run = a_run(tmp_path)

    page = Page(rebuild_report(run).read_text()).text

    assert f"onelook predict '{run}' IMAGES" in page
    assert f"onelook eval '{run}' '/data/my set' --split test" in page


def test_the_test_split_leads_and_the_validation_split_says_that_it_flatters(tmp_path: Path) -> None:
    page = Page(rebuild_report(a_run(tmp_path)).read_text()).text

    assert page.index("Result on the test images") < page.index("Result on the val images")
    assert "flatter a little" in page


def test_a_run_that_is_under_way_has_a_report_too(tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    (run / "settings.toml").write_text("batch = 8\n")
    (run / "metrics.jsonl").write_text(json.dumps(step(1)) + '\n{"kind": "st')

    page = Page(rebuild_report(run).read_text()).text

    assert "has not been evaluated yet" in page
    assert "1 steps" in page


def test_pictures_that_are_gone_are_told_and_the_rest_is_written(tmp_path: Path) -> None:
    run = a_run(tmp_path)
    for path in tmp_path.glob("*.png"):
        path.unlink()

    page = Page(rebuild_report(run).read_text()).text

    assert "Not shown" in page
    assert "AP50" in page


@pytest.mark.parametrize("case", ["no detections", "no truth", "one image", "many classes"])
def test_unusual_results_have_a_page(tmp_path: Path, case: str) -> None:
    names = tuple(f"class {index}" for index in range(30)) if case == "many classes" else ("red", "white")
    run = a_run(tmp_path, names, images=1 if case == "one image" else 6)
    stored = read_report_facts(run).predictions
    split = stored.splits["test"]
    count = len(split.paths)
    if case == "no detections":
        split = SplitPredictions(split.paths, split.sizes, split.truths, (Detections.none(),) * count)
    if case == "no truth":
        empty = Truth(np.zeros((0, 4)), [])  # type: ignore[arg-type]
        split = SplitPredictions(split.paths, split.sizes, (empty,) * count, split.detections)
    write_predictions(run / "predictions.json", Predictions(names, {"test": split}, stored.data, stored.about))

    page = Page(rebuild_report(run).read_text()).text

    assert "nan" not in page
    assert ("nothing can be said" in page) == (case == "no truth")


def test_no_run_and_broken_files_are_told_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"expected a run's folder, with its settings\.toml, got no folder"):
        rebuild_report(tmp_path / "none")
    run = a_run(tmp_path)
    (run / "metrics.jsonl").write_text("nonsense\n" + json.dumps(step(1)))
    with pytest.raises(FormatError, match=r"metrics.jsonl:1: expected JSON with kind and step"):
        rebuild_report(run)
    (run / "metrics.jsonl").unlink()
    (run / "environment.json").write_text("[")
    with pytest.raises(FormatError, match=r"environment\.json: expected a JSON object"):
        rebuild_report(run)


def test_a_record_that_cannot_be_judged_names_its_image(tmp_path: Path) -> None:
    run = a_run(tmp_path)
    content = json.loads((run / "predictions.json").read_text())
    content["splits"]["test"][3]["detections"] = [[99, 0.5, 0, 0, 1, 1]]
    (run / "predictions.json").write_text(json.dumps(content))

    with pytest.raises(UserError, match=r"image3.png: detection 0: expected a class from 0 to 3, got 99"):
        rebuild_report(run)


def test_the_command_prints_the_paths(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = a_run(tmp_path)

    report([run])
    assert capsys.readouterr().out == f"{run / 'report.html'}\n"
    report([run], as_json=True)
    assert json.loads(capsys.readouterr().out) == {"reports": [str(run / "report.html")]}
