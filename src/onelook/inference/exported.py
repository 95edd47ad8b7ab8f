"""What `onelook export` wrote, read back as a model: an .onnx file, or an OpenVINO .xml with its .bin.

All that is needed beside the computation stands in the file as words by name: `describe` gives them, `read_exported` takes them.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from onelook.inference.checked_graph import checked_graph
from onelook.inference.onnx_graph import RAW
from onelook.inference.openvino_runtime import OpenVinoRuntime, read_model, reason_of
from onelook.inference.runtime import Runtime
from onelook.inference.runtimes import make_runtime
from onelook.structures.bundle import Bundle, BundleSettings, check_names
from onelook.structures.errors import FormatError, UserError
from onelook.structures.named_bundle import NamedBundle
from onelook.structures.network.cfg import Cfg, format_cfg, parse_cfg
from onelook.structures.network.heads import Head, head_of
from onelook.structures.network.layers import Layer, describe

SUFFIXES = (".onnx", ".xml")
Shape = tuple[int, ...]

ROOM = "onelook"
"""Under which the words stand in an .xml."""

_NEEDED = ("names", "width", "height", "resize", "cfg", "outputs")


@dataclass(frozen=True)
class Exported:
    """An exported model as a bundle is: its classes, its settings, its network where that is Darknet's, and the file."""

    names: tuple[str, ...]
    settings: BundleSettings
    cfg: Cfg | None
    """None for a classifier by name, whose numbers are likelihoods already."""
    where: str
    outputs: str
    """`raw`, or the form in which boxes leave the graph."""

    def layers(self) -> tuple[Layer, ...]:
        """Return the layers at the model's input size; none for a network by name."""
        return describe(self.cfg, self.settings.size) if self.cfg else ()

    def runtime(self, threads: int | None = None, name: str | None = None) -> Runtime:
        """Return what computes the file; an .xml is OpenVINO's alone. Raises UserError for another runtime's name."""
        path = Path(self.where)
        if path.suffix == ".onnx":
            return make_runtime(path.read_bytes(), threads, self.where, name)
        if name not in (None, "openvino", "openvino-bf16"):
            raise UserError(f"--runtime: expected openvino for {path}, got {name!r}; export it --to onnx for others")
        return OpenVinoRuntime(path, threads, self.where, "bf16" if name == "openvino-bf16" else "f32")


def is_exported(path: Path) -> bool:
    """Return whether a path is a file of a form that `read_exported` reads."""
    return path.suffix in SUFFIXES and path.is_file()


def described(bundle: Bundle | NamedBundle, outputs: str) -> dict[str, str]:
    """Return what a program must know beside the graph: names, resizing, thresholds and how each output becomes boxes."""
    cfg, layers = ("", ()) if isinstance(bundle, NamedBundle) else (format_cfg(bundle.cfg), bundle.layers())
    heads = {f"{layer.kind}{layer.index}": _head(head_of(layer)) for layer in layers if layer.is_head}
    settings = bundle.settings
    return {
        "names": json.dumps(bundle.names, ensure_ascii=False),
        "heads": json.dumps(heads),
        "width": str(settings.width),
        "height": str(settings.height),
        "resize": settings.resize,
        "colour": settings.colour,
        "score": str(settings.score),
        "nms": str(settings.nms),
        "licence": settings.licence,
        "outputs": outputs,
        "cfg": cfg,
    }


def _head(head: Head) -> dict[str, object]:
    values = {field.name: getattr(head, field.name) for field in fields(head)}
    return {**values, "anchors": head.anchors.tolist()}


def read_exported(path: Path) -> Exported:
    """Return the model in a file that `onelook export` wrote.

    Raises FormatError for a file that is none, that holds another graph than its words say, or whose graph holds code of its own
    or lies partly in other files; UserError when an .xml is to be read and OpenVINO is not installed.
    """
    words, shapes = _onnx_facts(path) if path.suffix == ".onnx" else _xml_facts(path)
    missing = [word for word in _NEEDED if word not in words]
    if missing:
        raise FormatError(f"{path}: expected a model that `onelook export` wrote, got one without {', '.join(missing)}")
    try:
        settings = BundleSettings(
            int(words["width"]),
            int(words["height"]),
            words["resize"],
            words.get("colour", "rgb"),
            float(words.get("score", 0.25)),
            float(words.get("nms", 0.45)),
            licence=words.get("licence", ""),
        )
        names = tuple(map(str, json.loads(words["names"])))
    except (ValueError, TypeError, UserError) as error:
        raise FormatError(f"{path}: expected what `onelook export` wrote, got {error}") from None
    cfg = parse_cfg(words["cfg"], str(path)) if words["cfg"] else None
    exported = Exported(names, settings, cfg, str(path), words["outputs"])
    _check(exported, shapes)
    return exported


def _check(exported: Exported, shapes: Sequence[Shape]) -> None:
    """Raise FormatError when the classes' names or the graph's own shapes are others than the words tell."""
    layers = exported.layers()
    check_names(layers, exported.names, exported.where)
    if exported.outputs != RAW:
        return
    width, height = exported.settings.size
    channels = layers[0].in_shapes[0][0] if layers else 3
    image: Shape = (channels, height, width) if exported.settings.exact else (height, width, channels)
    ends: list[Shape] = [layer.out_shape for layer in layers if layer.is_head]
    ends = ends or [layer.out_shape for layer in layers[-1:]] or [(len(exported.names),)]
    wanted = [image, *ends]
    if list(shapes) != wanted:
        raise FormatError(f"{exported.where}: expected a graph of input and outputs {wanted}, got {list(shapes)}")


def _onnx_facts(path: Path) -> tuple[Mapping[str, str], list[Shape]]:
    """Return the words of an ONNX file, and the shapes of its input and outputs without the batch; 0 where a side is open."""
    model = checked_graph(path.read_bytes(), str(path))
    ends = [each.type.tensor_type.shape.dim for each in (*model.graph.input, *model.graph.output)]
    return {each.key: each.value for each in model.metadata_props}, [
        tuple(int(side.dim_value) for side in sides[1:]) for sides in ends
    ]


def _xml_facts(path: Path) -> tuple[Mapping[str, str], list[Shape]]:
    """Return the words and shapes of an OpenVINO model as `_onnx_facts` does."""
    try:
        model = read_model(path)
    except RuntimeError as error:
        raise FormatError(f"{path}: expected an OpenVINO model with its .bin, got: {reason_of(error)}") from None
    if not model.has_rt_info([ROOM]):
        return {}, []
    words = {str(word): str(value.value) for word, value in model.get_rt_info([ROOM]).astype(dict).items()}
    ends = [each.get_partial_shape() for each in (*model.inputs, *model.outputs)]
    return words, [tuple(side.get_length() if side.is_static else 0 for side in list(sides)[1:]) for sides in ends]
