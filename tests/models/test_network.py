"""A network built from a cfg: what comes out in training and in evaluation, weights in and out."""

import numpy as np
import pytest
import torch
from tests.models.tiny import BODY, NET, numbered, one_head, two_heads

from onelook.models.known import find_network
from onelook.models.network import Network
from onelook.structures.network.cfg import parse_cfg
from onelook.structures.network.heads import decode_all
from onelook.structures.network.nms import suppress

TRUTH = torch.tensor([[0, 1, 4.0, 4.0, 18.0, 20.0]])


def images(count: int = 1, seed: int = 0) -> torch.Tensor:
    return torch.randint(0, 256, (count, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(seed))


def test_a_known_network_builds_with_a_raw_output_for_each_head() -> None:
    network = Network(find_network("yolov4-tiny")).eval()

    with torch.no_grad():
        raws = network.raw_outputs(torch.zeros(1, 3, 64, 96, dtype=torch.uint8))

    assert [tuple(raw.shape) for raw in raws] == [(1, 255, 2, 3), (1, 255, 4, 6)]
    assert sum(array.size for array in network.arrays().values()) == 6062814


def test_training_gives_losses_by_name_and_evaluation_one_detections_an_image() -> None:
    network = Network(two_heads())

    losses = network.train()(images(2), TRUTH)
    found = network.eval()(images(2))

    assert set(losses) == {"box", "objectness", "class"}
    assert all(loss.ndim == 0 and loss.requires_grad for loss in losses.values())
    assert len(found) == 2


def test_detections_are_those_of_the_shared_decoding() -> None:
    torch.manual_seed(1)
    network = Network(two_heads()).eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.3)

    with torch.no_grad():
        found = network(images(2))[1]
        raws = [raw[1].numpy() for raw in network.raw_outputs(images(2))]
    expected = suppress(decode_all(raws, network.heads, (32, 32), network.score), network.nms)

    assert len(found) > 10
    np.testing.assert_allclose(found.boxes, expected.boxes, atol=1e-4)


def test_bytes_and_fractions_of_one_mean_the_same_picture() -> None:
    network = Network(one_head()).eval()

    with torch.no_grad():
        raws = [network.raw_outputs(x)[0] for x in (images(), images().float() / 255)]

    torch.testing.assert_close(raws[0], raws[1])


def test_a_fresh_head_says_that_a_cell_sees_nothing() -> None:
    torch.manual_seed(0)
    network = Network(one_head()).eval()

    with torch.no_grad():
        said = network.raw_outputs(images())[0].view(2, 7, 8, 8)[:, 4].sigmoid()

    assert said.mean() == pytest.approx(0.01, rel=0.3)


def test_any_input_size_that_the_layers_take_gives_raw_outputs_of_that_size() -> None:
    with torch.no_grad():
        raw = Network(one_head()).eval().raw_outputs(torch.zeros(1, 3, 64, 48))[0]

    assert raw.shape == (1, 14, 16, 12)


def test_weights_come_out_as_they_went_in() -> None:
    network = Network(two_heads())
    arrays = numbered(network)

    network.load(arrays)

    out = network.arrays()
    assert out.keys() == arrays.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(out[name], array)


def test_arrays_that_are_absent_leave_the_networks_own() -> None:
    network = Network(one_head())
    before = network.arrays()

    network.load({"0.biases": np.full(4, 9, np.float32)})

    after = network.arrays()
    assert after["0.biases"].tolist() == [9.0] * 4
    np.testing.assert_array_equal(after["1.weights"], before["1.weights"])


def test_an_array_of_another_shape_is_refused_with_both() -> None:
    with pytest.raises(ValueError, match=r"0\.biases: expected \(4,\), got \(5,\)"):
        Network(one_head()).load({"0.biases": np.zeros(5, np.float32)})


def test_arrays_are_copies() -> None:
    network = Network(one_head())
    network.arrays()["0.biases"][:] = 5

    assert network.arrays()["0.biases"].tolist() == [0.0] * 4


def test_the_same_seed_gives_the_same_fresh_weights() -> None:
    drawn = []
    for _ in range(2):
        torch.manual_seed(7)
        drawn.append(Network(one_head()).arrays()["1.weights"])

    np.testing.assert_array_equal(*drawn)


def test_fresh_weights_spread_by_their_fan_in() -> None:
    torch.manual_seed(0)
    weights = Network(parse_cfg(NET + BODY + "[convolutional]\nfilters=256\nsize=3\npad=1\n")).arrays()["2.weights"]

    assert weights.std() == pytest.approx((2 / (8 * 9)) ** 0.5, rel=0.03)
