from pathlib import Path

import pytest

from onelook.datasets.formats.submission import Guess, parse, read_submission, write_submission
from onelook.structures.errors import FormatError


def test_what_was_written_is_read_the_best_first_and_five_at_most(tmp_path: Path):
    guesses = [Guess(f"n0000000{rank}", rank / 10, (rank, 2, 30.5, 40)) for rank in range(7)]
    write_submission(tmp_path / "submission.csv", {"ILSVRC2012_test_00000001": guesses, "ILSVRC2012_test_00000002": []})

    lines = (tmp_path / "submission.csv").read_text().splitlines()
    assert lines[0] == "ImageId,PredictionString"
    assert lines[1].startswith("ILSVRC2012_test_00000001,n00000006 6 2 30.5 40 n00000005 5 2 30.5 40 ")
    assert lines[2] == "ILSVRC2012_test_00000002,"
    read = read_submission(tmp_path / "submission.csv")
    assert [guess.name for guess in read["ILSVRC2012_test_00000001"]] == [f"n0000000{rank}" for rank in (6, 5, 4, 3, 2)]
    assert read["ILSVRC2012_test_00000002"] == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("1 0 0 63 63 ", [Guess("1", None, (0, 0, 63, 63))]),
        ("n01443537 0.9 1 2 3 4", [Guess("n01443537", 0.9, (1, 2, 3, 4))]),
        ("862 1 2 3 4 7 5 6 7 8", [Guess("862", None, (1, 2, 3, 4)), Guess("7", None, (5, 6, 7, 8))]),
        (" ".join(["n1 0.5 1 2 3 4"] * 5), [Guess("n1", 0.5, (1, 2, 3, 4))] * 5),
        (" ".join(["n1 1 2 3 4"] * 6), [Guess("n1", None, (1, 2, 3, 4))] * 6),
    ],
)
def test_a_prediction_string_has_five_words_an_object_or_six(text: str, expected: list[Guess]):
    assert parse(text) == expected


def test_a_line_that_is_none_is_told(tmp_path: Path):
    (tmp_path / "s.csv").write_text("ImageId,PredictionString\na,n1 1 2 3 4\nb,n1 1 2 three 4\n")

    with pytest.raises(FormatError, match=r"s\.csv:3: expected `class x1 y1 x2 y2` an object, got 'n1 1 2 three 4'"):
        read_submission(tmp_path / "s.csv")


def test_the_challenges_own_sample_is_read(shared: Path):
    found = read_submission(shared / "data" / "imagenet-mini" / "LOC_sample_submission.csv")

    assert len(found) == 100
    assert found["ILSVRC2012_test_00000001"] == [Guess("1", None, (0, 0, 63, 63))]
