import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from onelook.datasets.converting import convert
from onelook.datasets.files import placing, written
from onelook.datasets.files.placing import place_file
from onelook.datasets.files.written import NOTE, write_same, written_folder
from onelook.datasets.formats import FORMATS
from onelook.datasets.reading import read
from onelook.structures.errors import UserError

WRITABLE = [name for name, kind in FORMATS.items() if "boxes" in kind.HOLDS]


def contents(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def times(folder: Path) -> dict[Path, int]:
    return {file: file.stat().st_mtime_ns for file in folder.rglob("*")}


@pytest.mark.parametrize("to", WRITABLE)
def test_writing_again_changes_nothing(voc: Path, tmp_path: Path, to: str):
    out = tmp_path / "out"
    first = convert(read(voc), to, out)
    before = times(out)
    time.sleep(0.02)

    assert convert(read(voc), to, out) == first
    assert times(out) == before


@pytest.mark.parametrize("to", WRITABLE)
def test_what_a_killed_run_left_is_gone_on_with(voc: Path, tmp_path: Path, to: str, monkeypatch):
    real, placed = placing.place_file, []

    def failing(source, target):
        placed.append(target)
        if len(placed) == 3:
            raise KeyboardInterrupt
        real(source, target)

    data = read(voc)
    convert(data, to, tmp_path / "whole")
    for place in ("onelook.datasets.files.layout", *(f"onelook.datasets.formats.{name}" for name in WRITABLE)):
        module = sys.modules[place]
        if hasattr(module, "place_file"):
            monkeypatch.setattr(module, "place_file", failing)
    if to == "shards":
        monkeypatch.setattr("onelook.datasets.formats.shards._put", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        convert(data, to, tmp_path / "out")

    assert not (tmp_path / "out").exists()
    assert (tmp_path / ".out.part").is_dir()

    monkeypatch.undo()
    convert(data, to, tmp_path / "out")

    one, two = contents(tmp_path / "whole"), contents(tmp_path / "out")
    assert one.keys() == two.keys()
    if to != "shards":  # a tar tells when it was written
        assert {name: one[name] for name in one if name != NOTE} == {name: two[name] for name in two if name != NOTE}
    assert not (tmp_path / ".out.part").exists()


@pytest.mark.parametrize("after", [1, 60, 130, 200])
def test_a_run_that_is_killed_leaves_no_half_folder_and_the_next_one_ends_it(tmp_path: Path, voc: Path, after: int):
    """SIGKILL while the file number `after` is written, of 100 pictures and 100 labels."""
    picture = (voc / "JPEGImages" / "a.jpg").read_bytes()
    annotation = (voc / "Annotations" / "a.xml").read_text()
    for number in range(96):
        (voc / "JPEGImages" / f"n{number}.jpg").write_bytes(picture)
        (voc / "Annotations" / f"n{number}.xml").write_text(annotation)
    for file in (voc / "ImageSets" / "Main").iterdir():
        file.unlink()
    program = textwrap.dedent(
        f"""
        import os, signal
        from pathlib import Path
        from onelook.datasets.files import layout
        from onelook.datasets.converting import convert
        from onelook.datasets.formats import darknet
        from onelook.datasets.reading import read
        count = 0
        def dying(real):
            def write(one, two):
                global count
                count += 1
                if count == {after}:
                    if isinstance(two, bytes):
                        Path(one).write_bytes(two[: len(two) // 2])
                    os.kill(os.getpid(), signal.SIGKILL)
                real(one, two)
            return write
        layout.place_file = dying(layout.place_file)
        darknet.write_same = dying(darknet.write_same)
        convert(read({str(voc)!r}), "darknet", Path({str(tmp_path / "out")!r}))
        """
    )
    killed = subprocess.run([sys.executable, "-c", program], capture_output=True)

    assert killed.returncode == -signal.SIGKILL
    assert not (tmp_path / "out").exists()
    kept = {file: file.stat().st_ino for file in (tmp_path / ".out.part" / "images").rglob("*.jpg")}
    assert len(kept) == min(after - 1, 100)

    convert(read(voc), "darknet", tmp_path / "whole")
    convert(read(voc), "darknet", tmp_path / "out")

    one, two = contents(tmp_path / "whole"), contents(tmp_path / "out")
    assert {name: one[name] for name in one if name != NOTE} == {name: two[name] for name in two if name != NOTE}
    assert len(two) == 100 + 100 + 5


def test_data_that_changed_is_written_anew_and_nothing_old_stays(voc: Path, tmp_path: Path, write_annotation):
    out = tmp_path / "out"
    convert(read(voc), "darknet", out)
    write_annotation(voc, "a", [("dog", (0, 0, 32, 24))])
    for place in ("JPEGImages/d.jpg", "Annotations/d.xml", "ImageSets/Main/test.txt"):
        (voc / place).unlink()
    convert(read(voc), "darknet", out)

    assert (out / "labels" / "a.txt").read_text() == "1 0.25 0.25 0.5 0.5\n"
    assert sorted(file.name for file in (out / "labels").iterdir()) == ["a.txt", "b.txt", "c.txt"]
    assert not (out / "test.txt").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "set"]


def test_a_folder_in_which_something_was_changed_is_left_alone(voc: Path, tmp_path: Path, write_annotation):
    out = tmp_path / "out"
    convert(read(voc), "darknet", out)
    (out / "labels" / "a.txt").write_text("1 0.5 0.5 1 1\n")

    with pytest.raises(UserError, match="got one that was changed since; nothing of yours is overwritten"):
        convert(read(voc), "darknet", out)
    assert (out / "labels" / "a.txt").read_text() == "1 0.5 0.5 1 1\n"


def test_a_folder_that_another_data_set_or_format_was_written_into_is_left_alone(voc, darknet, tmp_path: Path):
    convert(read(voc), "darknet", tmp_path / "out")
    before = contents(tmp_path / "out")

    for data, to in ((read(darknet), "darknet"), (read(voc), "coco")):
        with pytest.raises(UserError, match="expected a new or empty folder"):
            convert(data, to, tmp_path / "out")
    assert contents(tmp_path / "out") == before


def test_a_picture_that_was_replaced_is_placed_anew(voc: Path, tmp_path: Path):
    convert(read(voc), "darknet", tmp_path / "out")
    other = tmp_path / "other.jpg"
    other.write_bytes((voc / "JPEGImages" / "b.jpg").read_bytes())
    other.replace(voc / "JPEGImages" / "a.jpg")
    convert(read(voc), "darknet", tmp_path / "out")

    assert (tmp_path / "out/images/a.jpg").read_bytes() == (tmp_path / "out/images/b.jpg").read_bytes()


def test_what_is_left_of_another_task_is_not_mixed_in(voc: Path, darknet: Path, tmp_path: Path, monkeypatch):
    with pytest.raises(KeyboardInterrupt), written_folder(tmp_path / "out", "a task", "one") as part:  # noqa: PT012 - the block is the test
        assert part is not None
        (part / "sub").mkdir()
        (part / "sub" / "old.txt").write_text("old")
        raise KeyboardInterrupt
    with written_folder(tmp_path / "out", "a task", "two") as part:
        assert part is not None
        assert [path.name for path in part.iterdir()] == [NOTE]


def test_two_at_once_are_refused(tmp_path: Path):
    with (
        written_folder(tmp_path / "out", "a task", "one"),
        pytest.raises(UserError, match="another onelook is writing"),
        written_folder(tmp_path / "out", "a task", "one"),
    ):
        pass


def test_a_file_that_holds_the_same_is_not_written(tmp_path: Path):
    file = tmp_path / "a.txt"
    for data in (b"one", b"two two"):
        write_same(file, data)
        assert file.read_bytes() == data
    os.utime(file, ns=(0, 0))
    write_same(str(file), b"two two")

    assert file.stat().st_mtime_ns == 0


def test_where_nothing_can_be_linked_copies_are_made_and_known_again(voc: Path, tmp_path: Path, monkeypatch):
    def no_link(source, target):
        if Path(target).exists():
            raise FileExistsError
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", no_link)
    source, target = voc / "JPEGImages" / "a.jpg", tmp_path / "copy.jpg"
    place_file(source, target)
    number = target.stat().st_ino
    place_file(source, target)

    assert target.read_bytes() == source.read_bytes()
    assert target.stat().st_ino == number != source.stat().st_ino

    target.write_bytes(source.read_bytes()[:100])  # as a kill leaves it
    place_file(source, target)

    assert target.read_bytes() == source.read_bytes()


def test_a_link_to_a_picture_becomes_the_picture(voc: Path, tmp_path: Path):
    (tmp_path / "link.jpg").symlink_to(voc / "JPEGImages" / "a.jpg")
    place_file(tmp_path / "link.jpg", tmp_path / "out.jpg")

    assert not (tmp_path / "out.jpg").is_symlink()
    assert (tmp_path / "out.jpg").samefile(voc / "JPEGImages" / "a.jpg")


def test_a_note_that_is_broken_is_none(tmp_path: Path):
    for text in ("", "[]", '{"asked": '):
        (tmp_path / NOTE).write_text(text)
        assert written._note(tmp_path) == {}
