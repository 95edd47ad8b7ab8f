from pathlib import Path

from onelook.datasets.files.packed import Packed, packed
from onelook.datasets.files.paths import Paths


def test_paths_come_out_as_they_went_in(tmp_path: Path):
    inside = packed(tmp_path / "a.tar", 3, 5, "b.jpg")
    paths = Paths([tmp_path / "a.jpg", "b/c.jpg", inside])

    assert list(paths) == [tmp_path / "a.jpg", Path("b/c.jpg"), inside]
    assert [type(path) for path in paths] == [type(Path()), type(Path()), Packed]
    assert paths[1] == Path("b/c.jpg")
    assert paths[-1] == inside
    assert paths[:1] == (tmp_path / "a.jpg",)
    assert paths == Paths(paths)
    assert hash(paths) == hash(Paths(list(paths)))
    assert paths != Paths(["b/c.jpg"])


def test_a_choice_keeps_its_order():
    assert list(Paths(["a", "b", "c"]).select([2, 0])) == [Path("c"), Path("a")]
