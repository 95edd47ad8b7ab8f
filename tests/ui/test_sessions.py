"""A session that ends while a page is open: asked for over the page, which goes on where it was with all that was typed."""

import pytest
from tests.ui.conftest import Open, Served, keep_screen, serious_issues, sign_in_again
from tests.ui.records import log_steps, made_run

pytestmark = pytest.mark.slow


def test_on_train_the_form_is_sent_as_it_was(open_page: Open, served: Served, data: str) -> None:
    page = open_page(f"/train?data={data}")
    page.locator("#form[data-ready]").wait_for()
    page.fill("#set-epochs", "9")
    page.context.clear_cookies()
    page.get_by_role("button", name="Start training").click()
    page.get_by_role("dialog").wait_for()
    keep_screen(page, "train-session-ended")
    assert serious_issues(page) == []
    sign_in_again(page, served)
    page.wait_for_url("**/runs/t*")

    assert page.locator("dl.numbers dd").last.text_content() == "9"
    page.get_by_role("button", name="Stop").click()
    page.locator("#state.stopped").wait_for()


def test_on_the_data_and_service_pages_what_was_typed_is_sent(open_page: Open, served: Served, data: str) -> None:
    page = open_page(f"/data/{data}")
    page.locator("#set[data-ready]").wait_for()
    page.fill("#ratios", "50/50")
    page.context.clear_cookies()
    page.get_by_role("button", name="Divide").click()
    sign_in_again(page, served)
    page.wait_for_url(lambda url: "/data/d" in url and data not in url)
    page.goto(f"{served.address}/service")
    page.fill("#name", "clara")
    page.context.clear_cookies()
    page.get_by_role("button", name="Add, with a key").click()
    sign_in_again(page, served)

    page.get_by_text("New key of clara:").wait_for()


def test_on_a_run_who_does_not_sign_in_is_asked_once_and_may_go_on_later(open_page: Open, served: Served) -> None:
    training = made_run(served, "tsession", "running")
    page = open_page("/session")
    page.clock.install()
    page.goto(f"{served.address}/runs/{training.id}")
    page.locator("#loss[data-points='1']").wait_for()
    page.context.clear_cookies()
    log_steps(served, training, 20)
    page.get_by_role("button", name="Not now").click()
    page.locator("#again").wait_for()
    assert "not signed in any more" in page.locator("#mistake").inner_text()
    asked: list[str] = []
    page.on("request", lambda each: asked.append(each.url))
    page.clock.run_for(20_000)
    page.evaluate("fetch('/healthz')")
    assert [url.rpartition("/")[2] for url in asked] == ["healthz"]
    assert not page.get_by_role("dialog").is_visible(), "who declined is not asked every few seconds"
    page.get_by_role("button", name="Go on").click()
    sign_in_again(page, served)

    page.locator("#loss[data-points='2']").wait_for()
    assert page.locator("#mistake").inner_text() == ""


def test_on_the_list_of_runs_the_choice_stays(open_page: Open, served: Served) -> None:
    training = made_run(served, "tlisted", "running")
    page = open_page("/session")
    page.clock.install()
    page.goto(f"{served.address}/runs")
    page.locator(f"#choose-{training.id}").check()
    page.context.clear_cookies()
    page.clock.run_for(5500)
    page.get_by_role("dialog").wait_for()
    sign_in_again(page, served)
    page.get_by_role("dialog").wait_for(state="hidden")

    assert page.locator(f"#choose-{training.id}").is_checked()
    page.get_by_role("button", name="Compare the chosen").click()
    page.locator("#loss[data-points='1']").wait_for()
