"""The causes that a bad result may have: what each is called, and what mends it."""

from dataclasses import dataclass, field
from typing import Any

CAUSES = {
    "weights-nan": (
        "numbers of the weights are not finite",
        "onelook train {network} {data} --set learning_rate={lower}",
    ),
    "weights-zero": ("layers are dead: all their weights are 0", "onelook train {network} {data}"),
    "no-truth": ("the images hold no labelled object, so nothing can be found right", "onelook data check {data}"),
    "pictures-blank": ("the pictures show nothing", "onelook data check {data} --page check.html"),
    "learning-rate-zero": ("the learning rate was 0, so nothing was learnt", "onelook train {network} {data}"),
    "frozen": ("the weights are those that training began with", "onelook train {network} {data}"),
    "diverged": ("the training diverged", "onelook train {network} {data} --set learning_rate={lower}"),
    "scores-zero": ("the model sees nothing anywhere", "onelook train {network} {data}"),
    "scores-one": (
        "the model sees everything everywhere",
        "onelook train {network} {data} --set learning_rate={lower}",
    ),
    "classes-unknown": (
        "the model does not know classes of the data",
        "onelook data convert {data} --to voc --out renamed --rename OLD=NEW",
    ),
    "classes-permuted": (
        "names and classes do not belong together",
        "onelook data convert {data} --to voc --out renamed {renames}",
    ),
    "labels-shifted": ("the labels are shifted against the pictures", "onelook data show {data}"),
    "labels-shuffled": ("the labels belong to other pictures", "onelook data show {data}"),
    "boxes-in-fractions": ("boxes in 0..1 were taken for pixels", "onelook data show {data}"),
    "boxes-transposed": ("x and y of the boxes are exchanged", "onelook data show {data}"),
    "boxes-mirrored": ("boxes and pictures are mirrored against each other", "onelook data show {data}"),
    "boxes-from-centre": ("the boxes' centres were taken for corners", "onelook data show {data}"),
    "boxes-from-corner": ("the boxes' corners were taken for centres", "onelook data show {data}"),
    "boxes-scaled": ("the boxes are in pixels of another size", "onelook data show {data}"),
    "colours": ("red and blue of the pictures are exchanged", "onelook data show {data}"),
    "resize": ("pictures are fitted in otherwise than in training", 'in {model}/bundle.toml: resize = "{resize}"'),
    "input-size": (
        "the input's size is not the one of the training",
        "in {model}/bundle.toml: width = {width}, height = {height}",
    ),
    "batch-norm": (
        "the statistics of batch normalisation do not fit",
        "onelook train {network} {data} --set batch_norm_momentum=0.1",
    ),
    "nms": ("the threshold of NMS is unfit", "in {model}/bundle.toml: nms = 0.45"),
    "anchors": ("the anchors do not fit", "onelook train {network} {data} --set anchors=fit"),
    "threshold": ("the score threshold hides what the model finds", "onelook eval {model} {data} --score {best}"),
    "validation-differs": ("the model knows its training images and not these", "onelook data show {data}"),
    "undertrained": ("the training was too short", "onelook train {network} {data} --set epochs={longer}"),
    "cannot-learn": ("the model cannot even learn a few images by heart", "onelook data check {data}"),
    "grid": (
        "the network's grid is too coarse for the objects",
        "onelook train {network} {data} --set width={wider} --set height={higher}",
    ),
}
"""Code to what it is called, and the command or the line that mends it."""

CERTAIN = 2.0
"""Strength of a cause that is a fact."""


@dataclass(frozen=True)
class Cause:
    """One cause with its evidence. `strength` ranks: 2 for a fact, 1 + AP50 for a leap that was measured, less for the rest."""

    code: str
    strength: float
    evidence: str
    fix: str = ""
    ap50: float | None = None
    """AP50 once it is mended, where that could be tried."""

    @property
    def title(self) -> str:
        """What it is called."""
        return CAUSES[self.code][0]

    def as_json(self) -> dict[str, Any]:
        """Return the cause in words and numbers."""
        return {"code": self.code, "cause": self.title, "evidence": self.evidence, "fix": self.fix, "ap50": self.ap50}


@dataclass(frozen=True)
class Test:
    """One test that was made, whether it passed (None: it could not be made), and what came of it."""

    __test__ = False  # pytest takes it for one of its own otherwise
    name: str
    passed: bool | None
    words: str


@dataclass(frozen=True)
class Explanation:
    """The verdict: AP50 on the images that were looked at, ranked causes, and every test."""

    images: int
    ap50: float | None
    causes: tuple[Cause, ...] = ()
    tests: tuple[Test, ...] = field(default=())

    @property
    def verdict(self) -> str:
        """One sentence."""
        reached = "The result is bad" if self.ap50 is None else f"AP50 is {self.ap50:.3f} on {self.images} images"
        if not self.causes:
            return f"{reached}; no cause of a bad result was found."
        return f"{reached}, because {self.causes[0].title}."

    def as_json(self) -> dict[str, Any]:
        """Return verdict, causes and tests."""
        return {
            "verdict": self.verdict,
            "images": self.images,
            "ap50": self.ap50,
            "causes": [cause.as_json() for cause in self.causes],
            "tests": [vars(test) for test in self.tests],
        }

    def lines(self) -> list[str]:
        """Return the explanation for a reader."""
        told = [self.verdict]
        for number, cause in enumerate(self.causes, start=1):
            told += [f"{number}. {cause.title}: {cause.evidence}", f"   {cause.fix}"]
        words = {True: "ok", False: "NO", None: "--"}
        return [*told, "tests:", *(f"  {words[test.passed]}  {test.name}: {test.words}" for test in self.tests)]

    def markdown(self) -> str:
        """Return the text of diagnosis.md."""
        words = {True: "yes", False: "**no**", None: "not made"}
        parts = ["# Why the result is bad", "", self.verdict, ""]
        for number, cause in enumerate(self.causes, start=1):
            parts += [f"{number}. **{cause.title}**. {cause.evidence}", "", f"       {cause.fix}", ""]
        parts += ["| test | passed | what came of it |", "|---|---|---|"]
        parts += [f"| {test.name} | {words[test.passed]} | {test.words} |" for test in self.tests]
        return "\n".join(parts) + "\n"
