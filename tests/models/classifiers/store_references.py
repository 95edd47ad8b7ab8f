"""Stores what other programs' classifiers say: run by hand where they are installed, in an environment of its own.

    pip install --no-deps --target peers timm torchvision
    PYTHONPATH=.:peers python tests/models/classifiers/store_references.py

torchvision itself does not import beside the CPU build of torch, and is not imported: its files of single networks are, and what
these and timm ask of the rest for other ends is put in its place. Each network takes the weights of `made_weights` under its own
names and looks at one picture.
"""

import importlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from tests.models.classifiers.made_weights import CLASSES, TOLD, made_array, made_picture, sum_of_names
from torch import nn

VGG = [f"vgg{layers}{suffix}" for layers in (11, 13, 16, 19) for suffix in ("", "_bn")]
RESNET = [f"resnet{layers}" for layers in (18, 34, 50, 101, 152)]
OF_TORCHVISION = {"alexnet": "alexnet", **dict.fromkeys(VGG, "vgg"), **dict.fromkeys(RESNET, "resnet")}
"""From a network to torchvision's file."""

OF_TIMM = {f"seresnet{layers}": f"legacy_seresnet{layers}" for layers in (18, 34, 50, 101, 152)}
OF_TIMM |= {"senet154": "legacy_senet154", "xception": "legacy_xception"}
"""From a network to timm's name."""


def main() -> None:
    """Ask every network and write the answers beside this file."""
    folder = next(Path(place) / "torchvision" for place in sys.path if (Path(place) / "torchvision").is_dir())
    versions = {name: importlib.metadata.version(name) for name in ("timm", "torchvision", "torch")}
    put("torchvision", __path__=[str(folder)])
    put("torchvision.models", __path__=[str(folder / "models")])
    put("torchvision.transforms", __path__=[])
    put("torchvision.transforms._presets", ImageClassification=dict)
    put("torchvision.utils", _log_api_usage_once=lambda _: None)
    told = {name: answer(builder(f"torchvision.models.{file}", name)) for name, file in OF_TORCHVISION.items()}
    googlenet = builder("torchvision.models.googlenet", "googlenet")
    told["googlenet"] = answer(lambda: googlenet(aux_logits=True, init_weights=False))
    put("torchvision.ops", __path__=[])
    put("torchvision.ops.misc", FrozenBatchNorm2d=nn.Identity)
    put("torchvision.models.feature_extraction", create_feature_extractor=None, get_graph_node_names=None)
    put("timm.data", __getattr__=lambda _: None)
    import timm

    for name, theirs in OF_TIMM.items():
        told[name] = answer(lambda theirs=theirs: timm.create_model(theirs, num_classes=CLASSES))
    file = Path(__file__).with_name("references.json")
    file.write_text(json.dumps({"versions": versions, "networks": told}, indent=1) + "\n")


def put(name: str, **attributes: Any) -> ModuleType:
    """Let a module of that name, with these attributes, stand for the installed one."""
    module = ModuleType(name)
    vars(module).update(attributes)
    sys.modules[name] = module
    return module


def builder(module: str, name: str) -> Callable[..., nn.Module]:
    """Return the function that builds a network."""
    found: Callable[..., nn.Module] = getattr(importlib.import_module(module), name)
    return found


def answer(build: Callable[[], nn.Module]) -> dict[str, Any]:
    """Return how many parameters the network has, a sum of its arrays' names, and the logits that it gives."""
    with torch.device("meta"):
        network = build().eval()
    arrays = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    filled = {name: torch.from_numpy(made_array(name, shape)) for name, shape in arrays.items()}
    network.load_state_dict(filled, assign=True)
    with torch.no_grad():
        logits = network(torch.from_numpy(made_picture()))[0, :TOLD]
    return {
        "parameters": sum(weight.numel() for weight in network.parameters()),
        "names": sum_of_names(arrays),
        "logits": [round(float(each), 6) for each in logits],
    }


if __name__ == "__main__":
    main()
