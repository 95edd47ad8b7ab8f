"""The networks that come along, by name and by path."""

from pathlib import Path

import pytest
from tests.models.tiny import one_head

from onelook.models.known import KNOWN, find_network
from onelook.structures.errors import UserError
from onelook.structures.network.cfg import format_cfg
from onelook.structures.network.layers import describe

PARAMETERS = {
    "yolov3-tiny": 8858734,
    "yolov3": 62001757,
    "yolov4": 64429405,
    "yolov4-tiny": 6062814,
    "darknet19": 20856776,
    "darknet53": 41645640,
}
"""Numbers in the weights files that their authors published."""


@pytest.mark.parametrize("name", KNOWN)
def test_a_known_network_has_as_many_numbers_as_its_published_weights(name: str) -> None:
    layers = describe(find_network(name))

    assert sum(layer.parameters for layer in layers) == PARAMETERS[name]


def test_yolov3_tiny_has_the_layers_of_the_published_cfg(shared: Path) -> None:
    ours, theirs = find_network("yolov3-tiny"), find_network(str(shared / "weights/yolov3-tiny/yolov3-tiny.cfg"))

    assert [layer.out_shape for layer in describe(ours)] == [layer.out_shape for layer in describe(theirs)]
    assert [layer.arrays for layer in describe(ours)] == [layer.arrays for layer in describe(theirs)]


@pytest.mark.parametrize("name", ["darknet19", "darknet53"])
def test_darknets_classifiers_have_the_layers_of_the_published_cfg(name: str, shared: Path) -> None:
    ours, theirs = find_network(name), find_network(str(shared / f"data/darknet-samples/cfg/{name}.cfg"))

    assert [layer.out_shape for layer in describe(ours)] == [layer.out_shape for layer in describe(theirs)]
    assert [layer.arrays for layer in describe(ours)] == [layer.arrays for layer in describe(theirs)]


def test_a_network_is_found_by_its_file_its_folder_and_its_run(tmp_path: Path) -> None:
    text = format_cfg(one_head())
    (tmp_path / "run" / "model").mkdir(parents=True)
    (tmp_path / "my.cfg").write_text(text)
    (tmp_path / "run" / "model" / "network.cfg").write_text(text)

    found = [find_network(str(path)) for path in (tmp_path / "my.cfg", tmp_path, tmp_path / "run")]

    assert [format_cfg(cfg) for cfg in found] == [text] * 3


def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UserError, match=r"^yolov4-tyni: expected a \.cfg file or one of .*did you mean 'yolov4-tiny'"):
        find_network("yolov4-tyni")
