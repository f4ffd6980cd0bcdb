"""Worklogs of issues as a long frame: one row per worklog."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import anyio.to_thread
import msgspec
import pandas as pd

from schedkit import context
from schedkit.atlassian import Request
from schedkit.errors import BadAnswerError
from schedkit.jira import adf
from schedkit.jira.dialect import CLOUD
from schedkit.jira.history.bulk_read import (
    ISSUES_PER_REQUEST,
    decoder,
    instant,
    post,
    read_all,
    search_keys,
)
from schedkit.jira.jql import chunks
from schedkit.jira.pages.session import Session
from schedkit.jira.table.people import PeopleNames
from schedkit.jira.table.shapes import User, account_of
from schedkit.loop import task_group

__all__ = ["worklogs"]


class Work(msgspec.Struct, gc=False):
    started: str
    timeSpentSeconds: int
    id: str | int = ""
    author: User | None = None
    comment: str | dict[str, Any] | None = None


class WorkPage(msgspec.Struct):
    worklogs: list[Work]
    total: int | None = None
    startAt: int = 0


class Worked(msgspec.Struct):
    worklog: WorkPage | None = None


class WorkedIssue(msgspec.Struct):
    id: str
    key: str
    fields: Worked


class WorkedPage(msgspec.Struct):
    issues: list[WorkedIssue]
    total: int = 0


async def worklogs(
    session: Session, keys: Sequence[str], people: PeopleNames
) -> tuple[pd.DataFrame, dict[str, str]]:
    """Return every worklog of the issues `keys`, and why some are missing; see `Jira.worklogs`."""
    found: list[tuple[WorkedIssue, list[Work]]] = []
    done = 0

    async def rest(issue: WorkedIssue, have: list[Work], total: int) -> None:
        # A search returns the first twenty.
        while len(have) < total:
            path = f"{session.dialect.api}/issue/{issue.key}/worklog"
            params = {"startAt": len(have), "maxResults": 1000}
            answer = await session.site.send(Request("GET", path, params=params, decode=decoder(WorkPage)))
            if not answer.value.worklogs:
                raise BadAnswerError(f"{issue.key} has {total} worklogs, the site gave {len(have)}")
            # Older Data Centers ignore startAt and give everything.
            have = answer.value.worklogs if answer.value.startAt == 0 else have + answer.value.worklogs
        found.append((issue, have))

    async def some_of(some: list[str]) -> None:
        nonlocal done
        if session.dialect is CLOUD:
            body: dict[str, Any] = {"issueIdsOrKeys": some, "fields": ["worklog"]}
            issues = (await post(session, "/issue/bulkfetch", body, WorkedPage)).issues
        else:
            issues = await search_keys(session, some, {"fields": ["worklog"]}, WorkedPage)
        async with task_group() as group:
            for issue in issues:
                log = issue.fields.worklog or WorkPage([])
                group.start_soon(rest, issue, log.worklogs, log.total or len(log.worklogs))
        done += len(some)
        context.progress("worklogs", done, len(keys))

    async def read(some: Sequence[str]) -> set[str]:
        async with task_group() as group:
            for part in chunks(list(some), min(session.dialect.bulk, ISSUES_PER_REQUEST)):
                group.start_soon(some_of, part)
        return {issue.key for issue, _ in found}

    context.progress("worklogs", 0, len(keys))
    missing = await read_all(session, keys, read)
    return await anyio.to_thread.run_sync(_work_rows, found, people), missing


def _work_rows(found: list[tuple[WorkedIssue, list[Work]]], people: PeopleNames) -> pd.DataFrame:
    rows = [
        (
            issue.key,
            issue.id,
            people.cell(work.author) if work.author else None,
            account_of(work.author),
            instant(work.started),
            work.timeSpentSeconds / 3600,
            adf.to_text(work.comment) if isinstance(work.comment, dict) else work.comment,
            str(work.id),
        )
        for issue, entries in found
        for work in entries
    ]
    columns = ["Key", "Id", "Author", "Author Id", "Started", "Hours", "Comment", "Worklog Id"]
    frame = pd.DataFrame(rows, columns=columns)
    texts = [name for name in columns if name not in ("Started", "Hours")]
    frame = frame.astype({"Hours": "float64"} | dict.fromkeys(texts, "str"))
    frame["Started"] = pd.to_datetime(frame["Started"], utc=True).astype("datetime64[us, UTC]")
    return frame.sort_values(["Started", "Key"], kind="stable", ignore_index=True)
