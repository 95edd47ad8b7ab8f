"""Only runs are deleted, whole, and none that is being trained."""

from pathlib import Path

import pytest
from tests.experiments.made_runs import make_run

from onelook.experiments.deleting import delete_run
from onelook.structures.errors import UserError
from onelook.training.survival import heartbeat
from onelook.training.survival.heartbeat import Heartbeat


def test_a_run_is_deleted_and_its_neighbours_stay(tmp_path: Path) -> None:
    run, other = make_run(tmp_path / "a"), make_run(tmp_path / "b")

    delete_run(run)

    assert list(tmp_path.iterdir()) == [other]


def test_a_folder_that_is_no_run_stays(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "settings.toml").write_text("colour = true\n")

    with pytest.raises(UserError, match=r"photos: expected a run's folder, with settings.toml and environment.json"):
        delete_run(tmp_path / "photos")
    with pytest.raises(UserError, match=r"gone: expected a run's folder, .*got no folder"):
        delete_run(tmp_path / "gone")
    assert (tmp_path / "photos" / "settings.toml").is_file()


def test_a_link_to_a_run_is_refused_with_what_it_leads_to(tmp_path: Path) -> None:
    run = make_run(tmp_path / "a")
    (tmp_path / "link").symlink_to(run)

    with pytest.raises(UserError, match=rf"link: expected a run's folder, got a link; name {run}"):
        delete_run(tmp_path / "link")
    assert run.is_dir()


def test_a_run_that_is_being_trained_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = make_run(tmp_path / "a")
    alive = Heartbeat(run / "last" / "alive.json")
    alive.beat(3, "training")
    monkeypatch.setattr(heartbeat, "DYING", 0.0)
    monkeypatch.setattr("os.getpid", lambda: 1)  # as another process would ask

    with pytest.raises(UserError, match=r"expected a run that nobody trains"):
        delete_run(run)
    assert run.is_dir()
