"""Every cfg that comes with Darknet and is at hand either builds or is refused by the section's name and line."""

from pathlib import Path

import pytest

from onelook.structures.errors import FormatError
from onelook.structures.network.cfg import parse_cfg, read_cfg
from onelook.structures.network.cost import flops
from onelook.structures.network.layers import describe

SHARED = Path(__file__).resolve().parents[4] / "shared"

REFUSED = {
    "darknet9000": "201: layer 25 [softmax] tree= is not supported: a softmax over a tree of classes",
    "yolo9000": "217: layer 24 [region] tree= is not supported: a softmax over a tree of classes",
    "gru": "15: layer 0 [gru] not supported: a recurrent layer",
    "rnn": "14: layer 0 [rnn] not supported: a recurrent layer",
    "rnn.train": "14: layer 0 [rnn] not supported: a recurrent layer",
}
"""From the file's stem to what is said after its name."""


def cfgs() -> list[Path]:
    folders = (SHARED / "data" / "darknet-samples" / "cfg", SHARED / "weights")
    return sorted(path for folder in folders for path in folder.rglob("*.cfg")) or [SHARED / "absent.cfg"]


@pytest.mark.parametrize("path", cfgs(), ids=lambda path: path.name)
def test_a_cfg_of_darknet_builds_or_is_refused_by_name(shared: Path, path: Path) -> None:
    if path.stem in REFUSED:
        with pytest.raises(FormatError) as caught:
            describe(read_cfg(path))

        assert str(caught.value) == f"{path}:{REFUSED[path.stem]}"
    else:
        layers = describe(read_cfg(path))

        assert len(layers) == len(read_cfg(path).layers)
        assert sum(map(flops, layers)) > 0


@pytest.mark.parametrize("kind", ["rnn", "gru", "crnn", "lstm", "conv_lstm"])
def test_a_recurrent_layer_is_refused_before_the_size_that_it_does_not_need(kind: str) -> None:
    with pytest.raises(FormatError, match=rf"^some\.cfg:4: layer 1 \[{kind}\] not supported: a recurrent layer$"):
        describe(parse_cfg(f"[net]\ninputs=256\n[connected]\n[{kind}]\n", "some.cfg"))
