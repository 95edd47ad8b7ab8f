"""The parts of any network in the order in which an image passes them, by name; what freezing and layer-wise rates speak of."""

from torch import nn

from onelook.models.network import Network
from onelook.structures.errors import UserError, nearest

Stages = list[tuple[str, nn.Module]]

BODY = "body"
"""Everything but what says which class: the last layer with weights, or the one before each head of a detector."""


def stages(network: nn.Module) -> Stages:
    """Return the layers of a Darknet network by their numbers from 0, or the children of another by their names."""
    if isinstance(network, Network):
        return [(str(index), section) for index, section in enumerate(network.sections)]
    children = list(network.named_children())
    return stages(children[0][1]) if len(children) == 1 and list(children[0][1].children()) else children


def body(network: nn.Module) -> Stages:
    """Return all stages but those that `BODY` leaves out."""
    every = stages(network)
    heads = (
        {str(layer.index - 1) for layer in network.layers if layer.is_head} if isinstance(network, Network) else set()
    )
    if not heads:
        heads = {name for name, stage in every if list(stage.parameters())[:1]} & {_last_with_weights(every)}
    return [(name, stage) for name, stage in every if name not in heads]


def _last_with_weights(every: Stages) -> str:
    return next((name for name, stage in reversed(every) if list(stage.parameters())), "")


def place_of(every: Stages, word: str, setting: str) -> int:
    """Return the place of the stage that a user named. Raises UserError naming `setting` for one that is not there."""
    names = [name for name, _ in every]
    if word not in names:
        known = f"a layer from 0 to {len(names) - 1}" if names[:1] == ["0"] else ", ".join(names)
        raise UserError(f"{setting}: expected {known}, got {word!r}{nearest(word, names)}")
    return names.index(word)
