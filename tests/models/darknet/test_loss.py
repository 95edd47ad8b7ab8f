"""Darknet's own loss: deltas, costs and gradients of the original's training steps."""

from pathlib import Path

import numpy as np
import pytest
import torch
from tests.models.darknet.cases import CASES, load_case
from tests.models.tiny import BODY, NET, one_head, two_heads

from onelook.models.darknet.loss import darknet_loss
from onelook.models.loss_settings import LossSettings
from onelook.models.network import Network
from onelook.models.sections.stored import Stored
from onelook.structures.errors import FormatError, UserError
from onelook.structures.network.cfg import Cfg, parse_cfg

TOLERANCE = 1e-4
"""Times the largest number of the array."""

UPDATES = {"weights": "weight_updates", "biases": "bias_updates", "scales": "scale_updates"}
STATISTICS = ("rolling_mean", "rolling_variance")


@pytest.mark.parametrize("name", CASES)
def test_gradients_and_statistics_of_the_first_step_are_the_original_s(shared: Path, name: str) -> None:
    case = load_case(shared, name)

    next(case.losses()).backward()

    for index, module in enumerate(case.network.sections):
        for array, tensor in module.arrays().items() if isinstance(module, Stored) else ():
            statistic = array in STATISTICS
            stored = case.stored[f"first_minibatch.L{index}.{array if statistic else UPDATES[array]}"]
            ours = tensor.numpy() if statistic else -tensor.grad.numpy().reshape(-1) * case.images
            assert np.abs(ours - stored).max() <= 1e-5 + TOLERANCE * np.abs(stored).max(), f"{index}.{array}"


@pytest.mark.parametrize("name", CASES[:-2])
def test_deltas_and_costs_of_heads_are_the_original_s(shared: Path, name: str) -> None:
    case = load_case(shared, name)
    pushed: dict[int, np.ndarray] = {}
    heads = [layer for layer in case.network.layers if layer.is_head]
    for layer in heads:
        watch(case.network.sections[layer.index - 1], layer.index, pushed)

    loss = next(case.losses())
    loss.backward()

    costs = [float(case.stored[f"first_minibatch.L{layer.index}.cost"][0]) for layer in heads]
    assert loss.item() == pytest.approx(np.mean(costs) / case.images, rel=1e-5)
    for layer in heads:
        stored = case.stored[f"first_minibatch.L{layer.index}.delta"]
        difference = np.abs(pushed[layer.index].reshape(-1) * case.images - stored).max()
        assert difference <= TOLERANCE * np.abs(stored).max(), layer.name


def watch(module: torch.nn.Module, index: int, pushed: dict[int, np.ndarray]) -> None:
    """Keep minus the slope by what the module gives."""

    def keep(slope: torch.Tensor) -> None:
        pushed[index] = -slope.numpy()

    def hook(_: object, __: object, output: torch.Tensor) -> None:
        output.register_hook(keep)

    module.register_forward_hook(hook)


def images(count: int = 2) -> torch.Tensor:
    return torch.randint(0, 256, (count, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


TARGETS = torch.tensor([[0, 0, 2.0, 2, 8, 9], [0, 1, 10, 8, 26, 28], [1, 1, 4, 4, 16, 11]])

REGION = "[convolutional]\nfilters=14\nactivation=linear\n[region]\nanchors=1,1, 4,5\nnum=2\nclasses=2\nsoftmax=1\n"


def region() -> Cfg:
    text = REGION + "bias_match=1\nrescore=1\nobject_scale=5\nnoobject_scale=1\nclass_scale=1\ncoord_scale=1\n"
    return parse_cfg(NET + BODY + text, "region.cfg")


@pytest.mark.parametrize("cfg", [two_heads(), region()], ids=["yolo", "region"])
def test_it_goes_down_when_one_tiny_batch_is_learned_by_heart(cfg: Cfg) -> None:
    torch.manual_seed(0)
    network = Network(cfg, LossSettings(kind="darknet")).train()
    optimizer = torch.optim.Adam(network.parameters(), 0.05)
    totals = []
    for _ in range(80):
        total = torch.stack(list(network(images(), TARGETS).values())).sum()
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
        totals.append(total.item())

    found = network.eval()(images())[0].above(0.5)

    assert totals[-1] < totals[0] / 4
    assert sorted(set(found.classes.tolist())) == [0, 1]
    assert network.seen == 2 * 80


def test_losses_are_named_by_head() -> None:
    losses = Network(two_heads(), LossSettings(kind="darknet")).train()(images(), TARGETS)

    assert list(losses) == ["yolo3", "yolo6"]
    assert all(loss.ndim == 0 and loss.requires_grad for loss in losses.values())


@pytest.mark.parametrize("cfg", [two_heads(), region()], ids=["yolo", "region"])
def test_no_truth_at_all_pushes_objectness_down(cfg: Cfg) -> None:
    network = Network(cfg, LossSettings(kind="darknet")).train()
    network.seen = 100_000

    losses = network(images(), torch.zeros(0, 6))
    torch.stack(list(losses.values())).sum().backward()

    assert all(torch.isfinite(loss) for loss in losses.values())
    assert all(torch.isfinite(each.grad).all() for each in network.parameters() if each.grad is not None)


def test_truths_beyond_max_of_unknown_class_or_without_area_are_not_looked_at() -> None:
    cfg = one_head()
    limited = Cfg(cfg.net, (*cfg.layers[:-1], cfg.layers[-1].changed(max=1)))
    network = Network(limited, LossSettings(kind="darknet"))
    raw = torch.randn(2, 14, 8, 8, generator=torch.Generator().manual_seed(0))
    more = torch.tensor([[0, 0, 1.0, 1, 5, 5], [1, 7, 1, 1, 5, 5], [1, 0, 4, 4, 4, 9]])

    def cost(targets: torch.Tensor) -> float:
        return sum(each.item() for each in darknet_loss([raw], [network.layers[-1]], targets, (32, 32)).values())

    assert cost(torch.cat([TARGETS[1:2], more])) == cost(TARGETS[1:2])
    assert cost(torch.cat([TARGETS[1:2], TARGETS[2:]])) != cost(TARGETS[1:2])


def test_the_order_of_images_in_the_targets_does_not_matter() -> None:
    torch.manual_seed(0)
    network = Network(two_heads(), LossSettings(kind="darknet")).train()

    there, back = (network(images(), TARGETS[order]) for order in ([0, 1, 2], [2, 0, 1]))

    assert [each.item() for each in there.values()] == pytest.approx([each.item() for each in back.values()])


@pytest.mark.parametrize("kind", ["Gaussian_yolo", "detection"])
def test_a_head_without_a_loss_is_refused_by_name(kind: str) -> None:
    heads = {
        "Gaussian_yolo": "[convolutional]\nfilters=11\n[Gaussian_yolo]\nanchors=4,4\nnum=1\nclasses=2\n",
        "detection": "[connected]\noutput=7\n[detection]\ncoords=4\nside=1\nnum=1\nclasses=2\n",
    }
    cfg = parse_cfg(NET + BODY + heads[kind], "some.cfg")

    for loss, words in (("darknet", "cannot be trained"), ("modern", "is trained with loss.kind=darknet only")):
        network = Network(cfg, LossSettings(kind=loss)).train()
        with pytest.raises(FormatError, match=rf"some\.cfg:\d+: layer \d+ \[{kind.lower()}\] {words}"):
            network(images(), TARGETS)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"iou_loss": "eiou"}, "iou_loss: expected mse, iou, giou, diou, ciou, got 'eiou'"),
        ({"iou_thresh_kind": "mse"}, "iou_thresh_kind: expected iou, giou, diou, ciou, got 'mse'"),
        ({"counters_per_class": "1,2,3"}, "expected classes=2 numbers, got 3"),
    ],
)
def test_options_that_cannot_be_are_refused_with_their_line(options: dict[str, str], words: str) -> None:
    cfg = one_head()
    network = Network(Cfg(cfg.net, (*cfg.layers[:-1], cfg.layers[-1].changed(**options))), LossSettings(kind="darknet"))

    with pytest.raises(FormatError, match=words):
        network.train()(images(), TARGETS)


def test_an_unknown_kind_of_loss_is_refused() -> None:
    with pytest.raises(UserError, match="kind: expected modern or darknet, got 'dark'"):
        LossSettings(kind="dark")
