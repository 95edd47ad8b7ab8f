"""Which images a run is trained on, and which it is judged by while it goes."""

import numpy as np

from onelook.datasets.dataset import Dataset
from onelook.structures.errors import UserError

HELD_OUT = 0.15
"""Share of the training images that become the validation split of data without one."""


def train_and_val(dataset: Dataset, seed: int, told: list[str]) -> tuple[Dataset, Dataset]:
    """Return the training and validation images; some of the first are held out, and `told` of, where nothing is for the second.

    Raises UserError when there are no training images, or too few to hold some out.
    """
    if "train" not in dataset.splits and dataset.splits:
        raise UserError(
            f"{dataset.root}: expected a train split, got {', '.join(dataset.splits)}; see `onelook data split`"
        )
    train = dataset.split("train") if dataset.splits else dataset
    if not len(train):
        raise UserError(f"{dataset.root}: expected images in the train split, got none; see `onelook data stats`")
    if "val" in dataset.splits and len(dataset.splits["val"]):
        return train, dataset.split("val")
    if len(train) < 2:
        raise UserError(f"{dataset.root}: expected at least two images to train and validate on, got {len(train)}")
    order = np.random.default_rng(seed).permutation(len(train))
    held = max(1, round(len(train) * HELD_OUT))
    told.append(f"no val split: {held} of {len(train)} training images are held out for it (seed {seed})")
    return train.select(np.sort(order[held:])), train.select(np.sort(order[:held]))
