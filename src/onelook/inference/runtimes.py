"""The runtimes by name, and which one is taken when none is named.

Processor time of one image with one thread, ONNX Runtime against OpenVINO: yolov3-tiny 58 ms against 55, yolo-fastest-1.1-xl 20.5
against 16.2, yolo-fastest-1.1 13.4 against 8.6, mobilenetv2-yolov3-nano 12.4 against 12.1. So OpenVINO is taken wherever it is
installed; `benchmarks/inference.py` measures it anew.
"""

from collections.abc import Callable
from pathlib import Path

from onelook.inference import openvino_runtime
from onelook.inference.openvino_runtime import OpenVinoRuntime
from onelook.inference.runtime import CPU, CUDA, TENSORRT, OnnxRuntime, Runtime, onnx_providers
from onelook.structures.errors import UserError, nearest

FEW = 10
"""Pictures up to which ONNX Runtime is done first: OpenVINO starts about 0.7 s later, and gains 75 ms a picture at most."""

Maker = Callable[[bytes, int | None, str], Runtime]
"""From a serialised ONNX model, threads an image and the model's place in errors to what computes it."""


def _by_onnx(provider: str) -> Maker:
    return lambda model, threads, where: OnnxRuntime(model, threads, where=where, provider=provider)


def _by_openvino(precision: str) -> Maker:
    return lambda model, threads, where: OpenVinoRuntime(model, threads, where, precision)


RUNTIMES: dict[str, Maker] = {
    "onnxruntime": _by_onnx(CPU),
    "openvino": _by_openvino("f32"),
    "openvino-bf16": _by_openvino("bf16"),
    "cuda": _by_onnx(CUDA),
    "tensorrt": _by_onnx(TENSORRT),
}
"""From the word after --runtime to what loads a model."""


def installed() -> list[str]:
    """Return the names in RUNTIMES that can be taken here."""
    here = {"onnxruntime", *(("openvino", "openvino-bf16") if openvino_runtime.is_installed() else ())}
    here |= {name for name, provider in (("cuda", CUDA), ("tensorrt", TENSORRT)) if provider in onnx_providers()}
    return [name for name in RUNTIMES if name in here]


def make_runtime(model: bytes, threads: int | None = None, where: str = "model", name: str | None = None) -> Runtime:
    """Return what computes a serialised ONNX model: the runtime of that name, or the fastest one here.

    A GPU comes first where ONNX Runtime has been built for one and it starts, then OpenVINO where it is installed, then ONNX
    Runtime. Raises UserError for a name that is unknown or not installed, and what the runtime raises.
    """
    here = installed()
    if name is not None:
        if name not in RUNTIMES:
            raise UserError(f"--runtime: expected one of {', '.join(RUNTIMES)}, got {name!r}{nearest(name, RUNTIMES)}")
        if name not in here:
            raise UserError(
                f"--runtime: expected one that is installed ({', '.join(here)}), got {name!r}; {_WAYS[name]}"
            )
        return RUNTIMES[name](model, threads, where)
    if "cuda" in here:
        try:
            return RUNTIMES["cuda"](model, threads, where)
        except UserError:
            pass  # built for a GPU, but there is none, or not its libraries
    return RUNTIMES["openvino" if "openvino" in here else "onnxruntime"](model, threads, where)


def quickest(model: Path, pictures: int | None) -> str | None:
    """Return the runtime that has seen so many pictures first, its start included; None where that is `make_runtime`'s own choice.

    `pictures` is None where nobody knows how many.
    """
    few = pictures is not None and pictures <= FEW
    return "onnxruntime" if few and "cuda" not in installed() and model.suffix != ".xml" else None


_OPENVINO = "pip install 'onelook[openvino]'"
_GPU = "pip install onnxruntime-gpu in the place of onnxruntime"
_WAYS = {"openvino": _OPENVINO, "openvino-bf16": _OPENVINO, "cuda": _GPU, "tensorrt": _GPU}
"""How to get what is not here."""
