"""What every test may ask for."""

from collections.abc import Iterator
from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep what is kept between commands in a folder of this run, so that no test sees another day's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ONELOOK_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def shared() -> Path:
    """Return the folder of real data, weights and reference numbers; skip, loudly, where there is none."""
    if not SHARED.is_dir():
        pytest.skip(f"REAL DATA ABSENT: {SHARED} is not there, so this comparison was not made")
    return SHARED


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what is marked `gpu`, loudly, where there is no GPU."""
    if item.get_closest_marker("gpu"):
        torch = pytest.importorskip("torch")
        if not torch.cuda.is_available():
            pytest.skip("GPU ABSENT: this test was not made")
