"""Writes docs/darknet.md: what onelook follows of Darknet, every section and option, and which stored run proves it.

The proofs are the reference networks whose cfg has the section or sets the option. They lie beside the repository, in
../shared/reference; without them the page cannot be written, only compared by the test, line by line.
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path

from onelook.structures.network.activations import ACTIVATIONS
from onelook.structures.network.cfg import SPELLED, read_cfg
from onelook.structures.network.layer import ALIASES, main_name
from onelook.structures.network.options import Use, every_layer, own_options
from onelook.structures.network.sections.table import REFUSED, SECTIONS

PAGE = Path(__file__).with_name("darknet.md")
REFERENCE = Path(__file__).resolve().parents[2] / "shared" / "reference"
MOST = 3
"""Names of networks in a cell; of more, the number is told."""

Proofs = Mapping[tuple[str, str], list[str]]
"""By section and option ("" for the section itself), the reference networks that have it."""

START = """# Darknet, exactly

What onelook follows of [Darknet](https://github.com/AlexeyAB/darknet) (AlexeyAB's, commit 59596d7), and what proves it. The
numbers come from that program: 153 small networks, real weights on its sample images, 13 trainings of five steps.
`docs/generate_darknet.py` writes this page; a test compares it. The data side has [its own page](formats/darknet.md).

## A .cfg as Darknet reads it

- Blanks anywhere in a line go; lines that begin with `#` or `;` are comments, and so is what follows a `#` in a value.
- Numbers end where they stop being numbers (`filters=255px` is 255). A value that does not begin with one is an error here;
  Darknet takes 0.
- Of two equal options the first counts. Every command that takes a cfg tells the repeated ones with both lines, and unknown ones
  with the nearest known one. An unknown activation is computed as `relu`, as Darknet does, and told.
- Sections go by their names without regard to capitals; a cfg that is written has Darknet's.
- A `[shortcut]` from a layer of another height and width, which AlexeyAB's Darknet refuses, is the original's of 2018: from a
  layer k times larger it takes every k-th place, to one k times smaller it adds at every k-th place of its own. Its `resnet` and
  `resnext` cfgs are made of it; compared with Debian's build number by number.

## Weights

- A file is read through a memory map and written back byte for byte, `seen` in 32 or 64 bits as its header says.
- Files that end after any whole layer (`yolov4.conv.137`) can be trained from. A file that is too short or too long is
  refused with both counts, the layer at which it ends, and the cfg that it was compared with.
- Batch normalisation is folded where a network is written as ONNX, with epsilon 1e-5 inside the root.
- A weighted `[shortcut]` is computed as the network is trained: Darknet's `detector test` folds its weights first and then
  divides by another sum, which moves its output by up to 1 % of the largest number.
"""

HEADS = """
## Boxes

- Decoding, `scale_x_y`, `new_coords`, Gaussian spreads, `[region]` and `[detection]` give the original's boxes and scores on
  all 17 reference networks with a head (1e-5 of the largest number).
- `nms_kind` of the last head counts for all, as in Darknet: `default` is IoU within a class; `greedynms` takes the 0.6th power
  of distance over diagonal off first, whatever `beta_nms` says; `diounms` takes the power `beta_nms`. `cornersnms` is IoU.
- Images are resized by OpenCV unless the bundle says `resize = "darknet_letterbox"` or `"darknet_stretch"`: then pixels are
  Darknet's, bit for bit (20 ms instead of 1 ms for a 768 x 576 picture), and so are its detections on its sample images: same
  set, confidence within 3e-6, boxes within 0.001 pixels, from the JPEG file on.

## Training

- `--set recipe=darknet` trains as Darknet does, `--set loss.kind=darknet` with its losses alone: `[yolo]` with `iou_loss` mse,
  iou, giou, diou or ciou, and `[region]`. What pushes each output, every gradient and the printed loss agree with 13 stored
  trainings to 1e-4 of the largest number. `[Gaussian_yolo]` and `[detection]` can be evaluated and used, not trained.
- Learning rates follow every policy of Darknet but `random` (60 batches each, 1e-5). An unknown policy, which Darknet takes
  for `constant` without a word, is an error.
- Darknet's update rule is SGD with momentum and decay; only weights decay, not biases, scales and shifts.
- Batch normalisation is torch's, as it is cuDNN's in Darknet on a GPU. Darknet's own arithmetic on a CPU (unbiased variance,
  and a gradient that takes N - 1 for N) is there for comparing runs: `use_darknet_batch_norm`.
- `onelook darknet detector train` begins at step 0, as Darknet does with `-clear`. Without it Darknet goes on at the step that
  the weights' count of images gives; here that step is told, and `onelook train --resume` goes on with a run. `-letter_box`
  is heard by `detector test` alone, as in Darknet; elsewhere `letter_box=1` of the cfg counts. `-map` judges the best model
  when the training ends, and prints what `detector map` prints.
- `cls_normalizer` counts only together with `counters_per_class`, as in Darknet.

- `onelook darknet classifier` feeds a picture as Darknet does: the short side fills the input, the middle is cut out. A run of
  `onelook train` sees whole pictures, stretched or by letterbox.

### What is not imitated

Darknet's code has faults that a training with onelook does not share:

- On a CPU the shifts of batch-normalised convolutions never learn, and a convolution overwrites what other layers pushed
  back before it, so that gradients through `[route]` and `[shortcut]` are lost.
- What was pushed back into `[route]`, `[upsample]`, `[avgpool]` and others stays there from one mini-batch to the next.
- `[connected]` never changes while training.
- `relu6` gives zeros on a CPU; here it is 0 to 6.
- The AVX build's `[maxpool]` skips taps at the left edge; the -Ofast build's `swish` gives nan for large numbers.
- The boxes of `[detection]` are left where they are when the image was letterboxed.

## Activations

| activation | proved by |
|---|---|
"""

TABLE = """
## Sections and options

| section | option | what becomes of it | proved by |
|---|---|---|---|
"""

END = """
Refused by name, with the line: {refused}.

Options that every layer may have:

| option | what becomes of it |
|---|---|
{every}
"""


def find_proofs(reference: Path) -> Proofs:
    """Return which reference networks have which section and set which option, by name in order."""
    found: dict[tuple[str, str], dict[str, None]] = {}
    paths = [*sorted((reference / "layers").glob("*.cfg")), *sorted((reference / "train").glob("*.cfg"))]
    for path in paths:
        cfg, name = read_cfg(path), path.stem if path.parent.name == "layers" else f"train/{path.stem}"
        for section in (cfg.net, *cfg.layers):
            for option in ("", *section.options):
                found.setdefault((main_name(section), option), {})[name] = None
    for policy in json.loads((reference / "train" / "rates.json").read_text())["policies"].values():
        for line in policy["net_options"].splitlines():
            found.setdefault(("net", line.partition("=")[0]), {})["train/rates.json"] = None
    return {key: sorted(names, key=lambda name: _farness(key[0], name)) for key, names in found.items()}


def _farness(kind: str, case: str) -> tuple[bool, str]:
    """Return a key that puts cases first whose name says that they were made for this kind of section."""
    return not (case.startswith(kind[:4]) or case == "train/rates.json"), case


def cell(names: list[str]) -> str:
    """Return a few of the names and how many there are."""
    shown = ", ".join(f"`{name}`" for name in names[:MOST])
    return f"{shown} and {len(names) - MOST} more" if len(names) > MOST else shown


def rows(proofs: Proofs) -> list[str]:
    """Return the table's lines: each section, then its options; those with one fate and no proof share a line."""
    lines = []
    for kind in ("net", *SECTIONS):
        aliases = sorted(alias for alias, name in ALIASES.items() if name == kind and alias != "network")
        title = " ".join(f"`[{name}]`" for name in (SPELLED.get(kind, kind), *aliases))
        lines.append(f"| {title} | | | {'' if kind == 'net' else cell(proofs.get((kind, ''), []))} |")
        alone: dict[Use, list[str]] = {}
        for option, use in own_options(kind).items():
            proved = cell(_proving(proofs, kind, option, use))
            if proved:
                lines.append(f"| | `{option}` | {use.value} | {proved} |")
            else:
                alone.setdefault(use, []).append(f"`{option}`")
        lines += [f"| | {' '.join(options)} | {use.value} | |" for use, options in alone.items()]
    return lines


def _proving(proofs: Proofs, kind: str, option: str, use: Use) -> list[str]:
    names = proofs.get((kind, option), [])
    if use is Use.FOLLOWED:
        return names
    return [name for name in names if name.startswith("train/")] if use is Use.RECIPE else []


def page(proofs: Proofs) -> str:
    """Return the whole page."""
    activations = [f"| `{name}` | {cell(_with_activation(proofs, name))} |" for name in ACTIVATIONS]
    every = "\n".join(f"| `{option}` | {use.value} |" for option, use in every_layer().items())
    refused = ", ".join(f"`[{kind}]` ({reason})" for kind, reason in REFUSED.items())
    table = "\n".join(rows(proofs)) + "\n"
    return START + HEADS + "\n".join(activations) + "\n" + TABLE + table + END.format(refused=refused, every=every)


def _with_activation(proofs: Proofs, name: str) -> list[str]:
    cases = proofs.get(("convolutional", ""), [])
    return [case for case in cases if case.removesuffix("_extreme") == f"act_{name}"]


if __name__ == "__main__":
    if not REFERENCE.is_dir():
        sys.exit(f"{REFERENCE}: expected the reference numbers, which name the proofs; got nothing there")
    PAGE.write_text(page(find_proofs(REFERENCE)), encoding="utf-8")
    print(f"wrote {PAGE}", file=sys.stderr)
