"""Several sites at once: one frame, and a report of what is missing where a site is down."""

from __future__ import annotations

import graphlib
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import pandas as pd

from schedkit import context
from schedkit.errors import SchedkitError, UsageError
from schedkit.jira.client import AsyncJira, Jira
from schedkit.jira.table.statuses import Statuses
from schedkit.loop import refuse_in_coroutine, service, task_group
from schedkit.values.keywords import check_keywords
from schedkit.values.whole_history import WholeHistory

__all__ = ["from_sites", "search_sites"]


@check_keywords
def search_sites(
    sites: Mapping[str, Jira], call: Callable[[AsyncJira], Awaitable[pd.DataFrame]]
) -> pd.DataFrame:
    """Extract from several sites at once.

    Parameters
    ----------
    sites : mapping
        Clients by the name that the column ``site`` shows.
    call : callable
        What to extract, with the async API of each client.

    Returns
    -------
    DataFrame
        The rows of all sites, with a column ``site`` in front. ``attrs["extraction"]`` holds the report of
        each site, and the error of each that failed; ``complete`` is False then.

    Raises
    ------
    SchedkitError
        If no site could be read: the first site's error.

    Examples
    --------
    >>> search_sites({"a": a, "b": b}, lambda jira: jira.project("DEMO"))  # doctest: +SKIP
    """
    refuse_in_coroutine("search_sites")
    with context.surrounded():
        return service().call(from_sites, {name: jira.aio for name, jira in sites.items()}, call)


async def from_sites(
    sites: Mapping[str, AsyncJira], call: Callable[[AsyncJira], Awaitable[pd.DataFrame]]
) -> pd.DataFrame:
    """Do the work of `search_sites` on our loop."""
    if not sites:
        raise UsageError("no site was named", hint="name at least one configured site")
    frames: dict[str, pd.DataFrame] = {}
    failed: dict[str, SchedkitError] = {}

    async def one(name: str, jira: AsyncJira) -> None:
        try:
            frames[name] = await call(jira)
        except SchedkitError as error:
            failed[name] = error
            context.log(f"{name} is missing from the result: {error}", logging.WARNING)

    async with task_group() as group:
        for name, jira in sites.items():
            group.start_soon(one, name, jira)
    if not frames:
        raise failed[next(iter(sites))]
    return _joined({name: frames[name] for name in sites if name in frames}, failed, list(sites))


def _joined(
    frames: dict[str, pd.DataFrame], failed: dict[str, SchedkitError], names: list[str]
) -> pd.DataFrame:
    frames = {name: _without_site(frame) for name, frame in frames.items()}
    columns = list(dict.fromkeys(str(column) for frame in frames.values() for column in frame))
    for column in columns:
        _align(frames, column)
    for name, frame in frames.items():
        shown: Any = pd.Categorical([name] * len(frame), categories=names)
        frame.insert(0, "site", shown)
    attrs = [frame.attrs for frame in frames.values()]
    for frame in frames.values():
        # pandas compares attrs when it joins frames; ours differ on purpose.
        frame.attrs = {}
    joined = pd.concat(list(frames.values()), ignore_index=True)
    reports = {name: about.get("extraction", {}) for name, about in zip(frames, attrs, strict=True)}
    fields: dict[str, Any] = {"site": {"id": None, "type": "derived"}}
    for about in attrs:
        fields |= {k: v for k, v in about.get("fields", {}).items() if k not in fields}
    joined.attrs = {
        "site": attrs[0]["site"],
        "sites": {name: about["site"] for name, about in zip(frames, attrs, strict=True)},
        "jql": "; ".join(dict.fromkeys(about["jql"] for about in attrs if "jql" in about)),
        "fields": {str(column): fields[str(column)] for column in joined if str(column) in fields},
        "statuses": Statuses(
            {
                f"{name}/{id}": status
                for name, about in zip(frames, attrs, strict=True)
                for id, status in about.get("statuses", {}).items()
            }
        ),
        "extraction": {
            "complete": not failed and all(report.get("complete") for report in reports.values()),
            "exact": not failed and all(report.get("exact") for report in reports.values()),
            "returned": len(joined),
            "missing_sites": {name: str(error) for name, error in failed.items()},
            "missing": {
                f"{name} {issue}": why
                for name, report in reports.items()
                for issue, why in (report.get("missing") or {}).items()
            },
            "sites": reports,
        },
    }
    if any("history_fields" in about for about in attrs):
        joined.attrs["history_fields"] = _history_fields(dict(zip(frames, attrs, strict=True)))
    if all(isinstance(about.get("history"), WholeHistory) for about in attrs):
        joined.attrs["history"] = WholeHistory(joined)
    return joined


def _history_fields(attrs: Mapping[str, Mapping[Any, Any]]) -> dict[str, dict[str, Any]]:
    """Return the fields of columns at all sites; ids of custom fields mean something else at each."""
    found: dict[str, dict[str, Any]] = {}
    for site, about in attrs.items():
        for label, field in about.get("history_fields", {}).items():
            own = [field["id"], *field.get("also", ())]
            ids = [f"{site}/{id}" if id.startswith("customfield_") else id for id in own]
            merged = found.setdefault(label, {"id": ids[0], "type": field["type"], "also": []})
            merged["also"] += [id for id in ids if id not in (merged["id"], *merged["also"])]
    return found


def _without_site(frame: pd.DataFrame) -> pd.DataFrame:
    """Call a field named like the column to come by its name and id."""
    about = frame.attrs.get("fields", {})
    if "site" not in frame:
        return frame
    label = f"site ({about.get('site', {}).get('id')})"
    frame = frame.rename(columns={"site": label})
    frame.attrs["fields"] = {label if name == "site" else name: field for name, field in about.items()}
    return frame


def _align(frames: dict[str, pd.DataFrame], column: str) -> None:
    """Give a column of categories the same categories everywhere, so that joining keeps the type."""
    holders = [frame for frame in frames.values() if column in frame]
    if len(holders) < 2 or not all(isinstance(frame[column].dtype, pd.CategoricalDtype) for frame in holders):
        return
    lists = [list(frame[column].cat.categories) for frame in holders]
    order = one_order(lists) if all(frame[column].cat.ordered for frame in holders) else None
    names = order or list(dict.fromkeys(name for names in lists for name in names))
    for frame in holders:
        frame[column] = frame[column].cat.set_categories(names, ordered=order is not None)


def one_order(lists: Sequence[Sequence[str]]) -> list[str] | None:
    """Return the one order that agrees with all lists, None if there is none, or more than one.

    Examples
    --------
    >>> one_order([["Low", "High"], ["Lowest", "Low", "High"]])
    ['Lowest', 'Low', 'High']
    >>> one_order([["Low", "High"], ["Minor", "Major"]]) is None
    True
    """
    below: dict[str, set[str]] = {name: set() for names in lists for name in names}
    for names in lists:
        for lower, higher in pairwise(names):
            below[higher].add(lower)
    sorter = graphlib.TopologicalSorter(below)
    try:
        sorter.prepare()
    except graphlib.CycleError:
        return None
    order: list[str] = []
    while sorter.is_active():
        ready = sorter.get_ready()
        if len(ready) > 1:
            return None
        order += ready
        sorter.done(*ready)
    return order
