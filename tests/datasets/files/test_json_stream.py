import json
import tempfile
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onelook.datasets.files import json_stream
from onelook.datasets.files.json_stream import stream_objects
from onelook.structures.errors import FormatError

WORDS = ("images", "annotations")
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
objects = st.lists(st.dictionaries(st.text(max_size=4), values, max_size=3), max_size=4)
documents = st.fixed_dictionaries(
    {"info": values}, optional={"images": objects, "annotations": objects, "more": values}
)


@settings(deadline=None, max_examples=60)
@given(
    documents, st.sampled_from([None, 1, "\t"]), st.booleans(), st.integers(1, 40), st.sampled_from(["utf-8", "utf-16"])
)
def test_a_document_is_read_as_the_standard_library_reads_it(document, indent, ascii_only, chunk, encoding):
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        patch.setattr(json_stream, "_CHUNK", chunk)
        patch.setattr(json_stream, "_AHEAD", chunk // 2)
        file = Path(folder) / "a.json"
        text = json.dumps(document, indent=indent, ensure_ascii=ascii_only)
        file.write_bytes(text.encode(encoding, "surrogatepass"))

        expected = [(word, item) for word in document if word in WORDS for item in document[word]]
        assert list(stream_objects(file, WORDS)) == expected


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", ":1: expected `{`, got the end of the file"),
        ("[]", ":1: expected `{`, got '"),
        ('{"images": [{}', ":1: expected `,`, got the end of the file"),
        ('{"images": [{},\n{]}', ":2: expected JSON \\("),
        ('{"images": [{},\n{}] 3', ":2: expected `}`, got '3'"),
        ('{"images": [{}]} {}', ":1: expected the end of the file, got '{}'"),
        ('{"images": [1]}', ":1: expected a list of objects `images`"),
        ('{"images": {"a": 1}}', ":1: expected a list of objects `images`"),
        ("{3: 4}", ":1: expected a name in quotes, got ': 4}'"),
        ('{"images" [', ":1: expected `:`"),
        ('{"info": "\udcff"}', ": expected JSON as UTF-8"),
        ('{"info": ' + "[" * 100_000, "expected JSON"),
    ],
)
def test_what_is_no_such_document_is_told_with_its_line(tmp_path: Path, text: str, what: str):
    file = tmp_path / "a.json"
    file.write_bytes(text.encode("utf-8", "surrogateescape"))

    with pytest.raises(FormatError, match=f"a\\.json{what}" if what[0] == ":" else what):
        list(stream_objects(file, WORDS))


def test_an_endless_value_is_refused_where_it_begins(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(json_stream, "MOST_VALUE", 100_000)
    monkeypatch.setattr(json_stream, "_CHUNK", 10_000)
    (tmp_path / "a.json").write_text('{"info": 1,\n"images": [{"a": "' + "x" * 1_000_000)

    with pytest.raises(FormatError, match=r"a\.json:2: expected JSON with values of at most 100000 characters"):
        list(stream_objects(tmp_path / "a.json", WORDS))


def test_memory_does_not_grow_with_the_file(tmp_path: Path):
    item = json.dumps({"id": 1, "bbox": [1.5, 2.5, 3.5, 4.5], "segmentation": [[1.25] * 30]})
    peaks = []
    for count in (20_000, 60_000):
        file = tmp_path / f"{count}.json"
        file.write_text('{"annotations": [' + ", ".join([item] * count) + "]}")
        tracemalloc.start()
        assert sum(1 for _ in stream_objects(file, WORDS)) == count
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()

    assert max(peaks) < 12 * 1024**2
    assert peaks[1] < 1.2 * peaks[0]
