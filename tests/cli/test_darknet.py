"""Darknet's command lines are taken as they are, and answered in its words."""

import json
import re
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from onelook.cli.darknet import COMMANDS
from onelook.cli.darknet_call import parse
from onelook.cli.darknet_files import let_unlabelled_pass
from onelook.cli.darknet_map import lines_of
from onelook.datasets.reading import read
from onelook.inference.model import load
from onelook.structures.bundle import find_model
from onelook.structures.errors import FormatError, UserError


def onelook(*words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "onelook", "darknet", *map(str, words)], capture_output=True, text=True
    )


def test_words_and_flags_may_stand_in_any_order() -> None:
    call = parse(["a.data", "-thresh", ".1", "a.cfg", "-dont_show", "a.weights", "-points", "11", "-ext_output"])

    assert call.words == ("a.data", "a.cfg", "a.weights")
    assert call.flags == {"-thresh": 0.1, "-points": 11, "-ext_output": True}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["-treshold", "3"], "did you mean '-thresh'?"),
        (["-thresh"], "-thresh: expected a value after it, got none"),
        (["-points", "many"], "-points: expected a number, got 'many'"),
    ],
)
def test_a_wrong_flag_is_named(words: list[str], said: str) -> None:
    with pytest.raises(UserError, match=re.escape(said)):
        parse(words)


def test_an_unknown_word_and_a_missing_file_exit_2() -> None:
    for words in (("detector", "mapp"), ("detector", "map"), ("detector", "map", "no.data", "no.cfg", "no.weights")):
        done = onelook(*words)

        assert done.returncode == 2
        assert done.stderr.startswith("onelook: ")
        assert "Traceback" not in done.stderr


def test_the_dog_is_found_and_written_as_darknet_writes_it(shared: Path, tmp_path: Path) -> None:
    tiny = shared / "weights" / "yolov3-tiny"
    data = tmp_path / "coco.data"
    data.write_text(f"classes=80\nnames={tiny}/coco.names\n")
    done = onelook(
        *("detector", "test", data, tiny / "yolov3-tiny.cfg", tiny / "yolov3-tiny.weights"),
        *(shared / "data/darknet-samples/data/dog.jpg", "-ext_output", "-dont_show", "-out", tmp_path / "out.json"),
    )

    assert done.returncode == 0, done.stderr
    assert re.search(
        r"^dog: 8\d%\t\(left_x:  1\d\d   top_y:  2\d\d   width:  2\d\d   height:  \d{3}\)$", done.stdout, re.MULTILINE
    )
    frame = json.loads((tmp_path / "out.json").read_text())[0]
    assert frame["objects"][0]["name"] == "dog"
    assert set(frame["objects"][0]["relative_coordinates"]) == {"center_x", "center_y", "width", "height"}


def darknet_project(folder: Path) -> Path:
    """Return the .data file of three pictures with two red boxes each, of which one has no area."""
    (folder / "images").mkdir()
    (folder / "labels").mkdir()
    for number in range(3):
        cv2.imwrite(str(folder / "images" / f"{number}.png"), np.zeros((40, 60, 3), np.uint8))
        text = f"0 .5 .5 .{number + 2} .2\n0 .5 .5 .5 .{number + 3}\n" + ("0 .5 .5 0 .1\n" if number == 1 else "")
        (folder / "labels" / f"{number}.txt").write_text(text)
    (folder / "all.txt").write_text("".join(f"images/{number}.png\n" for number in range(3)))
    (folder / "red.names").write_text("red\n")
    (folder / "red.data").write_text("classes=1\ntrain=all.txt\nvalid=all.txt\nnames=red.names\n")
    return folder / "red.data"


def test_anchors_are_fitted_printed_and_left_in_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = darknet_project(tmp_path)
    monkeypatch.chdir(tmp_path)
    words = ("calc_anchors", data, "-num_of_clusters", "2", "-width", "64", "-height", "32", "-show")
    done = onelook("detector", *words)

    assert done.returncode == 0, done.stderr
    assert "1 boxes without area are left out" in done.stderr
    assert "counters_per_class = 6" in done.stdout
    assert re.search(r"^ avg IoU = \d\d\.\d\d % $", done.stdout, re.MULTILINE)
    anchors = re.findall(r"^anchors = (.*)$", done.stdout, re.MULTILINE)[0]
    assert (tmp_path / "anchors.txt").read_text() == anchors
    assert len(anchors.split(",")) == 4


BAD_CFGS = {
    "layers=-1\n": ("layers=-9\n", "layer 2 [route] layers=-9: expected an earlier layer"),
    "mask=0\n": ("mask=4\n", "layer 4 [yolo] expected numbers below num=1, got 4"),
    "filters=6\n": ("filters=7\n", "layer 4 [yolo] expected filters=6 = (classes=1 + 5) * 1 masks"),
}


@pytest.mark.parametrize("right", BAD_CFGS)
@pytest.mark.parametrize("command", ["test", "map", "train"])
def test_a_cfg_that_does_not_hold_together_is_named_by_file_line_and_layer(
    tmp_path: Path, command: str, right: str
) -> None:
    text = (
        "[net]\nwidth=32\nheight=32\n[convolutional]\nsize=3\nstride=2\npad=1\n[convolutional]\nfilters=2\n"
        "[route]\nlayers=-1\n[convolutional]\nfilters=6\n[yolo]\nclasses=1\nnum=1\nmask=0\nanchors=9,9\n"
    )
    wrong, said = BAD_CFGS[right]
    (tmp_path / "bad.cfg").write_text(text.replace(right, wrong))
    (tmp_path / "a.weights").write_bytes(bytes([0] * 4 + [2] + [0] * 15))
    call = parse([str(darknet_project(tmp_path)), str(tmp_path / "bad.cfg"), str(tmp_path / "a.weights")])

    with pytest.raises(FormatError) as caught:
        COMMANDS[command](call)

    assert re.match(rf"{re.escape(str(tmp_path))}/bad\.cfg:\d+: {re.escape(said)}", str(caught.value))


@pytest.mark.parametrize(
    ("size", "said"),
    [
        (20 + 4 * 10, "expected 44 numbers for {cfg}, got 10 (it ends in layer 0 [convolutional] (line 4))"),
        (20 + 4 * 40 + 3, "got 40 and 3 bytes of another (it ends in layer 1 [convolutional] (line 8))"),
        (20 + 4 * 50, "got 50 (6 numbers are left over after the last layer)"),
        (11, "expected a header of 16 or 20 bytes, got a file of 11 bytes"),
    ],
)
def test_weights_that_do_not_fit_are_named_with_counts_and_layer(tmp_path: Path, size: int, said: str) -> None:
    cfg = tmp_path / "one.cfg"
    cfg.write_text(
        "[net]\nwidth=32\nheight=32\n[convolutional]\nsize=3\nfilters=1\npad=1\n[convolutional]\nfilters=8\n"
        "[yolo]\nclasses=3\nnum=1\nanchors=9,9\nlearnig=3\n"
    )
    (tmp_path / "one.weights").write_bytes(bytes([0] * 4 + [2] + [0] * (size - 5)))
    call = parse([str(darknet_project(tmp_path)), str(cfg), str(tmp_path / "one.weights"), "x.png"])

    with pytest.raises(FormatError, match=re.escape(said.format(cfg=cfg))):
        COMMANDS["test"](call)


def test_an_unknown_option_of_the_cfg_is_told_with_the_nearest_known_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = darknet_project(tmp_path)
    cfg = tmp_path / "one.cfg"
    cfg.write_text(
        "[net]\nwidth=32\nheight=32\n[convolutional]\nfilters=6\n[yolo]\nclasses=1\nnum=1\nanchors=9,9\nmaks=0\n"
    )
    (tmp_path / "one.weights").write_bytes(bytes([0] * 4 + [2] + [0] * 15 + [0] * 4 * 24))

    COMMANDS["map"](parse([str(data), str(cfg), str(tmp_path / "one.weights")]))

    assert re.search(r"one\.cfg:10: .*maks.*mask", capsys.readouterr().err)


@pytest.mark.parametrize(("seen", "flags", "told"), [(640, [], True), (640, ["-clear"], False), (0, [], False)])
def test_weights_that_count_images_begin_at_step_0_and_it_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], seen: int, flags: list[str], told: bool
) -> None:
    cfg, weights = tmp_path / "one.cfg", tmp_path / "one.weights"
    cfg.write_text("[net]\nbatch=64\nwidth=32\nheight=32\n[convolutional]\nfilters=6\n[rnn]\n")
    weights.write_bytes(np.array([0, 2, 5, seen, 0], "<i4").tobytes())

    with pytest.raises((FormatError, UserError)):  # the network cannot be trained: what is told comes before
        COMMANDS["train"](parse([str(darknet_project(tmp_path)), str(cfg), str(weights), *flags]))

    assert ("has seen 640 images, Darknet would go on at step 10;" in capsys.readouterr().err) is told


@pytest.fixture(scope="module")
def coco_half(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a .data file of coco128's second half, and of what Darknet was told is difficult there."""
    folder, images = tmp_path_factory.mktemp("coco"), shared / "data/coco128/images/val2017"
    stored = shared / "reference/map/yolo-fastest-1.1-xl.coco128-val2017-difficult.detections.json"
    pictures = [images / image["file"] for image in json.loads(stored.read_text())["images"]]
    (folder / "val.txt").write_text("".join(f"{path}\n" for path in pictures))
    (folder / "coco.data").write_text(f"classes=80\nvalid=val.txt\nnames={shared}/reference/map/coco.names\n")
    return folder / "coco.data"


@pytest.mark.slow
def test_map_prints_what_darknet_printed_line_for_line(shared: Path, coco_half: Path) -> None:
    """From the JPEG files on: 128 images seen once, judged with five sets of flags."""
    tiny = shared / "weights" / "yolov3-tiny"
    detector = load(find_model(tiny / "yolov3-tiny.cfg", exact=True), threads=1)
    dataset = read(coco_half, report=let_unlabelled_pass).split("val")
    found = [detector.list_as_darknet(path) for path in dataset.paths]
    truths = [dataset.truth(index) for index in range(len(dataset))]
    flags = {
        "p0": "",
        "p11": "-points 11",
        "p101": "-points 101",
        "iou75": "-iou_thresh .75",
        "iou75_p101_thresh10": "-iou_thresh .75 -points 101 -thresh .1",
    }
    for name, words in flags.items():
        theirs = (shared / f"reference/map/yolov3-tiny.coco128-val2017.{name}.txt").read_text()

        assert lines_of(parse(words.split()), truths, found, dataset.names) == theirs.splitlines(), name


@pytest.mark.slow
def test_difficult_objects_of_a_data_file_count_as_in_darknet(shared: Path, coco_half: Path) -> None:
    name = "yolo-fastest-1.1-xl.coco128-val2017-difficult"
    stored = json.loads((shared / f"reference/map/{name}.detections.json").read_text())["images"]
    folder = coco_half.parent
    for what, key in (("images", "truth"), ("hard", "difficult")):
        (folder / what).mkdir()
        for image in stored:
            picture = folder / what / image["file"]
            picture.symlink_to(shared / "data/coco128/images/val2017" / image["file"])
            rows = "".join(f"{' '.join(map(str, row))}\n" for row in image.get(key, []))
            picture.with_suffix(".txt").write_text(rows)
        (folder / f"{what}.txt").write_text("".join(f"{what}/{image['file']}\n" for image in stored))
    data = folder / "hard.data"
    data.write_text(coco_half.read_text().replace("val.txt", "images.txt") + "difficult = hard.txt\n")
    path = shared / "weights/yolo-fastest/yolo-fastest-1.1_coco/yolo-fastest-1.1-xl"
    done = onelook("detector", "map", data, f"{path}.cfg", f"{path}.weights", "-dont_show")

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == (shared / f"reference/map/{name}.txt").read_text().splitlines()
