"""Darknet's command lines are taken as they are, and answered in its words."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from onelook.cli.darknet_call import parse
from onelook.cli.darknet_detector import map_lines
from onelook.structures.errors import UserError


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


@pytest.mark.slow
def test_map_prints_what_darknet_printed(shared: Path, tmp_path: Path) -> None:
    from onelook.inference.model import load
    from onelook.structures.bundle import darknet_bundle

    tiny, images = shared / "weights" / "yolov3-tiny", shared / "data/coco128/images/val2017"
    (tmp_path / "val.txt").write_text("".join(f"{path}\n" for path in sorted(images.glob("*.jpg"))))
    data = tmp_path / "coco.data"
    data.write_text(f"classes=80\nvalid={tmp_path}/val.txt\nnames={tiny}/coco.names\n")
    bundle = darknet_bundle(tiny / "yolov3-tiny.cfg", tiny / "yolov3-tiny.weights", tiny / "coco.names")
    from dataclasses import replace

    exact = replace(bundle, settings=replace(bundle.settings, resize="darknet_stretch"))

    lines = map_lines(parse([str(data)]), load(exact))

    theirs = (shared / "reference/map/yolov3-tiny.coco128-val2017.p0.txt").read_text().splitlines()
    assert lines[0] == theirs[0]
    assert len(lines) == len(theirs)
    mean = [float(re.findall(r"= ([\d.]+),", text[-1])[0]) for text in (lines, theirs)]
    # Their build computes with -Ofast and AVX: scores differ by 1e-6, which turns ties of rank.
    assert mean[0] == pytest.approx(mean[1], abs=1e-4)
    same = sum(a.split("\t")[0] == b.split("\t")[0] for a, b in zip(lines[1:81], theirs[1:81], strict=True))
    assert same >= 78
