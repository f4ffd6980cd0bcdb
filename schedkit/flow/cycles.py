"""When work on issues began and ended."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from schedkit.errors import UsageError
from schedkit.flow.calendars import WorkingHours
from schedkit.flow.frames import Instants, as_instants, need, per_value, warned, with_zone
from schedkit.flow.statuses import CATEGORIES, Stays
from schedkit.flow.stays import cut_stays
from schedkit.values.keywords import check_keywords
from schedkit.values.text import did_you_mean

__all__ = ["cycle_times"]

_NEVER = np.datetime64("NaT", "us")


@check_keywords
def cycle_times(
    issues: pd.DataFrame,
    changes: pd.DataFrame,
    *,
    start: str = "In Progress",
    done: str = "Done",
    begin: str = "last",
    categories: Mapping[str, str] | None = None,
    until: Any = None,
    calendar: WorkingHours | None = None,
) -> pd.DataFrame:
    """Return when work on each issue began and ended, and how long that took.

    Parameters
    ----------
    issues, changes, categories, until, calendar
        As for `status_spans`.
    start, done : str
        A status category, or a status. Work ends where the last unbroken stay in `done` begins, if it lasts
        until the end. An issue that never was in `start`, or is back in To Do, was not started.
    begin : str
        ``"last"``: work begins when an issue enters `start` after it was in To Do for the last time;
        ``"first"``: when it first enters `start`.

    Returns
    -------
    DataFrame
        Key, Created, Started, Finished, Cycle (Finished − Started; missing where work was not started) and
        Lead (Finished − Created); ``attrs["warnings"]`` as for `status_spans`.

    Raises
    ------
    UsageError
        If no issue was ever in `start` or `done`.
    """
    if begin not in ("first", "last"):
        raise UsageError(f"begin={begin!r} is neither 'first' nor 'last'")
    need(issues, "issues", "Key", "Created", "Status")
    stays, end = cut_stays(issues, changes, until, categories)
    is_start, is_done = (_matching(stays, what) for what in (start, done))
    open_again = (
        _back(stays) & ~is_start & ~is_done if begin == "last" else np.zeros(len(is_start), dtype=bool)
    )
    count, issue, entered = len(stays.log.issues), stays.steps.issue, stays.steps.entered
    table = pd.DataFrame(
        {
            "Key": stays.log.issues["Key"].astype("str"),
            "Created": as_instants(stays.log.issues, "Created"),
            "Started": with_zone(_started(count, issue, entered, is_start, open_again)),
            "Finished": with_zone(_finished(count, issue, entered, is_done)),
        }
    )
    between = calendar.between if calendar else lambda a, b: (b - a).astype("timedelta64[us]")
    table["Cycle"] = between(table["Started"], table["Finished"])
    table["Lead"] = between(table["Created"], table["Finished"])
    return warned(table, stays.warnings(None if until is None else end))


def _matching(stays: Stays, what: str) -> npt.NDArray[np.bool_]:
    """Return which stays are in a category, or in a status where no category is called so."""
    english = stays.statuses.english
    named = {
        category: english.get(category, category) for category in pd.unique(stays.categories) if category
    }
    known = {
        *named,
        *named.values(),
        *stays.statuses.categories,
        *stays.statuses.given.values(),
        *english.values(),
    }
    if known <= set(CATEGORIES.values()):
        # Only where they are called otherwise are the categories' English names a mistake.
        known |= set(CATEGORIES.values())
    by_name = per_value(stays.names, lambda name: name == what)
    if what not in known:
        if not by_name.any() and what not in stays.statuses.order:
            names = sorted({str(name) for name in stays.names if name is not None})
            raise UsageError(
                f"no issue was ever in {what!r}", hint=did_you_mean(what, [*names, *sorted(known)])
            )
        return by_name
    wanted = {category for category, name in named.items() if what in (category, name)}
    in_category = per_value(stays.categories, lambda category: category in wanted)
    # A status that has the category's name is meant only where nothing says what category it has.
    return in_category | (by_name & per_value(stays.categories, lambda category: category is None))


def _back(stays: Stays) -> npt.NDArray[np.bool_]:
    """Return which stays are known to lie before work: neither in progress nor done."""
    english = stays.statuses.english

    def before_work(category: str | None) -> bool:
        return category is not None and english.get(category, category) not in ("In Progress", "Done")

    return per_value(stays.categories, before_work)


def _started(
    count: int,
    issue: npt.NDArray[np.int64],
    entered: Instants,
    is_start: npt.NDArray[np.bool_],
    open_again: npt.NDArray[np.bool_],
) -> Instants:
    """Return when each issue entered `start` first after it was open for the last time."""
    place = np.arange(len(issue))
    opened = np.full(count, -1, dtype=np.int64)
    opened[issue[open_again]] = place[open_again]  # the last of each issue stays
    begun = place[is_start & (place > opened[issue])][::-1]
    started = np.full(count, _NEVER)
    started[issue[begun]] = entered[begun]  # backwards: the first of each issue stays
    return started


def _finished(
    count: int, issue: npt.NDArray[np.int64], entered: Instants, is_done: npt.NDArray[np.bool_]
) -> Instants:
    """Return when the last unbroken stay in `done` began, for issues that are still there."""
    place = np.arange(len(issue))
    first = np.flatnonzero(np.diff(issue, prepend=-1))
    since = np.full(count, -1, dtype=np.int64)
    since[issue[first]] = first
    since[issue[~is_done]] = place[~is_done] + 1  # behind the last stay that is not done
    last = np.flatnonzero(np.diff(issue, append=-1))
    last = last[is_done[last]]
    finished = np.full(count, _NEVER)
    finished[issue[last]] = entered[since[issue[last]]]
    return finished
