"""How models and their owners are called."""

import re

from onelook.structures.errors import UserError

SHARED = "shared"
"""The owner of models that every client may use."""

DEFAULT = "default"
"""The model of a job that names none."""

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


def check_name(field: str, name: str) -> str:
    """Return `name` when it may name a model, a version or an owner: a path is made of it. Raises UserError."""
    if not _NAME.fullmatch(name) or ".." in name:
        raise UserError(
            f"{field}: expected 1 to 64 small letters, digits, '.', '_' or '-', beginning with a letter or digit, got {name[:80]!r}"
        )
    return name


def version_label(owner: str, name: str, version: str) -> str:
    """Return how results and reports name a version."""
    return f"{owner}/{name}@{version}"
