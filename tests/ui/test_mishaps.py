"""What goes wrong for first-time readers: pressed twice, gone back, reloaded in the middle, things that are gone."""

from pathlib import Path
from typing import Any

import pytest
from tests.ui.conftest import Open, Served, service_of
from tests.ui.records import end_run, made_run
from tests.ui.uploads import bring

pytestmark = pytest.mark.slow


def ready(page: Any) -> Any:
    """Wait until the form of Train can be used."""
    page.locator("#form[data-ready]").wait_for()
    return page


def unfinished(served: Served, data: str) -> list[str]:
    """Return the ids of trainings on the data that were not stopped."""
    with service_of(served) as api:
        return [each.id for each in api.trainings("training") if each.data == data and each.state == "waiting"]


def test_start_pressed_twice_is_one_training_and_pressed_after_going_back_another(
    open_page: Open, served: Served, data: str
) -> None:
    page = ready(open_page(f"/train?data={data}"))
    page.fill("#set-epochs", "3")
    page.get_by_role("button", name="Start training").dblclick()
    page.wait_for_url("**/runs/t*")
    first = page.url
    assert len(unfinished(served, data)) == 1
    page.go_back()
    ready(page)
    assert (page.input_value("#set-epochs"), page.input_value("#data")) == ("3", data)
    page.get_by_role("button", name="Start training").click()
    page.wait_for_url(lambda url: "/runs/t" in url and url != first)

    assert len(unfinished(served, data)) == 2
    page.get_by_role("button", name="Stop").dblclick()
    page.locator("#state.stopped").wait_for()
    assert page.locator("#mistake").inner_text() == ""
    page.get_by_role("button", name="Resume").dblclick()
    page.locator("#state.waiting").wait_for()
    assert page.locator("#mistake").inner_text() == ""
    with service_of(served) as api:
        for id_ in unfinished(served, data):
            api.stop_training(id_)


def test_a_reload_during_an_upload_is_asked_about_and_loses_nothing_but_the_upload(
    open_page: Open, uploads: Path
) -> None:
    page = ready(open_page("/train"))
    page.locator("#set-epochs").click()
    page.keyboard.type("5")
    asked: list[str] = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    page.route("**/v1/data?name=*", lambda route: None)  # the network is that slow
    page.locator("#zip").set_input_files(uploads / "cells.zip")
    page.get_by_text("Uploading cells.zip: ").wait_for()
    page.reload()
    ready(page)
    page.unroute("**/v1/data?name=*")
    assert asked == ["beforeunload"]
    assert page.input_value("#set-epochs") == "5"
    assert page.locator("#zip-mistake").inner_text() == page.locator("#zip-told").inner_text() == ""
    bring(page, uploads / "cells.zip")

    assert page.locator("#data option:checked").inner_text().startswith("cells: 16 images")
    page.reload()
    ready(page)
    assert asked == ["beforeunload"], "nobody is asked once it is there"


def test_a_form_that_cannot_be_filled_in_says_so_and_sends_nothing(open_page: Open, served: Served) -> None:
    page = open_page("/session")
    page.route("**/v1/trainings/settings", lambda route: route.abort())
    page.goto(f"{served.address}/train")
    page.locator("#form-mistake:not(:empty)").wait_for()
    assert page.locator("#form-mistake").inner_text().startswith("The service cannot be reached.")
    assert page.get_by_role("button", name="Start training").is_disabled()
    page.unroute("**/v1/trainings/settings")
    page.reload()

    ready(page)
    assert page.get_by_role("button", name="Start training").is_enabled()


def test_what_an_address_names_and_is_gone_is_said(open_page: Open, served: Served, data: str) -> None:
    training = made_run(served, "tdataless", "running")
    end_run(served, training)
    page = ready(open_page("/train?from=tgone"))
    assert page.locator("#data-mistake").inner_text() == "The run to begin from is not here any more."
    for query in ("data=dgone", f"from={training.id}"):
        page.goto(f"{served.address}/train?{query}")
        ready(page)
        assert page.locator("#data-mistake").inner_text().startswith("The data that was asked for is not here")
        assert page.input_value("#data") == ""
    page.goto(f"{served.address}/?model=lost&beside=away")
    page.locator("#model-mistake:not(:empty)").wait_for()
    told = page.locator("#model-mistake").inner_text()
    assert all(f"The model {name} is not here any more" in told for name in ("lost", "away"))
    assert page.locator('input[name="model"]:checked').input_value() == "default"
    page.goto(f"{served.address}/runs/tgone")

    assert page.get_by_role("heading", level=1).inner_text() == "There is nothing here"
    assert page.get_by_role("link", name="Runs").is_visible()
