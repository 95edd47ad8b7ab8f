"""`onelook predict` with each kind of odd or broken source alone, and with all of them at once."""

import json
import resource
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from PIL import Image as Pillow
from tests.cli.test_classify import write_classifier
from tests.inference.made_films import write_film
from tests.structures.small_models import small_bundle

from onelook.cli.main import main
from onelook.inference.export import export
from onelook.inference.model import load
from onelook.structures.bundle import write_bundle
from onelook.structures.images import write_jpeg
from onelook.structures.letterbox import Image

NOISE = np.random.default_rng(1).integers(0, 256, (50, 80, 3), dtype=np.uint8)
GREY = NOISE[..., :1].repeat(3, axis=2)

Maker = Callable[[Path], None]


def saved(picture: Pillow.Image, **options: Any) -> Maker:
    return lambda path: picture.save(path, **options)


def moving(**options: Any) -> Maker:
    first = Pillow.fromarray(NOISE)
    return saved(first, save_all=True, append_images=[first.rotate(180), first.rotate(90)], **options)


def cut_jpeg(path: Path) -> None:
    write_jpeg(path, NOISE)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def cut_film(path: Path) -> None:
    write_film(path)
    path.write_bytes(path.read_bytes()[:-400])


ODD: dict[str, tuple[Maker, Image | None]] = {
    "moving.gif": (moving(), None),
    "moving.webp": (moving(lossless=True), NOISE),
    "moving.png": (moving(), NOISE),
    "cmyk.jpg": (saved(Pillow.fromarray(NOISE).convert("CMYK"), quality=95), None),
    "cmyk.tif": (saved(Pillow.fromarray(NOISE).convert("CMYK")), None),
    "palette.png": (saved(Pillow.fromarray(NOISE).convert("P")), None),
    "deep.png": (saved(Pillow.fromarray(NOISE[..., 0].astype(np.uint16) * 257)), GREY),
    "deep.tif": (saved(Pillow.fromarray(NOISE[..., 0].astype(np.uint16) * 257)), GREY),
    "shares.tif": (saved(Pillow.fromarray(NOISE[..., 0].astype(np.float32) / 255)), GREY),
    "floats.tif": (saved(Pillow.fromarray(NOISE[..., 0].astype(np.float32))), GREY),
}
"""Name of a file to what writes it, and the pixels that are to be seen; None for other ones of the same size."""

BROKEN: dict[str, tuple[Maker, str]] = {
    "half.jpg": (cut_jpeg, "expected a whole picture, got a broken one"),
    "huge.png": (
        saved(Pillow.new("1", (12_000, 12_000))),
        "expected at most 100000000 pixels, got 12000 x 12000",
    ),
    "empty.jpg": (Path.touch, "expected an image, got an empty file"),
    "text.png": (lambda path: path.write_text("no picture") and None, "cannot be read as one (unknown format)"),
    "text.mp4": (lambda path: path.write_text("no film") and None, "expected a film, got a file that cannot be read"),
    "cut.mp4": (cut_film, "expected a film, got a file that cannot be read"),
    "nothing": (Path.mkdir, "expected pictures (.bmp, .gif"),
    "http://127.0.0.1:1/x.jpg": (lambda _: None, "expected a picture, got no answer"),
    "http://127.0.0.1:1/x.mp4": (lambda _: None, "expected a film, got no answer"),
    "absent.png": (lambda _: None, "expected an image, got No such file or directory"),
    f"{'long' * 80}.jpg": (lambda _: None, "expected an image, got File name too long"),
    f"{'long' * 80}.mp4": (lambda _: None, "expected a film, got nothing there"),
}
"""Source to what writes it, and what is said of it."""

NOTHING = [name for name in BROKEN if name.startswith(("nothing", "absent", "long"))]
"""Those of which alone nothing at all is there to be looked at."""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a folder with a model the working folder and return it."""
    write_bundle(tmp_path / "model", small_bundle())
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    """Return the exit code of `onelook predict WORDS`."""
    monkeypatch.setattr(sys, "argv", ["onelook", "predict", *words, "--runtime", "onnxruntime"])
    with pytest.raises(SystemExit) as caught:
        main()
    return int(caught.value.code or 0)


def peak() -> int:
    """Return the most memory that the process has held, kB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


@pytest.mark.parametrize("name", ODD)
def test_an_odd_picture_is_looked_at(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    make, shown = ODD[name]
    make(here / name)

    assert run(monkeypatch, "model", name, "--json") == 0

    (row,) = json.loads(capsys.readouterr().out)["images"]
    assert (row["width"], row["height"]) == (80, 50)
    if shown is not None:
        assert row["detections"] == load(here / "model", runtime="onnxruntime").predict(shown).as_json()["detections"]


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_source_alone_is_one_line_and_a_count(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    make, words = BROKEN[name]
    make(here / name)
    before = peak()

    code = run(monkeypatch, "model", name, "--json")

    said = capsys.readouterr()
    lines = [line for line in said.err.splitlines() if not line.startswith("model: ")]
    assert lines[0].startswith(f"onelook: {name}: expected ")
    if name not in NOTHING:
        assert words in lines[0]
        assert (code, lines[1:]) == (1, ["onelook: 1 of 1 pictures could not be read"])
        assert [each["file"] for each in json.loads(said.out)["failed"]] == [name]
    else:
        assert (code, said.out, len(lines)) == (2, "", 1)  # nothing at all was named
    assert peak() - before < 100_000


SHARDS = ("--shards", "2", "--workers", "1", "--out", "found")


@pytest.mark.parametrize("shards", [(), pytest.param(SHARDS, marks=pytest.mark.slow)])
def test_of_all_together_each_is_one_line_and_the_rest_goes_on(
    here: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], shards: tuple[str, ...]
) -> None:
    for name, (make, _) in {**ODD, **BROKEN}.items():
        make(here / name)
    before, sources = peak(), [*BROKEN, *ODD]

    assert run(monkeypatch, "model", *sources, *(shards or ("--jsonl",))) == 1

    said = capfd.readouterr()
    out = "".join(path.read_text() for path in sorted(Path("found").glob("shard-*"))) if shards else said.out
    rows = [json.loads(line) for line in out.splitlines()]
    assert [row["file"] for row in rows] == sources
    assert [row["file"] for row in rows if "error" in row] == list(BROKEN)
    for row, (_, words) in zip(rows, BROKEN.values(), strict=False):
        assert row["error"].startswith(f"{row['file']}: ") and words in row["error"]
    lines = [line for line in said.err.splitlines() if line.startswith("onelook: ")]
    assert sorted(lines[:-1]) == sorted(f"onelook: {row['error']}" for row in rows if "error" in row)
    assert lines[-1] == f"onelook: {len(BROKEN)} of {len(sources)} pictures could not be read"
    assert peak() - before < 150_000


def test_a_classifier_goes_on_too(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    classifier = write_classifier(here / "kinds")
    for name, (make, _) in {**ODD, **BROKEN}.items():
        make(here / name)

    assert run(monkeypatch, str(classifier), *BROKEN, *ODD, "--json") == 1

    told = json.loads(capsys.readouterr().out)
    assert [row["file"] for row in told["images"]] == list(ODD)
    assert [row["file"] for row in told["failed"]] == list(BROKEN)


def test_folders_and_globs_without_a_picture_are_told_beside_others(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_jpeg(here / "some" / "a.jpg", NOISE)
    (here / "none").mkdir()
    Path("list.txt").write_text("none\nsome\n")

    for words in (["none", "x/*.png", "some"], ["x/*.png", "--list", "list.txt"]):
        assert run(monkeypatch, "model", *words, "--json") == 1
        told = json.loads(capsys.readouterr().out)
        assert [row["file"] for row in told["images"]] == ["some/a.jpg"]
        assert sorted(row["file"] for row in told["failed"]) == ["none", "x/*.png"]
    assert run(monkeypatch, "model", "none", "x/*.png") == 2


def test_a_list_that_is_no_text_is_one_line(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("list.txt").write_bytes(bytes(range(256)))

    assert run(monkeypatch, "model", "--list", "list.txt") == 2

    said = capsys.readouterr().err
    assert said == "onelook: --list list.txt: expected a path or an address on each line, got a file that is no text\n"


def changed_weights(folder: Path) -> Path:
    """Return a bundle of which one bit has changed since it was written."""
    file = folder / "model" / "weights.safetensors"
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)
    return folder / "model"


def graph_with(folder: Path, change: Callable[[onnx.ModelProto], None]) -> Path:
    """Return an export that somebody has changed."""
    file = export(small_bundle(), "onnx", folder / "x.onnx").files[0]
    model = onnx.load(file)
    change(model)
    file.write_bytes(model.SerializeToString())
    return file


def with_code(model: onnx.ModelProto) -> None:
    model.graph.node[0].domain = "evil.ops"


def with_weights_outside(model: onnx.ModelProto) -> None:
    array = model.graph.initializer[0]
    array.ClearField("raw_data")
    array.data_location = onnx.TensorProto.EXTERNAL
    array.external_data.add(key="location", value="../../etc/passwd")


def with_another_head(model: onnx.ModelProto) -> None:
    cfg = next(each for each in model.metadata_props if each.key == "cfg")
    cfg.value = cfg.value.replace("classes=2", "classes=3").replace("filters=14", "filters=16")


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (changed_weights, r"weights.safetensors: expected sha256 "),
        (lambda folder: graph_with(folder, with_code), "expected ONNX's own operators, got Transpose of 'evil.ops'"),
        (
            lambda folder: graph_with(folder, with_weights_outside),
            "expected all weights inside the file, got ",
        ),
        (lambda folder: graph_with(folder, with_another_head), "x.onnx: expected "),
    ],
)
@pytest.mark.parametrize("command", ["predict", "eval"])
def test_a_model_that_is_not_what_it_says_is_one_line(
    here: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    make: Callable[[Path], Path],
    words: str,
    command: str,
) -> None:
    write_jpeg(here / "data" / "a.jpg", NOISE)
    (here / "data" / "a.txt").write_text("0 0.5 0.5 0.2 0.2\n")
    (here / "data" / "classes.txt").write_text("red\nwhite\n")
    monkeypatch.setattr(sys, "argv", ["onelook", command, str(make(here)), "data", "--json"])

    with pytest.raises(SystemExit) as caught:
        main()

    said = capsys.readouterr()
    assert (caught.value.code, said.out, said.err.count("\n")) == (2, "", 1)
    assert words in said.err
