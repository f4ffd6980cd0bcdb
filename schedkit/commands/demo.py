"""``schedkit demo``: run a report from end to end against a built-in site."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any, Literal

from pydantic import SecretStr
from rich.console import Console
from rich.table import Table

from schedkit.app import App
from schedkit.commands.bars import StageBars
from schedkit.commands.examples import example
from schedkit.commands.signals import until_interrupted
from schedkit.core.api.scheduler import Scheduler
from schedkit.core.run import Run
from schedkit.errors import UsageError
from schedkit.report import Report, load_reports, loads_reports
from schedkit.settings import SchedulerSettings, Settings, SiteSettings, project_root

__all__ = ["demo_settings", "run_demo"]

OUT = Path("reports/out")
DEMO_REPORT = Path("reports/demo.yaml")


def demo_settings(site: Any) -> Settings:
    """Return settings with the four endpoints of the demo site."""
    doors: dict[str, tuple[Literal["jira", "confluence"], Any, bool]] = {
        "demo": ("jira", site.jira_cloud, True),
        "demo-dc": ("jira", site.jira_dc, False),
        "demo-wiki": ("confluence", site.confluence_cloud, True),
        "demo-wiki-dc": ("confluence", site.confluence_dc, False),
    }
    sites = {
        name: SiteSettings(kind=kind, url=door.url, user=door.user, token=SecretStr(door.token), cloud=cloud)
        for name, (kind, door, cloud) in doors.items()
    }
    scheduler = SchedulerSettings(ledger=str(OUT / "demo.db"), results=str(OUT / "results"))
    return Settings(sites=sites, scheduler=scheduler)


def run_demo(*, issues: int, seed: int, keep: bool, as_json: bool, report: Path | None) -> None:
    """Start the site, run the report through the scheduler, and print where the results are.

    Raises
    ------
    SettingsError
        The report cannot be read.
    RunError
        The run did not end as DONE.
    """
    root = project_root()
    declared = _only_report(report, root)
    from schedkit.demo import DemoSite

    console = Console(stderr=as_json)
    with DemoSite(issues=issues, seed=seed) as site:
        console.print(f"demo site: {issues} issues at {site.jira_cloud.url}", highlight=False)
        app = App(demo_settings(site), root)
        with app.scheduler() as scheduler:
            facts = _run_once(app, scheduler, declared, console, scheduled=keep)
            if as_json:
                sys.stdout.write(json.dumps(facts) + "\n")
                sys.stdout.flush()
            else:
                _print_facts(console, facts)
            if keep:
                console.print("the site and the schedule keep running until Ctrl-C")
                until_interrupted()


def _only_report(given: Path | None, root: Path) -> Report:
    path = given or DEMO_REPORT
    path = path if path.exists() else root / path
    if given is None and not path.exists():
        return loads_reports(example(DEMO_REPORT.as_posix()).read_text(encoding="utf-8"), DEMO_REPORT.name)[0]
    reports = load_reports(path)
    if len(reports) != 1:
        raise UsageError(f"{path} contains {len(reports)} reports", hint="the demo runs exactly one")
    return reports[0]


def _run_once(
    app: App, scheduler: Scheduler, report: Report, console: Console, *, scheduled: bool
) -> dict[str, Any]:
    started = time.monotonic()
    handle = app.add_report(scheduler, report, scheduled=scheduled)
    with StageBars(console) as bars:
        unsubscribe = scheduler.subscribe(bars)
        try:
            run = handle.submit()
            frame = run.result()
        finally:
            unsubscribe()
    facts = run.facts
    page = facts.get("page", {})
    return {
        "rows": len(frame),
        "workbook": facts.get("workbook", {}).get("path"),
        "page": page.get("url"),
        "page_version": page.get("version"),
        "seconds": round(time.monotonic() - started, 2),
        "history": [_history_row(past) for past in scheduler.runs(report.name, limit=10)],
    }


def _history_row(run: Run) -> dict[str, Any]:
    return {
        "run": run.id,
        "task": run.task,
        "state": str(run.state),
        "cause": run.cause,
        "due": run.due_at.astimezone().isoformat(timespec="seconds"),
        "finished": run.finished_at.astimezone().isoformat(timespec="seconds") if run.finished_at else None,
        "seconds": run.seconds,
        "attempts": run.attempt,
    }


def _print_facts(console: Console, facts: dict[str, Any]) -> None:
    console.print(f"rows       {facts['rows']}", highlight=False)
    if facts["workbook"]:
        workbook, here = Path(facts["workbook"]), Path.cwd()
        shown = workbook.relative_to(here) if workbook.is_relative_to(here) else workbook
        console.print(f"workbook   {shown}", highlight=False, soft_wrap=True)
    if facts["page"]:
        page = f"{facts['page']} (version {facts['page_version']})"
        console.print(f"page       {page}", highlight=False, soft_wrap=True)
    console.print(f"seconds    {facts['seconds']}", highlight=False)
    table = Table(title="history", title_justify="left")
    for name in ("task", "state", "cause", "due", "seconds", "attempts"):
        table.add_column(name)
    for row in facts["history"]:
        took = "" if row["seconds"] is None else f"{row['seconds']:.2f}"
        table.add_row(row["task"], row["state"], row["cause"], row["due"], took, str(row["attempts"]))
    console.print(table)
