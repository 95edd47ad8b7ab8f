from pathlib import Path

import pytest

from onelook.datasets.files.localisation_csv import read_submission
from onelook.evaluation.ilsvrc import localisation
from onelook.structures.errors import FormatError, UserError

HEAD = "ImageId,PredictionString\n"


def files(tmp_path: Path, solution: str, submission: str) -> tuple[Path, Path]:
    true, guessed = tmp_path / "LOC_val_solution.csv", tmp_path / "submission.csv"
    true.write_text(HEAD + solution)
    guessed.write_text(HEAD + submission)
    return guessed, true


def test_guesses_meet_their_images_and_what_belongs_nowhere_is_counted(tmp_path: Path) -> None:
    solution = "a,n01 0 0 9 9 \nb,n02 0 0 9 9 n02 20 20 30 30 \nc,n01 1 1 2 2\n"
    submission = "b,n02 20 20 30 30 n99 0 0 1 1\na,n01 0 0 9 9\nz,n01 0 0 1 1\n"

    truths, guesses, left_out = read_submission(*files(tmp_path, solution, submission))

    assert [len(true) for true in truths] == [1, 2, 1]
    assert localisation(truths, guesses, inclusive=True).localisation_error == pytest.approx(1 / 3)
    assert left_out == {
        "images that the solution does not have": 1,
        "images without a guess": 1,
        "guesses of classes that no image has": 1,
    }


def test_classes_may_be_numbers_of_the_mapping(tmp_path: Path) -> None:
    (tmp_path / "LOC_synset_mapping.txt").write_text("n01 cat\nn02 dog\n")

    truths, guesses, left_out = read_submission(*files(tmp_path, "a,n02 0 0 9 9\n", "a,2 0 0 9 9\n"))

    assert localisation(truths, guesses).localisation_error == 0
    assert not left_out


@pytest.mark.parametrize(
    ("submission", "words"),
    [
        ("a,n01 0 0 9\n", r"submission.csv:2: expected `class x1 y1 x2 y2` again and again, got 4 words"),
        ("a,n01 9 0 0 9\n", r"submission.csv:2: record 0: expected numbers, x1 <= x2"),
        ("a,n01 0 0 1 1 n01 0 nan 1 1\n", r"submission.csv:2: record 1: expected numbers"),
        ("", r"submission.csv: expected a line an image, got none"),
    ],
)
def test_a_record_that_cannot_be_read_is_named(tmp_path: Path, submission: str, words: str) -> None:
    with pytest.raises(FormatError, match=words):
        read_submission(*files(tmp_path, "a,n01 0 0 9 9\n", submission))


def test_other_files_are_told(tmp_path: Path) -> None:
    guessed, true = files(tmp_path, "a,n01 0 0 9 9\n", "z,n01 0 0 9 9\n")
    with pytest.raises(UserError, match=r"expected images of .*, such as a, got z"):
        read_submission(guessed, true)
    guessed.write_text("file,box\n")
    with pytest.raises(FormatError, match=r"submission.csv:1: expected ImageId,PredictionString, got 'file,box'"):
        read_submission(guessed, true)
    with pytest.raises(FormatError, match="expected a CSV file, got No such file"):
        read_submission(tmp_path / "none.csv", true)


def test_the_real_solution_handed_in_has_no_error(shared: Path) -> None:
    solution = shared / "data/imagenet-mini/LOC_val_solution.csv"

    truths, guesses, left_out = read_submission(solution, solution)

    assert len(truths) == 400
    assert localisation(truths, guesses, inclusive=True).localisation_error == 0
    assert not left_out
