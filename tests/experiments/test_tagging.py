"""Tags are kept, given once, taken away, and told where they are broken."""

from pathlib import Path

import pytest

from onelook.experiments.tagging import change_tags, read_tags
from onelook.structures.errors import FormatError, UserError


def test_tags_are_kept_in_order_and_given_once(tmp_path: Path) -> None:
    assert read_tags(tmp_path) == ()
    assert change_tags(tmp_path, ["best", "v1.2"], []) == ("best", "v1.2")
    assert change_tags(tmp_path, ["paper", "best"], ["v1.2", "never"]) == ("best", "paper")
    assert read_tags(tmp_path) == ("best", "paper")


@pytest.mark.parametrize("tag", ["", "two words", "a,b", "x" * 65, "quote'"])
def test_a_tag_that_would_need_quotes_is_refused_and_nothing_changes(tmp_path: Path, tag: str) -> None:
    with pytest.raises(UserError, match="tag: expected letters, digits"):
        change_tags(tmp_path, ["good", tag], [])

    assert read_tags(tmp_path) == ()


@pytest.mark.parametrize("text", ["{}", "[1]", "[", '"word"'])
def test_a_broken_file_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "tags.json").write_text(text)

    with pytest.raises(FormatError, match=r"tags\.json: expected a list of tags"):
        read_tags(tmp_path)
