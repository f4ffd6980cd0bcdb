"""Carry a report out: extract → shape → check → deliver, telling each stage to whoever listens."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from schedkit import context
from schedkit.report.check import check
from schedkit.report.definition import Extract, Report
from schedkit.report.deliver import deliverer
from schedkit.report.shape import shape

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Tools", "extract", "run_report"]


@dataclass(frozen=True)
class Tools:
    """What a report needs from around it.

    Parameters
    ----------
    site : callable
        Returns the client of a configured site by its name.
    root : Path
        The folder that relative paths start from.
    clock : callable
        Returns the present moment, timezone-aware; dates in file names come from it.
    """

    site: Callable[[str], Any]
    root: Path
    clock: Callable[[], datetime]


def run_report(report: Report, tools: Tools) -> pd.DataFrame:
    """Run every stage and return the frame that was delivered.

    Raises
    ------
    CheckError
        A check does not hold; nothing was delivered.
    UsageError, SiteError, WorkbookError, RegionError
        As the stages raise them; what was delivered before stays, and a rerun replaces it.
    """
    started = time.monotonic()
    # Unknown deliverers and options are found before the first request is sent.
    deliveries = [deliverer(item.to, item.options) for item in report.deliver]
    frame = extract(report.extract, tools)
    for number, step in enumerate(report.shape, 1):
        frame = shape(frame, step)
        context.progress("shape", number, len(report.shape))
    for number, rule in enumerate(report.check, 1):
        check(frame, rule)
        context.progress("check", number, len(report.check))
    for apply in [look(frame, report, tools) for look in deliveries]:
        context.checkpoint()
        apply()
    context.fact("report", {"rows": len(frame), "seconds": round(time.monotonic() - started, 3)})
    return frame


def extract(what: Extract, tools: Tools) -> pd.DataFrame:
    """Return the issues that `what` names, as the site's client returns them."""
    jira = tools.site(what.site[0])
    fields: Any = list(what.fields) if what.fields else None
    frame: pd.DataFrame = jira.search(
        what.jql, fields="*all" if fields == ["*all"] else fields, limit=what.limit
    )
    return frame
