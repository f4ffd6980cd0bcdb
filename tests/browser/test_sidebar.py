"""JupyterLab's sidebar: the schedule of the project, with no notebook open, as its ledger tells it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from support.browser_lab import Lab

from schedkit import context
from schedkit.core.api.scheduler import Scheduler
from schedkit.core.triggers.constructors import every

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

EVIL = "<img src=x onerror='window.hacked=1'>"


@pytest.fixture
def project(lab: Lab) -> Iterator[Path]:
    """A ledger of the project in which JupyterLab was started; it is not there yet."""
    settings = lab.root / "schedkit.yaml"
    settings.write_text("scheduler: {ledger: team.db}\n", encoding="utf-8")
    yield lab.root / "team.db"
    settings.unlink()


@pytest.fixture
def page(browser: Browser, lab: Lab) -> Iterator[Page]:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto(f"{lab.url}/lab?reset")
    page.wait_for_function("window.jupyterapp?.commands?.hasCommand('schedkit:show')", timeout=90_000)
    page.evaluate("window.jupyterapp.commands.execute('schedkit:show')")
    yield page
    assert wrong == []
    page.close()


def declare(sched: Scheduler, tell: threading.Semaphore) -> None:
    @sched.task(every("1h"), tags=("daily",))
    def extract(rows: int = 10) -> int:
        while not tell.acquire(timeout=0.02):
            context.checkpoint()
        context.log(f"{rows} rows {EVIL}")
        return rows


def test_the_schedule_of_the_project_is_seen_and_acted_on(page: Page, project: Path) -> None:
    bar = page.get_by_role("region", name="Schedule")
    expect(bar.locator(".sk-state")).to_contain_text("No schedule yet", timeout=30_000)
    tell = threading.Semaphore(0)
    with Scheduler(str(project), name="nightly.py") as sched:
        declare(sched, tell)
        expect(bar.locator(".sk-state")).to_have_text("Watching", timeout=60_000)
        expect(bar.locator(".sk-next")).to_contain_text("run by nightly.py", timeout=30_000)
        bar.get_by_role("button", name="Run extract with parameters").click()
        bar.get_by_label("rows").fill("7")
        bar.get_by_role("region", name="Parameters").get_by_role("button", name="Run").click()
        expect(bar.locator(".sk-tasks .sk-badge").filter(has_text="Running")).to_be_visible()
        bar.get_by_role("button", name="extract", exact=True).click()
        tell.release()
        run = bar.get_by_role("region", name="Run", exact=True)
        expect(run.get_by_role("log")).to_contain_text(f"7 rows {EVIL}")
        expect(run.locator(".sk-badge")).to_have_text("Done")
        bar.get_by_role("button", name="Pause extract").click()
        expect(bar.get_by_role("button", name="Resume extract")).to_be_visible()
        assert sched.tasks["extract"].paused is True
        audit = [row["actor"] for row in sched.screens.audit_page()["items"] if row["action"] == "paused"]
        assert audit != ["nightly.py"]
        fits_and_follows_the_theme(page, bar)
    expect(bar.locator(".sk-next")).to_contain_text("No scheduler is running", timeout=60_000)
    assert page.evaluate("window.hacked") is None


def test_a_reload_keeps_what_the_sidebar_showed(page: Page, project: Path) -> None:
    with Scheduler(str(project), name="nightly.py") as sched:
        declare(sched, threading.Semaphore(0))
        bar = page.get_by_role("region", name="Schedule")
        expect(bar.locator(".sk-state")).to_have_text("Watching", timeout=60_000)
        bar.get_by_role("tab", name="Runs").click()
        page.wait_for_function("sessionStorage.getItem('schedkit:place') === 'panel=runs'")
        # JupyterLab keeps its layout a moment after it has changed.
        page.wait_for_function(
            """async () => {
              const answer = await fetch("/lab/api/workspaces/default");
              return answer.ok && (await answer.text()).includes("schedkit-sidebar");
            }"""
        )
        page.goto(page.url.partition("?")[0])
        # It opens the sidebar that was open, and the board is where it was left.
        runs = bar.get_by_role("tab", name="Runs")
        expect(runs).to_have_attribute("aria-selected", "true", timeout=90_000)


def fits_and_follows_the_theme(page: Page, bar: Any) -> None:
    for name in ("Failing", "Runs", "Queue", "Calendar", "History", "Audit", "Tasks"):
        bar.get_by_role("tab", name=name).click()
        over = bar.locator(".sk").evaluate("node => node.scrollWidth - node.clientWidth")
        assert over <= 1, name
    page.evaluate("window.jupyterapp.commands.execute('apputils:change-theme', { theme: 'JupyterLab Dark' })")
    expect(bar.locator(".sk")).to_have_attribute("data-theme", "dark")
    for light, theme in (("false", "dark"), ("true", "light")):
        page.evaluate("light => { document.body.dataset.jpThemeLight = light; }", light)
        expect(bar.locator(".sk")).to_have_attribute("data-theme", theme)
