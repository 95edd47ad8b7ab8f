"""The words of `onelook predict`, each with its help."""

from pathlib import Path
from typing import Annotated

import typer

Model = Annotated[Path, typer.Argument(help="A run, a bundle, or a .cfg or .weights with the others beside it.")]
Sources = Annotated[
    list[str] | None,
    typer.Argument(
        help="Pictures, folders of them, globs ('**' goes deeper), http(s) addresses, films, a camera's number, - for a "
        "picture on standard input."
    ),
]
ListFile = Annotated[
    Path | None, typer.Option("--list", help="A file with a path or address on each line; - for standard input.")
]
Drawn = Annotated[
    Path | None,
    typer.Option(help="Where drawn pictures and films go; by default predictions/, nowhere with --json and its like."),
]
Score = Annotated[
    str | None,
    typer.Option(
        "--score",
        "--confidence",
        help="Least score shown: 0.3, or by class: person=0.4,car=0.6; by default the model's own, 0.25.",
    ),
]
Nms = Annotated[
    float | None,
    typer.Option(help="IoU above which the worse of two of a class goes; by default the model's own, 0.45."),
]
Tile = Annotated[
    int | None,
    typer.Option(help="Look at pieces of so many pixels a side too, for small things in large pictures."),
]
Overlap = Annotated[float | None, typer.Option(help="Share of a piece that its neighbour shows too; 0.2.")]
Track = Annotated[bool, typer.Option("--track", help="Give an object the same number from frame to frame.")]
Shards = Annotated[
    int | None,
    typer.Option(
        help="For very many pictures: write so many files of JSON lines into --out, each whole or absent; resumable."
    ),
]
Workers = Annotated[
    int | None, typer.Option(help="Processes that work on --shards, one core each; by default one a core.")
]
EngineName = Annotated[
    str | None, typer.Option("--engine", help="What runs --shards: local, or ray (RAY_ADDRESS names a cluster); local.")
]
CountLine = Annotated[
    list[str] | None,
    typer.Option(metavar="X1,Y1,X2,Y2", help="Count what crosses this line, each way; tracks. May be repeated."),
]
Labels = Annotated[
    Path | None, typer.Option(help="Write a data set of the pictures and what was seen, for people to go through.")
]
LabelsFormat = Annotated[
    str | None, typer.Option(help="The format of --labels: darknet, coco, voc, kitti, ...; darknet.")
]
Crops = Annotated[Path | None, typer.Option(help="Write what is inside the boxes, a folder a class.")]
WeightsFile = Annotated[Path | None, typer.Option(help="The .weights of a .cfg that has none beside it.")]
NamesFile = Annotated[Path | None, typer.Option(help="The class names of a .cfg, one a line.")]
Submission = Annotated[
    Path | None, typer.Option(help="Write the five best of each picture as ImageNet's challenge takes them (.csv).")
]
Threads = Annotated[
    int | None, typer.Option(help="Cores for one picture; by default 1 where there are several pictures, else all.")
]
Runtime = Annotated[
    str | None,
    typer.Option(help="onnxruntime, openvino, openvino-bf16, cuda or tensorrt; by default the fastest one here."),
]
MostPixels = Annotated[int | None, typer.Option(help="Larger pictures are refused, by their header; 100 million.")]
AsLines = Annotated[
    bool, typer.Option("--jsonl", help="Print one JSON object a picture as it is seen; draw only with --out.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object; draw only with --out.")]
