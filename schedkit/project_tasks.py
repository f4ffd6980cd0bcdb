"""The tasks that a project declares by itself: the standing page, and the handler of ``JIRA_TASK_EXP``."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable
from datetime import tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from schedkit.core.api.scheduler import Scheduler
from schedkit.settings import Settings, StandingPageSettings

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["STANDING_PAGE", "export_handler", "update_standing_page"]

STANDING_PAGE = "task-results"
BOARD_FILE = "schedkit-board.html"
# Where the exports that were requested write their workbooks, in the project.
REPORTS = "jira_reports"


class ProjectSites(Protocol):
    """What these tasks need of a project."""

    settings: Settings
    root: Path

    @property
    def tz(self) -> tzinfo: ...
    def site(self, name: str) -> Any: ...


def update_standing_page(project: ProjectSites, scheduler: Scheduler, page: StandingPageSettings) -> bool:
    """Show the latest run of each task; the page is written only when one has ended since."""
    from schedkit.confluence import latest_runs

    rows = [
        {
            "task": run.task,
            "state": str(run.state),
            "finished_at": run.finished_at,
            "seconds": run.seconds,
            "error": run.error,
            "message": run.reason,
        }
        for run in scheduler.runs(limit=1000)
        # Its own runs would make it write at every turn.
        if run.task != STANDING_PAGE
    ]
    where = project.site(page.site).page(page.page)
    table = where.table(page.region)
    # Its title is looked up when the page needs it.
    create = "end" if page.template is None else where.beside(page.template)
    frame = latest_runs(rows, tz=project.tz, show_zone=True)
    plan = table.replace(
        frame, key="Task", keep=["Note"], columns="all", create=create, min_rows=0, max_drop=None
    )
    written: bool = plan.apply().written
    if written and page.attach:
        _attach_board(where, scheduler)
    return written


def _attach_board(page: Any, scheduler: Scheduler) -> None:
    """Attach the board as a file to a Confluence page."""
    from schedkit.core.board.html import board_page

    board = scheduler.screens.board()
    shown = {**board, "tasks": [task for task in board["tasks"] if task["name"] != STANDING_PAGE]}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / BOARD_FILE
        file.write_text(board_page(shown, "Schedule"), encoding="utf-8")
        page.attach(file, message="The schedule as of now")


def export_handler(project: ProjectSites) -> Callable[..., pd.DataFrame]:
    """Return the handler of the tag ``JIRA_TASK_EXP``: it extracts issues into a workbook of the project."""

    def jira_export(
        jira_envs: list[str],
        key_type: str,
        key_value: str,
        user: str = "",
        links_depth: int = 0,
        partial: bool = False,
    ) -> pd.DataFrame:
        """Extract a project, or everything below a root ticket, into a workbook in jira_reports/.

        `partial` returns what there is where a site fails.
        """
        from schedkit import excel
        from schedkit.jira import export_task

        asked = {"jira_envs": jira_envs, "key_type": key_type, "key_value": key_value}
        more = {"user": user, "links_depth": links_depth, "partial": partial}
        names = [name for name, site in project.settings.sites.items() if site.kind == "jira"]
        frame = export_task({**asked, **more}, {name: project.site(name) for name in names})
        # Its key is that of an issue or a project by now, whatever else a name of a file could hold.
        file = re.sub(r"[^\w-]+", "_", key_value.strip())
        excel.write(frame, project.root / REPORTS / f"{file}.xlsx")
        return frame

    return jira_export
