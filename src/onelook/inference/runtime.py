"""What computes a network: ONNX Runtime, on a GPU where its package and one are there, else on the processor.

Threads do not spin while they wait: on two cores with other work beside, spinning threads took the cores from those that worked
(yolo-fastest-1.1-xl 38 ms instead of 19, yolov3-tiny 88 instead of 66), and every loaded model has threads of its own.
"""

from typing import Protocol

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from onelook.structures.errors import FormatError, UserError

Floats = NDArray[np.float32]

CPU, CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"

_ERRORS_ONLY = 3
"""ONNX Runtime's own number for the least talkative level that still tells errors."""


class Runtime(Protocol):
    """Computes a network's raw outputs; may be called from several threads at once."""

    @property
    def description(self) -> str:
        """What computes, where, and with how many threads, for people."""

    def run(self, images: NDArray[np.generic]) -> list[Floats]:
        """Return the outputs, each (n, c, h, w), of images as the model takes them."""


class OnnxRuntime:
    """An ONNX model in ONNX Runtime."""

    def __init__(self, model: bytes, threads: int | None = None, optimise: bool = True, where: str = "model") -> None:
        """Load a serialised model; `threads` None takes every core, `optimise` False computes the graph as it is written.

        Raises UserError for a number of threads below 1, FormatError when the bytes are no model that can be run.
        """
        if threads is not None and threads < 1:
            raise UserError(f"threads: expected at least 1, got {threads}")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads or 0
        options.log_severity_level = _ERRORS_ONLY
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        if not optimise:
            options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        try:
            self._session = onnxruntime.InferenceSession(model, options, providers=_providers())
        except Exception as error:  # its exceptions share no base class of their own
            raise FormatError(f"{where}: expected an ONNX model that runs, got: {str(error).splitlines()[0]}") from None
        self._threads = threads
        self._input = self._session.get_inputs()[0].name

    @property
    def description(self) -> str:
        """What computes, where, and with how many threads, for people."""
        place = "GPU" if self._session.get_providers()[0] == CUDA else "CPU"
        threads = f", threads: {self._threads}" if self._threads else ""
        return f"ONNX Runtime {onnxruntime.__version__} ({place}{threads})"

    def run(self, images: NDArray[np.generic]) -> list[Floats]:
        """Return the outputs, each (n, c, h, w), of images as the model takes them."""
        return [np.asarray(output) for output in self._session.run(None, {self._input: images})]


def _providers() -> list[str]:
    """Return the providers to try in order: a GPU first where the package has been built for one."""
    return [name for name in (CUDA, CPU) if name in onnxruntime.get_available_providers()]
