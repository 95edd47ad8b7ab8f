"""Weights of one training brought into a network for other classes."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.models.tiny import BODY, NET, numbered, one_head, two_heads

from onelook.models.adapt import adapt
from onelook.models.known import find_network
from onelook.models.network import Network
from onelook.models.transfer import Pretrained, read_pretrained, transfer
from onelook.structures.bundle import Bundle, BundleSettings, write_bundle
from onelook.structures.errors import FormatError, UserError
from onelook.structures.network.cfg import Cfg, parse_cfg
from onelook.structures.network.layers import describe
from onelook.structures.network.weights_file import write_weights


def written(path: Path, cfg: Cfg, until: int | None = None) -> dict[str, np.ndarray]:
    """Write numbered weights of the cfg (of its first layers) and return them."""
    network = Network(cfg)
    write_weights(path, network.layers[:until], numbered(network))
    return numbered(network)


def test_coco_weights_go_into_three_classes_but_for_the_class_rows(shared: Path) -> None:
    cfg = find_network("yolov3-tiny")
    three, _ = adapt(cfg, 3)
    pretrained = read_pretrained(shared / "weights/yolov3-tiny/yolov3-tiny.weights", cfg)

    taken, words = transfer(pretrained, describe(three), ("dog", "my own thing", "Person"))

    assert words.endswith("yolov3-tiny.weights: 11 of 11 layers below the heads")
    head, source = taken["15.biases"].reshape(3, 8), pretrained.arrays["15.biases"].reshape(3, 85)
    np.testing.assert_array_equal(head[:, :5], source[:, :5])
    np.testing.assert_array_equal(head[:, 5], source[:, 5 + 16])
    np.testing.assert_array_equal(head[:, 7], source[:, 5 + 0])
    assert not head[:, 6].any()
    assert taken["15.weights"].shape == (24, 512, 1, 1)


def test_a_files_own_classes_are_found_from_its_size(tmp_path: Path) -> None:
    written(tmp_path / "five.weights", two_heads(5))

    pretrained = read_pretrained(tmp_path / "five.weights", two_heads(2))

    assert pretrained.classes() == 5
    assert pretrained.names == ()


def test_names_beside_the_weights_are_taken_when_they_are_as_many(tmp_path: Path) -> None:
    arrays = written(tmp_path / "three.weights", one_head(3))
    (tmp_path / "three.names").write_text("cat\ndog\nbird\n")
    (tmp_path / "other.names").write_text("cat\ndog\n")

    pretrained = read_pretrained(tmp_path / "three.weights", one_head(2))
    taken, _ = transfer(pretrained, describe(one_head(2)), ("bird", "cow"))

    assert pretrained.names == ("cat", "dog", "bird")
    rows, before = taken["2.biases"].reshape(2, 7), arrays["2.biases"].reshape(2, 8)
    np.testing.assert_array_equal(rows[:, :5], before[:, :5])
    np.testing.assert_array_equal(rows[:, 5], before[:, 7])
    assert rows[:, 6].tolist() == [0, 0]


def test_a_bundle_brings_its_names(tmp_path: Path) -> None:
    network = Network(one_head(2))
    bundle = Bundle(one_head(2), ("cat", "dog"), numbered(network), BundleSettings(32, 32))
    write_bundle(tmp_path / "bundle", bundle)

    pretrained = read_pretrained(tmp_path / "bundle", one_head(2))

    assert pretrained.names == ("cat", "dog")


def test_a_partial_file_gives_the_layers_that_it_has(tmp_path: Path) -> None:
    arrays = written(tmp_path / "tiny.conv.2", one_head(2), until=2)

    pretrained = read_pretrained(tmp_path / "tiny.conv.2", one_head(7))
    taken, words = transfer(pretrained, describe(one_head(7)), tuple("abcdefg"))

    assert set(taken) == {name for name in arrays if not name.startswith("2.")}
    assert words.endswith("2 of 2 layers below the heads")


def test_the_published_partial_file_is_the_first_layers_of_the_whole(shared: Path, tmp_path: Path) -> None:
    cfg = find_network("yolov3-tiny")
    whole = shared / "weights/yolov3-tiny/yolov3-tiny.weights"
    count = sum(layer.parameters for layer in describe(cfg)[:15])
    (tmp_path / "yolov3-tiny.conv.15").write_bytes(whole.read_bytes()[: 20 + 4 * count])

    pretrained = read_pretrained(tmp_path / "yolov3-tiny.conv.15", cfg)
    _, words = transfer(pretrained, describe(adapt(cfg, 1)[0]), ("cell",))

    assert "15.biases" not in pretrained.arrays
    assert words.endswith("9 of 11 layers below the heads")


def test_weights_of_another_cfg_are_refused_with_both_sizes(tmp_path: Path) -> None:
    written(tmp_path / "two.weights", two_heads(2))
    found, expected = (sum(layer.parameters for layer in describe(cfg)) for cfg in (two_heads(2), one_head(2)))

    with pytest.raises(FormatError, match=rf"expected {expected} numbers for one\.cfg, got {found} .*another cfg"):
        read_pretrained(tmp_path / "two.weights", one_head(2))


def test_a_file_that_ends_inside_a_layer_is_refused_with_the_layer(tmp_path: Path) -> None:
    written(tmp_path / "one.weights", one_head(2))
    data = (tmp_path / "one.weights").read_bytes()
    (tmp_path / "cut.weights").write_bytes(data[: 20 + 4 * 150])

    with pytest.raises(FormatError, match=r"cut\.weights: expected \d+ numbers .* got 150 \(it ends in layer 1 \[conv"):
        read_pretrained(tmp_path / "cut.weights", one_head(2))


def test_arrays_of_another_network_are_refused_with_the_layer_and_both_shapes() -> None:
    cfg = one_head(2)
    pretrained = Pretrained(cfg, numbered(Network(cfg)), ("a", "b"), "old")
    wider = replace(cfg, layers=(cfg.layers[0].changed(filters=5), *cfg.layers[1:]))

    with pytest.raises(FormatError, match=r"old: layer 0 .* biases: expected \(5,\), got \(4,\)"):
        transfer(pretrained, describe(wider), ("a", "b"))


def test_a_file_without_a_whole_layer_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.weights").write_bytes(np.asarray([0, 2, 5, 0, 0], "<i4").tobytes())

    with pytest.raises(FormatError, match="expected at least the first layer's weights, got 0 numbers"):
        read_pretrained(tmp_path / "empty.weights", one_head(2))


def test_weights_that_are_not_there_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="nowhere: expected weights, got nothing there"):
        read_pretrained(tmp_path / "nowhere", one_head(2))


def test_a_head_with_other_anchors_starts_afresh() -> None:
    cfg = one_head(2)
    three = (cfg.layers[2].changed(filters=21), cfg.layers[3].changed(mask=(1, 2, 3)))
    layers = describe(replace(cfg, layers=(*cfg.layers[:2], *three)))

    taken, _ = transfer(Pretrained(cfg, numbered(Network(cfg)), (), "one"), layers, ("a", "b"))

    assert "2.biases" not in taken and "1.weights" in taken


@pytest.mark.parametrize(
    ("head", "beside"),
    [
        ("[region]\nanchors=1,1, 2,3\nnum=2\nclasses={classes}\n", 5),
        ("[Gaussian_yolo]\nmask=0,1\nanchors=4,4, 8,8\nnum=2\nclasses={classes}\n", 9),
    ],
)
def test_rows_of_other_heads_go_over_by_name_too(head: str, beside: int) -> None:
    def cfg(classes: int) -> Cfg:
        convolution = f"[convolutional]\nfilters={2 * (beside + classes)}\nactivation=linear\n"
        return parse_cfg(NET + BODY + convolution + head.format(classes=classes), "old.cfg")

    arrays = numbered(Network(cfg(3)))
    taken, _ = transfer(Pretrained(cfg(3), arrays, ("cat", "dog", "cow"), "old"), describe(cfg(1)), ("dog",))

    rows, before = taken["2.biases"].reshape(2, -1), arrays["2.biases"].reshape(2, -1)
    np.testing.assert_array_equal(rows[:, :beside], before[:, :beside])
    np.testing.assert_array_equal(rows[:, beside], before[:, beside + 1])
