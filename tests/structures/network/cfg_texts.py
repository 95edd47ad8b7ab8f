"""Random cfg files: mostly well-formed, with numbers that sometimes cannot be."""

from hypothesis import strategies as st

from onelook.structures.network.activations import ACTIVATIONS
from onelook.structures.network.options import uses_of
from onelook.structures.network.sections.table import REFUSED, SECTIONS

SMALL = st.integers(-3, 9).map(str)
NUMBERS = st.one_of(
    SMALL,
    st.sampled_from(["0.5", "-1.5", ".3", "1e9", "1e400", "-0", "65536", "999999999999", "9" * 30, "3#4", "2x"]),
)
LISTS = st.lists(NUMBERS, max_size=6).map(",".join)
WORDS = st.sampled_from([*ACTIVATIONS, "ciou", "diounms", "per_channel", "softmax", "relu", "", "what"])
VALUES = st.one_of(NUMBERS, NUMBERS, LISTS, WORDS)

LIKELY = {
    "filters": st.integers(1, 24).map(str),
    "size": st.integers(1, 4).map(str),
    "stride": st.integers(1, 2).map(str),
    "layers": st.lists(st.integers(-3, 3).map(str), min_size=1, max_size=3).map(",".join),
    "from": st.integers(-3, 2).map(str),
    "activation": st.sampled_from(ACTIVATIONS),
    "output": st.integers(1, 30).map(str),
    "anchors": st.lists(st.integers(1, 30).map(str), min_size=4, max_size=4).map(",".join),
    "num": st.just("2"),
    "classes": st.integers(1, 3).map(str),
    "weights_type": st.sampled_from(["none", "per_feature", "per_channel"]),
    "weights_normalization": st.sampled_from(["none", "relu", "softmax"]),
    "groups": st.integers(1, 2).map(str),
    "group_id": st.integers(0, 1).map(str),
    "pad": st.integers(0, 1).map(str),
    "padding": st.integers(0, 3).map(str),
    "dilation": st.integers(1, 3).map(str),
    "batch_normalize": st.integers(0, 1).map(str),
    "antialiasing": st.integers(0, 2).map(str),
    "stride_x": st.integers(1, 3).map(str),
    "stride_y": st.integers(1, 3).map(str),
    "share_index": st.integers(-2, 1).map(str),
    "maxpool_depth": st.integers(0, 1).map(str),
    "out_channels": st.integers(1, 3).map(str),
    "crop_width": st.integers(1, 8).map(str),
    "crop_height": st.integers(1, 8).map(str),
    "noadjust": st.integers(0, 1).map(str),
    "scale_wh": st.integers(0, 1).map(str),
    "scale": st.sampled_from(["1", "0.5", "-2"]),
    "temperature": st.sampled_from(["1", "3", ".5"]),
    "probability": st.sampled_from(["0", ".2", ".9"]),
    "alpha": st.sampled_from([".001", ".01"]),
    "mask": st.sampled_from(["0", "0,1", "1"]),
    "coords": st.just("4"),
    "side": st.integers(1, 2).map(str),
}
"""Values that a section can mostly live with."""

NEEDED = {"layers", "from", "filters", "activation", "crop_width", "crop_height", "anchors", "num", "coords"}


@st.composite
def sections(draw: st.DrawFn, wild: bool) -> str:
    """Return one section with some of its options; a wild one may be unknown, and its values impossible."""
    kind = draw(st.sampled_from(WILD if wild else sorted(SECTIONS)))
    known = uses_of(kind.lower())
    likely = [key for key in LIKELY if key in known and (key in NEEDED or draw(st.booleans()))]
    lines = [f"{key}={draw(LIKELY[key])}" for key in likely]
    if wild:
        keys = draw(st.lists(st.sampled_from(sorted(known) or ["size"]), max_size=4))
        lines = [*(f"{key}={draw(VALUES)}" for key in keys), *lines]  # of equal keys the first counts
    return f"[{kind}]\n" + "".join(f"{line}\n" for line in lines)


WILD = [*SECTIONS, *SECTIONS, *REFUSED, "conv", "silence", "Gaussian_yolo", "x"]


@st.composite
def cfgs(draw: st.DrawFn, wild: bool = True) -> str:
    """Return a whole cfg; one that is not wild can often be computed."""
    side = st.one_of(st.integers(4, 16).map(str), NUMBERS) if wild else st.integers(4, 12).map(str)
    net = f"[net]\nwidth={draw(side)}\nheight={draw(side)}\n"
    net += "" if wild else f"[convolutional]\nactivation=linear\nfilters={draw(st.sampled_from(['6', '8', '16']))}\n"
    return net + "".join(draw(st.lists(sections(wild), min_size=1, max_size=5)))
