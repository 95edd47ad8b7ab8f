"""What a run's folder tells of where it was made."""

import json
from types import SimpleNamespace

import psutil
import pytest

from onelook.training.run import describe_environment


@pytest.mark.parametrize(
    ("told", "clock"),
    [
        (SimpleNamespace(current=1896.4, max=3500.0), "3.5 GHz"),
        (SimpleNamespace(current=1996.4, max=0.0), "2.0 GHz"),
        (None, None),
    ],
)
def test_the_environment_tells_the_processor_s_clock_where_the_system_does(
    told: object, clock: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(psutil, "cpu_freq", lambda: told)

    environment = describe_environment()

    assert environment["clock"] == clock
    assert environment["cores"] == psutil.cpu_count()
    assert json.loads(json.dumps(environment)) == environment
