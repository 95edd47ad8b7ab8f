from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onelook.datasets.formats.voc_annotation import _by_pattern, _by_tree, read_annotation

PLAIN = """<annotation>
\t<folder>n01440764</folder>
\t<filename>%s</filename>
\t<source>
\t\t<database>ILSVRC_2012</database>
\t</source>
\t<size>
\t\t<width>500</width>
\t\t<height>375</height>
\t\t<depth>3</depth>
\t</size>
\t<segmented>0</segmented>
\t<object>
\t\t<name>n01440764</name>
\t\t<pose>Unspecified</pose>
\t\t<truncated>1</truncated>
\t\t<difficult>0</difficult>
\t\t<bndbox>
\t\t\t<xmin>13</xmin>
\t\t\t<ymin>22.5</ymin>
\t\t\t<xmax>485</xmax>
\t\t\t<ymax>331</ymax>
\t\t</bndbox>
\t</object>
\t<object>
\t\t<name> tench, fish </name>
\t\t<bndbox><xmin> 1</xmin><ymin>2</ymin><xmax>3</xmax><ymax>4</ymax></bndbox>
\t</object>
</annotation>
"""


def silent(_: object) -> None:
    """Take a finding and say nothing."""


def test_the_usual_form_is_read_by_the_pattern_as_the_parser_reads_it():
    found = _by_pattern(PLAIN.encode())

    assert found is not None
    assert found == _by_tree(PLAIN.encode(), "a.xml", silent)
    assert found.size == (500, 375)
    assert [item.name for item in found.items] == ["n01440764", "tench, fish"]
    assert found.items[0].corners == (13, 22.5, 485, 331)
    assert [(item.difficult, item.truncated) for item in found.items] == [(False, True), (False, False)]


def test_real_annotations_take_the_quick_way(shared: Path):
    files = sorted((shared / "data/imagenet-mini").rglob("*.xml"))[:200]
    files += sorted((shared / "data/bccd").rglob("*.xml"))[:200]
    quick = [_by_pattern(file.read_bytes()) for file in files]

    assert sum(found is not None for found in quick) > 0.9 * len(files)
    for file, found in zip(files, quick, strict=True):
        assert found is None or found == _by_tree(file.read_bytes(), str(file), silent)


@settings(deadline=None, max_examples=400)
@given(st.data())
def test_whatever_the_pattern_takes_the_parser_reads_alike(data: st.DataObject):
    """A slice cut out, doubled or replaced: broken XML must never pass, another form must mean the same."""
    one = data.draw(st.integers(0, len(PLAIN)))
    two = data.draw(st.integers(one, min(len(PLAIN), one + 60)))
    pieces = [
        "",
        PLAIN[one:two] * 2,
        "<",
        ">",
        "&amp;",
        "<!-- -->",
        "\x0b",
        "\r\n",
        "]]>",
        "é",
        "1",
        " ",
        "-",
        "</object>",
    ]
    text = (PLAIN[:one] + data.draw(st.sampled_from(pieces)) + PLAIN[two:]).encode()
    found = _by_pattern(text)

    assert found is None or found == _by_tree(text, "a.xml", silent)


@pytest.mark.parametrize("line", ["\ufeff", '<?xml version="1.0" encoding="latin-1"?>', "<!-- by hand -->"])
def test_another_form_is_read_by_the_parser(tmp_path: Path, line: str):
    file = tmp_path / "a.xml"
    file.write_text(line + PLAIN, encoding="utf-8")
    found = read_annotation(str(file), silent)

    assert _by_pattern(file.read_bytes()) is None
    assert found is not None
    assert found.items == _by_pattern(PLAIN.encode()).items  # type: ignore[union-attr]
