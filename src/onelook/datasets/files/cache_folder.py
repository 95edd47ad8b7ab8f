"""Where onelook keeps what it can make again."""

import os
from pathlib import Path


def cache_folder() -> Path:
    """Return $ONELOOK_CACHE, or onelook/ in the user's cache folder; it need not be there yet."""
    told = os.environ.get("ONELOOK_CACHE")
    if told:
        return Path(told)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "onelook"
