"""Bundles: four files that are a model wherever they go, and every way to name one."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file
from tests.structures.small_models import small_bundle

from onelook.structures.bundle import Bundle, BundleSettings, find_model, read_bundle, write_bundle
from onelook.structures.errors import FormatError, UserError
from onelook.structures.network.cfg import format_cfg
from onelook.structures.network.weights_file import write_weights


def darknet_files(
    folder: Path, stem: str = "small", names: str | None = "red\nwhite\n", version: tuple[int, int, int] = (0, 2, 5)
) -> Path:
    """Write the small model as Darknet's files and return the cfg's path."""
    folder.mkdir(exist_ok=True)
    bundle = small_bundle()
    (folder / f"{stem}.cfg").write_text(format_cfg(bundle.cfg))
    write_weights(folder / f"{stem}.weights", bundle.layers(), bundle.arrays, 64, version)
    if names is not None:
        (folder / f"{stem}.names").write_text(names)
    return folder / f"{stem}.cfg"


def assert_same_arrays(first: Bundle, second: Bundle) -> None:
    assert set(first.arrays) == set(second.arrays)
    for name, array in first.arrays.items():
        np.testing.assert_array_equal(array, second.arrays[name])


def test_a_bundle_reads_back_as_it_was_written(tmp_path: Path) -> None:
    bundle = small_bundle(resize="letterbox", trained_on="abc", seen=12, darknet_version=(0, 2, 0))
    bundle = dataclasses.replace(bundle, metrics={"ap50": 0.5, "per_class": [{"class": "red", "ap": np.float64(0.25)}]})

    write_bundle(tmp_path / "model", bundle)
    again = read_bundle(tmp_path / "model")

    assert_same_arrays(bundle, again)
    assert again.names == ("red", "white")
    assert again.metrics == {"ap50": 0.5, "per_class": [{"class": "red", "ap": 0.25}]}
    assert dataclasses.replace(again.settings, weights_sha256="") == bundle.settings
    assert [layer.out_shape for layer in again.layers()] == [layer.out_shape for layer in bundle.layers()]
    assert sorted(path.name for path in (tmp_path / "model").iterdir()) == [
        "bundle.toml",
        "classes.txt",
        "network.cfg",
        "weights.safetensors",
    ]


def test_a_folder_that_is_there_is_kept_unless_it_may_be_replaced(tmp_path: Path) -> None:
    write_bundle(tmp_path / "model", small_bundle())

    with pytest.raises(UserError, match="expected a new or empty folder"):
        write_bundle(tmp_path / "model", small_bundle(seed=1))
    write_bundle(tmp_path / "model", small_bundle(seed=1), replace=True)

    assert_same_arrays(read_bundle(tmp_path / "model"), small_bundle(seed=1))


def test_the_input_size_of_the_bundle_wins_over_the_cfg_s() -> None:
    bundle = dataclasses.replace(small_bundle(), settings=BundleSettings(32, 32))

    assert bundle.layers()[-1].out_shape == (14, 8, 8)


@pytest.mark.parametrize("missing", ["network.cfg", "classes.txt", "weights.safetensors"])
def test_a_bundle_without_one_of_its_files_is_refused(tmp_path: Path, missing: str) -> None:
    write_bundle(tmp_path / "model", small_bundle())
    (tmp_path / "model" / missing).unlink()

    with pytest.raises(FormatError, match=f"got a folder without {missing}"):
        find_model(tmp_path / "model")


def test_weights_that_were_exchanged_are_refused_by_their_digest(tmp_path: Path) -> None:
    write_bundle(tmp_path / "model", small_bundle())
    save_file(dict(small_bundle(seed=1).arrays), tmp_path / "model" / "weights.safetensors")

    with pytest.raises(FormatError, match="the file is not the one that was saved"):
        read_bundle(tmp_path / "model")
    assert_same_arrays(read_bundle(tmp_path / "model", verify=False), small_bundle(seed=1))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text.replace("width = 64\n", ""), "bundle.toml: expected width, got none"),
        (
            lambda text: text.replace('"stretch"', '"crop"'),
            "bundle.toml: resize: expected letterbox, stretch, .* got 'crop'",
        ),
        (lambda text: text.replace('"rgb"', '"bgr"'), "colour: expected rgb"),
        (lambda text: text.replace("width = 64", "width = 0"), "expected at least 1, got 0 and 48"),
        (
            lambda text: text.replace("version = 1\n", "version = 9\n"),
            "version: expected 1 to 1, got 9; a newer onelook",
        ),
        (lambda text: text.replace("score =", "scores ="), "unknown setting 'scores'; did you mean 'score'"),
        (lambda text: text.replace("seen = 0", "seen = -1"), "darknet_version, seen"),
        (lambda text: text.replace("=", ""), "expected TOML"),
    ],
)
def test_settings_that_cannot_be_are_told_with_the_file(tmp_path: Path, change: object, message: str) -> None:
    write_bundle(tmp_path / "model", small_bundle())
    path = tmp_path / "model" / "bundle.toml"
    path.write_text(change(path.read_text()))  # type: ignore[operator]

    with pytest.raises(UserError, match=message):
        read_bundle(tmp_path / "model")


def test_weights_that_are_no_safetensors_are_one_line(tmp_path: Path) -> None:
    write_bundle(tmp_path / "model", small_bundle())
    (tmp_path / "model" / "weights.safetensors").write_bytes(b"\x80\x04pickle")

    with pytest.raises(FormatError, match=r"weights\.safetensors: expected safetensors, got"):
        read_bundle(tmp_path / "model", verify=False)


@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        ("1.biases", None, r"layer 1 .* biases: expected float32 \(14,\), got none"),
        ("1.biases", np.zeros(9, np.float32), r"expected float32 \(14,\), got float32 \(9,\)"),
        ("0.scales", np.zeros(8, np.float64), r"expected float32 \(8,\), got float64 \(8,\)"),
    ],
)
def test_arrays_that_do_not_fit_are_refused_with_both_shapes(name: str, array: object, message: str) -> None:
    bundle = small_bundle()
    arrays = {key: value for key, value in {**bundle.arrays, name: array}.items() if value is not None}

    with pytest.raises(FormatError, match=message):
        dataclasses.replace(bundle, arrays=arrays)


def test_another_number_of_names_than_classes_is_refused() -> None:
    with pytest.raises(FormatError, match=r"bundle: expected classes=2 names as layer 2 \[yolo\] .* has, got 3"):
        dataclasses.replace(small_bundle(), names=("a", "b", "c"))


def test_a_run_means_its_best_model(tmp_path: Path) -> None:
    write_bundle(tmp_path / "run" / "model", small_bundle())

    assert_same_arrays(find_model(tmp_path / "run"), small_bundle())
    assert find_model(tmp_path / "run" / "model").where == str(tmp_path / "run" / "model")


def test_a_bundle_takes_no_other_weights_or_names(tmp_path: Path) -> None:
    write_bundle(tmp_path / "model", small_bundle())

    with pytest.raises(UserError, match="a bundle has its own weights and names"):
        find_model(tmp_path / "model", weights=tmp_path / "x.weights")


@pytest.mark.parametrize("named", ["folder", "cfg", "weights"])
def test_darknet_files_are_found_by_any_of_them(tmp_path: Path, named: str) -> None:
    cfg = darknet_files(tmp_path / "files")
    path = {"folder": cfg.parent, "cfg": cfg, "weights": cfg.with_suffix(".weights")}[named]

    found = find_model(path)

    assert_same_arrays(found, small_bundle())
    assert found.names == ("red", "white")
    assert (found.settings.size, found.settings.seen) == ((64, 48), 64)


def test_one_of_several_models_in_a_folder_is_found_by_its_stem(tmp_path: Path) -> None:
    darknet_files(tmp_path, "first", names=None)
    darknet_files(tmp_path, "second", names=None)
    (tmp_path / "coco.names").write_text("a\nb\n")

    assert find_model(tmp_path / "second.weights").names == ("a", "b")
    with pytest.raises(UserError, match=r"expected one .cfg file, got first.cfg, second.cfg; name the file itself"):
        find_model(tmp_path)


def test_files_elsewhere_may_be_named(tmp_path: Path) -> None:
    cfg = darknet_files(tmp_path / "files")
    elsewhere = cfg.with_suffix(".weights").rename(tmp_path / "w.weights")
    (tmp_path / "n.names").write_text("x\ny\n")

    assert find_model(cfg, elsewhere, tmp_path / "n.names").names == ("x", "y")
    with pytest.raises(UserError, match=r"expected one \.weights file, got none"):
        find_model(cfg)


def test_classes_without_names_are_numbered(tmp_path: Path) -> None:
    assert find_model(darknet_files(tmp_path, names=None)).names == ("class0", "class1")


def test_names_of_another_model_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"small.names: expected classes=2 names .*, got 3"):
        find_model(darknet_files(tmp_path, names="a\nb\nc\n"))


@pytest.mark.parametrize(
    ("version", "line", "resize"),
    [
        ((0, 2, 0), "", "letterbox"),
        ((0, 2, 5), "", "stretch"),
        ((0, 2, 0), "letter_box=0\n", "stretch"),
        ((0, 2, 5), "letter_box=1\n", "letterbox"),
    ],
)
def test_darknet_models_are_resized_as_the_program_that_wrote_them_does(
    tmp_path: Path, version: tuple[int, int, int], line: str, resize: str
) -> None:
    cfg = darknet_files(tmp_path, version=version)
    cfg.write_text(cfg.read_text().replace("[net]\n", "[net]\n" + line))

    assert find_model(cfg).settings.resize == resize


@pytest.mark.parametrize(
    ("name", "message"),
    [("absent", "got nothing there"), ("model.pt", "got a .pt file"), ("plain", "got a plain file")],
)
def test_what_is_no_model_is_one_line(tmp_path: Path, name: str, message: str) -> None:
    if name != "absent":
        (tmp_path / name).write_bytes(b"x")

    with pytest.raises(UserError, match=message):
        find_model(tmp_path / name)


def test_real_models_are_found_beside_their_names(shared: Path) -> None:
    tiny = find_model(shared / "weights" / "yolov3-tiny")
    fastest = find_model(shared / "weights" / "yolo-fastest" / "yolo-fastest-1.1_coco" / "yolo-fastest-1.1-xl.weights")

    assert (len(tiny.names), tiny.settings.resize, tiny.settings.size) == (80, "letterbox", (416, 416))
    assert (len(fastest.names), fastest.settings.resize, fastest.settings.size) == (80, "stretch", (320, 320))
    assert json.dumps(tiny.names[:2]) == '["person", "bicycle"]'
