"""`onelook localise`, as a user types it: a classifier and a detector write ImageNet's submission.csv."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from tests.cli.test_classify import CFG, typed
from tests.structures.small_models import small_bundle

from onelook.structures.bundle import Bundle, BundleSettings, write_bundle
from onelook.structures.errors import UserError
from onelook.structures.network.cfg import parse_cfg

WNIDS = ("n01", "n02", "n03")


@pytest.fixture
def models(tmp_path: Path) -> tuple[Path, Path]:
    """Return a classifier that answers with the strongest of three channels, and a detector that sees something everywhere."""
    arrays = {
        "0.biases": np.zeros(3, np.float32),
        "0.weights": np.eye(3, dtype=np.float32).reshape(3, 3, 1, 1) * 20,
    }
    write_bundle(tmp_path / "what", Bundle(parse_cfg(CFG), WNIDS, arrays, BundleSettings(16, 16)))
    write_bundle(tmp_path / "where", small_bundle())
    return tmp_path / "what", tmp_path / "where"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Return ImageNet's tree with a red, a green and a blue val picture, whose objects fill them, and a test picture."""
    root = tmp_path / "data"
    pictures = root / "ILSVRC" / "Data" / "CLS-LOC"
    rows = []
    for split, channels in (("val", (0, 1, 2)), ("test", (1,))):
        (pictures / split).mkdir(parents=True)
        for number, channel in enumerate(channels):
            image = np.full((32, 48, 3), 20, np.uint8)
            image[..., channel] = 230
            cv2.imwrite(str(pictures / split / f"{split}_{number}.JPEG"), image[..., ::-1])
            rows += [f"{split}_{number},{WNIDS[channel]} 0 0 47 31 "] if split == "val" else []
    for wnid in WNIDS:
        (pictures / "train" / wnid).mkdir(parents=True)
    (root / "LOC_val_solution.csv").write_text("\n".join(["ImageId,PredictionString", *rows]) + "\n")
    (root / "LOC_synset_mapping.txt").write_text("n01 red\nn02 green\nn03 blue\n")
    return root


def test_a_submission_is_written_checked_and_judged_where_the_truth_is_known(
    models: tuple[Path, Path], tree: Path, tmp_path: Path
) -> None:
    out = tmp_path / "submission.csv"
    code, told = typed("localise", *models, tree, "--split", "val", "--out", out, "--json")
    words = json.loads(told)
    head, *rows = out.read_text().splitlines()

    assert code == 0
    assert head == "ImageId,PredictionString"
    assert [row.split(",")[0] for row in rows] == ["val_0", "val_1", "val_2"]
    assert [row.split(",")[1].split()[0] for row in rows] == ["n01", "n02", "n03"]
    assert all(len(row.split(",")[1].split()) == 15 for row in rows)
    assert words["errors"]["top1_classification_error"] == 0
    assert words["boxes"]["other"] == 9
    judged = json.loads(typed("eval", out, tree, "--rules", "ilsvrc", "--json")[1])
    assert judged["localisation_error"] == words["errors"]["localisation_error"]


def test_classes_are_numbers_where_the_challenge_has_numbers_and_test_images_are_not_judged(
    models: tuple[Path, Path], tree: Path, tmp_path: Path
) -> None:
    (tree / "LOC_sample_submission.csv").write_text("ImageId,PredictionString\ntest_0,1 0 0 9 9 \n")
    out = tmp_path / "submission.csv"
    _, told = typed("localise", *models, tree, "--out", out)

    assert "not judged" in told
    assert out.read_text().splitlines()[1].startswith("test_0,2 ")


def test_the_two_models_are_told_apart(models: tuple[Path, Path], tree: Path, tmp_path: Path) -> None:
    what, where = models
    with pytest.raises(UserError, match="expected a classifier, got a detector; give CLASSIFIER before DETECTOR"):
        typed("localise", where, what, tree, "--out", tmp_path / "s.csv")
    with pytest.raises(UserError, match="expected a detector, got a classifier"):
        typed("localise", what, what, tree, "--out", tmp_path / "s.csv")


def test_a_picture_that_cannot_be_read_has_no_guesses(models: tuple[Path, Path], tree: Path, tmp_path: Path) -> None:
    cut = tree / "ILSVRC" / "Data" / "CLS-LOC" / "val" / "val_1.JPEG"
    cut.write_bytes(cut.read_bytes()[:-200])
    out = tmp_path / "submission.csv"
    code, told = typed("localise", *models, tree, "--split", "val", "--out", out, "--json")

    assert code == (1 if json.loads(told)["failed"] else 0)
    assert len(out.read_text().splitlines()) == 4
