"""Darknet's own resizing: bit for bit on its sample image, and its oddities."""

from pathlib import Path

import numpy as np
import pytest

from onelook.structures.boxes import as_boxes
from onelook.structures.darknet_resize import GREY, darknet_cut, darknet_fit, darknet_place
from onelook.structures.images import read_image
from onelook.structures.letterbox import fit, place

SIZE = (416, 416)


@pytest.mark.parametrize(("mode", "letterbox"), [("plain", False), ("letter_box", True)])
def test_the_sample_image_becomes_the_original_s_input_bit_for_bit(shared: Path, mode: str, letterbox: bool) -> None:
    folder = shared / "reference" / "images"
    image = read_image(folder / "img" / "dog.jpg")
    stored = np.load(folder / f"dog.input416.{mode}.npz")
    (name,) = stored.files

    found = darknet_place(image, darknet_fit((768, 576), SIZE, letterbox), SIZE)

    np.testing.assert_array_equal(found, stored[name])


def test_the_fast_way_differs_by_what_is_said() -> None:
    image = np.random.default_rng(0).integers(0, 256, (60, 80, 3), np.uint8)
    how = fit((80, 60), (64, 64), letterbox=True)

    fast, exact = place(image, how, (64, 64)), darknet_place(image, how, (64, 64))

    assert exact.dtype == np.float32
    assert exact.shape == (3, 64, 64)
    assert np.abs(fast.transpose(2, 0, 1) / 255 - exact).mean() < 0.1
    assert (exact[:, :8] == GREY).all()
    assert (exact[:, 56:] == GREY).all()


def test_an_image_of_the_input_s_size_stays_as_it_is() -> None:
    image = np.random.default_rng(0).integers(0, 256, (4, 6, 3), np.uint8)

    found = darknet_place(image, darknet_fit((6, 4), (6, 4), False), (6, 4))

    np.testing.assert_array_equal(found, (image / 255.0).astype(np.float32).transpose(2, 0, 1))


@pytest.mark.parametrize("size", [(1, 1), (1, 5), (5, 1), (2, 2)])
def test_tiny_images_fill_the_input(size: tuple[int, int]) -> None:
    image = np.full((size[1], size[0], 3), 200, np.uint8)

    found = darknet_place(image, darknet_fit(size, (8, 8), False), (8, 8))

    np.testing.assert_allclose(found, 200 / 255, rtol=1e-6)


def test_an_odd_rest_is_halved_on_the_way_back_only() -> None:
    """100 x 57 in 32 x 32 becomes 32 x 18; in 32 x 33 it lies 7 pixels down, and boxes come back from 7.5."""
    exact, plain = (make((100, 57), (32, 33), True) for make in (darknet_fit, fit))

    assert (exact.inner, exact.pad_y, exact.half_y) == ((32, 18), 7, 0.5)
    np.testing.assert_allclose(exact.back(as_boxes([[0, 7.5, 32, 25.5]])), [[0, 0, 100, 57]], atol=1e-4)
    np.testing.assert_allclose(plain.back(as_boxes([[0, 7, 32, 25]])), [[0, 0, 100, 57]], atol=1e-4)


@pytest.mark.parametrize(("shown", "columns"), [((60, 20), range(20, 40)), ((20, 60), None), ((21, 20), range(20))])
def test_the_middle_of_a_picture_is_cut_out(shown: tuple[int, int], columns: range | None) -> None:
    image = np.random.default_rng(0).integers(0, 256, (shown[1], shown[0], 3), dtype=np.uint8)

    cut = darknet_cut(image, (20, 20))

    wanted = image[:, list(columns)] if columns else image[20:40]
    assert np.array_equal(cut, (wanted / 255.0).astype(np.float32).transpose(2, 0, 1))


def test_beyond_the_edge_of_what_is_cut_out_stands_the_edge() -> None:
    image = np.arange(10 * 10 * 3, dtype=np.uint8).reshape(10, 10, 3)

    cut = darknet_cut(image, (10, 14))

    assert cut.shape == (3, 14, 10)
    assert np.array_equal(cut[:, 0], cut[:, 2])
    assert np.array_equal(cut[:, 13], cut[:, 11])
