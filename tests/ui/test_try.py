"""The page Try in Chromium: boxes where the API says, clicks, seconds, bytes, keys, mistakes, files."""

import csv
import io
import json
import time
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow
from tests.ui.conftest import (
    MOST_PIXELS,
    SIZES,
    STREET,
    Open,
    Served,
    keep_numbers,
    keep_screen,
    serious_issues,
    service_of,
)

from onelook.service.messages import Detection

LEAST, USUAL = 0.05, 0.25
NO_WORKER = json.dumps({"type": "urn:onelook:problem:no_worker", "detail": "detect: expected a worker, got none"})
TURNED = 6
"""EXIF: the picture is stored lying on its side and shown turned by a quarter to the right."""

BOXES = """svg => {
  const image = svg.parentElement.querySelector("img").getBoundingClientRect();
  const over = svg.getBoundingClientRect();
  return [...svg.querySelectorAll(".box")].map(rect => {
    const box = rect.getBBox();
    const left = box.x + over.x - image.x, top = box.y + over.y - image.y;
    return [left, top, left + box.width, top + box.height, image.width, image.height];
  });
}"""
"""Boxes as they are drawn, in pixels of the screen from the picture's corner, and the picture's size there."""

SEES = "view => view.videoWidth || new Promise(resolve => view.addEventListener('loadeddata', resolve, { once: true }))"
"""Waits until the camera gives a picture."""


@pytest.fixture(scope="session")
def turned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the street as a phone stores it: on its side, with the rotation in EXIF."""
    path = tmp_path_factory.mktemp("turned") / "IMG 0001.jpg"
    exif = Pillow.Exif()
    exif[0x0112] = TURNED
    with Pillow.open(STREET) as street:
        street.transpose(Pillow.Transpose.ROTATE_90).save(path, quality=92, exif=exif)
    return path


def seen_by_api(served: Served, picture: Path, model: str = "default", least: float = USUAL) -> list[Detection]:
    with service_of(served) as api:
        found = api.detect(picture, model, LEAST).detections
    assert found is not None
    return [each for each in found if each.score >= least]


def choose(page: Any, *pictures: Path) -> None:
    page.locator("#choose").set_input_files(list(pictures))
    wait_for_boxes(page)


def wait_for_boxes(page: Any, model: str = "default") -> None:
    page.locator(f'.panel[data-model="{model}"][aria-busy="false"]').wait_for()


def drawn(page: Any, model: str = "default") -> np.ndarray:
    """Return the boxes as they are drawn and the picture's size, (n, 6) in pixels of the screen."""
    page.locator(f'.panel[data-model="{model}"] img').evaluate("image => image.decode()")
    return np.reshape(page.locator(f'.panel[data-model="{model}"] svg').evaluate(BOXES), (-1, 6))


def assert_within_a_pixel(boxes: np.ndarray, found: list[Detection]) -> None:
    assert len(boxes) == len(found) > 0
    wanted = np.array([each.box for each in found]) * boxes[:, [4, 5, 4, 5]]
    assert np.abs(boxes[:, :4] - wanted).max() <= 1


def test_two_clicks_show_the_sample_s_boxes_where_the_api_says(open_page: Open, served: Served) -> None:
    page = open_page()
    page.get_by_role("button", name="Sample: a street").click()
    wait_for_boxes(page)

    assert_within_a_pixel(drawn(page), seen_by_api(served, STREET))


@pytest.mark.slow
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("stored", ["upright", "turned"])
def test_boxes_lie_within_a_pixel_at_every_size(
    open_page: Open, served: Served, turned: Path, size: str, stored: str
) -> None:
    picture = turned if stored == "turned" else STREET
    page = open_page(size=size)
    choose(page, picture)

    found = seen_by_api(served, picture)
    boxes = drawn(page)
    assert_within_a_pixel(boxes, found)
    assert boxes[0, 4] / boxes[0, 5] == pytest.approx(640 / 480, abs=0.02), "the picture is shown upright"
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing stands out of the window"
    keep_screen(page, f"try-{size}-{stored}")


@pytest.mark.slow
def test_a_phone_s_24_megapixels_are_sent_whole(open_page: Open, served: Served, tmp_path: Path) -> None:
    path = tmp_path / "large.jpg"
    exif = Pillow.Exif()
    exif[0x0112] = TURNED
    with Pillow.open(STREET) as street:
        large = street.transpose(Pillow.Transpose.ROTATE_90).resize((4242, 5656), Pillow.Resampling.BICUBIC)
    large.save(path, quality=90, exif=exif)
    page = open_page(size="phone")
    choose(page, path)

    size = page.locator(".panel img").evaluate("image => [image.naturalWidth, image.naturalHeight]")
    assert size == [5656, 4242]
    assert_within_a_pixel(drawn(page), seen_by_api(served, path))


@pytest.mark.slow
def test_a_picture_beyond_the_limit_is_made_smaller_in_the_browser(open_page: Open, tmp_path: Path) -> None:
    path = tmp_path / "huge.png"
    Pillow.new("RGB", (6000, 4500), (90, 120, 30)).save(path, compress_level=1)
    page = open_page()
    choose(page, path)

    assert page.locator(".panel .mistake").inner_text() == ""
    size = page.locator(".panel img").evaluate("image => [image.naturalWidth, image.naturalHeight]")
    assert 0.98 * MOST_PIXELS < size[0] * size[1] <= MOST_PIXELS
    assert size[0] / size[1] == pytest.approx(4 / 3, abs=0.001)


@pytest.mark.slow
def test_from_opening_to_boxes_in_time_and_bytes(open_page: Open, served: Served) -> None:
    seconds = []
    for _ in range(3):
        page = open_page("/session")  # the browser itself is awake, and nothing is cached
        began = time.perf_counter()
        page.goto(served.address + "/")
        page.get_by_role("button", name="Sample: a street").click()
        wait_for_boxes(page)
        seconds.append(time.perf_counter() - began)
        assert page.locator(".box").count() > 0
    first_paint = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime") / 1000
    page = open_page("/session")
    sizes: dict[str, int] = {}
    page.on("response", lambda answer: sizes.update({answer.url: len(answer.body())}))
    page.goto(served.address + "/", wait_until="networkidle")

    whole = sum(size for url, size in sizes.items() if not url.endswith(".jpg"))
    keep_numbers("try", {"seconds": min(seconds), "first_paint": first_paint, "bytes": whole})
    assert any(url.endswith("try.js") for url in sizes)
    assert whole < 150_000
    assert min(seconds) < 2
    assert first_paint < 1


@pytest.mark.slow
def test_the_slider_acts_at_once_and_asks_nobody(open_page: Open, served: Served) -> None:
    page = open_page("/?model=small")
    asked: list[str] = []
    page.on("request", lambda each: asked.append(each.url) if "/v1/" in each.url else None)
    page.locator("#choose").set_input_files(STREET)
    wait_for_boxes(page, "small")
    before = len(asked)

    for score in (0.5, 0.9, 0.05):
        page.locator("#score").fill(str(round(score * 100)))
        found = seen_by_api(served, STREET, "small", score)
        assert page.locator(".box").count() == len(found)
        counted = [int(words.replace(",", "")) for words in page.locator(".counts td").all_inner_texts()]
        assert sum(counted) == len(found)
    assert before == len(asked) == 1
    assert f"{len(found)} found" in page.locator(".told").inner_text().replace(",", "")


@pytest.mark.slow
def test_two_models_stand_side_by_side_and_stay_over_a_reload(open_page: Open, served: Served) -> None:
    page = open_page()
    choose(page, STREET)
    page.locator("#beside").select_option("small")
    wait_for_boxes(page, "small")

    for model in ("default", "small"):
        assert_within_a_pixel(drawn(page, model), seen_by_api(served, STREET, model))
    left, right = (page.locator(f'.panel[data-model="{model}"]').bounding_box() for model in ("default", "small"))
    assert left["x"] + left["width"] <= right["x"]
    assert abs(left["y"] - right["y"]) < 1
    keep_screen(page, "try-side-by-side")
    page.reload()
    page.locator("#beside option[value='small']:checked").wait_for(state="attached")


@pytest.mark.slow
def test_a_classifier_tells_the_likeliest_classes(open_page: Open, served: Served) -> None:
    page = open_page("/?model=judge")
    page.locator("#choose").set_input_files(STREET)
    wait_for_boxes(page, "judge")

    with service_of(served) as api:
        classes = api.detect(STREET, "judge", LEAST).classes
    assert classes
    assert page.locator(".counts .name").all_inner_texts() == [each.name for each in classes]
    assert page.locator(".told").inner_text().startswith(f"Most likely {classes[0].name}, {classes[0].score:.0%}.")
    assert page.locator(".counts thead .number").inner_text() == "Score"
    assert page.locator(".box").count() == 0
    keep_screen(page, "try-classifier")


@pytest.mark.slow
def test_it_can_be_used_by_keyboard_alone(open_page: Open) -> None:
    page = open_page()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    tab_to(page, "[data-sample]")
    page.keyboard.press("Enter")
    wait_for_boxes(page)
    tab_to(page, "#score")
    page.keyboard.press("ArrowRight")
    assert page.locator("#score-told").inner_text() == "26%"
    tab_to(page, ".counts button")
    focus = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert focus == "solid"
    assert page.locator("g.lit").count() > 0
    lit = page.locator("g.lit").count()
    page.keyboard.press("Enter")
    tab_to(page, "summary")
    assert page.locator("g.lit").count() == lit, "what was pressed stays"
    page.keyboard.press("Enter")
    tab_to(page, "details button")
    assert page.locator("g.lit").count() == 1
    keep_screen(page, "try-keyboard")


def tab_to(page: Any, selector: str) -> None:
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
    pytest.fail(f"no way by Tab to {selector}")


@pytest.mark.slow
def test_a_broken_picture_is_said_beside_the_field_and_the_others_are_looked_at(
    open_page: Open, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"\xff\xd8\xff nothing of the kind")
    page = open_page()
    choose(page, broken, STREET)

    assert "broken.jpg is no picture that this browser can show" in page.locator("#picture-mistake").inner_text()
    assert page.locator(".box").count() > 0
    keep_screen(page, "try-broken")


@pytest.mark.slow
def test_what_the_service_cannot_read_is_said_and_asked_again(open_page: Open, tmp_path: Path) -> None:
    page = open_page()
    drawing = tmp_path / "drawing.svg"  # a browser shows it, the service knows no such picture
    drawing.write_text(
        '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="30"><rect width="9" height="9"/></svg>'
    )
    choose(page, drawing)

    assert "image: expected a picture" in page.locator(".panel .mistake").inner_text()
    assert page.get_by_role("button", name="Try again").is_visible()


@pytest.mark.slow
def test_a_session_that_ended_is_opened_again_and_nothing_is_lost(open_page: Open, served: Served) -> None:
    page = open_page()
    page.locator("#score").fill("40")
    page.context.clear_cookies()
    page.locator("#choose").set_input_files(STREET)
    page.get_by_role("dialog").wait_for()
    page.locator("#sign-in-key").fill("onelook_wrong")
    page.keyboard.press("Enter")
    page.get_by_text("This key is unknown").wait_for()
    keep_screen(page, "try-session-ended")
    assert serious_issues(page) == []
    page.locator("#sign-in-key").fill(served.key)
    page.keyboard.press("Enter")
    wait_for_boxes(page)

    assert page.locator("#score").input_value() == "40"
    assert page.locator(".box").count() == len(seen_by_api(served, STREET, least=0.4))


@pytest.mark.slow
def test_who_does_not_sign_in_again_keeps_the_picture(open_page: Open, served: Served) -> None:
    page = open_page()
    page.context.clear_cookies()
    page.locator("#choose").set_input_files(STREET)
    page.get_by_role("button", name="Not now").click()
    wait_for_boxes(page)
    assert "not signed in any more" in page.locator(".panel .mistake").inner_text()
    assert not page.get_by_role("dialog").is_visible()
    page.get_by_role("button", name="Try again").click()
    page.locator("#sign-in-key").fill(served.key)
    page.keyboard.press("Enter")
    page.locator(".box").first.wait_for()


@pytest.mark.slow
def test_a_service_that_is_gone_is_said_and_asked_again(open_page: Open) -> None:
    page = open_page()
    page.route("**/v1/detect*", lambda route: route.abort())
    choose(page, STREET)
    assert "The service cannot be reached" in page.locator(".panel .mistake").inner_text()
    keep_screen(page, "try-gone")
    page.unroute("**/v1/detect*")
    page.get_by_role("button", name="Try again").click()
    page.locator(".box").first.wait_for()

    assert page.locator(".panel .mistake").inner_text() == ""


@pytest.mark.slow
def test_a_service_that_just_started_is_waited_for(open_page: Open) -> None:
    page = open_page()
    answers = iter([NO_WORKER, NO_WORKER])

    def starting(route: Any) -> None:
        told = next(answers, None)
        route.continue_() if told is None else route.fulfill(status=503, body=told)

    page.route("**/v1/detect*", starting)
    choose(page, STREET)

    assert next(answers, None) is None
    assert page.locator(".box").count() > 0


@pytest.mark.slow
def test_what_was_found_can_be_taken_along(open_page: Open, served: Served) -> None:
    page = open_page()
    choose(page, STREET)
    found = seen_by_api(served, STREET)
    files = {kind: saved(page, kind) for kind in ("picture", "json", "csv", "darknet", "voc")}
    pixels = [[round(value * side, 2) for value, side in zip(each.box, (640, 480) * 2, strict=True)] for each in found]

    (image,) = json.loads(files["json"])["images"]
    assert (image["file"], image["width"], image["height"]) == ("street.jpg", 640, 480)
    assert [each["class"] for each in image["detections"]] == [each.name for each in found]
    assert np.allclose([each["box"] for each in image["detections"]], pixels, atol=0.011)
    rows = list(csv.DictReader(io.StringIO(files["csv"].decode())))
    assert [(row["file"], row["class"]) for row in rows] == [("street.jpg", each.name) for each in found]
    assert np.allclose([[float(row[side]) for side in ("x1", "y1", "x2", "y2")] for row in rows], pixels, atol=0.011)
    labels = np.loadtxt(io.BytesIO(files["darknet"]), ndmin=2)
    assert labels[:, 0].tolist() == [each.index for each in found]
    assert np.allclose(labels[:, 1] - labels[:, 3] / 2, [each.box[0] for each in found], atol=1e-5)
    names = [each.text for each in ET.fromstring(files["voc"]).iter("name")]
    assert names == [each.name for each in found]
    with Pillow.open(io.BytesIO(files["picture"])) as picture:
        assert picture.size == (640, 480)


def saved(page: Any, kind: str) -> bytes:
    with page.expect_download() as waiting:
        page.locator(f'.downloads button[value="{kind}"]').click()
    return Path(waiting.value.path()).read_bytes()


@pytest.mark.slow
def test_a_photo_is_taken_by_the_computer_s_camera_by_keyboard(open_page: Open) -> None:
    page = open_page(permissions=["camera"])
    page.get_by_role("button", name="Take a photo").focus()
    page.keyboard.press("Enter")
    page.locator("#camera-view").evaluate(SEES)
    keep_screen(page, "try-camera")
    assert serious_issues(page) == []
    page.get_by_role("button", name="Take it").focus()
    page.keyboard.press("Enter")
    wait_for_boxes(page)

    assert page.locator(".panel .mistake").inner_text() == ""
    assert page.locator(".panel img").get_attribute("alt").startswith("photo-")
    assert page.locator(".panel img").evaluate("image => image.naturalWidth") > 100
    assert page.evaluate("document.getElementById('camera-view').srcObject") is None, "the camera's light goes out"
    assert not page.get_by_role("dialog").is_visible()


@pytest.mark.slow
def test_a_camera_that_may_not_be_used_is_said_beside_the_field(open_page: Open) -> None:
    page = open_page(permissions=[])
    page.get_by_role("button", name="Take a photo").click()
    page.locator("#picture-mistake:not(:empty)").wait_for()

    assert page.locator("#picture-mistake").inner_text().startswith("The browser may not use the camera.")


@pytest.mark.slow
def test_pictures_can_be_pasted_and_dropped(open_page: Open) -> None:
    page = open_page()
    page.evaluate("""async () => {
        const address = document.querySelector("[data-sample]").dataset.sample;
        const given = new DataTransfer();
        given.items.add(new File([await (await fetch(address)).blob()], "given.jpg", { type: "image/jpeg" }));
        document.dispatchEvent(new ClipboardEvent("paste", { clipboardData: given }));
        document.body.dispatchEvent(new DragEvent("drop", { dataTransfer: given, bubbles: true }));
    }""")
    page.locator("#pictures li").nth(1).wait_for()
    wait_for_boxes(page)

    assert page.locator(".box").count() > 0
    assert page.locator("#pictures li").count() == 2
