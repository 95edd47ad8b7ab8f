"""A classifier at work: its losses, its scores, its weights from files of others."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from onelook.models.classifiers.classifier import Classifier
from onelook.models.classifiers.weights import read_stored, take_over
from onelook.models.loss_settings import LossSettings
from onelook.structures.class_scores import ClassScores
from onelook.structures.errors import FormatError, UserError
from onelook.structures.named_network import NamedNetwork


def small(name: str = "resnet18", classes: int = 4, head: tuple[int, ...] = ()) -> Classifier:
    torch.manual_seed(0)
    return Classifier(NamedNetwork(name, classes, "small", head))


def images(count: int = 2) -> torch.Tensor:
    return torch.randint(0, 256, (count, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))


def test_training_gives_losses_by_name_with_the_auxiliary_heads_weighed() -> None:
    network = small("googlenet")
    targets = torch.tensor([[0, 1, 1.0], [1, 3, 0.25], [1, 0, 0.75]])
    losses = network(images(), targets)
    network.loss = LossSettings(auxiliary_weight=0.0)

    assert list(losses) == ["class", "auxiliary1", "auxiliary2"]
    assert 0.3 * 1.0 < losses["auxiliary1"].item() < 0.3 * 2.5
    assert network(images(), targets)["auxiliary1"].item() == 0


def test_a_fresh_network_begins_at_the_loss_of_chance() -> None:
    losses = small("vgg11_bn", 10)(images(4), torch.tensor([[row, row, 1.0] for row in range(4)]))

    assert losses["class"].item() == pytest.approx(np.log(10), abs=0.4)


def test_evaluation_gives_scores_that_sum_to_one() -> None:
    found = small().eval()(images())

    assert [type(each) for each in found] == [ClassScores, ClassScores]
    assert [each.scores.sum() for each in found] == pytest.approx([1, 1])
    assert found[0].top(2)[0][1] >= found[0].top(2)[1][1]


def test_pixels_are_brought_to_the_mean_and_deviation_of_the_published_weights() -> None:
    network = small()
    white = network.prepared(torch.full((1, 3, 2, 2), 255, dtype=torch.uint8))

    assert white[0, :, 0, 0].tolist() == pytest.approx([(1 - m) / s for m, s in zip(*_imagenet(), strict=True)])


def _imagenet() -> tuple[tuple[float, ...], tuple[float, ...]]:
    return (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def test_a_new_head_has_the_widths_that_were_asked_for() -> None:
    network = small(head=(32, 16))
    shapes = network.shapes()

    assert shapes["fc.0.weight"] == (32, 512)
    assert shapes["fc.2.weight"] == (16, 32)
    assert shapes["fc.4.weight"] == (4, 16)


def test_weights_come_back_bit_for_bit() -> None:
    one, other = small(), Classifier(NamedNetwork("resnet18", 4, "small"))
    other.load(one.arrays())

    assert torch.equal(one.eval().logits(images()), other.eval().logits(images()))
    assert not any("num_batches" in name for name in one.arrays())


def test_a_state_dict_of_torch_is_taken_and_what_does_not_fit_is_listed(tmp_path: Path) -> None:
    source = small(classes=6).network.state_dict()
    source["extra.weight"] = torch.zeros(3)
    del source["layer1.0.conv1.weight"]
    torch.save({"state_dict": {f"module.{name}": tensor for name, tensor in source.items()}}, tmp_path / "w.pth")
    network = small()
    told = take_over(network, tmp_path / "w.pth", list("abcd"), "fc")

    assert torch.equal(network.network.get_parameter("conv1.weight"), source["conv1.weight"])
    assert told[1:] == [
        "  fresh, their shape is another: 2: fc.bias, fc.weight",
        "  fresh, not in the file: 1: layer1.0.conv1.weight",
        "  not of this network: 1: extra.weight",
    ]


class Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, ("executed",)


@pytest.mark.parametrize("is_zip", [True, False])
def test_a_published_file_of_either_age_is_taken_whole(tmp_path: Path, is_zip: bool) -> None:
    """Files of the first years hold no zip, and parameters where later ones hold tensors."""
    source = small()
    kept = {name: nn.Parameter(t) if t.is_floating_point() else t for name, t in source.network.state_dict().items()}
    torch.save(kept, tmp_path / "w.pth", _use_new_zipfile_serialization=is_zip)
    network = Classifier(NamedNetwork("resnet18", 4, "small"))
    told = take_over(network, tmp_path / "w.pth", list("abcd"), "fc")

    assert told == [f"weights from {tmp_path / 'w.pth'}: 102 of 102 arrays"]
    assert all(np.array_equal(array, source.arrays()[name]) for name, array in network.arrays().items())


@pytest.mark.parametrize("is_zip", [True, False])
def test_a_file_that_carries_code_is_refused_and_not_executed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_zip: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    content = {"conv1.weight": torch.zeros(1), "evil": Evil()}
    torch.save(content, tmp_path / "evil.pth", _use_new_zipfile_serialization=is_zip)
    with pytest.raises(FormatError) as caught:
        read_stored(tmp_path / "evil.pth")

    assert str(caught.value).startswith(f"{tmp_path / 'evil.pth'}: expected tensors by name and nothing else; it asks")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize(
    "content",
    [b"", b"no file of torch's", b"PK\x03\x04cut", b"\x80\x02.", b"\x80\x02]q\x00h\x07.", b"\x80\x02K\x01\x85R."],
)
def test_a_broken_file_is_told_in_one_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "w.pth").write_bytes(content)
    with pytest.raises(FormatError) as caught:
        read_stored(tmp_path / "w.pth")

    assert str(caught.value).startswith(str(tmp_path / "w.pth"))
    assert "\n" not in str(caught.value)


def test_tensors_that_are_no_plain_ones_are_told_in_one_line(tmp_path: Path) -> None:
    torch.save({"conv1.weight": torch.eye(3).to_sparse()}, tmp_path / "w.pth")

    with pytest.raises(FormatError, match=r"w\.pth: expected a file of torch's, got another"):
        read_stored(tmp_path / "w.pth")


def test_only_the_connections_to_the_classes_begin_near_nothing() -> None:
    """A hidden one that is as wide as there are classes is drawn like all others."""
    wide = small("vgg11", 512).network
    auxiliary = small("googlenet", 1024).network

    deviations = {name: wide.get_parameter(f"classifier.{name}.weight").std().item() for name in (0, 3, 6)}
    assert deviations == pytest.approx({0: 0.0625, 3: 0.0625, 6: 0.01}, rel=0.05)
    assert auxiliary.get_parameter("aux1.fc1.weight").std().item() == pytest.approx((2 / 2048) ** 0.5, rel=0.05)
    assert auxiliary.get_parameter("aux2.fc2.weight").std().item() == pytest.approx(0.01, rel=0.05)
    assert small("vgg11", 8, (16,)).network.get_parameter("classifier.6.2.weight").std().item() < 0.02


def test_weights_that_are_not_there_and_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    torch.save({"other": torch.zeros(2)}, tmp_path / "other.pth")

    with pytest.raises(UserError, match="got nothing there"):
        read_stored(tmp_path / "absent.pth")
    with pytest.raises(FormatError, match="expected weights of resnet18, got none that fits; other"):
        take_over(small(), tmp_path / "other.pth", list("abcd"), "fc")
