"""Whatever cfg can be described can be built and computed, in torch and in ONNX Runtime, and both say the same."""

import numpy as np
import torch
from hypothesis import HealthCheck, given, settings
from tests.structures.network.cfg_texts import cfgs

from onelook.inference.onnx_graph import onnx_model
from onelook.inference.runtime import OnnxRuntime
from onelook.models.network import Network
from onelook.structures.errors import FormatError
from onelook.structures.network.cfg import parse_cfg
from onelook.structures.network.layers import describe

MOST = 20_000
"""Numbers of a network, or of one layer's output, that is built here."""


@settings(
    max_examples=80,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
@given(cfgs(wild=False))
def test_what_is_described_is_computed_by_both(text: str) -> None:
    try:
        layers = describe(parse_cfg(text, "some.cfg"))
    except FormatError:
        return
    sizes = [layer.parameters for layer in layers] + [int(np.prod(layer.out_shape)) for layer in layers]
    if max(sizes) > MOST or layers[0].in_shapes[0][0] != 3:
        return
    torch.manual_seed(0)
    network = Network(parse_cfg(text, "some.cfg")).eval()
    image = np.random.default_rng(0).random((1, *layers[0].in_shapes[0]), np.float32)

    with torch.no_grad():
        ours = [output.numpy() for output in network.raw_outputs(torch.from_numpy(image))]
    theirs = OnnxRuntime(onnx_model(layers, network.arrays(), "float32").SerializeToString(), 1).run(image)

    for mine, other in zip(ours, theirs, strict=True):
        scale = max(1.0, float(np.abs(mine[np.isfinite(mine)]).max(initial=0)))
        np.testing.assert_allclose(mine.reshape(-1), other.reshape(-1), rtol=1e-3, atol=1e-4 * scale)
