"""CVAT for images 1.1: one annotations.xml with an <image> a picture and a <box> or <polygon> an object.

Source: the format's page in CVAT's documentation. The attributes difficult, crowd and truncated are kept.
"""

import xml.etree.ElementTree as ET
from collections.abc import Iterator, Sequence
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

from onelook.datasets.collecting import Collector, split_of
from onelook.datasets.dataset import Dataset
from onelook.datasets.files.bounded import inside, start_of
from onelook.datasets.files.layout import part_of_each, place_pictures
from onelook.datasets.files.objects import FLAGS
from onelook.datasets.findings import Report
from onelook.structures.errors import FormatError

NAME = "cvat"
HOLDS = frozenset({"boxes", "splits", "negatives", "difficult", "crowd", "truncated"})

_PEEK = 65536


def evidence(path: Path) -> str | None:
    """Return which XML with <annotations> speaks for CVAT: `path` or one in the folder."""
    file = _file(path)
    return f"{file} holds <annotations>" if file else None


def read(path: Path, report: Report, names: Sequence[str] | None = None) -> Dataset:
    """Return the data set of an annotations.xml, image by image, whatever its length; its labels are the classes."""
    file = _file(path)
    if file is None:
        raise FormatError(f"{path}: expected an XML file with <annotations>, got none")
    collector = Collector(file.parent, NAME, report, names, _classes(file) or None)
    try:
        for image in _elements(file, "image"):
            _take_image(image, file, collector)
    except ET.ParseError as error:
        what = f"expected XML, got {error.msg.split(':')[0]}; images from there on are not read"
        collector.tell(file, error.position[0], "broken-annotation", what, "export the annotations again")
    return collector.finish()


def _file(path: Path) -> Path | None:
    files = [path] if path.is_file() else sorted(path.glob("*.xml")) if path.is_dir() else []
    return next((file for file in files if file.suffix == ".xml" and b"<annotations" in _start(file)), None)


def _start(file: Path) -> bytes:
    return start_of(file, _PEEK)


def _elements(file: Path, tag: str) -> Iterator[ET.Element]:
    """Yield the elements called `tag`, one after the other, none kept. Raises FormatError where entities are declared."""
    head = _start(file)
    if b"<!DOCTYPE" in head or b"<!ENTITY" in head:
        raise FormatError(f"{file}: expected XML without <!DOCTYPE> and <!ENTITY>, got one that declares them")
    for _, element in ET.iterparse(file):
        if element.tag == tag:
            yield element
            element.clear()


def _classes(file: Path) -> list[str]:
    """Return the label names of <meta>, which stands before the images."""
    found: dict[str, None] = {}
    try:
        with file.open("rb") as opened:
            for event, element in ET.iterparse(opened, events=("start", "end")):
                if event == "start" and element.tag == "image":
                    break
                if event == "end" and element.tag == "label" and element.findtext("name"):
                    found[(element.findtext("name") or "").strip()] = None
    except ET.ParseError:
        return list(found)  # told of when the images are read
    return list(found)


def _take_image(image: ET.Element, file: Path, collector: Collector) -> None:
    name = image.get("name", "")
    places = [inside(file.parent / folder, name) for folder in (".", "images")]
    picture = next((place for place in places if place and place.is_file()), places[-1] if places[0] else None)
    split = split_of(image.get("subset", "").replace("default", ""))
    try:
        told = float(image.get("width", "nan")), float(image.get("height", "nan"))
    except ValueError:
        told = None
    if not collector.image(picture, file, None, split, True, told, name):
        return
    for item in image:
        if item.tag in ("box", "polygon", "polyline"):
            _take(item, name, file, collector)


def _take(item: ET.Element, name: str, file: Path, collector: Collector) -> None:
    try:
        corners = _corners(item)
    except (ValueError, KeyError):
        what = f"expected numbers for a <{item.tag}> of {name}, got {str(item.attrib)[:80]}"
        collector.tell(file, None, "broken-annotation", what, "draw it again")
        return
    marks = {entry.get("name"): (entry.text or "").strip().lower() for entry in item.iterfind("attribute")}
    flags = {flag: marks.get(flag) in ("true", "1", "yes") for flag in FLAGS}
    collector.box(item.get("label", "").strip(), corners, None, **flags)


def _corners(item: ET.Element) -> tuple[float, float, float, float]:
    if item.tag == "box":
        return tuple(float(item.attrib[word]) for word in ("xtl", "ytl", "xbr", "ybr"))  # type: ignore[return-value]
    points = [[float(value) for value in pair.split(",")] for pair in item.attrib["points"].split(";")]
    xs, ys = zip(*points, strict=True)
    return min(xs), min(ys), max(xs), max(ys)


def write(dataset: Dataset, folder: Path) -> None:
    """Write images/ and annotations.xml into an empty folder."""
    files, parts = place_pictures(dataset, folder / "images"), part_of_each(dataset)
    with (folder / "annotations.xml").open("w", encoding="utf-8") as out:
        labels = "".join(f"<label><name>{escape(name)}</name></label>" for name in dataset.names)
        out.write("<?xml version='1.0' encoding='utf-8'?>\n<annotations>\n  <version>1.1</version>\n")
        out.write(f"  <meta><task><labels>{labels}</labels></task></meta>\n")
        for index, file in enumerate(files):
            width, height = dataset.sizes[index]
            subset = f" subset={quoteattr(parts[index])}" if parts[index] else ""
            head = f'id="{index}" name={quoteattr(_plain(file))} width="{width}" height="{height}"{subset}'
            out.write(f"  <image {head}>\n{''.join(_boxes(dataset, index))}  </image>\n")
        out.write("</annotations>\n")


def _plain(file: str) -> str:
    return file.encode("utf-8", "replace").decode()


def _boxes(dataset: Dataset, index: int) -> Iterator[str]:
    for row in range(int(dataset.offsets[index]), int(dataset.offsets[index + 1])):
        words = zip(("xtl", "ytl", "xbr", "ybr"), dataset.boxes[row], strict=True)
        corners = " ".join(f'{word}="{float(value)!r}"' for word, value in words)
        marks = [f'<attribute name="{flag}">true</attribute>' for flag in FLAGS if getattr(dataset, flag)[row]]
        yield f'    <box label={quoteattr(dataset.names[dataset.classes[row]])} {corners} z_order="0">{"".join(marks)}</box>\n'
