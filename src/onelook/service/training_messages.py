"""Training data and trainings, as they go over the wire."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from onelook.service.messages import Asked, Name, Share, Told

TrainingKind = Literal["training", "forecast"]
TrainingState = Literal["waiting", "running", "done", "failed", "stopped"]


class DataAnswer(Told):
    """Labelled images that were uploaded, to train on."""

    id: str
    name: str
    created_at: datetime
    bytes: int
    files: int
    images: int
    boxes: int
    classes: list[str]
    format: str
    path: str | None = Field(None, description="Where it lies on the server, when it was not uploaded")


class DataPath(Asked):
    """Labelled images that lie on the server, below a folder that it allows."""

    path: Annotated[str, Field(min_length=1, max_length=4096, pattern=r"^[^\x00]*$")]
    name: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")] = "data"


class SplitRequest(Asked):
    """How pictures are to be divided anew."""

    ratios: Annotated[
        list[Share], Field(min_length=2, max_length=3, description="Shares of train, val and perhaps test")
    ]
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0

    @field_validator("ratios")
    @classmethod
    def _are_shares(cls, ratios: list[float]) -> list[float]:
        if min(ratios) <= 0 or abs(sum(ratios) - 1) > 1e-6:
            raise ValueError(f"expected shares above 0 with the sum 1, got {ratios}")
        return ratios


class FindingCode(Told):
    """A kind of fault that was found: what it means and how often."""

    code: str
    severity: Literal["error", "warning"]
    meaning: str
    count: int


class FindingAnswer(Told):
    """One fault: where, what was expected and what came, the way out, and the numbers of the pictures it is about."""

    path: str
    line: int | None = None
    code: str
    severity: Literal["error", "warning"]
    what: str
    fix: str
    images: list[int]


class DataCheck(Told):
    """What is wrong with data, the gravest first, and how much of what there is."""

    errors: int
    warnings: int
    codes: list[FindingCode]
    findings: list[FindingAnswer] = Field(description="The first 500 of each code")
    statistics: dict[str, Any] = Field(description="What `onelook data stats --json` prints")


class LabelledBox(Told):
    """One labelled object."""

    name: str = Field(alias="class")
    index: int = Field(description="Of the class, from 0")
    box: tuple[float, float, float, float] = Field(description="x1, y1, x2, y2 in fractions of the image")


class LabelledImage(Told):
    """One picture with its labels; its number is its place in the data."""

    number: int
    file: str
    width: int
    height: int
    splits: list[str]
    labelled: bool
    label: str | None = Field(None, description="The class of the picture as a whole, where it has one")
    boxes: list[LabelledBox]


class ImageList(Told):
    """A page of a data set's pictures."""

    total: int = Field(description="Pictures that fit what was asked for")
    images: list[LabelledImage]


class DataList(Told):
    """What you have uploaded to train on."""

    data: list[DataAnswer]


class TrainingRequest(Asked):
    """A training, or a forecast of one."""

    data: Annotated[str, Field(pattern=r"^[a-z0-9]{1,64}$", description="Id of uploaded data")]
    network: Annotated[str, Field(max_length=64, pattern=r"^[a-z0-9][a-z0-9._-]*$")] | None = Field(
        None, description="A network by name, such as yolov3-tiny; or give `cfg`"
    )
    cfg: Annotated[str, Field(max_length=1_000_000)] | None = Field(None, description="The text of a Darknet .cfg")
    cfg_name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}\.cfg$")] = Field(
        "network.cfg", description="What its file is called"
    )
    weights: Name | None = Field(None, description="Start from the current version of this model")
    settings: dict[str, str | int | float | bool] = Field(
        default_factory=dict, description="Hyperparameters: any setting that `onelook train --set` takes"
    )
    time_budget: Annotated[str, Field(pattern=r"^[0-9.]+[hms]$")] | None = Field(None, description="Such as 2h or 45m")
    kind: TrainingKind = "training"


class TrainingAnswer(Told):
    """A training or a forecast: how it stands, and what came of it."""

    id: str
    kind: TrainingKind
    state: TrainingState
    data: str
    network: str
    weights: str | None = None
    settings: dict[str, str | int | float | bool]
    time_budget: str | None = None
    created_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    progress: dict[str, Any] | None = Field(None, description="The latest line of the run's metrics")
    result: dict[str, Any] | None = Field(None, description="What the command printed: metrics, or the forecast")
    error: str | None = None


class TrainingList(Told):
    """Your trainings, newest first."""

    trainings: list[TrainingAnswer]
    next: str | None = Field(None, description="Give it as `before` to see older ones; none when there are no more")


class TrainingProgress(Told):
    """A training as it goes."""

    training: TrainingAnswer
    steps: int | None = Field(None, description="Of the whole run; none before it has begun")
    seconds_left: float | None = None
    lines: list[dict[str, Any]] = Field(description="Of the run's metrics, those behind `after`")
    next: int = Field(description="Give it as `after` to see what comes later")
    resources: dict[str, Any] | None = Field(None, description="The latest line of resources.jsonl")
    evaluations: int = Field(description="How many there are in /samples")


class SampleImage(Told):
    """What the model saw on one picture; boxes are x1, y1, x2, y2 in pixels, truth beside detections or classes."""

    file: str
    width: int
    height: int
    truth: list[dict[str, Any]] = Field(default_factory=list)
    detections: list[dict[str, Any]] = Field(default_factory=list, description="Of at least the score `least`")
    best: float | None = Field(
        None, description="The highest score of all, `least` or not; 0: nothing was seen, none: not told"
    )
    name: str | None = Field(None, alias="class", description="The true class of the picture as a whole")
    classes: list[dict[str, Any]] = Field(default_factory=list)


class SampleEvaluation(Told):
    """A few pictures as the model saw them at one evaluation."""

    step: int
    epoch: float
    images: list[SampleImage]


class SampleList(Told):
    """The same few pictures at each evaluation, in the order of the steps."""

    evaluations: list[SampleEvaluation]
    least: float = Field(description="Detections of a lower score are not among them")
    most: int = Field(description="Of one picture there are no more: a picture with as many may have had more")


class ConfusionAnswer(Told):
    """One kind of mistake, and how often: a class seen as another, seen where there is nothing, or missed."""

    true: str | None = Field(description="None: there is nothing")
    seen: str | None = Field(description="None: missed")
    count: int


class MistakeBox(Told):
    """A box, x1, y1, x2, y2 in fractions of the picture; of a detection with its score."""

    name: str = Field(alias="class")
    index: int = Field(description="Of the class, from 0")
    box: tuple[float, float, float, float]
    score: float | None = None
    wrong: bool = Field(description="Of a detection: false; of the truth: missed")


class MistakenImage(Told):
    """A picture on which the model erred: truth beside detections, or its class beside the likeliest ones."""

    number: int = Field(description="Its place in the split")
    file: str
    width: int
    height: int
    truth: list[MistakeBox] = Field(default_factory=list)
    detections: list[MistakeBox] = Field(default_factory=list)
    right: int = 0
    wrong: int = 0
    missed: int = 0
    name: str | None = Field(None, alias="class", description="The true class of the picture as a whole")
    classes: list[dict[str, Any]] = Field(default_factory=list)


class Mistakes(Told):
    """What a run's best model takes for what on one split, and the pictures on which it does worst."""

    split: str
    splits: list[str] = Field(description="Those that were evaluated")
    images: int
    score: float | None = Field(None, description="Detections of at least this score are counted")
    matrix: list[list[int]] | None = Field(
        None,
        description="Counts by true class (rows) and seen class (columns); behind the classes the background. "
        "None where there are too many classes",
    )
    columns: list[str] = Field(description="Names of the classes in the matrix")
    confusions: list[ConfusionAnswer] = Field(description="The commonest mistakes, most frequent first")
    mistaken: int = Field(description="Pictures with mistakes, those that are not among the worst told here too")
    worst: list[MistakenImage] = Field(description="Of them up to 8, from `start` on, the worst first")


class SettingAnswer(Told):
    """One hyperparameter."""

    name: str
    group: Literal["training", "augment", "loss"]
    kind: Literal["number", "whole", "flag", "word", "list"]
    default: str | int | float | bool | None = Field(
        None, description="None: derived from the recipe, network and data"
    )
    least: float | None = None
    most: float | None = None
    choices: list[str] = Field(description="The words that it may have; none: any")
    words: str


class SettingList(Told):
    """Every hyperparameter, and the networks by name."""

    settings: list[SettingAnswer]
    networks: list[str]


class PromoteRequest(Asked):
    """Where the best model of a training goes."""

    name: Name
    shared: bool = False
    client: Annotated[str, Field(pattern=r"^[a-z0-9]{1,64}$")] | None = Field(
        None, description="Another client that it shall serve; for an administrator"
    )
