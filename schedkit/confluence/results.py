"""A standing page of the latest runs: one row per task, written only when something changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING, Any

from schedkit.confluence.markup import Link, Lozenge
from schedkit.confluence.tables.arguments import a_number
from schedkit.confluence.tables.look import Look
from schedkit.confluence.tables.moments import moment
from schedkit.confluence.tables.render import is_missing
from schedkit.errors import UsageError
from schedkit.values.durations import elapsed_text
from schedkit.values.keywords import check_keywords
from schedkit.values.text import safe_repr

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["COLUMNS", "latest_runs"]

COLUMNS = ["Task", "Result", "Finished", "Duration", "Lately", "Message"]
_COLOURS = {
    "DONE": "Green",
    "FAILED": "Red",
    "TIMEOUT": "Red",
    "CANCELLED": "Yellow",
    "SKIPPED": "Grey",
    "RETRY": "Yellow",
    "RUNNING": "Blue",
}
_ENDED = ("DONE", "FAILED", "TIMEOUT", "CANCELLED", "SKIPPED")


@check_keywords
def latest_runs(
    rows: Iterable[Mapping[str, Any]],
    *,
    tz: str | tzinfo | None = None,
    show_zone: bool | None = None,
    lately: int = 10,
) -> pd.DataFrame:
    """Return one row per task from rows of runs, for ``page.table(…).replace(…, key="Task")``.

    Parameters
    ----------
    rows : iterable of mapping
        Runs in any order: ``task`` and ``state``; where known ``finished_at`` (a datetime or ISO 8601
        text), ``seconds``, ``error`` (text, or a mapping with ``message``), ``message`` or ``reason``,
        and ``url``. The records of `Scheduler.history` will do.
    tz, show_zone : optional
        The time zone of the column Finished, and whether it is written there; see `Look`.
    lately : int
        How many ended runs the column Lately counts.

    Returns
    -------
    DataFrame
        Columns Task, Result, Finished, Duration, Lately, Message, sorted by task. Nothing in it depends
        on the present moment, so that a page is written only when a run has ended.

    Raises
    ------
    UsageError
        If a row names no task or state, or its moment or duration is none.

    Examples
    --------
    >>> from schedkit.confluence import latest_runs
    >>> ended = {"task": "bugs", "state": "DONE", "finished_at": "2026-01-02T03:04:05Z", "seconds": 75}
    >>> latest_runs([ended], tz="+02:00")[["Task", "Finished", "Duration", "Lately"]].iloc[0].tolist()
    ['bugs', '2026-01-02 05:04 +02:00', '1m 15s', '1 of 1 done']
    """
    import pandas as pd

    look = Look(tz=tz, show_zone=show_zone)
    a_number(lately, "lately", least=1)
    by_task: dict[str, list[Mapping[str, Any]]] = {}
    if isinstance(rows, str | bytes | Mapping) or not isinstance(rows, Iterable):
        raise UsageError(f"rows={safe_repr(rows, 60)} is not a list of runs", hint="give [{'task': …}, …]")
    for row in rows:
        task, state = (row.get("task"), row.get("state")) if isinstance(row, Mapping) else (None, None)
        if not isinstance(task, str) or not isinstance(state, str) or not task or not state:
            raise UsageError("a run without task or state", hint="rows need 'task' and 'state'")
        by_task.setdefault(task, []).append(row)
    made = []
    for task in sorted(by_task):
        ended = [row for row in by_task[task] if str(row["state"]) in _ENDED]
        runs = sorted(ended, key=_finished, reverse=True)
        if runs:
            made.append(_row(task, runs, look, lately))
        else:
            made.append([task, _lozenge("waiting", "PENDING"), "", "", "", ""])
    return pd.DataFrame(made, columns=COLUMNS, dtype=object)


def _row(task: str, runs: list[Mapping[str, Any]], look: Look, lately: int) -> list[Any]:
    last, recent = runs[0], runs[:lately]
    when = _finished(last)
    done = sum(str(run["state"]) == "DONE" for run in recent)
    url = last.get("url")
    return [
        Link(task, url) if isinstance(url, str) and url else task,
        _lozenge(str(last["state"]).lower(), str(last["state"])),
        "" if when == _NEVER else moment(when, look),
        _duration(last),
        f"{done} of {len(recent)} done",
        _message(last),
    ]


def _lozenge(shown: str, state: str) -> Lozenge:
    return Lozenge(shown, _COLOURS.get(state, "Grey"))


_NEVER = datetime.min.replace(tzinfo=UTC)


def _finished(row: Mapping[str, Any]) -> datetime:
    value = row.get("finished_at")
    value = row.get("finished") if value is None else value
    if isinstance(value, str) and value:
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            raise UsageError(
                f"a run of {row['task']!r} finished at {safe_repr(value, 60)}, which is not a time",
                hint="give a datetime, or ISO 8601 text",
            ) from None
    if not isinstance(value, datetime) or value != value:
        return _NEVER
    return value if value.tzinfo else value.replace(tzinfo=UTC)


def _duration(row: Mapping[str, Any]) -> str:
    seconds = row.get("seconds")
    if is_missing(seconds):
        return ""
    try:
        return elapsed_text(float(seconds))  # type: ignore[arg-type]  # what is no number is refused
    except (TypeError, ValueError):
        raise UsageError(
            f"a run of {row['task']!r} took {safe_repr(seconds, 60)}, which is not a number of seconds",
            hint="give seconds=12.5",
        ) from None


def _message(row: Mapping[str, Any]) -> str:
    error = row.get("error")
    if isinstance(error, Mapping):
        error = error.get("message")
    for text in (error, row.get("message"), row.get("reason")):
        if isinstance(text, str) and text:
            return text
    return ""
