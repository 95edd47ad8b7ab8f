"""A cfg made to fit the data: what changes, what stays, what is told."""

import numpy as np
import pytest
from tests.models.tiny import BODY, NET, two_heads

from onelook.models.adapt import adapt, counsel, strides, used_anchors, with_net
from onelook.models.known import KNOWN, find_network
from onelook.structures.errors import FormatError
from onelook.structures.network.cfg import Cfg, Section, format_cfg, parse_cfg
from onelook.structures.network.layers import describe


def heads_of(cfg: Cfg) -> list[Section]:
    return [section for section in cfg.layers if section.kind == "yolo"]


@pytest.mark.parametrize("name", KNOWN)
def test_a_known_network_takes_three_classes(name: str) -> None:
    cfg, changes = adapt(find_network(name), 3)

    heads = heads_of(cfg)
    assert [section.integer("classes", 0) for section in heads] == [3] * len(heads)
    assert len(changes) == 2 * len(heads), "filters and classes of every head, nothing else"
    assert [layer.out_shape[0] for layer in describe(cfg) if layer.kind == "yolo"] == [24] * len(heads)


def test_every_change_names_section_line_option_and_both_values() -> None:
    _, changes = adapt(two_heads(), 5)

    assert changes == [
        "[convolutional] (line 21) filters: 14 -> 20",
        "[yolo] (line 25) classes: 2 -> 5",
        "[convolutional] (line 33) filters: 14 -> 20",
        "[yolo] (line 37) classes: 2 -> 5",
    ]


def test_the_cfg_that_was_given_stays_as_it_is() -> None:
    cfg = two_heads()
    before = format_cfg(cfg)

    adapt(cfg, 9, (64, 64))

    assert format_cfg(cfg) == before


def test_nothing_to_change_is_nothing_told() -> None:
    cfg, changes = adapt(two_heads(), 2)

    assert changes == []
    assert [section.numbers("anchors") for section in heads_of(cfg)] == [(4, 4, 8, 8, 12, 6, 16, 20)] * 2


def test_the_cfgs_own_anchors_grow_with_the_input() -> None:
    cfg, changes = adapt(two_heads(), 2, (64, 96))

    assert cfg.input_size == (64, 96)
    assert heads_of(cfg)[0].numbers("anchors") == (8, 12, 16, 24, 24, 18, 32, 60)
    assert "[net] (line 1) width: 32 -> 64" in changes


def test_new_anchors_go_to_the_heads_by_their_grid_the_finest_taking_the_smallest() -> None:
    anchors = np.asarray([[2, 3], [5, 5], [9, 10], [20, 20]], np.float32)

    cfg, changes = adapt(two_heads(), 2, anchors=anchors)

    coarse, fine = heads_of(cfg)
    assert (coarse.integers("mask"), fine.integers("mask")) == ((2, 3), (0, 1))
    assert coarse.numbers("anchors") == fine.numbers("anchors") == (2, 3, 5, 5, 9, 10, 20, 20)
    assert "[yolo] (line 25) anchors: 4,4,8,8,12,6,16,20 -> 2,3,5,5,9,10,20,20" in changes


def test_used_anchors_are_those_that_masks_name_by_area() -> None:
    np.testing.assert_array_equal(used_anchors(two_heads()), [[4, 4], [8, 8], [12, 6], [16, 20]])
    assert used_anchors(parse_cfg(NET + BODY)).shape == (0, 2)


def test_strides_are_told_head_by_head() -> None:
    assert strides(find_network("yolov4")) == (8, 16, 32)
    assert strides(find_network("yolov3-tiny")) == (32, 16)
    assert strides(two_heads()) == (4, 2)


def test_options_of_net_are_set_and_told() -> None:
    cfg, changes = with_net(two_heads(), batch=8, steps=(10, 20), width=32)

    assert cfg.net.integer("batch", 0) == 8
    assert cfg.net.integers("steps") == (10, 20)
    assert changes == ["[net] (line 1) batch: none -> 8", "[net] (line 1) steps: none -> 10,20"]


def test_an_adapted_cfg_reads_back_as_it_was_written() -> None:
    cfg, _ = adapt(find_network("yolov4"), 3, (416, 416))

    again = parse_cfg(format_cfg(cfg))

    assert [layer.out_shape for layer in describe(again)] == [layer.out_shape for layer in describe(cfg)]


def test_a_head_behind_something_other_than_a_convolution_cannot_follow_the_classes() -> None:
    text = NET + "[convolutional]\nfilters=7\n[upsample]\nstride=2\n[yolo]\nanchors=4,4\nnum=1\nclasses=2\n"

    with pytest.raises(
        FormatError, match=r"^odd\.cfg:9: layer 2 \[yolo\] expected a \[convolutional\] section before it"
    ):
        adapt(parse_cfg(text, "odd.cfg"), 3)


REGION = "[convolutional]\nfilters=35\n[region]\nanchors=1,1, 2,3, 4,4, 1,2, 3,1\nnum=5\nclasses=2\n"
GAUSSIAN = "[convolutional]\nfilters=22\n[Gaussian_yolo]\nmask=0,1\nanchors=4,4, 8,8\nnum=2\nclasses=2\n"
DETECTION = "[connected]\noutput=28\nactivation=linear\n[detection]\nclasses=2\ncoords=4\nside=2\nnum=1\nsqrt=1\n"


def test_a_region_head_has_anchors_of_its_own_in_cells() -> None:
    """Stride 4: an anchor of 8 x 12 pixels is 2 x 3 cells, in an input of any size."""
    cfg = parse_cfg(NET + BODY + REGION, "region.cfg")
    anchors = np.asarray([[8, 12], [16, 8], [16, 16], [20, 20], [28, 32]], np.float32)

    adapted, changes = adapt(cfg, 3, (64, 64), anchors)

    head = adapted.layers[-1]
    assert head.numbers("anchors") == (2, 3, 4, 2, 4, 4, 5, 5, 7, 8)
    assert "mask" not in head
    assert adapted.layers[-2].integer("filters", 0) == 5 * 8
    assert "[region] (line 22) classes: 2 -> 3" in changes
    np.testing.assert_array_equal(used_anchors(cfg)[0], [4, 4])
    assert strides(adapted) == (4,)


def test_a_gaussian_head_has_four_more_numbers_an_anchor() -> None:
    adapted, _ = adapt(parse_cfg(NET + BODY + GAUSSIAN), 5)

    assert adapted.layers[-2].integer("filters", 0) == 2 * (9 + 5)
    assert "[Gaussian_yolo]" in format_cfg(adapted), "Darknet minds capitals"


def test_a_grid_head_changes_the_connected_layer_before_it() -> None:
    adapted, changes = adapt(parse_cfg(NET + BODY + DETECTION), 4)

    assert changes == ["[connected] (line 20) output: 28 -> 36", "[detection] (line 23) classes: 2 -> 4"]
    assert strides(adapted) == (16,)
    assert used_anchors(adapted).shape == (0, 2)
    assert describe(adapted)[-1].out_shape == (36, 1, 1)


@pytest.mark.parametrize(
    ("classes", "images", "batches", "steps"),
    [(1, 50, 6000, (4800, 5400)), (10, 50, 20000, (16000, 18000)), (1, 7000, 7000, (5600, 6300))],
)
def test_batches_are_counselled_by_classes_and_images(
    classes: int, images: int, batches: int, steps: tuple[int, int]
) -> None:
    options = counsel(parse_cfg(NET + "batch=1\n[convolutional]\n"), classes, images)

    assert (options["max_batches"], options["steps"]) == (batches, steps)
    assert (options["batch"], options["subdivisions"]) == (64, 16)
    assert "batch" not in counsel(find_network("yolov3-tiny"), classes, images)
