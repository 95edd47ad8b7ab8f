"""A network in OpenVINO, which `pip install onelook[openvino]` brings.

Numbers are float32 unless asked otherwise: left to itself OpenVINO takes bfloat16 where the processor has it, which moves scores.
One image has `threads` cores, and as many images as the machine then has room for are computed at the same time.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onelook.inference.runtime import Floats, check_threads, share_of_cores, told_threads
from onelook.inference.throughput import cores
from onelook.structures.errors import FormatError, UserError

PRECISIONS = {"f32": "float32", "bf16": "bfloat16"}
"""From OpenVINO's word to ours."""


class OpenVinoRuntime:
    """A model in OpenVINO, on the processor."""

    def __init__(
        self, model: bytes | Path, threads: int | None = None, where: str = "model", precision: str = "f32"
    ) -> None:
        """Load a serialised ONNX model, or an .xml with its .bin beside; `threads` None takes every core for one image.

        Raises UserError where OpenVINO is not installed or for a number of threads below 1, FormatError when the model
        cannot be run.
        """
        check_threads(threads)
        here, streams = cores(), share_of_cores(threads)
        settings = {
            "NUM_STREAMS": streams,
            "INFERENCE_NUM_THREADS": streams * (threads or here),
            "INFERENCE_PRECISION_HINT": precision,
            "ENABLE_CPU_PINNING": False,  # two programs beside each other would take the same cores
        }
        try:
            read = read_model(model)
            read.reshape({0: [1, *list(read.input(0).partial_shape)[1:]]})
            self._model = _core().compile_model(read, "CPU", settings)
        except RuntimeError as error:
            raise FormatError(f"{where}: expected a model that OpenVINO runs, got: {reason_of(error)}") from None
        self._outputs = range(len(self._model.outputs))
        self._idle: SimpleQueue[Any] = SimpleQueue()
        self._threads, self._precision = threads, precision

    @property
    def description(self) -> str:
        """What computes, where, and with how many threads, for people."""
        precision = "" if self._precision == "f32" else f", {PRECISIONS[self._precision]}"
        return f"OpenVINO {_version()} (CPU{precision}{told_threads(self._threads)})"

    @property
    def at_once(self) -> int:
        """How many threads may call at the same time before they take each other's cores."""
        return share_of_cores(self._threads)

    def run(self, images: NDArray[np.generic]) -> list[Floats]:
        """Return the outputs, each (n, c, h, w), of images as the model takes them; they are computed one by one."""
        with self._request() as request:
            found = [self._one(request, images[row : row + 1]) for row in range(len(images))]
        return found[0] if len(found) == 1 else [np.concatenate(parts) for parts in zip(*found, strict=True)]

    def _one(self, request: Any, image: NDArray[np.generic]) -> list[Floats]:
        """Return copies of the outputs of one image: the request's own memory is written anew by the next."""
        given = _package().Tensor(np.require(image, requirements=["C", "W"]), shared_memory=True)
        request.set_input_tensor(given)
        # the package's own way to take inputs and to copy outputs takes a quarter of a small network's time
        request.infer(share_outputs=True)
        return [np.array(request.get_output_tensor(index).data, np.float32) for index in self._outputs]

    @contextmanager
    def _request(self) -> Iterator[Any]:
        """Lend one of the requests, which a thread has to itself; there come to be as many as threads have called at once."""
        try:
            request = self._idle.get_nowait()
        except Empty:
            request = self._model.create_infer_request()
        try:
            yield request
        finally:
            self._idle.put(request)


def is_installed() -> bool:
    """Return whether OpenVINO can be imported; nothing is."""
    return find_spec("openvino") is not None


def read_model(model: bytes | Path) -> Any:
    """Return an ONNX model's bytes, or an .xml, as OpenVINO's own model. Raises RuntimeError for what is none."""
    return _core().read_model(model, b"") if isinstance(model, bytes) else _core().read_model(model)


@cache
def _core() -> Any:
    """Return OpenVINO's entry, one for the process. Raises UserError where the package is absent."""
    return _package().Core()


@cache
def _package() -> Any:
    """Return the package. Raises UserError where it is absent."""
    try:
        import openvino
    except ImportError as error:
        raise UserError(f"OpenVINO: expected it installed, got {error}; pip install 'onelook[openvino]'") from None
    return openvino


def _version() -> str:
    return str(_package().__version__).split("-")[0]


def reason_of(error: Exception) -> str:
    """Return the line of OpenVINO's message that says something: the first ones name its own source files."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return next((line for line in lines if not line.startswith(("Exception from", "Check '"))), "no reason given")
