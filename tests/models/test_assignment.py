"""Which cells SimOTA lets answer, against numbers worked out by hand."""

import torch
from tests.models.tiny import one_head, two_heads

from onelook.models.assignment import by_cost, by_shape
from onelook.models.network import Network
from onelook.models.yolo_cells import Grid, all_boxes, as_grid, boxes_of

SIZE = (32, 32)
LARGE = torch.tensor([[0, 1, 8.0, 6.0, 24.0, 26.0]])
"""16 x 20 around (16, 16): exactly the last anchor, in the cell (4, 4) of a stride of 4."""


def grids_of(network: Network, images: int = 1) -> list[Grid]:
    """Return grids in which every cell says 0: a chance of a half of everything, a box of the anchor in the cell's middle."""
    shapes = [(images, *layer.out_shape) for layer in network.layers if layer.kind == "yolo"]
    return [as_grid(torch.zeros(shape), head, SIZE) for shape, head in zip(shapes, network.heads, strict=True)]


def chosen(
    grids: list[Grid], targets: torch.Tensor, candidates: int = 10, radius: float = 1.5
) -> list[list[tuple[int, ...]]]:
    """Return (image, anchor, row, column, truth) of every positive cell, head by head."""
    found = by_cost(grids, targets, candidates, radius)
    return [
        sorted(zip(*(part.tolist() for part in (f.image, f.anchor, f.row, f.column, f.truth)), strict=True))
        for f in found
    ]


def test_the_cells_around_a_truths_centre_with_its_anchor_answer_for_it() -> None:
    """With one candidate the best IoU, about 0.64, gives one cell; with four, 4 * 0.64 = 2."""
    grids = grids_of(Network(one_head()))

    one, four = (chosen(grids, LARGE, candidates)[0] for candidates in (1, 4))

    assert len(one) == 1
    assert len(four) == 2
    for _, anchor, row, column, truth in one + four:
        assert anchor == 1, "the anchor of 16 x 20"
        assert row in (3, 4) and column in (3, 4), "the four cells that meet in the centre"
        assert truth == 0


def test_the_cell_that_says_the_right_class_is_cheaper() -> None:
    grids = grids_of(Network(one_head()))
    grids[0].outputs[0, 1, 3, 4, 6] = 4
    wrong = grids_of(Network(one_head()))
    wrong[0].outputs[0, 1, 3, 4, 5] = 4

    assert chosen(grids, LARGE, 1)[0] == [(0, 1, 3, 4, 0)]
    assert chosen(wrong, LARGE, 1)[0] != [(0, 1, 3, 4, 0)]


def test_every_cell_answers_for_one_truth_at_most_and_every_truth_is_answered_for() -> None:
    network = Network(two_heads())
    targets = torch.tensor([[0, 0, 2.0, 2, 8, 9], [0, 1, 2, 3, 9, 9], [0, 1, 10, 8, 26, 28], [1, 1, 4, 4, 16, 11]])

    found = chosen(grids_of(network, 2), targets)

    for head in found:
        assert len({cell[:4] for cell in head}) == len(head)
        assert all(targets[cell[4], 0] == cell[0] for cell in head)
    assert {cell[4] for head in found for cell in head} == {0, 1, 2, 3}


def test_no_truth_gives_no_positive_cell() -> None:
    assert chosen(grids_of(Network(two_heads()), 2), torch.zeros(0, 6)) == [[], []]


def test_a_truth_smaller_than_a_cell_is_answered_for_within_the_radius() -> None:
    speck = torch.tensor([[0, 0, 17.0, 17.0, 17.5, 17.5]])

    assert len(chosen(grids_of(Network(one_head())), speck)[0]) == 1
    assert chosen(grids_of(Network(one_head())), speck, radius=0.5)[0][0][2:4] == (4, 4)


def test_the_places_that_are_chosen_are_those_whose_boxes_were_compared() -> None:
    """Cells are laid in a row and found again: the box of every chosen place is the one that stands there in all boxes."""
    torch.manual_seed(0)
    network = Network(two_heads())
    grids = [
        as_grid(torch.randn(2, *h.out_shape), head, SIZE)
        for h, head in zip([layer for layer in network.layers if layer.kind == "yolo"], network.heads, strict=True)
    ]
    targets = torch.tensor([[0, 0, 2.0, 2, 8, 9], [1, 1, 10, 8, 26, 28]])

    for found in (by_cost(grids, targets, 10, 2.5), by_shape(grids, targets, 0.2)):
        for grid, places in zip(grids, found, strict=True):
            _, boxes = boxes_of(grid, places)
            assert torch.equal(boxes, all_boxes(grid)[places.image, places.anchor, places.row, places.column])
    near = by_cost(grids, targets, 10, 2.5)
    for grid, places in zip(grids, near, strict=True):
        middles = (torch.stack([places.column, places.row], -1) + 0.5) * grid.stride
        centres = (targets[places.truth, 2:4] + targets[places.truth, 4:6]) / 2
        reach = torch.maximum((targets[places.truth, 4:6] - targets[places.truth, 2:4]) / 2, 2.5 * grid.stride)
        assert ((middles - centres).abs() <= reach).all()
