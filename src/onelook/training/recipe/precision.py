"""With how many bits a training computes: float32, or bfloat16 or float16 where the hardware is the faster for it.

Weights, gradients, optimizer and average stay float32; torch's autocast chooses by operation. float16 has so few small numbers
that the loss is multiplied before the gradient is taken: by a `LossScale`, halved when the gradient overflows.
"""

import math
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from torch.nn import functional

from onelook.structures.errors import UserError

WORDS = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
"""What the setting `precision` may say, beside `auto`."""

GROWS_AFTER = 2000
"""Steps without overflow after which the loss scale doubles."""

HIGHEST = 65536.0

_TRIES = 3


def choose_precision(wanted: str, device: torch.device) -> torch.dtype:
    """Return what to compute with; `auto` gives a GPU the half precision that it has, and a CPU float32.

    Raises UserError for one that the device lacks or, measured on the spot, is slower with.
    """
    if wanted == "auto":
        return _best_of_gpu() if device.type == "cuda" else torch.float32
    dtype = WORDS[wanted]
    if dtype == torch.float32:
        return dtype
    if device.type == "cuda":
        if dtype == torch.bfloat16 and torch.cuda.get_device_capability(device) < (8, 0):
            raise UserError(
                f"precision=bfloat16: expected a GPU that has it, got {_gpu(device)}; use float16 or float32"
            )
        return dtype
    if dtype == torch.float16:
        raise UserError("precision=float16: expected a GPU, got a CPU, which has no arithmetic for it; use float32")
    if not has_bfloat16():
        raise UserError("precision=bfloat16: expected a CPU with AMX or AVX512-BF16, got one without; use float32")
    gain = gain_of_bfloat16()
    if gain <= 1:
        raise UserError(
            f"precision=bfloat16: expected it to be faster here, got {1 / gain:.1f} times float32's time; use float32"
        )
    return dtype


def _best_of_gpu() -> torch.dtype:
    major, _ = torch.cuda.get_device_capability()
    return torch.bfloat16 if major >= 8 else torch.float16 if major >= 7 else torch.float32


def _gpu(device: torch.device) -> str:
    return torch.cuda.get_device_name(device)


def has_bfloat16() -> bool:
    """Return whether this CPU has instructions for bfloat16; without them it was 23 times slower."""
    try:
        words = Path("/proc/cpuinfo").read_text(encoding="utf-8").split()
    except OSError:
        return False
    return "amx_bf16" in words or "avx512_bf16" in words


def gain_of_bfloat16() -> float:
    """Return by which factor a convolution's step, there and back, is faster with bfloat16 than with float32 on this CPU."""
    weights = torch.full((64, 64, 3, 3), 0.01).contiguous(memory_format=torch.channels_last).requires_grad_()
    images = torch.ones(2, 64, 52, 52).contiguous(memory_format=torch.channels_last).requires_grad_()
    seconds = {}
    for dtype in (torch.float32, torch.bfloat16):
        times = []
        for _ in range(_TRIES + 1):
            began = time.perf_counter()
            with autocast(dtype, torch.device("cpu")):
                made = functional.conv2d(images, weights, padding=1)
            made.float().square().mean().backward()
            times.append(time.perf_counter() - began)
        seconds[dtype] = min(times[1:])
    return seconds[torch.float32] / seconds[torch.bfloat16]


def autocast(dtype: torch.dtype, device: torch.device) -> torch.autocast:
    """Return the context in which a network's pass is computed with `dtype`."""
    return torch.autocast(device.type, dtype, enabled=dtype != torch.float32)


@dataclass
class LossScale:
    """The factor on the loss, so that small gradients are no zeros in float16; it follows what they bear."""

    factor: float = 4096.0
    steps: int = 0
    """Since it last changed."""

    def lowered(self, gradient: float) -> bool:
        """Return whether a gradient of this norm has overflowed: the factor is then halved, and the step to be taken again.

        At a factor of 1 it is not the scale's fault; the factor is then what it was at first.
        """
        if math.isfinite(gradient):
            self._grow()
            return False
        if self.factor <= 1:
            self.factor, self.steps = LossScale.factor, 0
            return False
        self.factor, self.steps = self.factor / 2, 0
        return True

    def _grow(self) -> None:
        self.steps += 1
        if self.steps >= GROWS_AFTER and self.factor < HIGHEST:
            self.factor, self.steps = self.factor * 2, 0
