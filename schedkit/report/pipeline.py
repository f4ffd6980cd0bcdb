"""Carry a report out: extract → shape → check → deliver, reporting each stage to the listener."""

from __future__ import annotations

import functools
import logging
import time
from typing import TYPE_CHECKING, Any

from schedkit import context
from schedkit.errors import IncompleteError, SettingsError
from schedkit.report.check import check
from schedkit.report.definition import Extract, Report
from schedkit.report.deliver import deliverer
from schedkit.report.shape import shape
from schedkit.report.tools import Tools
from schedkit.values.extraction import incomplete
from schedkit.values.keywords import check_keywords

if TYPE_CHECKING:
    import pandas as pd

    from schedkit.jira import Jira

__all__ = ["extract", "run_report"]


@check_keywords
def run_report(report: Report, tools: Tools) -> pd.DataFrame:
    """Run every stage and return the frame that was delivered.

    Raises
    ------
    IncompleteError
        A site or an issue is missing, and the report does not say ``partial: allow``; nothing was delivered.
    CheckError
        A check does not hold; nothing was delivered.
    UsageError, SiteError, WorkbookError, RegionError
        As the stages raise them; what was delivered before stays, and a rerun replaces it.
    """
    started = time.monotonic()
    tools = tools.for_run()
    # Unknown deliverers and options are found before the first request is sent.
    deliveries = [deliverer(item.to, item.options) for item in report.deliver]
    frame = extract(report.extract, tools)
    why = incomplete(frame.attrs)
    if why:
        _allow_partial(report, why)
    for number, step in enumerate(report.shape, 1):
        frame = shape(frame, step)
        context.progress("shape", number, len(report.shape))
    for number, rule in enumerate(report.check, 1):
        check(frame, rule)
        context.progress("check", number, len(report.check))
    unconfirmed: list[str] = []
    for apply in [look(frame, report, tools) for look in deliveries]:
        context.checkpoint()
        unconfirmed += _unconfirmed(apply())
    if unconfirmed:
        context.fact("incomplete", {"reason": "; ".join(filter(None, [why, *unconfirmed]))})
    context.fact("report", {"rows": len(frame), "seconds": round(time.monotonic() - started, 3)})
    return frame


def _allow_partial(report: Report, why: str) -> None:
    """Tell that the extraction is not complete, or raise if the report does not allow it."""
    if report.extract.partial == "refuse":
        raise IncompleteError(
            f"the report {report.name!r} was not delivered: {why}",
            hint="run it again, or allow it: extract: {partial: allow}",
        )
    context.log(why, logging.WARNING)
    context.fact("incomplete", {"reason": why})


def _unconfirmed(delivered: object) -> list[str]:
    """Return which pages a destination could not read back."""
    made: list[Any] = delivered if isinstance(delivered, list) else [delivered]
    return [
        f"page {each.title!r} is not confirmed: {each.unconfirmed}"
        for each in made
        if getattr(each, "unconfirmed", "")
    ]


def extract(what: Extract, tools: Tools) -> pd.DataFrame:
    """Return the issues that `what` names; several sites give one frame with a column ``site``.

    Raises
    ------
    SettingsError
        A site that is not configured, or is not a Jira.
    SiteError, JqlError, IncompleteError
        As the client raises them.
    """
    from schedkit.jira import search_sites

    clients = {name: _jira(name, tools) for name in what.site}
    if len(clients) > 1:
        return search_sites(clients, functools.partial(_ask, what))
    (client,) = clients.values()
    frame: pd.DataFrame = _ask(what, client)
    return frame


def _jira(name: str, tools: Tools) -> Jira:
    from schedkit.jira import Jira

    client = tools.site(name)
    if not isinstance(client, Jira):
        raise SettingsError(f"extract.site: {name!r} is not a Jira site", hint="name a site of kind jira")
    return client


def _ask(what: Extract, client: Any) -> Any:
    """Call the method that `what` means on a client's blocking or async API."""
    fields: Any = None if what.fields is None else list(what.fields)
    options: dict[str, Any] = {"fields": "*all" if fields == ["*all"] else fields}
    if what.source == "keys":
        return client.keys(list(what.keys or ()), **options)
    options["limit"] = what.limit
    if what.source == "project":
        return client.project(*(what.project or ()), **options)
    if what.source == "root":
        return client.root(what.root, links_depth=what.links_depth, **options)
    method = "search" if what.source == "jql" else what.source
    return getattr(client, method)(getattr(what, what.source), **options)
