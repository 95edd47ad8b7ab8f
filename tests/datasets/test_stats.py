from pathlib import Path

from onelook.datasets.reading import read
from onelook.datasets.stats import stats


def test_everything_is_counted(voc: Path):
    (voc / "Annotations" / "c.xml").write_text("<annotation/>")
    zero = "<bndbox><xmin>5</xmin><ymin>5</ymin><xmax>5</xmax><ymax>9</ymax></bndbox>"
    (voc / "Annotations" / "d.xml").write_text(f"<annotation><object><name>dog</name>{zero}</object></annotation>")
    counts = stats(read(voc))

    assert (counts["images"], counts["boxes"], counts["dropped"], counts["negatives"]) == (4, 4, 1, 2)
    assert counts["classes"] == {"cat": 2, "dog": 2}
    assert counts["splits"] == {"train": 2, "val": 1, "test": 1}
    assert counts["split_classes"]["test"] == {"cat": 0, "dog": 1}
    assert counts["boxes_per_image"] == [0, 0.5, 2]
    assert counts["widths"] == [64, 64, 64]
    assert counts["unlabelled"] == 0
    assert (counts["format"], counts["coordinates"]) == ("voc", "continuous")


def test_cardinality_is_the_classes_of_an_image_and_density_their_part_of_all(voc: Path):
    (voc / "labels.txt").write_text("cat\ncow\ndog\nhorse\n")
    (voc / "Annotations" / "c.xml").write_text("<annotation/>")
    counts = stats(read(voc))

    assert counts["cardinality"] == 1.0  # cat; dog and cat; none; dog
    assert counts["density"] == 0.25


def test_nothing_is_counted_too(voc: Path):
    counts = stats(read(voc).select([]))

    assert (counts["images"], counts["boxes"], counts["classes"]) == (0, 0, {"cat": 0, "dog": 0})
    assert counts["boxes_per_image"] is None
    assert counts["cardinality"] == counts["density"] == 0
    assert counts["box_sides"] == {"cat": None, "dog": None}
