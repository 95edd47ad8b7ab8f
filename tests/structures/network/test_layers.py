"""From sections to layers: shapes, sources, arrays, and cfgs that cannot be."""

import json
from pathlib import Path

import pytest

from onelook.structures.errors import FormatError
from onelook.structures.network.cfg import parse_cfg, read_cfg
from onelook.structures.network.layers import INPUT, SECTIONS, Layer, describe

NET = "[net]\nwidth=14\nheight=11\nchannels=3\n"


def layers_of(*sections: str) -> tuple[Layer, ...]:
    return describe(parse_cfg(NET + "\n".join(sections), "some.cfg"))


def last_shape(*sections: str) -> tuple[int, int, int]:
    return layers_of(*sections)[-1].out_shape


@pytest.mark.parametrize(
    ("options", "shape"),
    [
        ("filters=8\nsize=3\npad=1", (8, 11, 14)),
        ("filters=8\nsize=3\nstride=2\npad=1", (8, 6, 7)),
        ("filters=8\nsize=4\npad=1", (8, 12, 15)),
        ("filters=8\nsize=3\npadding=2", (8, 13, 16)),
        ("filters=8\nsize=3\npad=1\npadding=7", (8, 11, 14)),
        ("filters=8\nsize=3\npad=1\ndilation=3", (8, 11, 14)),
        ("filters=8\nsize=1\npad=1\ndilation=2", (8, 11, 14)),
        ("filters=8\nsize=3\npad=1\nstride_x=2\nstride_y=1", (8, 11, 7)),
        ("", (1, 11, 14)),
    ],
)
def test_a_convolution_s_shape(options: str, shape: tuple[int, int, int]) -> None:
    assert last_shape(f"[convolutional]\n{options}") == shape


@pytest.mark.parametrize(
    ("options", "shape"),
    [
        ("size=2\nstride=2", (3, 6, 7)),
        ("size=2\nstride=1", (3, 11, 14)),
        ("stride=3", (3, 4, 5)),
        ("size=2\nstride=2\npadding=0", (3, 5, 7)),
    ],
)
def test_a_maximum_s_shape(options: str, shape: tuple[int, int, int]) -> None:
    assert last_shape(f"[maxpool]\n{options}") == shape


def test_routes_shortcuts_and_upsampling_know_where_they_take_their_input() -> None:
    layers = layers_of(
        "[conv]\nfilters=4",
        "[conv]\nfilters=6\nsize=3\npad=1",
        "[shortcut]\nfrom=-2",
        "[route]\nlayers=-1, 0",
        "[route]\nlayers=-1\ngroups=2\ngroup_id=1",
        "[upsample]",
    )

    assert [layer.inputs for layer in layers] == [(INPUT,), (0,), (1, 0), (2, 0), (3,), (4,)]
    assert [layer.out_shape[0] for layer in layers] == [4, 6, 6, 10, 5, 5]
    assert layers[-1].out_shape == (5, 22, 28)
    assert layers[0].kind == "convolutional"
    assert layers[1].name == "layer 1 [conv] (line 7)"


def test_arrays_stand_in_the_order_of_the_file() -> None:
    convolution, connected = layers_of(
        "[convolutional]\nfilters=4\nbatch_normalize=1\nsize=3", "[connected]\noutput=5\nbatch_normalize=1"
    )

    assert [name for name, _ in convolution.arrays] == [
        "biases",
        "scales",
        "rolling_mean",
        "rolling_variance",
        "weights",
    ]
    assert [name for name, _ in connected.arrays] == ["biases", "weights", "scales", "rolling_mean", "rolling_variance"]
    assert convolution.parameters == 4 * 4 + 4 * 3 * 9
    assert connected.parameters == 5 * 4 + 5 * 4 * 9 * 12


def test_another_input_size_changes_shapes_and_not_arrays() -> None:
    cfg = parse_cfg(NET + "[convolutional]\nfilters=4\nsize=3\npad=1\nstride=2\n")

    assert describe(cfg, (64, 32))[0].out_shape == (4, 16, 32)
    assert describe(cfg, (64, 32))[0].arrays == describe(cfg)[0].arrays


YOLO = "[convolutional]\nfilters={filters}\n[yolo]\nmask={mask}\nanchors={anchors}\nclasses={classes}\nnum={num}"


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ("[convolutionel]", r"some.cfg:5: layer 0 \[convolutionel\] unknown section; did you mean 'convolutional'"),
        ("[convolutional]\nfilters=4\ngroups=2", "some.cfg:7: .* groups=2 do not fit 3 input channels"),
        ("[convolutional]\nfilters=0", "do not fit"),
        ("[convolutional]\nsize=20", "expected a sensible output"),
        ("[convolutional]\nfilters=9999999", "expected a sensible output"),
        ("[maxpool]\nstride=0", "expected size, stride >= 1"),
        ("[maxpool]\nsize=2\npadding=4", "padding < 2 \\* size"),
        ("[route]\nlayers=-2", "some.cfg:6: .* layers=-2: expected an earlier layer"),
        ("[convolutional]\n[route]\nlayers=1", "layers=1: expected an earlier layer, 0 to 0, got 1"),
        ("[route]", "expected layers=, got none"),
        ("[maxpool]\nstride=2\n[convolutional]\nstride=2\n[route]\nlayers=0,1", "expected layers of one size"),
        ("[maxpool]\n[route]\nlayers=0\ngroups=2", "do not divide"),
        ("[shortcut]", "expected from="),
        (
            "[maxpool]\n[maxpool]\nstride_x=2\nstride_y=1\n[shortcut]\nfrom=0",
            "some.cfg:.*: layer 2 .* expected height and width .* or as many times more or less down as across, got",
        ),
        (
            "[maxpool]\n[maxpool]\nstride=2\n[shortcut]\nfrom=0\nweights_type=per_channel",
            r"expected height and width \(\d+, \d+\), got",
        ),
        ("[upsample]\nstride=-2", "expected a stride of at least 1"),
        (
            YOLO.format(filters=255, mask="0,1", anchors="1,2,3,4", classes=2, num=2),
            r"filters=14 = \(classes=2 \+ 5\) \* 2 masks",
        ),
        (YOLO.format(filters=14, mask="0,1", anchors="1,2,3", classes=2, num=2), "expected num=2 pairs, got 3 numbers"),
        (YOLO.format(filters=14, mask="0,2", anchors="1,2,3,4", classes=2, num=2), "expected numbers below num=2"),
        (YOLO.format(filters=4, mask="0", anchors="1,2", classes=-1, num=1), "expected at least one class"),
    ],
)
def test_a_cfg_that_cannot_be_is_refused_with_its_line(sections: str, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        layers_of(sections)


def test_a_cfg_without_a_size_is_refused() -> None:
    with pytest.raises(FormatError, match="expected width, height and channels, got 0, 0, 3"):
        describe(parse_cfg("[net]\n[maxpool]\n"))


def test_too_many_layers_are_refused() -> None:
    with pytest.raises(FormatError, match="expected at most 4096 layers"):
        layers_of("[dropout]\n" * 4097)


def test_shapes_are_those_that_darknet_printed(shared: Path) -> None:
    """But for `antialiasing`: Darknet prints the shape before the blur, and hands the next layer the one behind it."""
    folder = shared / "reference" / "layers"
    compared: set[str] = set()
    for name, case in json.loads((folder / "index.json").read_text())["cases"].items():
        layers = describe(read_cfg(folder / f"{name}.cfg"))
        compared |= {layer.kind for layer in layers}
        for layer, (_, *stored) in zip(layers, case["layers"], strict=False):
            if min(stored, default=0) > 0 and "antialiasing" not in layer.section:  # [softmax], [cost] have none
                assert list(layer.out_shape) == stored, f"{name}: {layer.name}"

    assert compared == set(SECTIONS)
