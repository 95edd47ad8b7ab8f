"""Administrators' buttons, pressed: a run's model promoted, a failed job tried again, a key made; and what is said when refused."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from tests.structures.small_models import small_bundle
from tests.ui.conftest import ARCHIVE, STREET, Open, Served, keep_screen, serious_issues, service_of
from tests.ui.records import log_evaluation, made_run, root_of

from onelook.service.client import Service
from onelook.service.trainings.record import Training, run_of
from onelook.structures.bundle import write_bundle

pytestmark = pytest.mark.slow


class Archive(ThreadingHTTPServer):
    """A picture archive that has none of its pictures until it is told to."""

    has_pictures = False

    @property
    def address(self) -> str:
        """Of a picture."""
        return f"http://{ARCHIVE}:{self.server_port}/street.jpg"


class Answering(BaseHTTPRequestHandler):
    """Gives the street, or 404."""

    server: Archive

    def do_GET(self) -> None:
        """Answer."""
        body = STREET.read_bytes() if self.server.has_pictures else b""
        self.send_response(200 if body else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *words: object) -> None:
        """Say nothing."""


@pytest.fixture
def archive() -> Iterator[Archive]:
    """Give an archive that the service may fetch from."""
    server = Archive((ARCHIVE, 0), Answering)
    Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def with_model(served: Served, id_: str, seed: int) -> Training:
    """Return a run that goes on, was evaluated once and has saved its best model."""
    training = made_run(served, id_, "running")
    log_evaluation(served, training, 10, best=0.04)
    write_bundle(run_of(root_of(served), training) / "model", small_bundle(seed))
    return training


def form_of(open_page: Open, training: Training) -> Any:
    """Return the page of a run with the form that promotes its model."""
    page = open_page(f"/runs/{training.id}")
    page.locator("#promote").wait_for()
    return page


def promote(page: Any, name: str, receiver: str = "me") -> str:
    """Promote by the form, and return what the page says of it."""
    page.fill("#name", name)
    page.locator("#receiver").select_option(label=receiver)
    page.get_by_role("button", name="Promote").click()
    page.locator("#promoted:not(:empty)").wait_for()
    return str(page.locator("#promoted").inner_text())


def serving(served: Served, key: str = "") -> dict[str, tuple[bool, str | None]]:
    """Return by name whether a model is shared and which version serves, as a key sees it; by default the administrator's."""
    with service_of(served, key) as api:
        return {each.name: (each.shared, each.current) for each in api.models()}


def test_a_run_s_model_is_promoted_for_oneself_for_all_and_for_one_client(open_page: Open, served: Served) -> None:
    with service_of(served) as api:
        vera = api.add_client("vera")
        key = api.add_key(vera.id).secret
    page = form_of(open_page, with_model(served, "tpromoted", 1))

    told = {name: promote(page, name, who) for name, who in (("p-me", "me"), ("p-all", "everybody (shared)"))}
    told["p-vera"] = promote(page, "p-vera", "vera")
    keep_screen(page, "run-promoted")

    mine, hers = serving(served), serving(served, key)
    for name, (shared, models) in {"p-me": (False, mine), "p-all": (True, mine), "p-vera": (False, hers)}.items():
        assert models[name][0] is shared
        assert told[name] == f"{name} serves version {models[name][1]}."
    assert "p-vera" not in mine
    assert "p-me" not in hers
    with service_of(served, key) as api:
        assert api.detect(STREET, "p-vera").detections
    assert serious_issues(page) == []


def test_a_promotion_that_is_refused_says_why_beside_the_field_and_loses_nothing(
    open_page: Open, served: Served
) -> None:
    training = with_model(served, "trefused", 2)
    page = form_of(open_page, training)
    page.locator("#receiver").select_option(label="everybody (shared)")
    for name, got in (("Smear Model!", "Smear Model!"), ("", "nothing")):
        page.fill("#name", name)
        page.get_by_role("button", name="Promote").click()
        page.locator("#name-mistake", has_text=f"got {got}.").wait_for()
        assert page.locator("#name-mistake").inner_text().startswith("Expected small letters, digits,")
        assert page.locator("#name[aria-invalid=true]").count() == 1
    keep_screen(page, "run-promote-refused")
    model = run_of(root_of(served), training) / "model"
    model.rename(model.with_name("elsewhere"))
    page.fill("#name", "p-refused")
    page.get_by_role("button", name="Promote").click()
    page.locator("#form-mistake:not(:empty)").wait_for()
    assert (
        page.locator("#form-mistake").inner_text().endswith("expected one that has saved a model, got one that has not")
    )
    model.with_name("elsewhere").rename(model)
    (model / "weights.safetensors").write_bytes(b"broken")
    page.get_by_role("button", name="Promote").click()
    page.locator("#form-mistake", has_text="weights.safetensors").wait_for()
    assert str(served.folder) not in page.locator("#form-mistake").inner_text(), "our folders are not told"
    assert (page.input_value("#name"), page.input_value("#receiver")) == ("p-refused", "shared")
    write_bundle(model.with_name("mended"), small_bundle(2))
    (model.with_name("mended") / "weights.safetensors").replace(model / "weights.safetensors")
    page.get_by_role("button", name="Promote").dblclick()
    page.locator("#promoted:not(:empty)").wait_for()

    assert page.locator("#form-mistake").inner_text() == page.locator("#name-mistake").inner_text() == ""
    assert page.locator("[aria-invalid=true]").count() == 0
    assert serving(served)["p-refused"][0] is True


def failed_job(served: Served, archive: Archive) -> str:
    """Return the id of a job whose picture was not there."""
    with service_of(served) as api:
        (id_,) = api.post(archive.address, "small")
        assert api.job(id_, 30).state == "failed"
    return id_


def test_a_failed_job_is_tried_again_and_a_late_press_is_refused_in_words(
    open_page: Open, served: Served, archive: Archive
) -> None:
    id_ = failed_job(served, archive)
    page = open_page("/service")
    late = page.context.new_page()
    late.clock.install()
    late.goto(page.url)
    page.fill("#new-client #name", "half a na")
    row, late_row = (each.locator("#failed tr", has_text=archive.address) for each in (page, late))
    assert "fetch_refused: " in row.inner_text()
    archive.has_pictures = True
    row.get_by_role("button", name="Try again").click()
    page.get_by_text("The job waits again.").wait_for()
    row.wait_for(state="detached")
    assert page.evaluate("document.activeElement.textContent") == "Failed jobs", "the focus stays where it was pressed"
    assert page.input_value("#new-client #name") == "half a na", "nothing that was typed is lost"
    with service_of(served) as api:
        assert api.job(id_, 30).state == "done"
    late_row.get_by_role("button", name="Try again").click()
    refused = late.get_by_text("job: expected one that has failed, got one that is done")
    refused.wait_for()
    late_row.wait_for(state="detached")
    with late.expect_response("**/service"):
        late.clock.run_for(6000)  # the queues renew themselves, and leave standing what was said

    assert refused.is_visible()
    assert late.locator("#failures .told").inner_text() == ""
    keep_screen(late, "service-retry-refused")
    assert serious_issues(page) == []


def test_a_new_key_is_told_once_however_fast_it_is_asked_for_and_stays_while_other_things_change(
    open_page: Open, served: Served
) -> None:
    page = open_page("/service")
    page.fill("#new-client #name", "wanda")
    page.fill("#weight", "much")
    page.get_by_role("button", name="Add, with a key").click()
    page.locator("#weight-mistake:not(:empty)").wait_for()
    assert "'much'" in page.locator("#weight-mistake").inner_text()
    page.fill("#weight", "1.5")
    page.get_by_role("button", name="Add, with a key").dblclick()
    page.get_by_text("New key of wanda:").wait_for()
    secret = page.locator("#secret-told").inner_text()
    row = page.locator("#client-list tr", has_text="wanda")
    row.wait_for()
    page.get_by_role("button", name="Disable: wanda").click()
    page.get_by_role("button", name="Enable: wanda").wait_for()

    assert page.locator("#secret-told").inner_text() == secret
    assert row.count() == 1, "two presses make one client"
    assert row.locator(".number").inner_text() == "1.5"
    page.get_by_role("button", name="Enable: wanda").click()
    page.get_by_role("button", name="Disable: wanda").wait_for()
    with Service(served.address, secret) as api:
        assert api.whoami().client.name == "wanda"
