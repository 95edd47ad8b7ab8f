"""`onelook predict`: lines for people, one object for scripts, pictures for both."""

import io
import json
import resource
import sys
from math import ceil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow
from tests.inference.made_films import write_film
from tests.structures.small_models import small_bundle

from onelook.cli.main import main
from onelook.datasets.formats.submission import read_submission
from onelook.datasets.reading import read
from onelook.inference.films import film_length
from onelook.inference.model import load
from onelook.structures.bundle import write_bundle
from onelook.structures.images import image_size, read_image, write_jpeg


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a folder with a model and two pictures the working folder and return it."""
    write_bundle(tmp_path / "model", small_bundle())
    noise = np.random.default_rng(1).integers(0, 256, (50, 80, 3), dtype=np.uint8)
    for name in ("a.jpg", "b.jpg"):
        write_jpeg(tmp_path / "pictures" / name, noise)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    """Return the exit code of `onelook predict WORDS`."""
    monkeypatch.setattr(sys, "argv", ["onelook", "predict", *words])
    with pytest.raises(SystemExit) as caught:
        main()
    return int(caught.value.code or 0)


def answer(capsys: pytest.CaptureFixture[str]) -> Any:
    """Return the one JSON object on stdout."""
    return json.loads(capsys.readouterr().out)


def test_pictures_are_told_and_drawn_into_predictions(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "model", "pictures", "--threads", "1", "--runtime", "onnxruntime") == 0

    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("model: 2 classes, 64 x 48, stretch, ONNX Runtime ")
    assert said[1].startswith("pictures/a.jpg: 80 x 50, ")
    assert said[-1].endswith("drawn into predictions/")
    assert any(line.endswith("  red") for line in said)
    assert sorted(path.name for path in (here / "predictions").iterdir()) == ["a.jpg", "b.jpg"]
    assert image_size(here / "predictions" / "a.jpg") == (80, 50)


def test_the_challenges_csv_has_the_five_best_of_each_picture(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(monkeypatch, "model", "pictures", "--score", "0.01", "--submission", "s.csv", "--json") == 0
    found = read_submission(here / "s.csv")

    assert list(found) == ["a", "b"]
    assert 1 <= len(found["a"]) <= 5
    assert {guess.name for guess in found["a"]} <= {"red", "blue"} | set(load(here / "model").names)


def test_json_has_the_words_that_scripts_rely_on_and_draws_nothing(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "model", "pictures/a.jpg", "--json") == 0

    told = answer(capsys)
    expected = load(here / "model").predict(here / "pictures" / "a.jpg")
    assert [(image["file"], image["width"], image["height"]) for image in told["images"]] == [
        ("pictures/a.jpg", 80, 50)
    ]
    detections = told["images"][0]["detections"]
    assert [each["class"] for each in detections] == [("red", "white")[index] for index in expected.classes]
    np.testing.assert_allclose([each["box"] for each in detections], expected.boxes, atol=1e-2)
    np.testing.assert_allclose([each["score"] for each in detections], expected.scores, atol=1e-5)
    assert told["failed"] == []
    assert not (here / "predictions").exists()


def test_json_draws_where_it_is_told_to(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(monkeypatch, "model", "pictures/a.jpg", "--json", "--out", "drawn") == 0

    assert (here / "drawn" / "a.jpg").is_file()


def test_thresholds_change_what_is_shown(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    counts = []
    for options in (["--score", "0.9"], ["--score", "0.1"], ["--score", "0.1", "--nms", "1"]):
        assert run(monkeypatch, "model", "pictures/a.jpg", "--json", *options) == 0
        counts.append(len(answer(capsys)["images"][0]["detections"]))

    assert counts[0] < counts[1] < counts[2]


def test_a_broken_picture_is_one_line_the_rest_goes_on_and_the_exit_code_is_1(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "pictures" / "broken.jpg").write_bytes(b"\xff\xd8\xff")

    assert run(monkeypatch, "model", "pictures", "pictures/absent.png", "--json") == 1

    said = capsys.readouterr()
    told = json.loads(said.out)
    assert len(told["images"]) == 2
    assert [each["file"] for each in told["failed"]] == ["pictures/broken.jpg", "pictures/absent.png"]
    lines = said.err.splitlines()
    assert lines[-1] == "onelook: 2 of 4 pictures could not be read"
    assert lines[-3].startswith("onelook: pictures/broken.jpg: expected a picture")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["absent", "pictures"], "absent: expected a bundle, a run, or a .cfg with its .weights, got nothing there"),
        (["model", "absent.jpg"], "absent.jpg: expected pictures, folders of them or a glob, got nothing there"),
        (["model", "pictures", "--score", "2"], "score: expected a number from 0 to 1, got 2.0"),
        (["model", "pictures", "--score", "rad=0.2"], "expected a class of the model, got 'rad'; did you mean 'red'?"),
        (["model", "pictures", "--threads", "0"], "threads: expected at least 1, got 0"),
        (["model", "pictures", "--out", "pictures"], "a drawing would replace the picture itself"),
        (["model", "pictures", "--names", "x.names"], "a bundle has its own weights and names"),
        (["model", "ftp://127.0.0.1/x.jpg"], "expected a file, or an address that begins with http:// or https://"),
        (["model"], "SOURCES: expected pictures, folders, globs, addresses, films, a camera's number or -, got none"),
        (["model", "--list", "absent.txt"], "absent.txt: expected a list of paths, got No such file or directory"),
        (["model", "-", "--list", "-"], "--list -: expected the list on standard input, got a picture there too"),
        (["model", "pictures", "--jsonl"], "--json, --jsonl: expected one of them, got both"),
        (["model", "pictures", "--overlap", "0.1"], "--overlap: expected --tile with it, got none"),
        (["model", "pictures", "--tile", "5"], "tile: expected at least 32 pixels, got 5"),
        (["model", "pictures", "--count-line", "1,2"], "--count-line: expected x1,y1,x2,y2 in pixels, got '1,2'"),
        (["model", "pictures", "--to", "voc"], "--to: expected --labels FOLDER with it, got none"),
        (["model", "pictures", "--labels", "d", "--to", "vok"], "got 'vok'; did you mean 'voc'?"),
        (["model", "pictures", "--workers", "2"], "--workers, --engine: expected --shards with them, got none"),
        (["model", "pictures", "--shards", "2", "--out", "s", "--engine", "rai"], "got 'rai'; did you mean 'ray'?"),
        (["model", "pictures", "--shards", "2"], "--shards: expected --out FOLDER with it, got none"),
        (["model", "pictures", "--shards", "0", "--out", "s"], "--shards: expected at least 1, got 0"),
        (["model", "pictures", "--shards", "2", "--out", "s", "--track"], "--track: expected no --shards with it"),
        (
            ["model", "pictures", "--shards", "2", "--out", "s", "--workers", "0"],
            "--workers: expected at least 1, got 0",
        ),
        (
            ["model", "pictures", "--shards", "2", "--out", "pictures"],
            "expected a new or empty folder, got one that holds",
        ),
        (["model", "pictures", "--labels", "pictures"], "pictures: expected a new or empty folder, got one that holds"),
        (["model", "pictures", "--out", "model/network.cfg"], "cannot be written"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    assert run(monkeypatch, *words, "--json") == 2

    said = capsys.readouterr()
    lines = [line for line in said.err.splitlines() if not line.startswith("model: ")]
    assert said.out == ""
    assert len(lines) == 1
    assert message in lines[0]


def test_real_weights_see_what_is_there(
    shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    model, picture = (
        shared / "weights" / "yolov3-tiny" / "yolov3-tiny.cfg",
        shared / "reference" / "images" / "img" / "dog.jpg",
    )

    assert run(monkeypatch, str(model), str(picture), "--json", "--out", str(tmp_path)) == 0

    classes = {each["class"] for each in answer(capsys)["images"][0]["detections"]}
    assert classes >= {"dog", "bicycle", "car"}
    assert (tmp_path / "dog.jpg").is_file()


def test_lines_are_printed_one_a_picture_as_they_are_seen(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "pictures" / "c.jpg").write_bytes(b"no picture")

    assert run(monkeypatch, "model", "pictures", "--jsonl") == 1

    said = capsys.readouterr()
    rows = [json.loads(line) for line in said.out.splitlines()]
    assert [row["file"] for row in rows] == ["pictures/a.jpg", "pictures/b.jpg", "pictures/c.jpg"]
    assert rows[0]["detections"]
    assert rows[2]["error"].startswith("pictures/c.jpg: expected a picture")
    assert said.err.splitlines()[-1] == "onelook: 1 of 3 pictures could not be read"
    assert not (here / "predictions").exists()


def test_a_picture_on_standard_input_and_a_list_of_paths(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO((here / "pictures" / "a.jpg").read_bytes())))
    assert run(monkeypatch, "model", "-", "--json") == 0
    assert [image["file"] for image in answer(capsys)["images"]] == ["-"]

    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(b"pictures/b.jpg\n\npictures/a.jpg")))
    assert run(monkeypatch, "model", "--list", "-", "--json") == 0
    assert [image["file"] for image in answer(capsys)["images"]] == ["pictures/b.jpg", "pictures/a.jpg"]

    (here / "list.txt").write_text("pictures/b.jpg\n")
    assert run(monkeypatch, "model", "pictures/a.jpg", "--list", "list.txt", "--json") == 0
    assert [image["file"] for image in answer(capsys)["images"]] == ["pictures/a.jpg", "pictures/b.jpg"]


def test_a_film_is_told_frame_by_frame_tracked_counted_and_drawn(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_film(here / "x.mp4")

    assert run(monkeypatch, "model", "x.mp4", "--json", "--count-line", "48,0,48,64", "--out", "drawn") == 0

    told = answer(capsys)
    assert [(image["frame"], image["seconds"]) for image in told["images"]][:2] == [(0, 0.0), (1, 0.1)]
    assert any(row["track"] for image in told["images"] for row in image["detections"])
    assert [(row["file"], row["line"]) for row in told["counts"]] == [("x.mp4", [48, 0, 48, 64])]
    assert [path.name for path in (here / "drawn").iterdir()] == ["x.mp4"]
    assert film_length("drawn/x.mp4") == 12


def test_a_film_that_breaks_off_is_one_line_and_what_was_seen_is_kept(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "x.mp4").write_bytes(b"no film")

    assert run(monkeypatch, "model", "x.mp4", "pictures", "--track", "--out", "drawn") == 1

    said = capsys.readouterr()
    assert said.err.splitlines()[-2].startswith("onelook: x.mp4: expected a film, got a file that cannot be read")
    assert said.err.splitlines()[-1] == "onelook: 1 of 3 pictures could not be read"
    assert sorted(path.name for path in (here / "drawn").iterdir()) == ["a.jpg", "b.jpg"]


@pytest.mark.parametrize("to", ["darknet", "coco", "voc", "kitti"])
def test_labels_for_review_are_a_data_set(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], to: str
) -> None:
    write_film(here / "x.mp4", 2)
    expected = [load(here / "model").predict(path, score=0.3) for path in sorted((here / "pictures").iterdir())]

    words = ["pictures", "x.mp4", "--labels", "data", "--to", to, "--score", "0.3"]
    assert run(monkeypatch, "model", *words) == 0

    dataset = read(here / "data")
    by_name = {Path(path).name: index for index, path in enumerate(dataset.paths)}
    assert list(by_name) == ["a.jpg", "b.jpg", "x-000000.jpg", "x-000001.jpg"]
    for name, found in zip(("a.jpg", "b.jpg"), expected, strict=True):
        truth = dataset.truth(by_name[name])
        assert len(truth) == len(found) > 3
        np.testing.assert_allclose(truth.boxes, found.boxes, atol=0.01)
        assert [dataset.names[index] for index in truth.classes] == [found.names[index] for index in found.classes]
    assert sorted(path.name for path in here.iterdir()) == ["data", "model", "pictures", "x.mp4"]
    assert "scores have no place in labels" in capsys.readouterr().out
    assert run(monkeypatch, "model", *words) == 0


def test_crops_lie_in_a_folder_a_class(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "model", "pictures/a.jpg", "--crops", "crops", "--score", "0.5", "--jsonl") == 0

    rows = json.loads(capsys.readouterr().out)["detections"]
    crops = sorted(str(path.relative_to(here / "crops")) for path in (here / "crops").rglob("*.jpg"))
    assert crops == sorted(f"{row['class']}/a-{number}.jpg" for number, row in enumerate(rows, start=1))
    x1, y1, x2, y2 = rows[0]["box"]
    assert image_size(here / "crops" / rows[0]["class"] / "a-1.jpg") == (ceil(x2) - int(x1), ceil(y2) - int(y1))


def test_tiles_are_asked_for_by_an_option(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    counts = []
    for options in ([], ["--tile", "48", "--overlap", "0"]):
        assert run(monkeypatch, "model", "pictures/a.jpg", "--json", *options) == 0
        counts.append(len(answer(capsys)["images"][0]["detections"]))

    assert counts[0] < counts[1]


def test_an_address_that_is_dead_is_one_line(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "model", "http://127.0.0.1:1/x.jpg", "pictures/a.jpg", "--json") == 1

    said = capsys.readouterr()
    assert len(json.loads(said.out)["images"]) == 1
    assert said.err.splitlines()[-2].startswith("onelook: http://127.0.0.1:1/x.jpg: expected a picture, got no answer")


def test_whatever_lies_in_a_folder_is_one_line_each_and_memory_stays_bounded(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Broken files are told, odd pictures are looked at; a small file that asks for 432 MB is refused by its header."""
    folder, noise = here / "pictures", read_image(here / "pictures" / "a.jpg")
    whole = (folder / "a.jpg").read_bytes()
    good = {
        "cmyk.jpg": Pillow.fromarray(noise).convert("CMYK"),
        "deep.png": Pillow.fromarray(noise[..., 0].astype(np.uint16) * 257),
        "grey.png": Pillow.fromarray(noise[..., 0]),
        "palette.gif": Pillow.fromarray(noise).convert("P"),
    }
    for name, picture in good.items():
        picture.save(folder / name)
    first = Pillow.fromarray(noise)
    first.save(folder / "moving.gif", save_all=True, append_images=[first.rotate(90), first.rotate(180)])
    Pillow.new("1", (12_000, 12_000)).save(folder / "huge.png")
    (folder / "empty.jpg").touch()
    (folder / "half.jpg").write_bytes(whole[: len(whole) // 2])
    (folder / "text.png").write_text("no picture")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    assert run(monkeypatch, "model", "pictures", "--jsonl", "--threads", "1") == 1

    said = capsys.readouterr()
    rows = {Path(row["file"]).name: row for row in map(json.loads, said.out.splitlines())}
    assert {name for name, row in rows.items() if "error" in row} == {"empty.jpg", "half.jpg", "huge.png", "text.png"}
    assert {(row["width"], row["height"]) for row in rows.values() if "width" in row} == {(80, 50)}
    assert "expected at most 100000000 pixels, got 12000 x 12000" in rows["huge.png"]["error"]
    assert said.err.count("onelook: pictures/") == 4
    assert said.err.splitlines()[-1] == "onelook: 4 of 11 pictures could not be read"
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 150_000  # kB
    assert (folder / "huge.png").stat().st_size < 420_000
