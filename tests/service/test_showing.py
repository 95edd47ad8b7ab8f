"""A run of the command line on the pages."""

from pathlib import Path

import pytest
from tests.structures.small_models import small_bundle

from onelook.service.configuration import AllSettings
from onelook.service.models.store import open_store, resolve
from onelook.service.settings import ServiceSettings
from onelook.service.showing import show_model
from onelook.structures.bundle import write_bundle
from onelook.structures.errors import UserError


@pytest.fixture
def everything(tmp_path: Path) -> AllSettings:
    return AllSettings(ServiceSettings(f"sqlite:///{tmp_path / 'onelook.db'}", str(tmp_path / "models")))


@pytest.mark.parametrize(
    ("folder", "name"), [("runs/cells", "cells"), ("My Demo/run", "my-demo"), ("runs/_Größe (2)", "gr-e-2")]
)
def test_everyone_may_use_the_model_of_a_run_under_its_name(
    tmp_path: Path, everything: AllSettings, folder: str, name: str
) -> None:
    run = tmp_path / folder
    write_bundle(run / "model", small_bundle())

    assert show_model(everything, run) == name
    assert show_model(everything, run) == name, "again is no mistake"
    found = resolve(open_store(everything.service.models), "anybody", name)
    assert found is not None
    assert found[1].history == ()


def test_a_folder_without_a_model_is_refused(tmp_path: Path, everything: AllSettings) -> None:
    with pytest.raises(UserError, match=r"--show: expected a run with a model, got '.*runs'"):
        show_model(everything, tmp_path / "runs")
