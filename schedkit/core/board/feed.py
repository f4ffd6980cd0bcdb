"""The messages for one screen: a snapshot first, then only the fields that changed.

Long parts of a run (log, traceback, attempts, facts) go only to a screen that has opened the run.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from schedkit.core.board.rows import brief_error

__all__ = ["BoardSource", "Feed"]

Row = dict[str, Any]

_LONG = frozenset({"log", "attempts", "params", "facts", "artifacts", "last_output"})


class BoardSource(Protocol):
    """Something with a board: `Scheduler.screens`, or a `Board` itself."""

    def board(self) -> Row:
        """Return a snapshot."""
        ...

    def changes(self, since: int) -> Row | None:
        """Return the rows changed after number `since`."""
        ...


class Feed:
    """The messages of one screen, in order; call it from one thread.

    Parameters
    ----------
    source : BoardSource
        Where the board is.
    since : int
        The number of the latest change that the screen has, from another feed of the same board; -1: none.
    """

    def __init__(self, source: BoardSource, since: int = -1) -> None:
        self._source = source
        self._seq = since
        # What the screen has by then is not known here: it is sent whole rows, and told of all that is gone.
        self._resumed = since >= 0
        self._sent: dict[str, dict[str, Row]] = {"tasks": {}, "runs": {}}
        self._open: set[str] = set()
        # Of these, the runs whose long parts have not been sent yet.
        self._unsent: set[str] = set()

    @property
    def seq(self) -> int:
        """The number of the latest change sent; -1 before the first message."""
        return self._seq

    def open(self, run: str) -> None:
        """Send the long parts of `run` too, from the next message on."""
        self._open.add(run)
        self._unsent.add(run)

    def close(self, run: str) -> None:
        """Send the long parts of `run` no more."""
        self._open.discard(run)

    def restart(self) -> None:
        """Begin again with a snapshot: the screen is new or has missed something."""
        self._seq = -1

    def next(self) -> Row | None:
        """Return the next message, None if the screen has seen everything.

        Either ``{"kind": "snapshot", "seq", "now", "scheduler", "tasks": […], "runs": […]}`` or
        ``{"kind": "changes", "since", "seq", "now", "scheduler", "tasks": {key: fields | None}, "runs": …}``.
        """
        news = self._source.board() if self._seq < 0 else self._source.changes(self._seq)
        if news is None:
            return self._opened_message()
        since, self._seq = self._seq, news["seq"]
        if news["kind"] == "snapshot":
            return self._snapshot(news)
        patches = {kind: self._patches(kind, news[kind]) for kind in ("tasks", "runs")}
        return {**news, "since": since, **patches}

    def _snapshot(self, news: Row) -> Row:
        self._unsent.clear()
        self._resumed = False
        self._sent["tasks"] = {row["name"]: row for row in news["tasks"]}
        self._sent["runs"] = {row["id"]: row for row in news["runs"]}
        return {**news, "runs": [self._shown(row["id"], row) for row in news["runs"]]}

    def _patches(self, kind: str, rows: Mapping[str, Row | None]) -> dict[str, Row | None]:
        sent = self._sent[kind]
        patches: dict[str, Row | None] = {}
        for key, row in rows.items():
            if row is None:
                if sent.pop(key, None) is not None or self._resumed:
                    patches[key] = None
                continue
            whole = kind == "tasks" or key in self._open
            before = None if key in self._unsent else sent.get(key)
            sent[key] = row
            fields = _whole_or_brief(row, whole) if before is None else _changed_fields(before, row, whole)
            if fields:
                patches[key] = fields
        if kind == "runs":
            patches |= self._opened_rows(patches)
        return patches

    def _opened_message(self) -> Row | None:
        """Return the long parts of runs that were opened since, if nothing else has changed."""
        runs = self._opened_rows({})
        if not runs:
            return None
        return {
            "kind": "changes",
            "since": self._seq,
            "seq": self._seq,
            "scheduler": {},
            "tasks": {},
            "runs": runs,
        }

    def _opened_rows(self, already: Mapping[str, Row | None]) -> dict[str, Row | None]:
        if not self._unsent:
            return {}
        wanted, self._unsent = self._unsent - already.keys(), set()
        found: dict[str, Row | None] = {}
        if wanted:
            for row in self._source.board()["runs"]:
                if row["id"] in wanted and row["id"] in self._open:
                    self._sent["runs"][row["id"]] = found[row["id"]] = row
        return found

    def _shown(self, key: str, row: Row) -> Row:
        return _whole_or_brief(row, key in self._open)


def _whole_or_brief(row: Row, whole: bool) -> Row:
    if whole:
        return row
    shown = {name: value for name, value in row.items() if name not in _LONG}
    if shown["error"]:
        shown["error"] = brief_error(shown["error"])
    return shown


def _changed_fields(before: Row, after: Row, whole: bool) -> Row:
    """Return the fields that differ; rows are replaced, so most values are the very same objects."""
    fields: Row = {}
    for name, value in after.items():
        known = before.get(name, _ABSENT)
        if value is known or value == known or (not whole and name in _LONG):
            continue
        fields[name] = brief_error(value) if name == "error" and value and not whole else value
    return fields


_ABSENT = object()
