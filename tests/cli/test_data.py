import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from onelook.cli.data import MOST_LINES, build_app
from onelook.datasets.generated import make_blood
from onelook.datasets.reading import read
from onelook.structures.errors import UserError


@pytest.fixture(scope="module")
def blood(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "blood"
    make_blood(folder, {"train": 10, "val": 3, "test": 3}, seed=0, size=(160, 120))
    return folder


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    """Return data of which one annotation cannot be read."""
    make_blood(tmp_path / "broken", {"train": 3}, seed=0, size=(96, 96))
    (tmp_path / "broken" / "Annotations" / "smear-00001.xml").write_text("<annotation>\n<object>\n")
    return tmp_path / "broken"


def typed(*words: str | Path) -> Result:
    return CliRunner().invoke(build_app(), [str(word) for word in words])


def answer(*words: str | Path) -> Any:
    """Return the one JSON object on stdout of a command that went well."""
    result = typed(*words, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_sound_data_passes_the_check(blood: Path):
    result = typed("check", blood)

    assert result.exit_code == 0
    assert result.stdout == "0 errors, 0 warnings\n"
    assert result.stderr == f"{blood}: read as voc: {blood}/Annotations holds XML beside JPEGImages/\n"
    assert answer("check", blood) == {"errors": 0, "warnings": 0, "findings": []}


def test_errors_make_the_check_exit_1(broken: Path):
    file = broken / "Annotations" / "smear-00001.xml"
    result, told = typed("check", broken), typed("check", broken, "--json")
    found = json.loads(told.stdout)

    assert result.exit_code == told.exit_code == 1
    assert result.stdout.splitlines() == [
        f"error [broken-annotation] {file}:3: expected XML, got no element found; write the annotation again",
        "1 errors, 0 warnings",
    ]
    assert found["findings"] == [
        {
            "path": str(file),
            "line": 3,
            "code": "broken-annotation",
            "what": "expected XML, got no element found",
            "fix": "write the annotation again",
            "severity": "error",
        }
    ]


def test_many_findings_of_one_kind_are_cut_short_for_a_person(blood: Path, tmp_path: Path):
    typed("convert", blood, "--to", "darknet", "--out", tmp_path / "out")
    (tmp_path / "out" / "labels" / "smear-00000.txt").write_text("x\n" * (MOST_LINES + 5))

    assert "... and 5 more [broken-annotation]; --json tells all" in typed("check", tmp_path / "out").stdout
    found = json.loads(typed("check", tmp_path / "out", "--json").stdout)
    assert found["errors"] == MOST_LINES + 5


def test_stats_count_by_the_words_that_scripts_rely_on(blood: Path):
    counts = answer("stats", blood)
    data = read(blood)

    assert counts["images"] == 16
    assert counts["boxes"] == len(data.boxes) == sum(counts["classes"].values())
    assert list(counts["classes"]) == ["red", "white", "platelet"]
    assert counts["splits"] == {"train": 10, "val": 3, "test": 3}


def test_stats_are_a_table_for_a_person(blood: Path):
    lines = typed("stats", blood).stdout.splitlines()

    assert lines[-1].split() == ["images", "16", "10", "3", "3"]
    assert len({len(line) for line in lines[-5:]}) == 1


def test_a_split_is_data_again_with_its_three_names(blood: Path, tmp_path: Path):
    told = answer("split", blood, "--out", tmp_path / "out", "--ratio", "50/25/25", "--seed", "3")

    assert told["splits"] == {"train": 8, "val": 4, "test": 4}
    assert answer("stats", tmp_path / "out")["splits"] == told["splits"]
    assert answer("stats", tmp_path / "out" / "obj.data")["format"] == "darknet"
    assert answer("check", tmp_path / "out")["errors"] == 0


@pytest.mark.parametrize(
    ("words", "splits"),
    [
        ([], {"train": 11, "val": 5}),
        (["--ratio", "0.5,0.5"], {"train": 8, "val": 8}),
        (["--ratios", "75:25"], {"train": 12, "val": 4}),
    ],
)
def test_a_split_is_70_to_30_or_as_told(blood: Path, tmp_path: Path, words: list[str], splits: dict[str, int]):
    assert answer("split", blood, "--out", tmp_path / "out", *words)["splits"] == splits


def test_converting_there_and_back_keeps_the_boxes(blood: Path, tmp_path: Path):
    answer("convert", blood, "--to", "darknet", "--out", tmp_path / "darknet")
    told = answer("convert", tmp_path / "darknet", "--to", "voc", "--out", tmp_path / "voc")

    assert (told["images"], told["lost"]) == (16, [])
    assert (read(tmp_path / "voc").boxes == read(blood).boxes).all()


def test_anchors_are_printed_as_a_cfg_takes_them(blood: Path):
    told = answer("anchors", blood, "--count", "3", "--width", "160", "--height", "160", "--split", "train")
    lines = typed("anchors", blood, "--count", "3", "--width", "160", "--height", "160", "--split", "train").stdout

    assert len(told["anchors"]) == 3
    assert told["average_iou"] > 0.6
    expected = ", ".join(f"{width:.0f},{height:.0f}" for width, height in told["anchors"])
    assert lines.startswith(f"anchors = {expected}\n")


@pytest.mark.parametrize("options", [[], ["--augment"], ["--augment", "--set", "mosaic=0", "--split", "val"]])
def test_a_contact_sheet_is_written(blood: Path, tmp_path: Path, options: list[str]):
    told = answer("show", blood, "--out", tmp_path / "sheet.png", "--count", "3", "--size", "64", *options)

    assert len(told["images"]) == 3
    assert (tmp_path / "sheet.png").stat().st_size > 1000


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (lambda data, out: ["stats", out / "nowhere"], "expected labelled images, got nothing there"),
        (lambda data, out: ["stats", data, "--format", "coco3"], "--format: expected one of voc, darknet"),
        (lambda data, out: ["split", data, "--out", out / "s", "--ratio", "most/rest"], "--ratio: expected numbers"),
        (lambda data, out: ["split", data, "--out", data], "expected a new or empty folder"),
        (lambda data, out: ["convert", data, "--to", "xml", "--out", out / "s"], "--to: expected one of voc, darknet"),
        (lambda data, out: ["show", data, "--set", "flip=1"], "--set: .* --augment only"),
        (
            lambda data, out: ["show", data, "--augment", "--set", "flop=1"],
            "unknown setting 'flop'; did you mean 'flip'",
        ),
        (
            lambda data, out: ["show", data, "--augment", "--set", "flip=3"],
            "flip: expected 0 to 1, got 3",
        ),
        (lambda data, out: ["show", data, "--split", "dev"], "expected a split 'dev', but there are train, val, test"),
    ],
)
def test_a_mistake_is_one_line_and_leaves_nothing(
    blood: Path, tmp_path: Path, words: Callable[[Path, Path], list[str | Path]], told: str
):
    result = typed(*words(blood, tmp_path))

    assert isinstance(result.exception, UserError)
    with pytest.raises(UserError, match=told):
        raise result.exception
    assert "\n" not in str(result.exception)
    assert list(tmp_path.iterdir()) == []


def test_broken_data_is_neither_counted_nor_divided(broken: Path, tmp_path: Path):
    for words in (["stats", broken], ["split", broken, "--out", tmp_path / "out"]):
        error = typed(*words).exception
        assert isinstance(error, UserError)
        assert "smear-00001.xml:3: expected XML" in str(error)
    assert not (tmp_path / "out").exists()


def test_warnings_are_counted_on_stderr(blood: Path, tmp_path: Path):
    typed("convert", blood, "--to", "darknet", "--out", tmp_path / "out")
    (tmp_path / "out" / "labels" / "smear-00000.txt").write_text("0 0.5 0.5 0 0.5\n")

    assert "1 warnings (1 zero-box); `onelook data check` tells them" in typed("stats", tmp_path / "out").stderr


def test_classes_are_renamed_and_dropped_while_converting(blood: Path, tmp_path: Path):
    told = answer(
        "convert", blood, "--to", "coco", "--out", tmp_path / "out", "--rename", "red=cell", "--rename", "white=cell",
        "--drop", "platelet",
    )  # fmt: skip
    data = read(tmp_path / "out")

    assert data.names == ("cell",)
    assert told["boxes"] == len(data.boxes)
    with pytest.raises(UserError, match="--rename: expected OLD=NEW, got 'red'"):
        CliRunner().invoke(
            build_app(),
            ["convert", str(blood), "--to", "coco", "--out", str(tmp_path / "b"), "--rename", "red"],
            catch_exceptions=False,
        )


def test_two_sets_are_joined_and_the_danger_is_told(blood: Path, tmp_path: Path):
    answer("convert", blood, "--to", "voc", "--out", tmp_path / "two", "--rename", "red=dot")
    told = answer("convert", blood, "--to", "voc", "--out", tmp_path / "out", "--with", tmp_path / "two")

    assert told["images"] == 32
    assert "different classes" in told["lost"][-1]


def test_unlabelled_images_are_left_out_when_that_is_asked_for(blood: Path, tmp_path: Path):
    answer("convert", blood, "--to", "voc", "--out", tmp_path / "some")
    next((tmp_path / "some" / "Annotations").iterdir()).unlink()

    assert typed("convert", tmp_path / "some", "--to", "coco", "--out", tmp_path / "no").exit_code != 0
    assert (
        answer("convert", tmp_path / "some", "--to", "coco", "--out", tmp_path / "o", "--drop-unlabelled")["images"]
        == 15
    )


def test_a_subset_and_a_repaired_copy_are_written(blood: Path, broken: Path, tmp_path: Path):
    assert answer("subset", blood, "--class", "white", "--out", tmp_path / "white")["images"] <= 16
    assert read(tmp_path / "white").names == ("white",)
    changes = answer("repair", broken, "--out", tmp_path / "mended")["changes"]
    assert [change["code"] for change in changes] == ["broken-annotation", "unlabelled"]
    assert len(read(tmp_path / "mended")) == 2


def test_a_group_stays_in_one_split(blood: Path, tmp_path: Path):
    answer("split", blood, "--group", r"smear-\d*(\d)\.", "--out", tmp_path / "out")
    data = read(tmp_path / "out")
    digits = [{data.paths[index].stem[-1] for index in indices} for indices in data.splits.values()]

    assert len(digits) == 2
    assert not digits[0] & digits[1]
    with pytest.raises(UserError, match="--group: expected at least 2 groups to split, got 1"):
        CliRunner().invoke(
            build_app(),
            ["split", str(blood), "--group", "(smear)", "--out", str(tmp_path / "b")],
            catch_exceptions=False,
        )


def test_the_page_of_findings_draws_and_escapes(broken: Path, tmp_path: Path):
    text = (broken / "Annotations" / "smear-00000.xml").read_text()
    (broken / "Annotations" / "smear-00000.xml").write_text(
        text.replace("<xmin>", "<xmin>-99", 1).replace("red", "&lt;b&gt;", 1)
    )
    result = typed("check", broken, "--page", tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()

    assert result.exit_code == 1
    assert "data:image/jpeg;base64," in page
    assert "<b>" not in page


def test_the_plot_is_drawn(blood: Path, tmp_path: Path):
    answer("stats", blood, "--plot", tmp_path / "plot.png")

    assert (tmp_path / "plot.png").read_bytes().startswith(b"\x89PNG")


def test_network_belongs_to_darknet_alone_and_must_be_a_detector(blood: Path, tmp_path: Path):
    (tmp_path / "none.cfg").write_text("[net]\nwidth=32\nheight=32\n[convolutional]\nfilters=2\n")
    for words, said in (
        (["voc", "--network", "yolov3"], "expected --to darknet with it"),
        (["darknet", "--network", "yolov33"], "did you mean 'yolov3'?"),
        (["darknet", "--network", str(tmp_path / "none.cfg")], "expected a detector with anchors"),
    ):
        done = typed("convert", blood, "--to", *words, "--out", tmp_path / "out")

        assert isinstance(done.exception, UserError)
        assert said in str(done.exception)
        assert not (tmp_path / "out").exists()
