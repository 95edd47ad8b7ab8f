"""A run of the command line on the pages."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest
from tests.structures.small_models import small_bundle

from onelook.datasets.generated import make_blood
from onelook.service.api.settings import HttpSettings
from onelook.service.configuration import AllSettings
from onelook.service.models.store import open_store, resolve
from onelook.service.settings import ServiceSettings
from onelook.service.showing import list_run, show_model, show_run
from onelook.service.trainings.data import find_data
from onelook.service.trainings.record import find_training, list_trainings, progress_lines
from onelook.structures.bundle import write_bundle
from onelook.structures.errors import UserError
from onelook.training.origin import Origin


@pytest.fixture
def everything(tmp_path: Path) -> AllSettings:
    http = HttpSettings(trainings=tmp_path / "trainings")
    return AllSettings(ServiceSettings(f"sqlite:///{tmp_path / 'onelook.db'}", str(tmp_path / "models")), http)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Return a run's folder, with as much of it as the pages read."""
    make_blood(tmp_path / "cells", {"train": 2, "val": 1}, 0)
    folder = tmp_path / "runs" / "first"
    write_bundle(folder / "model", small_bundle())
    (folder / "origin").mkdir()
    given = {"batch": "4", "steps": [5, 9], "loss": {"box": 1}}
    origin = Origin("small", str(tmp_path / "cells"), None, "digest", {}, None, None, given)
    (folder / "origin" / "facts.json").write_text(json.dumps(asdict(origin)))
    (folder / "origin" / "small.cfg").write_text("[net]\nwidth=32\nheight=32\n")
    (folder / "settings.toml").write_text("batch = 4\n")
    (folder / "metrics.jsonl").write_text('{"kind": "step", "step": 1}\n')
    return folder


def test_the_run_is_listed_with_its_data_network_and_settings_and_stays_where_it_is(
    everything: AllSettings, run: Path
) -> None:
    root = everything.http.trainings
    id_ = list_run(root, run, "admin")

    training = find_training(root, "admin", id_)
    assert training is not None
    assert (training.network, training.state) == ("small.cfg", "done")
    assert training.settings == {"batch": "4", "steps": "5,9"}
    data = find_data(root, "admin", training.data)
    assert data is not None
    assert (data.name, data.images) == ("cells", 3)
    assert progress_lines(root, training) == [{"kind": "step", "step": 1}]
    assert list_run(root, run, "admin") == id_
    assert len(list_trainings(root, "admin")) == 1, "again is the same run"


def test_a_run_of_which_only_the_model_is_left_is_listed_by_its_name(everything: AllSettings, tmp_path: Path) -> None:
    write_bundle(tmp_path / "old" / "model", small_bundle())
    root = everything.http.trainings

    training = find_training(root, "admin", list_run(root, tmp_path / "old", "admin"))
    assert training is not None
    assert (training.network, training.data, training.settings) == ("old", "old", {})


def test_without_an_administrator_only_the_model_is_shown(everything: AllSettings, run: Path) -> None:
    shown = show_run(everything, run, None)

    assert (shown.trying, shown.run) == ("/?model=first", None)
    assert not everything.http.trainings.exists()


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
