"""The `.cfg` of a Darknet project: a network made to fit the data that `onelook data convert --to darknet` writes beside it."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from onelook.datasets.dataset import Dataset
    from onelook.structures.network.cfg import Cfg

DEFAULT = "yolov3-tiny"


def project_cfg(network: str, dataset: "Dataset") -> tuple["Cfg", list[str]]:
    """Return the cfg that `network`, a file or a known name, becomes for the data, and what was changed, a line each.

    Classes and filters follow the names; anchors are fitted to the training boxes at the cfg's input size and stay the cfg's
    where there is no box; `max_batches` and `steps` are those that AlexeyAB counsels. Raises UserError for an unknown network
    and one without a head.
    """
    from onelook.datasets.anchors import box_shapes, fit_anchors
    from onelook.models.adapt import adapt, counsel, used_anchors, with_net
    from onelook.models.known import find_network

    cfg = find_network(network)
    train = dataset.split("train") if "train" in dataset.splits else dataset
    count = len(used_anchors(cfg))
    if not count:
        raise cfg.net.error(None, "expected a detector with anchors, got a network without a [yolo] or [region] layer")
    anchors = None
    told: list[str] = []
    if len(train.boxes):
        shapes = box_shapes(train, cfg.input_size, bool(cfg.net.integer("letter_box", 0)))
        anchors, suits = fit_anchors(shapes, count, 0)
        told = [f"anchors fitted to {len(shapes)} boxes: mean IoU {suits:.3f}"]
    adapted, changes = adapt(cfg, len(dataset.names), anchors=anchors)
    adapted, of_net = with_net(adapted, **counsel(cfg, len(dataset.names), len(train)))
    return adapted, [*told, *changes, *of_net]
