"""Runs in MLflow's own store, read back through its API; made where MLflow is installed."""

from pathlib import Path

import pytest
from tests.experiments.made_runs import make_run

from onelook.experiments.mlflow_store import export_runs
from onelook.experiments.report.rows import places_in
from onelook.experiments.tagging import change_tags
from onelook.structures.errors import UserError


def test_without_mlflow_the_way_to_get_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "mlflow", None)

    with pytest.raises(UserError, match=r"expected MLflow, got none; install it by: pip install 'onelook\[mlflow\]'"):
        export_runs([], "sqlite:///x.db", "onelook")


@pytest.mark.filterwarnings("ignore")
def test_a_run_arrives_whole_and_a_second_time_replaces_it(tmp_path: Path) -> None:
    tracking = pytest.importorskip("mlflow.tracking", reason="MLFLOW ABSENT: pip install 'onelook[mlflow]'")
    run = make_run(tmp_path / "a", batch=4, note="x" * 900)
    change_tags(run, ["best"], [])
    store = f"sqlite:///{tmp_path}/mlflow.db"

    (first,) = export_runs(places_in(run), store, "cells").values()
    (second,) = export_runs(places_in(run), store, "cells").values()

    client = tracking.MlflowClient(tracking_uri=store)
    found = client.search_runs([client.get_experiment_by_name("cells").experiment_id])
    assert [each.info.run_id for each in found] == [second]
    assert first != second
    data = found[0].data
    assert data.params["batch"] == "4"
    assert len(data.params["note"]) == 500
    assert data.metrics["accuracy"] == 0.5
    assert data.tags["best"] == "yes"
    assert [each.step for each in client.get_metric_history(second, "step/losses/box")] == [10, 20]
    assert found[0].info.status == "FINISHED"
    assert found[0].info.end_time == 1_700_000_002_000
