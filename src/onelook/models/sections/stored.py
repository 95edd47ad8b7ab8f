"""What every module with weights offers, and batch normalisation's arrays."""

from typing import Protocol, runtime_checkable

from torch import Tensor, nn

BATCH_NORM_EPS = 1e-5


@runtime_checkable
class Stored(Protocol):
    """A module with arrays in `.weights`."""

    def arrays(self) -> dict[str, Tensor]:
        """Return the tensors under the names that `structures.network` has for them."""
        ...


def biases_and_norm(bias: Tensor | None, norm: nn.Module | None) -> dict[str, Tensor]:
    """Return `biases`, and with batch normalisation, whose shift the biases are then, its other three arrays."""
    if norm is None:
        assert bias is not None
        return {"biases": bias}
    return {
        "biases": norm.get_parameter("bias"),
        "scales": norm.get_parameter("weight"),
        "rolling_mean": norm.get_buffer("running_mean"),
        "rolling_variance": norm.get_buffer("running_var"),
    }
