"""Changelogs and worklogs of issues as long frames: one row per change, one per entry of work."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import anyio.to_thread
import msgspec
import pandas as pd

from schedkit import context
from schedkit.atlassian import Request
from schedkit.errors import BadAnswerError, UsageError
from schedkit.jira import adf
from schedkit.jira.asking import Source, together
from schedkit.jira.dialect import CLOUD
from schedkit.jira.jql import chunks, in_list
from schedkit.jira.keys import normal
from schedkit.jira.kinds import User, name_of

__all__ = ["changelog", "keys_in", "worklogs"]

# An issue's history weighs up to some hundred KB.
ISSUES_PER_REQUEST = 100


class Item(msgspec.Struct, gc=False):
    field: str = ""
    fieldId: str | None = None  # noqa: N815 - Jira's spelling
    was: str | None = msgspec.field(name="from", default=None)
    was_text: str | None = msgspec.field(name="fromString", default=None)
    now: str | None = msgspec.field(name="to", default=None)
    now_text: str | None = msgspec.field(name="toString", default=None)


class Entry(msgspec.Struct, gc=False):
    created: str | int
    items: list[Item]
    id: str | int = ""
    author: User | None = None


class IssueLog(msgspec.Struct, gc=False):
    issueId: str | int  # noqa: N815
    changeHistories: list[Entry]  # noqa: N815


class BulkLogs(msgspec.Struct):
    issueChangeLogs: list[IssueLog]  # noqa: N815
    nextPageToken: str | None = None  # noqa: N815


class EntryPage(msgspec.Struct):
    values: list[Entry] = []
    histories: list[Entry] = []
    total: int | None = None


class Logged(msgspec.Struct):
    id: str
    key: str
    changelog: EntryPage | None = None


class LoggedPage(msgspec.Struct):
    issues: list[Logged]


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


def keys_in(issues: pd.DataFrame | Sequence[str] | str) -> list[str]:
    """Return the issue keys of a frame's column Key, or of a list.

    Raises
    ------
    UsageError
        If there are none.
    """
    if isinstance(issues, pd.DataFrame):
        if "Key" not in issues:
            raise UsageError("the frame has no column 'Key'", hint="extract the issues with their keys")
        issues = [str(key) for key in issues["Key"]]
    return normal(issues)


async def changelog(source: Source, keys: Sequence[str], fields: Sequence[str] | None) -> pd.DataFrame:
    """Return every change of the issues `keys`, oldest first; see `Jira.changelog`."""
    found: list[tuple[str, list[Entry]]] = []
    by_id: dict[str, str] = {}

    def tell(count: int) -> None:
        context.progress("changelog", count, len(keys))

    tell(0)
    if source.dialect is CLOUD:
        ids = sorted({field.id for name in fields or () for field in source.catalog.find(name)})
        await _cloud_changes(source, keys, ids if len(ids) <= 10 else [], found, by_id, tell)
    else:
        await _server_changes(source, keys, found, tell)
    wanted = {
        f.casefold() for name in fields or () for x in source.catalog.find(name) for f in (x.id, x.name)
    }
    return await anyio.to_thread.run_sync(_change_rows, found, by_id, wanted)


async def _cloud_changes(
    source: Source,
    keys: Sequence[str],
    field_ids: list[str],
    found: list[tuple[str, list[Entry]]],
    by_id: dict[str, str],
    tell: Callable[[int], None],
) -> None:
    done = 0

    async def read(some: list[str]) -> None:
        nonlocal done
        # The changelog names issues by id; keys as asked may be former ones.
        names = await _ask(source, "/issue/bulkfetch", {"issueIdsOrKeys": some, "fields": ["id"]}, LoggedPage)
        by_id.update({issue.id: issue.key for issue in names.issues})
        ids = [issue.id for issue in names.issues]
        token: str | None = None
        seen: set[str] = set()
        while ids:
            body = {"issueIdsOrKeys": ids, "maxResults": 1000}
            body |= {"fieldIds": field_ids} if field_ids else {}
            body |= {"nextPageToken": token} if token else {}
            page = await _ask(source, "/changelog/bulkfetch", body, BulkLogs)
            found.extend((str(log.issueId), log.changeHistories) for log in page.issueChangeLogs)
            token = page.nextPageToken
            if token is None:
                break
            if token in seen:
                raise BadAnswerError(f"{source.site.name} repeats the page token of a changelog")
            seen.add(token)
        done += len(some)
        tell(done)

    async with together() as group:
        for some in chunks(list(keys), source.dialect.bulk):
            group.start_soon(read, some)


async def _server_changes(
    source: Source, keys: Sequence[str], found: list[tuple[str, list[Entry]]], tell: Callable[[int], None]
) -> None:
    done = 0

    async def read(some: list[str]) -> None:
        nonlocal done
        body = {
            "jql": in_list("key", some),
            "maxResults": len(some),
            "fields": ["id"],
            "expand": ["changelog"],
            "validateQuery": False,
        }
        page = await _ask(source, "/search", body, LoggedPage)
        for issue in page.issues:
            entries = issue.changelog.histories if issue.changelog else []
            if issue.changelog and (issue.changelog.total or 0) > len(entries):
                entries = await _paged_changes(source, issue.key, issue.changelog.total or 0)
            found.append((issue.key, entries))
        done += len(some)
        tell(done)

    async with together() as group:
        for some in chunks(list(keys), ISSUES_PER_REQUEST):
            group.start_soon(read, some)


async def _paged_changes(source: Source, key: str, total: int) -> list[Entry]:
    """Read a long history page by page; newer Data Centers cap what a search expands."""
    entries: list[Entry] = []
    while len(entries) < total:
        path = f"{source.dialect.api}/issue/{key}/changelog"
        request = Request(
            "GET", path, params={"startAt": len(entries), "maxResults": 100}, decode=_decoder(EntryPage)
        )
        page = (await source.site.send(request)).value.values
        if not page:
            raise BadAnswerError(f"{key} has {total} changes, the site gave {len(entries)}")
        entries += page
    return entries


async def worklogs(source: Source, keys: Sequence[str]) -> pd.DataFrame:
    """Return every entry of work on the issues `keys`; see `Jira.worklogs`."""
    found: list[tuple[str, list[Work]]] = []
    done = 0

    async def rest(key: str, have: list[Work], total: int) -> None:
        # A search tells the first twenty.
        while len(have) < total:
            path = f"{source.dialect.api}/issue/{key}/worklog"
            params = {"startAt": len(have), "maxResults": 1000}
            answer = await source.site.send(Request("GET", path, params=params, decode=_decoder(WorkPage)))
            if not answer.value.worklogs:
                raise BadAnswerError(f"{key} has {total} worklogs, the site gave {len(have)}")
            # Older Data Centers ignore startAt and give everything.
            have = answer.value.worklogs if answer.value.startAt == 0 else have + answer.value.worklogs
        found.append((key, have))

    async def read(some: list[str]) -> None:
        nonlocal done
        if source.dialect is CLOUD:
            body: dict[str, Any] = {"issueIdsOrKeys": some, "fields": ["worklog"]}
            page = await _ask(source, "/issue/bulkfetch", body, WorkedPage)
        else:
            body = {
                "jql": in_list("key", some),
                "maxResults": len(some),
                "fields": ["worklog"],
                "validateQuery": False,
            }
            page = await _ask(source, "/search", body, WorkedPage)
        async with together() as group:
            for issue in page.issues:
                log = issue.fields.worklog or WorkPage([])
                group.start_soon(rest, issue.key, log.worklogs, log.total or len(log.worklogs))
        done += len(some)
        context.progress("worklogs", done, len(keys))

    context.progress("worklogs", 0, len(keys))
    async with together() as group:
        for some in chunks(list(keys), min(source.dialect.bulk, ISSUES_PER_REQUEST)):
            group.start_soon(read, some)
    return await anyio.to_thread.run_sync(_work_rows, found)


async def _ask(source: Source, path: str, body: dict[str, Any], kind: Any) -> Any:
    request = Request("POST", source.dialect.api + path, json=body, idempotent=True, decode=_decoder(kind))
    return (await source.site.send(request)).value


def _decoder(kind: Any) -> Callable[[bytes], Any]:
    return msgspec.json.Decoder(kind, strict=False).decode


def _instant(value: str | int) -> datetime:
    if isinstance(value, int):
        # Cloud's bulk answer counts, in seconds or milliseconds.
        return datetime.fromtimestamp(value / 1000 if value > 100_000_000_000 else value, UTC)
    return datetime.fromisoformat(value).astimezone(UTC)


def _change_rows(
    found: list[tuple[str, list[Entry]]], by_id: dict[str, str], wanted: set[str]
) -> pd.DataFrame:
    rows = [
        (
            by_id.get(issue, issue),
            _instant(entry.created),
            name_of(entry.author) if entry.author else None,
            item.field,
            item.was_text,
            item.now_text,
            item.was,
            item.now,
            str(entry.id),
        )
        for issue, entries in found
        for entry in entries
        for item in entry.items
        if not wanted or {(item.fieldId or "").casefold(), item.field.casefold()} & wanted
    ]
    columns = ["Key", "When", "Author", "Field", "From", "To", "From Id", "To Id", "Entry"]
    frame = pd.DataFrame(rows, columns=columns).astype({c: "str" for c in columns if c != "When"})
    frame["When"] = pd.to_datetime(frame["When"], utc=True).astype("datetime64[us, UTC]")
    frame["Field"] = frame["Field"].astype("category")
    return frame.sort_values(["When", "Key"], kind="stable", ignore_index=True)


def _work_rows(found: list[tuple[str, list[Work]]]) -> pd.DataFrame:
    rows = [
        (
            key,
            name_of(work.author) if work.author else None,
            _instant(work.started),
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
