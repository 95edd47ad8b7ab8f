"""Sections and options that are not read are refused in one line that names file, line and reason."""

import pytest

from onelook.structures.errors import FormatError
from onelook.structures.network.cfg import parse_cfg
from onelook.structures.network.layers import describe
from onelook.structures.network.options import Use, uses_of
from onelook.structures.network.sections.table import REFUSED, SECTIONS

NET = "[net]\nwidth=16\nheight=12\n[convolutional]\nfilters=8\nactivation=linear\n"
"""The section under test begins on line 7."""

NEEDED = {
    "route": "layers=-1\n",
    "shortcut": "from=-1\n",
    "scale_channels": "from=-1\n",
    "sam": "from=-1\n",
}


def refused(text: str, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        describe(parse_cfg(NET + text, "some.cfg"))


@pytest.mark.parametrize("kind", REFUSED)
def test_a_refused_section_is_named_with_line_and_reason(kind: str) -> None:
    refused(f"[{kind}]\n", rf"^some\.cfg:7: layer 1 \[{kind}\] not supported: {REFUSED[kind]}")


@pytest.mark.parametrize(
    ("kind", "option"),
    [(kind, key) for kind in SECTIONS for key, use in uses_of(kind).items() if use is Use.REFUSED],
)
def test_a_refused_option_is_named_with_its_line(kind: str, option: str) -> None:
    refused(
        f"[{kind}]\n{NEEDED.get(kind, '')}{option}=1\n",
        rf"^some\.cfg:8: layer 1 \[{kind}\] {option}=.*is not supported",
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[maxpool]\nsize=1\npadding=1", "padding=1: the last window of size=1 would see nothing"),
        ("[local]\nsize=5\npad=1", "expected size=3 with pad=1, any size with pad=0, got size=5, pad=1"),
        ("[maxpool]\nmaxpool_depth=1\nout_channels=9", "some.cfg:9: .* expected 1 to 8 output channels, got 9"),
        ("[reorg]\nstride=5", "expected a stride that divides 16 x 12, got 5"),
        ("[convolutional]\nfilters=6\n[reorg]\nstride=2", "expected channels that 4 divides, got 6"),
        ("[crop]\ncrop_height=13\ncrop_width=4", "expected a part of 16 x 12, got 4 x 13"),
        ("[shortcut]\nfrom=-1\nweights_type=per_pixel", "weights_type: expected none, per_layer, .* got 'per_pixel'"),
        ("[shortcut]\nfrom=-1\nweights_normalization=max", "weights_normalization: expected none, .* got 'max'"),
        ("[scale_channels]\nfrom=-1", r"expected \(8, 1, 1\) \(channels, height, width\) before it, got \(8, 12, 16\)"),
        ("[scale_channels]\nfrom=-1,-1", "expected one layer, got 2"),
        ("[maxpool]\nstride=2\n[sam]\nfrom=0", r"expected a layer of \(8, 6, 8\), got \(8, 12, 16\)"),
        ("[implicit]\natoms=2", "expected filters >= 1 and atoms=1"),
        ("[softmax]\ngroups=5", "expected a number that divides 1536 inputs, got 5"),
        ("[softmax]\ntemperature=0", "expected a temperature above 0"),
        ("[normalization]\nsize=0", "expected a size of at least 1"),
        (
            "[convolutional]\nfilters=8\nshare_index=0\nsize=3",
            "some.cfg:9: .* share_index=0: expected a layer with the arrays",
        ),
        ("[convolutional]\nshare_index=5", "share_index=5: expected an earlier layer, 0 to 0, got 5"),
        ("[region]\nanchors=1,1\nnum=1\nclasses=4", r"filters=9 = \(classes=4 \+ coords=4 \+ 1\) \* num=1 .* got 8"),
        ("[region]\nanchors=1,1\nnum=1\nclasses=3\ncoords=5", "expected coords=4, got 5"),
        ("[detection]\ncoords=4\nside=2\nnum=2\nclasses=3", r"output=52 = side=2² \* \(classes=3 \+ 5 \* num=2\)"),
        ("[detection]\ncoords=4\nside=0", "expected classes, side, num >= 1"),
        ("[Gaussian_yolo]\nanchors=1,1\nnum=1\nclasses=2", r"filters=11 = \(classes=2 \+ 9\) \* 1 masks"),
        ("[yolo]\nanchors=1,1\nnum=1\nmask=1\nclasses=3", "some.cfg:10: .* expected numbers below num=1, got 1"),
        ("[yolo]\nnum=0\nclasses=3", "expected num=0 pairs, got 0 numbers"),
    ],
)
def test_numbers_that_do_not_go_together_are_refused(text: str, message: str) -> None:
    refused(text, message)
