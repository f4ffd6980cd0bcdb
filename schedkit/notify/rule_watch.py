"""Applies rules to the tasks that this process looks after, with their past from the ledger.

What was told is marked in the ledger: neither a restart nor an heir tells it again, or misses its end.
"""

from __future__ import annotations

import functools
import hashlib
import logging
import threading
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from schedkit.core.events import Event, RunEnded, TaskChanged
from schedkit.core.states import State
from schedkit.errors import SchedkitError
from schedkit.notify.notices import Kind
from schedkit.notify.rules import Finding, Past, Rule
from schedkit.values.instants import from_micros

if TYPE_CHECKING:
    from schedkit.core.api.queries import Queries

__all__ = ["Recoveries", "RuleWatch"]

_log = logging.getLogger("schedkit.notify")
_FAILED = (State.FAILED, State.TIMEOUT)
# How marks begin: of what a rule has found, and of tasks that have not recovered from such.
_RULE, _UNWELL = "rule ", "unwell "
# Of so many latest runs of a task, the one that ended last: an older one may have ended after a newer one.
_LATEST = 20


class RuleWatch:
    """Says once of each task what a rule finds, until it is well again.

    Parameters
    ----------
    rules : sequence of Rule
        The rules.
    queries : Queries
        Reads of the scheduler whose tasks they are about.
    """

    def __init__(self, rules: Sequence[Rule], queries: Queries) -> None:
        self._rules = tuple(rules)
        self._queries = queries
        self._lock = threading.Lock()
        self._outdated: set[str] = set()
        self._past: dict[str, Past] = {}

    def feed(self, event: Event) -> None:
        """Take note of a fact: the past of its task is read again at the next check."""
        if isinstance(event, RunEnded | TaskChanged):
            with self._lock:
                self._outdated.add(event.task)

    def check(self, now: datetime) -> list[tuple[str, Finding]]:
        """Return the new findings of the rules at `now`, each with the task's name."""
        with self._lock:
            outdated, self._outdated = self._outdated, set()
        try:
            self._read(outdated)
            told = set(self._queries.marks.called(_RULE))
        except Exception:
            # The ledger is away, which sched.why() says, or the scheduler has stopped between two reads.
            _log.debug("the past of tasks could not be read", exc_info=True)
            with self._lock:
                self._outdated |= outdated
            return []
        found = {
            _mark(rule, kind, task): (task, (kind, reason))
            for task, past in self._past.items()
            for rule in self._rules
            if rule.covers(task)
            for kind, reason in rule.findings(past, now)
        }
        mine = {_mark(rule, kind, task) for task in self._past for rule in self._rules for kind in rule.kinds}
        self._queries.marks.drop(sorted((told & mine) - found.keys()))
        return [
            finding
            for mark, finding in found.items()
            if mark not in told and self._queries.marks.take(mark, _UNWELL + finding[0])
        ]

    def _read(self, outdated: set[str]) -> None:
        """Read the past of the tasks of which it is not known, and of the outdated ones."""
        queries = self._queries
        names = [name for name in queries.looked_after() if any(rule.covers(name) for rule in self._rules)]
        found: dict[str, Past] = {}
        for name in names:
            known = None if name in outdated else self._past.get(name)
            past = self._past_of(name) if known is None else known
            if past is not None:
                found[name] = past
        self._past = found

    def _past_of(self, name: str) -> Past | None:
        row = self._queries.row(name)
        if row is None:
            return None
        runs = self._queries.ledger.runs
        of = [rule.last for rule in self._rules if rule.failures is not None and rule.covers(name)]
        ended = runs(name, limit=max(of, default=1), states=[State.DONE, *_FAILED])
        done = [run for run in ended if run.state is State.DONE] or runs(name, limit=1, states=[State.DONE])
        return Past(
            declared=from_micros(row.created),
            done=max((run.finished_at for run in done if run.finished_at), default=None),
            failed=tuple(run.state in _FAILED for run in ended),
            paused=row.paused,
        )


class Recoveries:
    """Tells whether a task has recovered with a run that is done, by what the ledger has of it.

    Parameters
    ----------
    queries : Queries
        Reads of the scheduler that decided about the run.
    """

    def __init__(self, queries: Queries) -> None:
        self._queries = queries

    def __call__(self, event: RunEnded, known: bool) -> bool:
        """Return whether the task had failed, or a rule had told of it; `known` if the ledger is away."""
        unwell = f"{_UNWELL}{event.task}"
        try:
            marked = unwell in self._queries.marks.called(unwell) and self._queries.marks.drop([unwell]) > 0
            return marked or self._failed_before(event)
        except SchedkitError as error:
            _log.debug("the past of task %r could not be read: %s", event.task, error)
            return known

    def _failed_before(self, event: RunEnded) -> bool:
        states = [State.DONE, *_FAILED]
        others = self._queries.ledger.runs(event.task, limit=_LATEST, states=states)
        ended = event.after.finished or 0
        before = [run for run in others if run.id != event.run and (run.finished or 0) <= ended]
        last = max(before, key=lambda run: run.finished or 0, default=None)
        return last is not None and last.state in _FAILED


def _mark(rule: Rule, kind: Kind, task: str) -> str:
    """Return the name of the mark of a finding; that of a rule which is changed is another one."""
    return f"{_RULE}{_digest(rule)} {kind} {task}"


@functools.cache
def _digest(rule: Rule) -> str:
    return hashlib.sha256(repr(rule).encode()).hexdigest()[:12]
