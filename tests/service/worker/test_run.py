from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select
from tests.service.worker.conftest import at_work, ended, send, wait_until

from onelook.inference.model import load
from onelook.service.clients import Client
from onelook.service.database import Database
from onelook.service.jobs.finish import cancel
from onelook.service.jobs.job import NewJob
from onelook.service.jobs.listing import numbers
from onelook.service.models.faults import faults
from onelook.service.models.store import current, open_store, promote, publish
from onelook.service.schema import results
from onelook.service.settings import ServiceSettings
from onelook.service.worker.run import run_worker
from onelook.service.workers import live_workers
from onelook.structures.bundle import read_bundle, write_bundle
from onelook.structures.errors import UserError


def test_an_uploaded_picture_is_seen_as_the_model_itself_sees_it(
    served: ServiceSettings, served_database: Database, asker: Client, picture: bytes, tmp_path: Path
) -> None:
    expected = load(tmp_path / "bundle").predict(picture, 0.95)
    ids = send(
        served_database, served, asker, NewJob(upload=picture, threshold=0.95), NewJob(upload=picture, threshold=1)
    )

    with at_work(served):
        first, second = ended(served_database, asker, ids)

    assert first.result is not None
    assert first.result.detections is not None
    assert (first.result.width, first.result.height) == (96, 64)
    assert [found.score for found in first.result.detections] == pytest.approx(expected.scores.tolist(), abs=1e-5)
    for found, box in zip(first.result.detections, expected.boxes, strict=True):
        assert [found.box[0] * 96, found.box[1] * 64, found.box[2] * 96, found.box[3] * 64] == pytest.approx(
            box.tolist(), abs=1e-3
        )
    pointer = current(open_store(served.models), "shared", "default")
    assert pointer is not None
    assert first.result.model_version == f"shared/default@{pointer.version}"
    assert 0 < first.result.timings.predicted < first.result.timings.total
    assert second.result is not None
    assert second.result.detections == ()


def test_each_fault_is_told_and_takes_nothing_from_its_neighbours(
    served: ServiceSettings, served_database: Database, asker: Client, picture: bytes
) -> None:
    asked = (
        NewJob(upload=b"no picture"),
        NewJob(upload=picture[:200]),
        NewJob(url="http://10.0.0.1/x.jpg"),
        NewJob(url="ftp://example.org/x.jpg"),
        NewJob(upload=picture),
        NewJob(upload=picture, model="nobodys"),
    )
    ids = send(served_database, served, asker, *asked)

    with at_work(served):
        jobs = ended(served_database, asker, ids)

    codes = [job.error.code if job.error else job.state for job in jobs]
    assert codes == ["image_unreadable", "image_unreadable", "fetch_refused", "fetch_refused", "done", "model_missing"]


def test_an_address_that_does_not_answer_is_tried_again_and_then_dead(
    served: ServiceSettings, served_database: Database, asker: Client
) -> None:
    settings = replace(served, retry_delay=0.05, max_attempts=2)
    ids = send(served_database, settings, asker, NewJob(url="http://127.0.0.1:9999/x.jpg"))

    with at_work(settings):
        (job,) = ended(served_database, asker, ids)

    assert (job.state, job.attempt) == ("dead", 2)
    assert job.error is not None
    assert job.error.code == "fetch_failed"


def test_a_new_version_takes_over_and_a_bad_one_does_not_and_is_reported(
    served: ServiceSettings, served_database: Database, asker: Client, picture: bytes, tmp_path: Path
) -> None:
    store = open_store(served.models)
    bundle = read_bundle(tmp_path / "bundle")
    write_bundle(tmp_path / "second", replace(bundle, settings=replace(bundle.settings, licence="another")))
    second = publish(store, "shared", "default", tmp_path / "second").version
    write_bundle(tmp_path / "third", replace(bundle, settings=replace(bundle.settings, licence="broken")))
    third = publish(store, "shared", "default", tmp_path / "third").version
    (Path(served.models) / "shared" / "default" / "versions" / third / "weights.safetensors").write_bytes(b"broken")
    seen = []
    with at_work(served):
        for version in (None, second, third):
            if version:
                promote(store, "shared", "default", version)
            (job,) = ended(served_database, asker, send(served_database, served, asker, NewJob(upload=picture)))
            assert job.result is not None
            seen.append(job.result.model_version.rpartition("@")[2])
        wait_until(lambda: bool(faults(served_database, "shared", "default")))

    assert seen[0] not in (second, third)
    assert seen[1:] == [second, second]
    (fault,) = faults(served_database, "shared", "default")
    assert fault.version == third
    assert "expected sha256" in fault.detail


def test_a_worker_that_is_asked_to_stop_gives_back_what_it_has_not_begun_and_leaves(
    served: ServiceSettings, served_database: Database, asker: Client, picture: bytes
) -> None:
    ids = send(served_database, served, asker, *[NewJob(upload=picture)] * 60)
    with at_work(served):
        wait_until(lambda: numbers(served_database)[0].done > 0)
        assert len(live_workers(served_database)) == 1
    (counts,) = numbers(served_database)

    assert counts.running == 0
    assert counts.waiting + counts.done == 60
    assert live_workers(served_database) == []
    with at_work(served):
        jobs = ended(served_database, asker, ids)
    assert {job.failures for job in jobs} == {0}
    assert {job.state for job in jobs} == {"done"}
    with served_database.reading() as connection:
        assert len(connection.execute(select(results.c.job_id)).all()) == 60


def test_a_job_cancelled_while_it_waits_is_never_looked_at(
    served: ServiceSettings, served_database: Database, asker: Client, picture: bytes
) -> None:
    ids = send(served_database, served, asker, NewJob(upload=picture), NewJob(upload=picture))
    cancel(served_database, served, asker.id, ids[0])

    with at_work(served):
        jobs = ended(served_database, asker, ids)

    assert [job.state for job in jobs] == ["cancelled", "done"]
    assert jobs[0].attempt == 0


def test_a_database_without_tables_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="expected schema 2, got 0; start `onelook serve`"):
        run_worker(ServiceSettings(database=f"sqlite:///{tmp_path / 'empty.db'}", models=str(tmp_path / "models")))


def test_models_swapped_under_load_lose_no_job_and_the_old_one_is_not_begun_with_again(
    served: ServiceSettings, served_database: Database, asker: Client, picture: bytes, tmp_path: Path
) -> None:
    store = open_store(served.models)
    bundle = read_bundle(tmp_path / "bundle")
    first = current(store, "shared", "default")
    assert first is not None
    write_bundle(tmp_path / "second", replace(bundle, settings=replace(bundle.settings, licence="another")))
    second = publish(store, "shared", "default", tmp_path / "second").version
    early: list[str] = []
    late: list[tuple[str, str]] = []
    with at_work(served):
        for version in (second, first.version, second, first.version):
            early += send(served_database, served, asker, *[NewJob(upload=picture)] * 24)
            promote(store, "shared", "default", version)
            sent = send(served_database, served, asker, *[NewJob(upload=picture)] * 4)
            late += [(id_, version) for id_ in sent]
            ended(served_database, asker, sent)
        jobs = ended(served_database, asker, (*early, *(id_ for id_, _ in late)))

    assert {job.state for job in jobs} == {"done"}
    seen = {job.id: job.result.model_version.rpartition("@")[2] for job in jobs if job.result}
    assert [seen[id_] for id_, _ in late] == [version for _, version in late]
    assert {seen[id_] for id_ in early} == {first.version, second}
