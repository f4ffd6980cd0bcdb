"""The board that a real server serves, in a real browser: it acts, follows and comes back."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from support.board_project import EVIL, ODD, Project
from support.rest import token

from schedkit.core.store.database import Store
from schedkit.core.store.tokens import Tokens
from schedkit.server import Server, ServerOptions, asgi

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    project = Project(tmp_path_factory.mktemp("project"))
    with project.sched:
        yield project


@pytest.fixture(scope="module")
def server(project: Project) -> Iterator[Server]:
    options = ServerOptions(port=0)
    with Server(asgi(project.sched, options), options) as server:
        yield server


@pytest.fixture
def page(browser: Browser, server: Server) -> Iterator[Page]:
    page = browser.new_page(viewport={"width": 1200, "height": 900})
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    visit(page, server)
    yield page
    assert wrong == []
    page.close()


def visit(page: Page, server: Server, place: str = "") -> None:
    page.goto(f"{server.url}/board{place}")
    expect(page.locator(".sk-state")).to_have_text("Running")


def open_last_run(page: Page, task: str, state: str) -> None:
    """Open the last run of a task, once the page shows it."""
    name = page.get_by_role("button", name=task, exact=True)
    expect(page.get_by_role("row").filter(has=name)).to_contain_text(state)
    name.click()


def tab(page: Page, name: str) -> Any:
    page.get_by_role("tab", name=name).click()
    return page.get_by_role("tabpanel", name=name)


def test_a_run_is_started_followed_live_and_cancelled(page: Page, project: Project) -> None:
    page.get_by_role("button", name="Run waits now").click()
    expect(page.get_by_role("status").filter(has_text="waits is queued")).to_be_visible()
    open_last_run(page, "waits", "Running")
    run = page.get_by_role("region", name="Run", exact=True)
    for line in (1, 2, 3):
        project.tell.release()
        expect(run.get_by_role("log")).to_contain_text(f"line {line}")
    expect(run.get_by_role("progressbar")).to_have_attribute("aria-valuenow", "30")
    run.get_by_role("button", name="Cancel").click()
    expect(run.locator(".sk-badge")).to_have_text("Cancelled")
    assert re.search(r"Log, times in (UTC|GMT|[A-Z]{3,4})", run.inner_text(), re.IGNORECASE)


def test_a_form_is_made_of_the_signature(page: Page, project: Project) -> None:
    page.get_by_role("button", name="Run crawl_site with parameters").click()
    form = page.get_by_role("region", name="Parameters")
    expect(form.get_by_label("pages")).to_be_focused()
    expect(form.get_by_label("pages")).to_have_value("1")
    form.get_by_label("pages").fill("3")
    form.get_by_role("button", name="Run").click()
    expect(form).to_be_hidden()
    panel = tab(page, "Runs")
    panel.get_by_role("row", name="crawl_site").first.get_by_role(
        "button", name="crawl_site", exact=True
    ).click()
    run = page.get_by_role("region", name="Run", exact=True)
    expect(run.locator(".sk-badge")).to_have_text("Done")
    expect(run.locator(".sk-facts").first).to_have_text("pages3")
    run.get_by_role("button", name="Run again with …").click()
    expect(form.get_by_label("pages")).to_have_value("3")
    form.get_by_label("pages").fill("2")
    form.get_by_label("mode").fill("slow")
    form.get_by_role("button", name="Run").click()
    expect(form).to_be_hidden()
    latest = project.sched.runs("crawl_site", limit=1)[0]
    assert latest.params == {"pages": 2, "mode": "slow"}


def test_what_a_form_cannot_send_is_told_in_it(page: Page) -> None:
    page.get_by_role("button", name="Run crawl_site with parameters").click()
    form = page.get_by_role("region", name="Parameters")
    form.get_by_label("pages").evaluate("node => { node.step = 'any'; }")
    form.get_by_label("pages").fill("1.5")
    form.get_by_role("button", name="Run").click()
    expect(form.get_by_role("alert")).to_contain_text("parameter 'pages' is 1.5, expected int")
    page.keyboard.press("Escape")
    expect(form).to_be_hidden()


def test_a_file_and_a_preview(page: Page, project: Project) -> None:
    project.sched.tasks["report"].submit().result()
    open_last_run(page, "report", "Done")
    run = page.get_by_role("region", name="Run", exact=True)
    with page.expect_download() as download:
        run.get_by_role("link", name="Download").click()
    assert download.value.suggested_filename == "report.xlsx"
    assert download.value.path().read_bytes() == b"PK rows"
    run.get_by_role("button", name="Preview data").click()
    expect(run.get_by_role("region", name="Preview of the data")).to_contain_text("A-2")
    assert page.evaluate("window.hacked") is None


def test_the_address_is_the_state_of_the_view(
    browser: Browser, page: Page, server: Server, project: Project
) -> None:
    failed = project.sched.tasks["fails"].submit()
    failed.wait()
    page.get_by_label("Find a task").fill("crawl")
    page.get_by_label("Tag").select_option("SITE")
    expect(page).to_have_url(re.compile(r"#find=crawl&tag=SITE$"))
    page.reload()
    expect(page.get_by_label("Find a task")).to_have_value("crawl")
    expect(page.locator(".sk-tasks tbody tr")).to_have_count(1)
    panel = tab(page, "Runs")
    panel.get_by_label("State").select_option("FAILED")
    panel.get_by_role("button", name="fails", exact=True).first.click()
    expect(page).to_have_url(f"{server.url}/board#panel=runs&run={failed.id}&state=FAILED")
    other = browser.new_page()
    other.goto(page.url)
    expect(other.get_by_role("region", name="Run", exact=True)).to_contain_text("ValueError")
    expect(other.get_by_role("tabpanel", name="Runs").get_by_label("State")).to_have_value("FAILED")
    other.close()
    page.go_back()
    expect(page.get_by_role("region", name="Run", exact=True)).to_be_hidden()
    page.go_back()
    expect(page.get_by_role("tab", name="Tasks")).to_have_attribute("aria-selected", "true")
    expect(page.get_by_label("Find a task")).to_have_value("crawl")


def test_what_fails_now_is_run_again(page: Page, project: Project) -> None:
    project.sched.tasks["fails"].submit(why="no such project").wait()
    expect(page.get_by_role("tab", name="Failing (1)")).to_be_visible()
    panel = tab(page, "Failing")
    row = panel.get_by_role("row", name="fails")
    expect(row).to_contain_text("no such project")
    row.get_by_role("button", name="Run fails again").click()
    expect(row).to_contain_text("times in a row: ValueError: no such project")


def test_the_calendar_has_what_comes_and_what_passed(page: Page, project: Project) -> None:
    panel = tab(page, "Calendar")
    entries = panel.locator("li").filter(has_text="crawl_site")
    expect(entries.first).to_contain_text("Due")
    assert re.search(r"\d\d:00 [A-Z]{3}", entries.first.inner_text())
    expect(panel.get_by_role("heading")).to_have_count(7)
    panel.get_by_role("button", name="Seven days later").click()
    expect(page).to_have_url(re.compile("panel=calendar&first=7$"))
    panel.get_by_role("button", name="Today").click()
    expect(panel.get_by_role("heading", name="(today)")).to_be_visible()


def test_several_tasks_are_paused_by_keyboard(page: Page, project: Project) -> None:
    for name in ("crawl_site", "report"):
        page.get_by_role("checkbox", name=f"Choose {name}").focus()
        page.keyboard.press("Space")
    many = page.get_by_role("group", name="Chosen tasks")
    expect(many).to_contain_text("2 chosen")
    many.get_by_role("button", name="Pause").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").filter(has_text="2 tasks are paused")).to_be_visible()
    assert [project.sched.tasks[name].paused for name in ("crawl_site", "report", EVIL)] == [
        True,
        True,
        False,
    ]
    many.get_by_role("button", name="Resume").click()
    expect(page.get_by_role("button", name="Pause report")).to_be_visible()
    many.get_by_role("button", name="Choose none").click()
    expect(many).to_be_hidden()


def test_any_name_can_be_acted_on_and_text_is_inert(page: Page, project: Project) -> None:
    for name in (ODD, EVIL):
        page.get_by_role("button", name=f"Run {name} now").click()
        expect(page.get_by_role("status").filter(has_text=f"{name} is queued")).to_be_visible()
    for name in ("Failing", "Runs", "Queue", "Calendar", "History", "Audit", "Tasks"):
        tab(page, name)
    assert page.evaluate("window.hacked") is None
    assert page.locator("main script, main img").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone(browser: Browser, server: Server, scheme: Any) -> None:
    page = browser.new_page(viewport={"width": 375, "height": 740}, color_scheme=scheme)
    visit(page, server)
    for name in ("Tasks", "Failing", "Runs", "Queue", "Calendar", "History", "Audit"):
        tab(page, name)
        assert page.evaluate("document.documentElement.scrollWidth") == 375, name
    background = page.evaluate("getComputedStyle(document.querySelector('.sk')).backgroundColor")
    assert background == {"light": "rgb(255, 255, 255)", "dark": "rgb(21, 24, 30)"}[scheme]
    page.close()


def test_it_says_since_when_nobody_answers_and_comes_back(browser: Browser, project: Project) -> None:
    options = ServerOptions(port=0)
    page = browser.new_page()
    with Server(asgi(project.sched, options), options) as first:
        visit(page, first)
        port = int(first.url.rpartition(":")[2])
    lost = page.locator(".sk-trouble")
    expect(lost).to_contain_text(re.compile(r"Connection lost since \d\d:\d\d:\d\d \w+"), timeout=20_000)
    page.get_by_role("button", name="Pause report").click()
    expect(page.get_by_role("status").filter(has_text="Connection lost")).to_be_visible()
    project.sched.pause("report")
    options = ServerOptions(port=port)
    with Server(asgi(project.sched, options), options):
        expect(page.get_by_role("button", name="Resume report")).to_be_visible(timeout=30_000)
        expect(page.locator(".sk-state")).to_have_text("Running")
        page.get_by_role("button", name="Resume report").click()
        expect(page.get_by_role("button", name="Pause report")).to_be_visible()
    page.close()


def test_an_address_survives_the_sign_in(browser: Browser, project: Project) -> None:
    options = ServerOptions(port=0, loopback=False)
    page = browser.new_page()
    with Server(asgi(project.sched, options), options) as server:
        page.goto(f"{server.url}/board#panel=runs&state=FAILED")
        for given in ("mistyped", token(project.folder, "clara", "read")):
            page.get_by_label("Token").fill(given)
            page.get_by_role("button", name="Sign in").click()
        runs = page.get_by_role("tabpanel", name="Runs")
        expect(runs.get_by_label("State")).to_have_value("FAILED")
        expect(page).to_have_url(f"{server.url}/board#panel=runs&state=FAILED")
        Tokens(Store(project.folder / "ledger.db")).revoke("clara")
        expect(page.get_by_role("link", name="Sign in")).to_have_attribute(
            "href", "login#panel=runs&state=FAILED", timeout=20_000
        )
    page.close()


def test_what_passed_while_the_browser_was_offline_is_shown_then(page: Page, project: Project) -> None:
    page.context.set_offline(True)
    lost = page.locator(".sk-trouble")
    expect(lost).to_contain_text("Connection lost since", timeout=60_000)
    expect(page.locator(".sk-state")).to_have_text("No answer")
    runs = [project.sched.tasks["report"].submit() for _ in range(3)]
    for run in runs:
        run.wait()
    project.sched.pause("report")
    page.context.set_offline(False)
    expect(lost).to_be_hidden(timeout=60_000)
    expect(page.get_by_role("button", name="Resume report")).to_be_visible()
    project.sched.resume("report")
    expect(page.get_by_role("button", name="Pause report")).to_be_visible()
    panel = tab(page, "Runs")
    for run in runs:
        page.goto(f"{page.url.partition('#')[0]}#panel=runs&run={run.id}")
        expect(page.get_by_role("region", name="Run", exact=True).locator(".sk-badge")).to_have_text("Done")
    expect(panel).to_be_visible()


def test_who_may_only_look_is_told_by_the_buttons(browser: Browser, project: Project) -> None:
    options = ServerOptions(port=0, loopback=False)
    page = browser.new_page()
    with Server(asgi(project.sched, options), options) as server:
        page.goto(f"{server.url}/board")
        page.get_by_label("Token").fill(token(project.folder, "anna", "read"))
        page.get_by_role("button", name="Sign in").click()
        expect(page.locator(".sk-state")).to_have_text("Running")
        pause = page.get_by_role("button", name="Pause report")
        expect(pause).to_have_attribute("aria-disabled", "true")
        expect(pause).to_have_attribute("title", re.compile("Pause report: anna may look and not act"))
        pause.click(force=True)
        expect(page.get_by_role("status").filter(has_text="anna may look and not act")).to_be_visible()
        assert project.sched.tasks["report"].paused is False
        expect(tab(page, "Audit").get_by_role("status")).to_contain_text("anna lacks the scope admin")
        Tokens(Store(project.folder / "ledger.db")).revoke("anna")
        expect(page.locator(".sk-trouble")).to_have_text("You are signed out.", timeout=20_000)
        page.get_by_role("link", name="Sign in").click()
        page.get_by_label("Token").fill(token(project.folder, "ben", "admin"))
        page.get_by_role("button", name="Sign in").click()
        audit = tab(page, "Audit")
        expect(audit.get_by_role("row").nth(1)).to_be_visible()
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_label("Token")).to_be_visible()
    page.close()
