"""Applies rules to the tasks that this process looks after, with their past from the ledger."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from schedkit.core.events import Event, RunEnded, TaskChanged
from schedkit.core.states import State
from schedkit.notify.notices import Kind
from schedkit.notify.rules import Finding, Past, Rule
from schedkit.values.instants import from_micros

if TYPE_CHECKING:
    from schedkit.core.api.queries import Queries

__all__ = ["RuleWatch"]

_log = logging.getLogger("schedkit.notify")
_FAILED = (State.FAILED, State.TIMEOUT)


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
        self._told: set[tuple[Rule, str, Kind]] = set()

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
        except Exception:
            # The ledger is away, which sched.why() says, or the scheduler has stopped between two reads.
            _log.debug("the past of tasks could not be read", exc_info=True)
            with self._lock:
                self._outdated |= outdated
            return []
        found = {
            (rule, task, kind): reason
            for task, past in self._past.items()
            for rule in self._rules
            if rule.covers(task)
            for kind, reason in rule.findings(past, now)
        }
        news = [(key[1], (key[2], reason)) for key, reason in found.items() if key not in self._told]
        self._told = set(found)
        return news

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
