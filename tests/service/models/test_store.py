import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from onelook.service.models import pointer
from onelook.service.models.arrival import arrived
from onelook.service.models.pointer import Current
from onelook.service.models.store import (
    ModelStore,
    StoreDownError,
    current,
    find_version,
    model_names,
    open_store,
    promote,
    publish,
    remove_version,
    resolve,
    roll_back,
    versions,
)
from onelook.structures.errors import FormatError, UserError

Write = Callable[[int], Path]


def test_a_published_bundle_arrives_as_it_was(store: ModelStore, bundle: Write, tmp_path: Path) -> None:
    made = publish(store, "acme", "cells", bundle(1))

    folder, size = arrived(store, "acme", "cells", made.version, tmp_path / "cache")

    written = {path.name: path.read_bytes() for path in bundle(1).iterdir()}
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == written
    assert size == made.size == sum(map(len, written.values()))
    assert arrived(store, "acme", "cells", made.version, tmp_path / "cache")[0] == folder


def test_the_same_bundle_is_the_same_version_and_another_is_another(store: ModelStore, bundle: Write) -> None:
    first = publish(store, "acme", "cells", bundle(1))

    assert publish(store, "acme", "cells", bundle(1)) == first
    second = publish(store, "acme", "cells", bundle(2))
    assert {each.version for each in versions(store, "acme", "cells")} == {first.version, second.version}
    assert find_version(store, "acme", "cells", first.version) == first
    assert find_version(store, "acme", "other", first.version) is None
    assert model_names(store, "acme") == ["cells"]
    assert model_names(store, "nobody") == []
    assert versions(store, "nobody", "cells") == []


def test_versions_are_promoted_and_rolled_back(store: ModelStore, bundle: Write) -> None:
    one, two, three = (publish(store, "acme", "cells", bundle(seed)).version for seed in (1, 2, 3))
    assert current(store, "acme", "cells") is None

    for version in (one, two, three, one):
        promote(store, "acme", "cells", version)

    assert current(store, "acme", "cells") == Current(one, (three, two))
    assert roll_back(store, "acme", "cells") == Current(three, (two,))
    assert roll_back(store, "acme", "cells") == current(store, "acme", "cells") == Current(two, ())
    with pytest.raises(UserError, match="expected a version before the current one"):
        roll_back(store, "acme", "cells")


def test_what_is_not_there_cannot_be_promoted_and_what_is_used_cannot_be_removed(
    store: ModelStore, bundle: Write
) -> None:
    one, two = (publish(store, "acme", "cells", bundle(seed)).version for seed in (1, 2))
    promote(store, "acme", "cells", one)

    with pytest.raises(UserError, match="expected one of acme/cells, got 'v0'"):
        promote(store, "acme", "cells", "v0")
    with pytest.raises(UserError, match="expected one that is not in use"):
        remove_version(store, "acme", "cells", one)
    assert remove_version(store, "acme", "cells", two)
    assert not remove_version(store, "acme", "cells", two)
    assert [each.version for each in versions(store, "acme", "cells")] == [one]


def test_promotions_at_the_same_time_lose_no_version_of_the_history(bundle: Write, tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "store"))
    made = [publish(store, "acme", "cells", bundle(seed)).version for seed in range(6)]
    begin = threading.Barrier(len(made))

    def use(version: str) -> None:
        begin.wait()
        promote(store, "acme", "cells", version)

    with ThreadPoolExecutor(len(made)) as pool:
        list(pool.map(use, made))

    now = current(store, "acme", "cells")
    assert now is not None
    assert sorted((now.version, *now.history)) == sorted(made)


def test_a_promotion_between_the_look_and_the_write_of_another_is_kept(bundle: Write, s3_place: str) -> None:
    store = open_store(s3_place)
    one, two, three = (publish(store, "acme", "cells", bundle(seed)).version for seed in (1, 2, 3))
    promote(store, "acme", "cells", one)
    looks: list[Current | None] = []

    def late(before: Current | None) -> Current:
        looks.append(before)
        if len(looks) == 1:
            promote(store, "acme", "cells", two)
        assert before is not None
        return Current(three, (before.version, *before.history))

    pointer.move(store, "acme/cells/current.json", late)

    assert looks == [Current(one), Current(two, (one,))]
    assert current(store, "acme", "cells") == Current(three, (two, one))


def test_a_version_that_was_removed_is_not_rolled_back_to(store: ModelStore, bundle: Write) -> None:
    one, two, three = (publish(store, "acme", "cells", bundle(seed)).version for seed in (1, 2, 3))
    for version in (one, two, three):
        promote(store, "acme", "cells", version)

    assert remove_version(store, "acme", "cells", two)

    assert current(store, "acme", "cells") == Current(three, (one,))
    assert roll_back(store, "acme", "cells") == Current(one)


def test_a_version_is_promoted_or_removed_and_never_both(store: ModelStore, bundle: Write) -> None:
    """A pointer to nothing would leave the model to workers that have its version still."""
    one, two = (publish(store, "acme", "cells", bundle(seed)).version for seed in (1, 2))
    promote(store, "acme", "cells", one)
    begin = threading.Barrier(2)

    def tried(change: Callable[..., object]) -> bool:
        begin.wait()
        try:
            change(store, "acme", "cells", two)
        except UserError:
            return False
        return True

    for _ in range(5):
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(tried, (promote, remove_version)))
        now = current(store, "acme", "cells")
        assert now is not None
        assert find_version(store, "acme", "cells", now.version) is not None
        promote(store, "acme", "cells", one)
        publish(store, "acme", "cells", bundle(2))


def test_a_clients_own_model_comes_before_the_shared_one(store: ModelStore, bundle: Write) -> None:
    one, two = (publish(store, owner, "default", bundle(1)).version for owner in ("acme", "shared"))
    promote(store, "shared", "default", two)
    assert resolve(store, "acme", None) == ("shared", Current(two))

    promote(store, "acme", "default", one)

    assert resolve(store, "acme", "default") == ("acme", Current(one))
    assert resolve(store, "other", None) == ("shared", Current(two))
    assert resolve(store, "acme", "other") is None


def test_what_is_no_bundle_is_not_published(store: ModelStore, bundle: Write, tmp_path: Path) -> None:
    (bundle(1) / "weights.safetensors").write_bytes(b"changed")

    with pytest.raises(FormatError, match="expected sha256"):
        publish(store, "acme", "cells", bundle(1))
    with pytest.raises(FormatError, match="expected a bundle"):
        publish(store, "acme", "cells", tmp_path)
    assert versions(store, "acme", "cells") == []


@pytest.mark.parametrize("name", ["../x", "a/b", "", "A", ".."])
def test_names_stay_in_their_folder(name: str, bundle: Write, tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "store"))

    for owner, model in ((name, "cells"), ("acme", name)):
        with pytest.raises(UserError, match="expected 1 to 64 small letters"):
            publish(store, owner, model, bundle(1))
    with pytest.raises(UserError, match="version: expected 1 to 64"):
        find_version(store, "acme", "cells", name)


def test_a_file_that_was_changed_in_the_store_does_not_arrive(bundle: Write, tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "store"))
    made = publish(store, "acme", "cells", bundle(1))
    weights = tmp_path / "store" / "acme" / "cells" / "versions" / made.version / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")

    with pytest.raises(FormatError, match=r"weights\.safetensors: expected sha256"):
        arrived(store, "acme", "cells", made.version, tmp_path / "cache")
    assert not list((tmp_path / "cache" / "acme" / "cells").iterdir())


def test_a_store_that_does_not_answer_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_ACCESS_KEY_ID": "a"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")

    with pytest.raises(StoreDownError, match="expected an answer of the store"):
        current(open_store("s3://models"), "acme", "cells")


@pytest.mark.parametrize("place", ["s3://", "ftp://models"])
def test_another_kind_of_store_is_refused(place: str) -> None:
    with pytest.raises(UserError, match="models: expected"):
        open_store(place)
