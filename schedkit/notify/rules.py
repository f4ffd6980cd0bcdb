"""Rules about the past runs of tasks: not done for too long, too many failed; the time is an argument."""

from __future__ import annotations

import fnmatch
import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from schedkit.errors import SettingsError, UsageError
from schedkit.notify.notices import Kind, moment_text
from schedkit.values.durations import Duration, elapsed_text
from schedkit.values.keywords import check_keywords
from schedkit.values.parsers import duration, invalid, optional, share, text, whole_number

__all__ = ["Finding", "Past", "Rule"]

Finding = tuple[Kind, str]


@dataclass(frozen=True)
class Past:
    """What the ledger knows of the past of a task.

    Attributes
    ----------
    declared, done : datetime
        When it was declared first, and when a run was done last; None: none ever was.
    failed : tuple of bool
        Whether each of its last runs has failed, the newest first.
    paused : bool
        Its due times are stopped.
    """

    declared: datetime
    done: datetime | None = None
    failed: tuple[bool, ...] = ()
    paused: bool = False


@check_keywords
@dataclass(frozen=True)
class Rule:
    """A condition for an alarm; sent once, until the task is well again.

    Parameters
    ----------
    task : str
        Name or pattern of tasks: ``"bugs*"``.
    not_done_for : str, float or timedelta, optional
        A task is overdue when no run of it was done for so long; until the first, since it was declared.
    failures : str or float, optional
        A task is failing when at least this share of its last runs have failed: ``"30%"``.
    of : int
        How many of its last runs that means. With fewer runs, as many failures are too many.

    Raises
    ------
    SettingsError
        If it says nothing, or something that cannot be.

    Examples
    --------
    >>> Rule("sales", not_done_for="26h")
    Rule(task='sales', not_done_for='26h', failures=None, of=20)
    """

    task: str = "*"
    not_done_for: Duration | None = None
    failures: str | float | None = None
    of: int = 20

    def __post_init__(self) -> None:
        try:
            text(self.task, "task")
            _ = self.longest, self.most_failures
        except UsageError as error:
            raise SettingsError(f"notification rule: {error.message}", hint=error.hint) from None
        if self.not_done_for is None and self.failures is None:
            raise SettingsError(
                f"the notification rule for {self.task!r} says nothing",
                hint="write not_done_for, such as 26h, or failures, such as 30%",
            )

    @property
    def longest(self) -> timedelta | None:
        """The longest time without a run that is done."""
        seconds = optional(duration(above=True))(self.not_done_for, "not_done_for")
        return None if seconds is None else timedelta(seconds=seconds)

    @property
    def last(self) -> int:
        """How many of the last runs are looked at."""
        found: int = whole_number(1, 1000)(self.of, "of")
        return found

    @property
    def most_failures(self) -> int | None:
        """The number of failed runs from which on a task is failing."""
        last = self.last
        if self.failures is None:
            return None
        found = share(self.failures, "failures")
        if not found:
            raise invalid("failures", self.failures, "more than 0%")
        # 0.07 * 100 is a little more than 7.
        return math.ceil(found * last - 1e-9)

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """What it may find."""
        overdue: tuple[Kind, ...] = () if self.not_done_for is None else ("overdue",)
        failing: tuple[Kind, ...] = () if self.failures is None else ("failing",)
        return overdue + failing

    def covers(self, task: str) -> bool:
        """Tell whether it is about a task."""
        return fnmatch.fnmatchcase(task, self.task)

    def findings(self, past: Past, now: datetime) -> Iterator[Finding]:
        """Yield what is wrong with a task of this past, and why."""
        longest, most = self.longest, self.most_failures
        if longest is not None and now - (past.done or past.declared) > longest:
            yield "overdue", _overdue(past, now)
        if most is not None:
            looked_at = past.failed[: self.last]
            if sum(looked_at) >= most:
                yield "failing", f"{sum(looked_at)} of its last {len(looked_at)} runs have failed"


def _overdue(past: Past, now: datetime) -> str:
    since = past.done or past.declared
    what = "no run was done since" if past.done else "no run was ever done; it was declared at"
    paused = "; its due times are paused" if past.paused else ""
    return f"{what} {moment_text(since)}, {elapsed_text((now - since).total_seconds())} ago{paused}"
