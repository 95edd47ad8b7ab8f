import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from onelook.inference.model import Detector
from onelook.service.models import cache as cache_module
from onelook.service.models.cache import ModelCache, ModelMissingError, ModelUnusableError
from onelook.service.models.store import ModelStore, StoreDownError, open_store, promote, publish, roll_back

Write = Callable[[int], Path]
LARGE = 1 << 30


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    return open_store(str(tmp_path / "store"))


def serve(store: ModelStore, owner: str, name: str, folder: Path) -> str:
    """Publish and promote a bundle and return its version."""
    version = publish(store, owner, name, folder).version
    promote(store, owner, name, version)
    return version


class Caches:
    """A cache whose loader takes note, and refuses what it is told to."""

    def __init__(self, store: ModelStore, folder: Path, most: int = LARGE, refresh: float = 0) -> None:
        self.reported: list[tuple[str, ...]] = []
        self.loaded: list[str] = []
        self.refused: set[str] = set()
        self.cache = ModelCache(store, folder, most, refresh, 1, lambda *words: self.reported.append(words), self.load)

    def load(self, folder: Path, threads: int) -> Any:
        if folder.name in self.refused:
            raise ValueError("a network that divides by zero")
        self.loaded.append(folder.name)
        return folder.name


def test_a_model_is_loaded_once_and_looks_at_pictures(store: ModelStore, bundle: Write, tmp_path: Path) -> None:
    version = serve(store, "acme", "cells", bundle(1))
    cache = ModelCache(store, tmp_path / "cache", LARGE, 0, 1, pytest.fail)

    first, second = cache.get("acme", "cells"), cache.get("acme", "cells")

    assert first is second
    assert isinstance(first.predictor, Detector)
    assert first.label == f"acme/cells@{version}"
    assert (cache.labels(), cache.size, cache.loads) == ((first.label,), first.size, 1)


def test_a_promoted_version_takes_over_and_one_rolled_back_to_comes_back(
    store: ModelStore, bundle: Write, tmp_path: Path
) -> None:
    watched = Caches(store, tmp_path / "cache")
    one = serve(store, "acme", "cells", bundle(1))
    assert watched.cache.get("acme", "cells").version == one

    two = serve(store, "acme", "cells", bundle(2))
    assert watched.cache.get("acme", "cells").version == two
    roll_back(store, "acme", "cells")
    assert watched.cache.get("acme", "cells").version == one

    assert watched.loaded == [one, two, one]
    three, four = (serve(store, "acme", "cells", bundle(seed)) for seed in (3, 4))
    watched.cache.get("acme", "cells")
    assert {path.name for path in (tmp_path / "cache" / "acme" / "cells").iterdir()} <= {three, four}


def test_a_bad_new_version_leaves_the_old_one_serving_and_is_reported_once(
    store: ModelStore, bundle: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched = Caches(store, tmp_path / "cache")
    one = serve(store, "acme", "cells", bundle(1))
    watched.cache.get("acme", "cells")
    two = serve(store, "acme", "cells", bundle(2))
    watched.refused.add(two)

    assert [watched.cache.get("acme", "cells").version for _ in range(3)] == [one] * 3
    assert watched.reported == [("acme", "cells", two, f"acme/cells@{two}: a network that divides by zero")]
    fresh = Caches(store, tmp_path / "cache")
    fresh.refused.add(two)
    assert fresh.cache.get("acme", "cells").version == one, "a worker that begins now goes by the pointer's history"

    watched.refused.clear()
    monkeypatch.setattr(cache_module.time, "monotonic", lambda: 1e9)
    assert watched.cache.get("acme", "cells").version == two


def test_a_version_whose_files_another_worker_forgets_while_it_loads_is_fetched_again(
    store: ModelStore, bundle: Write, tmp_path: Path
) -> None:
    watched, interrupted = Caches(store, tmp_path / "cache"), []

    def load(folder: Path, threads: int) -> Any:
        if not interrupted:
            interrupted.append(folder)
            shutil.rmtree(folder)
        return watched.load(folder, (folder / "bundle.toml").stat().st_size and threads)

    version = serve(store, "acme", "cells", bundle(1))
    cache = ModelCache(store, tmp_path / "cache", LARGE, 0, 1, pytest.fail, load)

    assert cache.get("acme", "cells").version == version
    assert watched.loaded == [version]


def test_a_model_without_a_version_that_loads_is_told_with_its_fault(
    store: ModelStore, bundle: Write, tmp_path: Path
) -> None:
    watched = Caches(store, tmp_path / "cache")
    watched.refused.add(serve(store, "acme", "cells", bundle(1)))

    for _ in range(2):
        with pytest.raises(ModelUnusableError, match=r"expected a version that loads, got .*divides by zero"):
            watched.cache.get("acme", "cells")


def test_a_name_without_a_model_is_told_and_found_once_it_is_there(
    store: ModelStore, bundle: Write, tmp_path: Path
) -> None:
    watched = Caches(store, tmp_path / "cache", refresh=1000)
    with pytest.raises(ModelMissingError, match="model: expected one of the client's own or a shared one, got 'cells'"):
        watched.cache.get("acme", "cells")

    version = serve(store, "shared", "cells", bundle(1))

    assert watched.cache.get("acme", "cells").label == f"shared/cells@{version}"


def test_two_clients_of_a_shared_model_share_what_is_loaded(store: ModelStore, bundle: Write, tmp_path: Path) -> None:
    serve(store, "shared", "cells", bundle(1))
    watched = Caches(store, tmp_path / "cache")

    assert watched.cache.get("acme", "cells") is watched.cache.get("umbrella", "cells")
    assert watched.cache.is_loaded("acme", "cells")
    assert not watched.cache.is_loaded("nobody asked yet", "cells")


def test_the_one_used_longest_ago_goes_when_the_bytes_are_full(
    store: ModelStore, bundle: Write, tmp_path: Path
) -> None:
    for seed, owner in enumerate("abc"):
        serve(store, owner, "cells", bundle(seed))
    size = sum(path.stat().st_size for path in bundle(0).iterdir())
    watched = Caches(store, tmp_path / "cache", most=2 * size + 100)

    for owner in "abacb":
        watched.cache.get(owner, "cells")
        assert watched.cache.size <= 2 * size + 100

    assert [label[0] for label in watched.cache.labels()] == ["c", "b"]
    assert len(watched.loaded) == 4
    tight = Caches(store, tmp_path / "cache", most=1)
    assert [tight.cache.get(owner, "cells").owner for owner in "ab"] == ["a", "b"], "one model is kept, however large"
    assert len(tight.cache.labels()) == 1


def test_while_the_store_is_silent_what_is_loaded_serves(
    store: ModelStore, bundle: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched = Caches(store, tmp_path / "cache")
    one = serve(store, "acme", "cells", bundle(1))
    watched.cache.get("acme", "cells")

    def silent(*words: object) -> None:
        raise StoreDownError("no answer")

    monkeypatch.setattr(cache_module, "resolve", silent)
    assert watched.cache.get("acme", "cells").version == one
    with pytest.raises(StoreDownError):
        watched.cache.get("umbrella", "cells")
    monkeypatch.undo()
    serve(store, "acme", "cells", bundle(2))
    monkeypatch.setattr(cache_module, "arrived", silent)
    assert watched.cache.get("acme", "cells").version == one
    assert watched.reported == []


def test_what_the_store_said_is_trusted_for_the_time_that_was_set(
    store: ModelStore, bundle: Write, tmp_path: Path
) -> None:
    watched = Caches(store, tmp_path / "cache", refresh=1000)
    one = serve(store, "acme", "cells", bundle(1))
    watched.cache.get("acme", "cells")
    serve(store, "acme", "cells", bundle(2))

    assert watched.cache.get("acme", "cells").version == one


def test_a_fault_is_told_without_our_folders(store: ModelStore, bundle: Write, tmp_path: Path) -> None:
    reported: list[tuple[str, ...]] = []

    def load(folder: Path, threads: int) -> Any:
        raise ValueError(f"{folder}/weights.safetensors: expected float32, got {threads}")

    version = serve(store, "acme", "cells", bundle(1))
    cache = ModelCache(store, tmp_path / "cache", LARGE, 0, 1, lambda *words: reported.append(words), load)
    with pytest.raises(ModelUnusableError) as told:
        cache.get("acme", "cells")

    assert reported[0][3] == f"acme/cells@{version}: weights.safetensors: expected float32, got 1"
    assert str(tmp_path) not in str(told.value)
