"""data.yaml in all the ways that people write it."""

from pathlib import Path

import pytest

from onelook.datasets.files.data_yaml import quoted, read_yaml
from onelook.structures.errors import FormatError


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("names: [cat, 'no', \"a, b\"]", ["cat", "no", "a, b"]),
        ("names:\n  - cat\n  - no # the second\n", ["cat", "no"]),
        ("names:\n  1: dog\n  0: on\n", ["on", "dog"]),
        ("names: {0: cat, 1: dog}", ["cat", "dog"]),
        ("names:\n- it's\n", ["it's"]),
    ],
)
def test_names_are_words_however_they_are_listed(tmp_path: Path, text: str, names: list[str]) -> None:
    path = tmp_path / "data.yaml"
    path.write_text(f"train: images/train\nnc: 2\n{text}\nkpt_shape: [[1, 2]]\n")

    assert read_yaml(path) == {"train": "images/train", "nc": "2", "names": names}


@pytest.mark.parametrize("text", ["names: [cat", "a: b: c", "- just\n- a list", "", "[" * 5000])
def test_what_is_no_such_file_is_one_line_with_its_name(tmp_path: Path, text: str) -> None:
    path = tmp_path / "data.yaml"
    path.write_text(text)

    with pytest.raises(FormatError) as caught:
        read_yaml(path)

    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_a_tag_that_names_code_is_not_followed(tmp_path: Path) -> None:
    path = tmp_path / "data.yaml"
    path.write_text("names: !!python/object/apply:os.system ['true']\n")

    assert read_yaml(path) == {"names": ["true"]}


def test_a_word_in_quotes_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "data.yaml"
    path.write_text("".join(f"k{i}: {quoted(w)}\n" for i, w in enumerate(["it's", "a: b", "#1", "[x]", "no"])))

    assert list(read_yaml(path).values()) == ["it's", "a: b", "#1", "[x]", "no"]
