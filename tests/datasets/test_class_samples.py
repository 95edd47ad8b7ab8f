"""Training pictures of a classifier: one photograph, or two mixed, and the shares that say so."""

import numpy as np
import pytest
from numpy.typing import NDArray

from onelook.datasets.augment import NONE, AugmentSettings
from onelook.datasets.class_samples import compose_class

LABELS = (3, 5)
SIZE = (16, 8)


def plain(index: int) -> tuple[NDArray[np.uint8], int]:
    """Return a picture that is black (0) or white (1) all over, and its class."""
    return np.full((8, 16, 3), 255 * index, np.uint8), LABELS[index]


def composed(**changes: float) -> tuple[NDArray[np.uint8], NDArray[np.float32], int]:
    settings = AugmentSettings(
        **{
            **{name: getattr(NONE, name) for name in ("flip", "hue", "saturation", "exposure", "scale", "aspect")},
            "translate": 0,
            **changes,
        }
    )
    for seed in range(20):
        image, shares = compose_class(plain, 0, 2, SIZE, settings, np.random.default_rng(seed))
        if len(shares) == 1 or shares[1, 0] == 5:
            return image, shares, seed
    raise AssertionError("the other picture was never drawn")


def test_without_mixing_a_picture_is_wholly_of_its_class() -> None:
    image, shares, _ = composed()

    assert image.shape == (8, 16, 3)
    assert shares.tolist() == [[3, 1]]


def test_cutmix_gives_each_class_its_share_of_the_pixels() -> None:
    image, shares, _ = composed(cutmix=1)

    assert shares[:, 0].tolist() == [3, 5]
    assert shares[:, 1].sum() == pytest.approx(1)
    assert (image == 255).mean() == pytest.approx(shares[1, 1])
    assert set(np.unique(image)) <= {0, 255}


def test_mixup_lays_the_other_over_with_its_share() -> None:
    image, shares, _ = composed(mixup=1)

    assert shares[:, 1].sum() == pytest.approx(1)
    assert image.mean() / 255 == pytest.approx(shares[1, 1], abs=0.005)


def test_the_same_generator_gives_the_same_picture() -> None:
    first, second = (
        compose_class(plain, 1, 2, SIZE, AugmentSettings(cutmix=0.5, mixup=0.5), np.random.default_rng(7))
        for _ in range(2)
    )

    assert np.array_equal(first[0], second[0])
    assert np.array_equal(first[1], second[1])
