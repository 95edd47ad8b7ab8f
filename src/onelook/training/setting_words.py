"""Every setting of a training in words and bounds, for whoever asks people for them; needs no torch."""

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, fields
from typing import Any, Literal, get_args, get_type_hints

from onelook.datasets import augment
from onelook.models import loss_settings
from onelook.models.known import CLASSIFIERS, KNOWN
from onelook.structures.settings import field_words
from onelook.training import settings

NETWORKS = (*KNOWN, *CLASSIFIERS)
"""Networks that can be trained by name, detectors first."""

Kind = Literal["number", "whole", "flag", "word", "list"]
Bounds = Mapping[str, tuple[float, float]]
Choices = Mapping[str, Sequence[str]]

_GROUPS: dict[str, tuple[type, Bounds, Choices]] = {
    "training": (settings.TrainSettings, settings.RANGES, {**settings.CHOICES, "policy": settings.MODERN_POLICIES}),
    "augment": (augment.AugmentSettings, augment.RANGES, {}),
    "loss": (loss_settings.LossSettings, loss_settings.RANGES, loss_settings.CHOICES),
}


@dataclass(frozen=True)
class SettingWords:
    """One setting: its place, what it takes, and what it means."""

    name: str
    group: str
    """`training`, `augment` or `loss`."""
    kind: Kind
    default: str | int | float | bool | None
    """None where it is derived from the recipe, the network and the data; a list's members with commas between."""
    least: float | None
    most: float | None
    choices: tuple[str, ...]
    """The words that it may have; none where any is taken, or it is no word."""
    words: str


def describe_settings() -> tuple[SettingWords, ...]:
    """Return every setting that a user may set, in the order in which they are written down."""
    left_out = {*settings.TABLES, *settings.DERIVED}
    return tuple(
        _described(group, field, field_words(kind)[field.name], get_type_hints(kind)[field.name], bounds, choices)
        for group, (kind, bounds, choices) in _GROUPS.items()
        for field in fields(kind)
        if field.name not in left_out
    )


def _described(group: str, field: Field[Any], words: str, hint: Any, bounds: Bounds, choices: Choices) -> SettingWords:
    least, most = bounds.get(field.name, (None, None))
    assert field.default is not MISSING
    default = ",".join(map(str, field.default)) if isinstance(field.default, tuple) else field.default
    known = tuple(choices.get(field.name, ()))
    return SettingWords(field.name, group, _kind(hint), default, least, most, known, words)


def _kind(hint: Any) -> Kind:
    """Return what a field of this type takes; that it may be None besides is no matter."""
    kinds = {kind for kind in (hint, *get_args(hint)) if isinstance(kind, type)}
    if "tuple[" in str(hint):
        return "list"
    if bool in kinds:
        return "flag"
    if float in kinds:
        return "number"
    return "whole" if int in kinds else "word"
