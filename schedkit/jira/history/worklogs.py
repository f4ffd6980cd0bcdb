"""Worklogs of issues as a long frame: one row per entry of work."""

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
from schedkit.jira.history.bulk_read import ISSUES_PER_REQUEST, ask, decoder, found_by, instant, told_of
from schedkit.jira.jql import chunks
from schedkit.jira.pages.asking import Source, together
from schedkit.jira.table.shapes import User, name_of

__all__ = ["worklogs"]


class Work(msgspec.Struct, gc=False):
    started: str
    timeSpentSeconds: int  # noqa: N815
    id: str | int = ""
    author: User | None = None
    comment: str | dict[str, Any] | None = None


class WorkPage(msgspec.Struct):
    worklogs: list[Work]
    total: int | None = None
    startAt: int = 0  # noqa: N815


class Worked(msgspec.Struct):
    worklog: WorkPage | None = None


class WorkedIssue(msgspec.Struct):
    id: str
    key: str
    fields: Worked


class WorkedPage(msgspec.Struct):
    issues: list[WorkedIssue]
    total: int = 0


async def worklogs(source: Source, keys: Sequence[str]) -> tuple[pd.DataFrame, dict[str, str]]:
    """Return every entry of work on the issues `keys`, and why some are missing; see `Jira.worklogs`."""
    found: list[tuple[str, list[Work]]] = []
    done = 0

    async def rest(key: str, have: list[Work], total: int) -> None:
        # A search tells the first twenty.
        while len(have) < total:
            path = f"{source.dialect.api}/issue/{key}/worklog"
            params = {"startAt": len(have), "maxResults": 1000}
            answer = await source.site.send(Request("GET", path, params=params, decode=decoder(WorkPage)))
            if not answer.value.worklogs:
                raise BadAnswerError(f"{key} has {total} worklogs, the site gave {len(have)}")
            # Older Data Centers ignore startAt and give everything.
            have = answer.value.worklogs if answer.value.startAt == 0 else have + answer.value.worklogs
        found.append((key, have))

    async def some_of(some: list[str]) -> None:
        nonlocal done
        if source.dialect is CLOUD:
            body: dict[str, Any] = {"issueIdsOrKeys": some, "fields": ["worklog"]}
            issues = (await ask(source, "/issue/bulkfetch", body, WorkedPage)).issues
        else:
            issues = await found_by(source, some, {"fields": ["worklog"]}, WorkedPage)
        async with together() as group:
            for issue in issues:
                log = issue.fields.worklog or WorkPage([])
                group.start_soon(rest, issue.key, log.worklogs, log.total or len(log.worklogs))
        done += len(some)
        context.progress("worklogs", done, len(keys))

    async def read(some: Sequence[str]) -> set[str]:
        async with together() as group:
            for part in chunks(list(some), min(source.dialect.bulk, ISSUES_PER_REQUEST)):
                group.start_soon(some_of, part)
        return {key for key, _ in found}

    context.progress("worklogs", 0, len(keys))
    missing = await told_of(source, keys, read)
    return await anyio.to_thread.run_sync(_work_rows, found), missing


def _work_rows(found: list[tuple[str, list[Work]]]) -> pd.DataFrame:
    rows = [
        (
            key,
            name_of(work.author) if work.author else None,
            instant(work.started),
            work.timeSpentSeconds / 3600,
            adf.to_text(work.comment) if isinstance(work.comment, dict) else work.comment,
        )
        for key, entries in found
        for work in entries
    ]
    frame = pd.DataFrame(rows, columns=["Key", "Author", "Started", "Hours", "Comment"])
    frame = frame.astype({"Key": "str", "Author": "str", "Hours": "float64", "Comment": "str"})
    frame["Started"] = pd.to_datetime(frame["Started"], utc=True).astype("datetime64[us, UTC]")
    return frame.sort_values(["Started", "Key"], kind="stable", ignore_index=True)
