from pathlib import Path

from onelook.datasets.checks.checking import check
from onelook.datasets.checks.page import write_findings_page
from onelook.datasets.reading import read


def page_of(data: Path, page: Path) -> str:
    dataset = read(data, report=lambda finding: None)
    write_findings_page(page, dataset, check(data))
    return page.read_text()


def test_errors_come_first_and_each_code_is_a_link(voc: Path, tmp_path: Path, write_annotation):
    write_annotation(voc, "a", [("cat", (1, 1, 2, 30)), ("cat", (5, 5, 30, 30)), ("cat", (30, 5, 20, 9))])
    page = page_of(voc, tmp_path / "page.html")

    assert page.index("id=inverted-box") < page.index("id=tiny-box")
    assert "<a href=#inverted-box>inverted-box</a> · <a href=#tiny-box>tiny-box</a>" in page


def test_both_pictures_of_a_leak_are_drawn(voc: Path, tmp_path: Path):
    (voc / "JPEGImages" / "c.jpg").write_bytes((voc / "JPEGImages" / "a.jpg").read_bytes())
    page = page_of(voc, tmp_path / "page.html")

    assert page.count("<figure>") == 2
    assert "JPEGImages/c.jpg</figcaption>" in page
    assert "JPEGImages/a.jpg</figcaption>" in page


def test_sound_data_has_a_page_that_says_so(voc: Path, tmp_path: Path):
    assert "nothing was found" in page_of(voc, tmp_path / "page.html")
