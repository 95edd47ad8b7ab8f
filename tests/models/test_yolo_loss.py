"""What the loss asks of which cells."""

import pytest
import torch
from tests.models.tiny import one_head, two_heads

from onelook.models.loss_settings import LossSettings
from onelook.models.network import Network
from onelook.models.yolo_loss import yolo_loss
from onelook.structures.errors import UserError

SIZE = (32, 32)
NOTHING = torch.zeros(0, 6)
LARGE = torch.tensor([[0, 1, 8.0, 6.0, 24.0, 26.0]])
"""16 x 20 around (16, 16): exactly the last anchor, in the cell (4, 4) of a stride of 4."""

ONLY_BEST = LossSettings(iou_thresh=1)


def raws_of(network: Network, count: int = 1, value: float = 0.0) -> list[torch.Tensor]:
    shapes = [(count, layer.out_shape[0], *layer.out_shape[1:]) for layer in network.layers if layer.kind == "yolo"]
    return [torch.full(shape, value, requires_grad=True) for shape in shapes]


def gradients(raw: torch.Tensor) -> torch.Tensor:
    """Return the gradient as (n, anchors, 7, h, w)."""
    assert raw.grad is not None
    return raw.grad.view(raw.shape[0], 2, 7, *raw.shape[2:])


def test_it_goes_down_when_one_tiny_batch_is_learned_by_heart() -> None:
    torch.manual_seed(0)
    network = Network(two_heads()).train()
    images = torch.randint(0, 256, (2, 3, 32, 32), dtype=torch.uint8)
    targets = torch.tensor([[0, 0, 2.0, 2, 8, 9], [0, 1, 10, 8, 26, 28], [1, 1, 4, 4, 16, 11]])
    optimizer = torch.optim.Adam(network.parameters(), 0.02)
    totals = []
    for _ in range(100):
        total = torch.stack(list(network(images, targets).values())).sum()
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
        totals.append(total.item())

    found = network.eval()(images)[0].above(0.5)

    assert totals[-1] < totals[0] / 10
    assert sorted(found.classes.tolist()) == [0, 1]


@pytest.mark.parametrize("box", ["ciou", "mse"])
def test_without_truth_only_objectness_is_asked_for(box: str) -> None:
    network = Network(two_heads())
    raws = raws_of(network, 2)

    losses = yolo_loss(raws, network.heads, NOTHING, SIZE, LossSettings(box=box))
    sum(losses.values()).backward()

    assert losses["box"].item() == losses["class"].item() == 0
    assert losses["objectness"].item() > 0
    for raw in raws:
        slopes = gradients(raw)
        assert (slopes[:, :, 4] > 0).all()
        assert not slopes[:, :, :4].any() and not slopes[:, :, 5:].any()


def test_the_gradient_of_box_and_class_lies_in_the_cell_and_anchor_that_answer() -> None:
    network = Network(one_head())
    raws = raws_of(network)

    losses = yolo_loss(raws, network.heads, LARGE, SIZE, ONLY_BEST)
    sum(losses.values()).backward()

    slopes = gradients(raws[0])
    assert slopes[0, 1, 4, 4, 4] < 0, "the cell with the centre should see something"
    assert (slopes[0, 1, 5:, 4, 4] * torch.tensor([1, -1]) > 0).all(), "class 1, not class 0"
    slopes[0, 1, :, 4, 4] = 0
    assert not slopes[0, :, :4].any() and not slopes[0, :, 5:].any()
    assert (slopes[0, :, 4] >= 0).all()


def test_a_cell_whose_box_overlaps_the_truth_is_not_told_that_it_saw_nothing() -> None:
    network = Network(one_head())
    raws = raws_of(network)

    losses = yolo_loss(raws, network.heads, LARGE, SIZE, LossSettings(iou_thresh=1, ignore_thresh=0.5))
    losses["objectness"].backward()

    slopes = gradients(raws[0])[0, 1, 4]
    assert slopes[4, 3] == 0, "its box, 2 pixels to the left, has an IoU of 14/18 and more"
    assert slopes[4, 1] > 0, "10 pixels to the left, less than half is shared"


def test_the_truth_of_another_image_is_not_looked_at() -> None:
    network = Network(one_head())
    raws = raws_of(network, 2)

    sum(yolo_loss(raws, network.heads, LARGE, SIZE, LossSettings(ignore_thresh=0.5)).values()).backward()

    slopes = gradients(raws[0])
    assert (slopes[1, :, 4] > 0).all()
    assert not slopes[1, :, :4].any()


def test_the_best_anchor_of_all_heads_answers_and_those_above_the_threshold_with_it() -> None:
    """A truth of 16 x 20 shares 320 with its own anchor, 72 with 12 x 6, 64 with 8 x 8 and 16 with 4 x 4."""
    network = Network(two_heads())
    answers = {}
    for threshold in (1.0, 0.21, 0.19):
        raws = raws_of(network)
        yolo_loss(raws, network.heads, LARGE, SIZE, LossSettings(iou_thresh=threshold))["class"].backward()
        answers[threshold] = [int(gradients(raw)[0, :, 5].ne(0).sum()) for raw in raws]

    assert answers == {1.0: [1, 0], 0.21: [2, 0], 0.19: [2, 1]}


def test_a_perfect_answer_costs_next_to_nothing() -> None:
    network = Network(one_head())
    raws = raws_of(network, value=-20.0)
    raws[0].data.view(1, 2, 7, 8, 8)[0, 1, :, 4, 4] = torch.tensor([-20.0, -20, 0, 0, 20, -20, 20])

    for box in ("ciou", "mse"):
        losses = yolo_loss(raws, network.heads, LARGE, SIZE, LossSettings(box=box, iou_thresh=1))
        assert sum(loss.item() for loss in losses.values()) < 1e-4


def test_a_truth_on_the_right_edge_belongs_to_the_last_column() -> None:
    network = Network(one_head())
    raws = raws_of(network)
    edge = torch.tensor([[0, 0, 30.0, 12.0, 34.0, 32.0]])

    yolo_loss(raws, network.heads, edge, SIZE, ONLY_BEST)["class"].backward()

    assert gradients(raws[0])[0, :, 5].nonzero()[:, 1:].tolist() == [[5, 7]]


def test_weights_scale_their_terms() -> None:
    network = Network(one_head())
    losses = [
        yolo_loss(raws_of(network), network.heads, LARGE, SIZE, settings)
        for settings in (
            LossSettings(box_weight=1),
            LossSettings(box_weight=2, objectness_weight=3, class_weight=0),
        )
    ]

    assert losses[1]["box"].item() == pytest.approx(2 * losses[0]["box"].item())
    assert losses[1]["objectness"].item() == pytest.approx(3 * losses[0]["objectness"].item())
    assert losses[1]["class"].item() == 0


def test_label_smoothing_calls_back_a_class_that_is_too_sure() -> None:
    network = Network(one_head())
    raws = raws_of(network)
    raws[0].data.view(1, 2, 7, 8, 8)[0, 1, 6, 4, 4] = 10

    settings = LossSettings(label_smoothing=0.2, iou_thresh=1)
    yolo_loss(raws, network.heads, LARGE, SIZE, settings)["class"].backward()

    assert gradients(raws[0])[0, 1, 6, 4, 4] > 0


@pytest.mark.parametrize("name", ["focal_objectness", "focal_class"])
def test_a_focal_term_weighs_cells_less_that_are_nearly_right(name: str) -> None:
    network = Network(one_head())
    losses, slopes = [], []
    for gamma in (0.0, 2.0):
        raws = raws_of(network, value=-3.0)
        terms = yolo_loss(raws, network.heads, LARGE, SIZE, LossSettings(iou_thresh=1, **{name: gamma}))
        terms["objectness" if name == "focal_objectness" else "class"].backward()
        losses.append({key: loss.item() for key, loss in terms.items()})
        slopes.append(
            gradients(raws[0])[0, 0, 4, 0, 0] if name == "focal_objectness" else gradients(raws[0])[0, 1, 5, 4, 4]
        )
    changed = "objectness" if name == "focal_objectness" else "class"

    assert losses[1][changed] < losses[0][changed]
    assert all(losses[1][key] == losses[0][key] for key in losses[0] if key != changed)
    assert 0 < slopes[1] < slopes[0] / 50, "what is said with 5 % weighs 0.05 to the power of 2"


def test_simota_is_learned_by_heart_as_well() -> None:
    torch.manual_seed(0)
    network = Network(two_heads(), LossSettings(assign="simota")).train()
    images = torch.randint(0, 256, (2, 3, 32, 32), dtype=torch.uint8)
    targets = torch.tensor([[0, 0, 2.0, 2, 8, 9], [0, 1, 10, 8, 26, 28], [1, 1, 4, 4, 16, 11]])
    optimizer = torch.optim.Adam(network.parameters(), 0.02)
    for _ in range(100):
        torch.stack(list(network(images, targets).values())).sum().backward()
        optimizer.step()
        optimizer.zero_grad()

    found = network.eval()(images)[0].above(0.5)

    assert sorted(set(found.classes.tolist())) == [0, 1]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"assign": "sim"}, "assign: expected anchors or simota, got 'sim'"),
        ({"assign": "simota", "box": "mse"}, "expected box=ciou with assign=simota"),
        ({"simota_candidates": 0}, "simota_candidates: expected 1 to 1000, got 0"),
        ({"simota_radius": 0.1}, "simota_radius: expected 0.5 to 100"),
        ({"focal_class": 9.0}, "focal_class: expected 0 to 5, got 9"),
        ({"box": "giuo"}, "box: expected ciou or mse, got 'giuo'"),
        ({"ignore_thresh": 1.5}, "ignore_thresh: expected 0 to 1, got 1.5"),
        ({"class_weight": -1.0}, "class_weight: expected 0 to 10000, got -1"),
    ],
)
def test_settings_out_of_range_are_refused(values: dict[str, object], words: str) -> None:
    with pytest.raises(UserError, match=words):
        LossSettings(**values)
