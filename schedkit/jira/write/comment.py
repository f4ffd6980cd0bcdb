"""Planning comments and entries of work: the same person makes each once, however often it is asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from schedkit.errors import SiteError, UsageError
from schedkit.jira.dialect import CLOUD
from schedkit.jira.pages.session import Session
from schedkit.jira.write.entries import Place, entry_step
from schedkit.jira.write.notify import query
from schedkit.jira.write.people import my_account
from schedkit.jira.write.plan import AsyncPlan, Outcome, Row, Step, shown
from schedkit.jira.write.values import cell_value, missing
from schedkit.loop import task_group
from schedkit.values.durations import duration_text, parse_duration
from schedkit.values.text import safe_repr

__all__ = ["plan_comment", "plan_worklog"]

WORK_COLUMNS = ("Key", "Time", "Hours", "Started", "Comment")


async def plan_comment(session: Session, keys: Sequence[str], texts: Mapping[str, str]) -> AsyncPlan:
    """Plan one comment on each issue, unless the same person has made the same one; see `Jira.comment`."""
    me = await my_account(session)
    steps = [_comment_step(session, key, texts[key], me) for key in keys]
    rows = [[Row(key, "Comment", None, texts[key])] for key in keys]
    return await _still_open(session, "comment", steps, rows)


async def plan_worklog(session: Session, frame: pd.DataFrame, notify: bool = True) -> AsyncPlan:
    """Plan a worklog for each row, unless the same person has already logged it; see `Jira.worklog`."""
    foreign = [str(column) for column in frame if column not in WORK_COLUMNS]
    if "Key" not in frame or "Started" not in frame or not {"Time", "Hours"} & set(frame) or foreign:
        raise UsageError(
            f"unexpected column {foreign[0]!r} in a frame of worklogs" if foreign
            else "the frame lacks a column of a worklog",
            hint="its columns are Key, Started, Hours or Time, and Comment",
        )  # fmt: skip
    params = query(session.dialect, "log work", notify)
    me = await my_account(session)
    works = [_work(row) for row in frame.to_dict("records")]
    steps = [_work_step(session, key, body, me, params) for key, body in works]
    rows = [[Row(key, "Log Work", None, _work_text(body))] for key, body in works]
    return await _still_open(session, "log work", steps, rows)


async def _still_open(
    session: Session, title: str, steps: Sequence[Step], rows: Sequence[Sequence[Row]]
) -> AsyncPlan:
    """Return the plan of the steps that are not done yet."""
    states: dict[int, str] = {}
    refused: dict[int, Outcome] = {}

    async def look(number: int, step: Step) -> None:
        try:
            states[number] = await step.look()
        except SiteError as error:
            refused[number] = Outcome(step.key, title, "failed", error.message)

    async with task_group() as group:
        for number, step in enumerate(steps):
            group.start_soon(look, number, step)
    todo = [number for number in range(len(steps)) if states.get(number) == "open"]
    return AsyncPlan(
        session.site,
        title,
        [row for number in todo for row in rows[number]],
        [steps[number] for number in todo],
        [refused[number] for number in sorted(refused)],
        base=session.base,
    )


def _comment_step(session: Session, key: str, text: str, me: str) -> Step:
    words = _lines(text)

    def same(comment: Mapping[str, Any]) -> bool:
        return _lines(comment.get("body")) == words

    place = Place(session, f"/rest/api/2/issue/{key}/comment", "comments", me)
    return entry_step(place, key, "comment", {"body": text}, same)


def _work(row: Mapping[Any, Any]) -> tuple[str, dict[str, Any]]:
    """Return the issue of a row and the body of its entry.

    Raises
    ------
    UsageError
        If it has no time spent, or no start time.
    """
    key = str(row["Key"]).strip().upper()
    spent, hours = row.get("Time"), row.get("Hours")
    if missing(spent) and missing(hours):
        raise UsageError(f"the worklog for {key} has no time spent", hint="give Hours, or Time like '1h 30m'")
    if missing(spent):
        try:
            seconds = round(float(str(hours)) * 3600)
        except (ValueError, OverflowError):
            raise UsageError(
                f"{safe_repr(hours)} is not a number of hours for {key}", hint="give a number, e.g. 1.5"
            ) from None
    else:
        seconds = round(parse_duration(str(spent), "Time"))
    if seconds < 60:
        raise UsageError(
            f"the time spent on {key} is {seconds} s", hint="Jira counts minutes: give 60 s or more"
        )
    try:
        started = cell_value(row["Started"], "datetime")
    except (ValueError, TypeError):
        started = None
    if started is None:
        raise UsageError(f"the worklog for {key} has no start time", hint="give Started, a time")
    text = "" if missing(row.get("Comment")) else str(row["Comment"])
    moment = started.strftime("%Y-%m-%dT%H:%M:%S.") + f"{started.microsecond // 1000:03d}+0000"
    return key, {"timeSpentSeconds": seconds, "started": moment, "comment": text}


def _work_text(body: Mapping[str, Any]) -> str:
    started = cell_value(body["started"], "datetime")
    return f"{duration_text(body['timeSpentSeconds'])} on {shown(started)}"


def _work_step(
    session: Session, key: str, body: Mapping[str, Any], me: str, params: Mapping[str, str] | None
) -> Step:
    moment = cell_value(body["started"], "datetime")

    def same(entry: Mapping[str, Any]) -> bool:
        return (
            entry.get("timeSpentSeconds") == body["timeSpentSeconds"]
            and cell_value(entry.get("started"), "datetime") == moment
            and _lines(entry.get("comment")) == _lines(body["comment"])
        )

    # Data Center's entries of work have no properties.
    marked = session.dialect is CLOUD
    place = Place(session, f"/rest/api/2/issue/{key}/worklog", "worklogs", me, marked, params)
    return entry_step(place, key, "log work", body, same)


def _lines(text: Any) -> str:
    return str(text or "").replace("\r\n", "\n").strip()
