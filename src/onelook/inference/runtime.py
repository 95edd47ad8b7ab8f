"""What computes a network: the interface that every runtime has, and ONNX Runtime, which the base install brings.

Threads do not spin while they wait: on two cores with other work beside, spinning threads took the cores from those that worked
(yolo-fastest-1.1-xl 38 ms instead of 19, yolov3-tiny 88 instead of 66), and every loaded model has threads of its own.
"""

from typing import Protocol

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from onelook.inference.throughput import cores
from onelook.structures.errors import FormatError, UserError

Floats = NDArray[np.float32]

CPU, CUDA, TENSORRT = "CPUExecutionProvider", "CUDAExecutionProvider", "TensorrtExecutionProvider"
"""ONNX Runtime's own names for where it computes."""

_PLACES = {CPU: "CPU", CUDA: "GPU", TENSORRT: "GPU, TensorRT"}

_ERRORS_ONLY = 3
"""ONNX Runtime's own number for the least talkative level that still tells errors."""


class Runtime(Protocol):
    """Computes a network's raw outputs; may be called from several threads at once."""

    @property
    def description(self) -> str:
        """What computes, where, and with how many threads, for people."""

    @property
    def at_once(self) -> int:
        """How many threads may call at the same time before they take each other's cores."""

    def run(self, images: NDArray[np.generic]) -> list[Floats]:
        """Return the outputs, each (n, c, h, w), of images as the model takes them."""


class OnnxRuntime:
    """An ONNX model in ONNX Runtime."""

    def __init__(
        self,
        model: bytes,
        threads: int | None = None,
        optimise: bool = True,
        where: str = "model",
        provider: str = CPU,
    ) -> None:
        """Load a serialised model; `threads` None takes every core, `optimise` False computes the graph as it is written.

        `provider` is one of `onnx_providers`. Raises UserError for a number of threads below 1 or a provider that does not
        start here, FormatError when the bytes are no model that can be run.
        """
        check_threads(threads)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads or 0
        options.log_severity_level = _ERRORS_ONLY
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        if not optimise:
            options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        try:
            self._session = onnxruntime.InferenceSession(model, options, providers=list(dict.fromkeys([provider, CPU])))
        except Exception as error:  # its exceptions share no base class of their own
            raise FormatError(f"{where}: expected an ONNX model that runs, got: {str(error).splitlines()[0]}") from None
        if self._session.get_providers()[0] != provider:
            raise UserError(f"{where}: expected ONNX Runtime's {provider} to start, it did not; --runtime onnxruntime")
        self._threads = threads
        self._input = self._session.get_inputs()[0].name

    @property
    def description(self) -> str:
        """What computes, where, and with how many threads, for people."""
        place = _PLACES[self._session.get_providers()[0]]
        return f"ONNX Runtime {onnxruntime.__version__} ({place}{told_threads(self._threads)})"

    @property
    def at_once(self) -> int:
        """How many threads may call at the same time before they take each other's cores; on a GPU 2: one prepares the next."""
        return share_of_cores(self._threads) if self._session.get_providers()[0] == CPU else 2

    def run(self, images: NDArray[np.generic]) -> list[Floats]:
        """Return the outputs, each (n, c, h, w), of images as the model takes them."""
        return [np.asarray(output) for output in self._session.run(None, {self._input: images})]


def onnx_providers() -> list[str]:
    """Return where the installed ONNX Runtime can compute, by its own names."""
    return [name for name in (CPU, CUDA, TENSORRT) if name in onnxruntime.get_available_providers()]


def check_threads(threads: int | None) -> None:
    """Raise UserError for a number of threads below 1; None, every core, passes."""
    if threads is not None and threads < 1:
        raise UserError(f"threads: expected at least 1, got {threads}")


def share_of_cores(threads: int | None) -> int:
    """Return how many images have room on this machine's cores when each has `threads`; 1 where it has all."""
    return max(1, cores() // threads) if threads else 1


def told_threads(threads: int | None) -> str:
    """Return how a runtime's description tells its threads; nothing where it takes every core."""
    return f", threads: {threads}" if threads else ""
