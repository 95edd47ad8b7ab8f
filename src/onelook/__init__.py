"""onelook turns labelled images into a served detector, and says why when it cannot.

`onelook.read(DATA)`, `onelook.train(NETWORK, DATA)` and `onelook.load(MODEL).predict(image)` are what the commands call.
Each is imported when it is first asked for, so that predicting needs no torch and the command line starts at once.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from onelook.datasets.reading import read
    from onelook.inference.loading import load
    from onelook.training.train import train
else:
    _HOMES = {
        "read": "onelook.datasets.reading",
        "load": "onelook.inference.loading",
        "train": "onelook.training.train",
    }

    def __getattr__(name: str) -> object:
        """Return a function of the API from the room where it lives."""
        if name not in _HOMES:
            raise AttributeError(f"module 'onelook' has no attribute {name!r}; it has {', '.join(__all__)}")
        return getattr(import_module(_HOMES[name]), name)

    def __dir__() -> list[str]:
        """Return the API's names."""
        return __all__


__version__ = "0.1.0"
__all__ = ["__version__", "load", "read", "train"]
