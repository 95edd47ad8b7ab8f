"""The activations that Darknet knows, by the word in the cfg."""

from onelook.structures.network.cfg import Section

ACTIVATIONS = (
    "linear",
    "leaky",
    "relu",
    "relu6",
    "mish",
    "swish",
    "logistic",
    "tanh",
    "elu",
    "selu",
    "gelu",
    "hard_mish",
    "relie",
    "revleaky",
    "ramp",
    "loggy",
    "hardtan",
    "lhtan",
    "plse",
    "stair",
    "normalize_channels",
    "normalize_channels_softmax",
    "normalize_channels_softmax_maxval",
)

DEFAULT = "relu"
"""What Darknet computes for a word that it doesn't know."""

ELSEWHERE = {"silu": "swish", "sigmoid": "logistic", "hardtanh": "hardtan"}
"""What other programs call some of them; Darknet doesn't."""

_WITHOUT = {"convolutional": "logistic", "connected": "logistic", "local": "logistic"}
"""What a section computes that names none; `linear` for the others."""


def activation_of(section: Section, kind: str) -> str:
    """Return the activation of a section whose main name is `kind`; an unknown word gives DEFAULT, as in Darknet."""
    word = section.word("activation", _WITHOUT.get(kind, "linear"))
    return word if word in ACTIVATIONS else DEFAULT
