"""What counts as started and as done: the definition of workflow that all figures share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from schedkit.errors import UsageError
from schedkit.flow.frames import per_code
from schedkit.flow.statuses import CATEGORIES, Stays
from schedkit.values.keywords import check_keywords
from schedkit.values.mappings import plain_mapping
from schedkit.values.options import refuse_unknown
from schedkit.values.text import did_you_mean, safe_repr

__all__ = ["DONE", "IN_PROGRESS", "TO_DO", "Workflow", "back", "matching", "phases"]

TO_DO, IN_PROGRESS, DONE = 0, 1, 2


@check_keywords
@dataclass(frozen=True)
class Workflow:
    """When an item is started, when it is finished, and which statuses only wait.

    The Kanban Guide calls this the definition of workflow: an item is in progress from the defined point
    where it is started until the defined point where it is finished.

    Parameters
    ----------
    start, done : str
        A status category, or a status. Work ends where the last unbroken stay in `done` begins, if it lasts
        until the end. An issue that never was in `start`, or is back in To Do, was not started.
    begin : str
        ``"last"``: work begins when an issue enters `start` after it was in To Do for the last time;
        ``"first"``: when it first enters `start`.
    categories : mapping, optional
        The category of a status, by name or id, where it is not what the site or the issues say.
    waiting : sequence of str
        Waiting statuses in progress, e.g. ``["Review"]``.
    order : sequence of str
        Statuses from the first to the last step, where the site's list has them otherwise.

    Examples
    --------
    >>> Workflow(start="Development", waiting=["Review"]).waiting
    ('Review',)
    """

    start: str = "In Progress"
    done: str = "Done"
    begin: str = "last"
    categories: Mapping[str, str] | None = None
    waiting: Sequence[str] = ()
    order: Sequence[str] = ()

    def __post_init__(self) -> None:
        if self.begin not in ("first", "last"):
            raise UsageError(f"begin={self.begin!r} is neither 'first' nor 'last'")
        categories = plain_mapping(self.categories)
        object.__setattr__(self, "categories", categories)
        if not isinstance(categories, Mapping | None):
            told = safe_repr(categories)
            raise UsageError(f"categories={told} is not a mapping", hint='e.g. {"Review": "In Progress"}')
        for name in ("waiting", "order"):
            value = getattr(self, name)
            object.__setattr__(self, name, (value,) if isinstance(value, str) else tuple(value))

    @classmethod
    def of(cls, given: Workflow | Mapping[str, Any] | None) -> Workflow:
        """Return a workflow from its options, or as it is."""
        if given is None:
            return cls()
        if isinstance(given, cls):
            return given
        if not isinstance(given, Mapping):
            raise UsageError(
                f"workflow={safe_repr(given)} is not a workflow", hint="write Workflow(start='Doing')"
            )
        known = [field.name for field in fields(cls)]
        refuse_unknown([name for name in given if name not in known], known, "workflow")
        return cls(**given)


def matching(stays: Stays, what: str) -> npt.NDArray[np.bool_]:
    """Return which stays are in a category, or in a status where no category is called so."""
    english = stays.statuses.english
    named = {category: english.get(category, category) for category in stays.coded_categories[1] if category}
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
    by_name = per_code(stays.coded_names, lambda name: name == what)
    if what not in known:
        if not by_name.any() and what not in stays.statuses.order:
            names = sorted(map(str, stays.coded_names[1]))
            raise UsageError(
                f"no issue was ever in {what!r}", hint=did_you_mean(what, [*names, *sorted(known)])
            )
        return by_name
    wanted = {category for category, name in named.items() if what in (category, name)}
    in_category = per_code(stays.coded_categories, lambda category: category in wanted)
    # A status that has the category's name is meant only where nothing says what category it has.
    return in_category | (by_name & per_code(stays.coded_categories, lambda category: category is None))


def back(stays: Stays) -> npt.NDArray[np.bool_]:
    """Return which stays are known to lie before work: neither in progress nor done."""
    english = stays.statuses.english

    def before_work(category: str | None) -> bool:
        return category is not None and english.get(category, category) not in ("In Progress", "Done")

    return per_code(stays.coded_categories, before_work)


def phases(stays: Stays, workflow: Workflow) -> npt.NDArray[np.int8]:
    """Return what each stay is: TO_DO, IN_PROGRESS or DONE.

    A stay in progress begins in `start` and continues through statuses that are neither done nor before work.
    """
    issue = stays.steps.issue
    is_start, is_done = matching(stays, workflow.start), matching(stays, workflow.done)
    is_start &= ~is_done
    place = np.arange(len(issue))
    first = np.diff(issue, prepend=-1) != 0
    begin = np.maximum.accumulate(np.where(first, place, 0)) if len(place) else place
    opened = begin - 1
    if workflow.begin == "last":
        opens = back(stays) & ~is_start & ~is_done
        opened = _last(np.where(opens, place, -1), opened)
    started = _last(np.where(is_start, place, -1), begin - 1)
    found = np.where(started > opened, IN_PROGRESS, TO_DO)
    return np.where(is_done, DONE, found).astype(np.int8)


def _last(places: npt.NDArray[np.int64], least: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return the last place so far, within each issue: never below `least`."""
    return np.maximum(np.maximum.accumulate(places), least) if len(places) else places
