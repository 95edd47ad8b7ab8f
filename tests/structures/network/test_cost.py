"""Operations: one layer by hand, whole networks as Darknet prints them."""

from pathlib import Path

import pytest

from onelook.structures.network.cfg import parse_cfg, read_cfg
from onelook.structures.network.cost import flops
from onelook.structures.network.layers import describe

NET = "[net]\nwidth=8\nheight=4\nchannels=4\n"


@pytest.mark.parametrize(
    ("sections", "expected"),
    [
        ("[convolutional]\nfilters=6\nsize=3\npad=1", 2 * 9 * 4 * 6 * 32),
        ("[convolutional]\nfilters=8\nsize=3\npad=1\ngroups=4", 2 * 9 * 8 * 32),
        ("[connected]\noutput=5", 2 * 128 * 5),
        ("[maxpool]\nsize=2\nstride=2", 4 * 4 * 8),
        ("[maxpool]\n[shortcut]\nfrom=-1", 4 * 32),
        ("[upsample]", 0),
    ],
)
def test_a_layer_s_operations(sections: str, expected: int) -> None:
    assert flops(describe(parse_cfg(NET + sections))[-1]) == expected


def test_yolov3_tiny_costs_what_darknet_says(shared: Path) -> None:
    layers = describe(read_cfg(shared / "weights" / "yolov3-tiny" / "yolov3-tiny.cfg"))

    assert sum(map(flops, layers)) / 1e9 == pytest.approx(5.571, abs=5e-4)
