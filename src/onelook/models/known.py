"""Networks that onelook brings along, by name. No torch."""

from importlib import resources
from pathlib import Path

from onelook.structures.errors import UserError, nearest
from onelook.structures.network.cfg import Cfg, parse_cfg, read_cfg

KNOWN = {
    "yolov3-tiny": "yolov3-tiny.cfg",
    "yolov3": "yolov3.cfg",
    "yolov4": "yolov4.cfg",
    "yolov4-tiny": "yolov4-tiny.cfg",
    "darknet19": "darknet19.cfg",
    "darknet53": "darknet53.cfg",
}
"""From the name to the file in `networks/`."""


CLASSIFIERS = (
    "alexnet",
    *(f"vgg{layers}{norm}" for norm in ("", "_bn") for layers in (11, 13, 16, 19)),
    *("googlenet", "googlenet_plain", "se_googlenet", "se_googlenet_paths", "se_googlenet_paths_plain"),
    *(f"{kind}{layers}" for kind in ("resnet", "seresnet") for layers in (18, 34, 50, 101, 152)),
    "senet154",
    "xception",
)
"""Classifiers that are built by name; `classifiers/table.py` says how, with torch."""


def is_classifier(text: str) -> bool:
    """Return whether a name is one of CLASSIFIERS; a file of that name goes before it."""
    return text in CLASSIFIERS and not Path(text).exists()


def find_network(text: str) -> Cfg:
    """Return the cfg that a path or a known name means. Raises UserError with the known names."""
    if text in KNOWN:
        file = resources.files("onelook.models").joinpath("networks", KNOWN[text])
        return parse_cfg(file.read_text(encoding="utf-8"), text)
    path = Path(text)
    if path.is_dir():
        found = sorted(path.glob("*.cfg"))
        inside = path / "model" / "network.cfg" if (path / "model").is_dir() else None
        if inside and inside.is_file():
            return read_cfg(inside)
        if len(found) == 1:
            return read_cfg(found[0])
    if path.is_file():
        return read_cfg(path)
    known = (*KNOWN, *CLASSIFIERS)
    raise UserError(f"{text}: expected a .cfg file or one of {', '.join(known)}{nearest(text, known)}")
