"""Changelogs of issues as a long frame: one row per changed field."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import anyio.to_thread
import msgspec
import numpy as np
import pandas as pd

from schedkit import context
from schedkit.atlassian import Request
from schedkit.errors import BadAnswerError
from schedkit.gcpause import gc_paused
from schedkit.jira.dialect import CLOUD
from schedkit.jira.history.bulk_read import ISSUES_PER_REQUEST, ask, decoder, found_by, instant, told_of
from schedkit.jira.history.field_names import FieldNames
from schedkit.jira.jql import chunks
from schedkit.jira.pages.asking import Source, together
from schedkit.jira.table.shapes import User, name_of

__all__ = ["changelog"]


class Item(msgspec.Struct, gc=False):
    field: str = ""
    fieldId: str | None = None  # noqa: N815 - Jira's spelling
    fieldtype: str | None = None
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
    total: int = 0


@dataclass(slots=True)
class Found:
    """What was read so far: the entries of issues, by id, and their keys."""

    logs: list[tuple[str, list[Entry]]] = field(default_factory=list)
    keys: dict[str, str] = field(default_factory=dict)


async def changelog(
    source: Source, keys: Sequence[str], fields: Sequence[str] | None
) -> tuple[pd.DataFrame, dict[str, str]]:
    """Return every change of the issues `keys`, and why those of some are missing; see `Jira.changelog`."""
    names = FieldNames(source.catalog, source.dialect)
    wanted = names.wanted(fields)
    found = Found()

    def tell(count: int) -> None:
        context.progress("changelog", count, len(keys))

    async def read(some: Sequence[str]) -> set[str]:
        if source.dialect is CLOUD:
            await _cloud_changes(source, some, names.filter_ids(wanted), found, tell)
        else:
            await _server_changes(source, some, found, tell)
        return set(found.keys.values())

    tell(0)
    missing = await told_of(source, keys, read)
    return await anyio.to_thread.run_sync(_change_rows, found, names, wanted), missing


async def _cloud_changes(
    source: Source,
    keys: Sequence[str],
    field_ids: list[str],
    found: Found,
    tell: Callable[[int], None],
) -> None:
    done = 0

    async def read(some: list[str]) -> None:
        nonlocal done
        # The changelog names issues by id; keys as asked may be former ones.
        names = await ask(source, "/issue/bulkfetch", {"issueIdsOrKeys": some, "fields": ["id"]}, LoggedPage)
        found.keys.update({issue.id: issue.key for issue in names.issues})
        ids = [issue.id for issue in names.issues]
        token: str | None = None
        seen: set[str] = set()
        while ids:
            body = {"issueIdsOrKeys": ids, "maxResults": 1000}
            body |= {"fieldIds": field_ids} if field_ids else {}
            body |= {"nextPageToken": token} if token else {}
            page = await ask(source, "/changelog/bulkfetch", body, BulkLogs)
            found.logs += [(str(log.issueId), log.changeHistories) for log in page.issueChangeLogs]
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
    source: Source, keys: Sequence[str], found: Found, tell: Callable[[int], None]
) -> None:
    done = 0

    async def read(some: list[str]) -> None:
        nonlocal done
        more = {"fields": ["id"], "expand": ["changelog"]}
        for issue in await found_by(source, some, more, LoggedPage):
            entries = issue.changelog.histories if issue.changelog else []
            if issue.changelog and (issue.changelog.total or 0) > len(entries):
                entries = await _paged_changes(source, issue.key, issue.changelog.total or 0)
            found.keys[issue.id] = issue.key
            found.logs.append((issue.id, entries))
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
            "GET", path, params={"startAt": len(entries), "maxResults": 100}, decode=decoder(EntryPage)
        )
        page = (await source.site.send(request)).value.values
        if not page:
            raise BadAnswerError(f"{key} has {total} changes, the site gave {len(entries)}")
        entries += page
    return entries


def _change_rows(found: Found, names: FieldNames, wanted: frozenset[str] | None) -> pd.DataFrame:
    """Return the frame: changes in order of time, those of one instant in the order of their entries."""
    with gc_paused():
        entries = [(id, entry) for id, histories in found.logs for entry in histories]
        items: list[tuple[str | None, Item]] = []
        of: list[int] = []  # the entry of each item
        for place, (_, entry) in enumerate(entries):
            for item in entry.items:
                id = names.id_of(item.field, item.fieldId, item.fieldtype)
                if names.is_wanted(wanted, id, item.field):
                    items.append((id, item))
                    of.append(place)
        at = np.array(of, dtype=np.int64)
        authors = [entry.author for _, entry in entries]
        columns = {
            "Key": _texts([found.keys.get(id, id) for id, _ in entries], at),
            "Id": _texts([id for id, _ in entries], at),
            "When": _instants([entry.created for _, entry in entries]).take(at),
            "Author": _texts([name_of(user) if user else None for user in authors], at),
            "Author Id": _texts([_id_of(user) if user else None for user in authors], at),
            "Field": _texts([item.field for _, item in items]).astype("category"),
            "Field Id": _texts([id for id, _ in items]).astype("category"),
            "From": _texts([item.was_text for _, item in items]),
            "To": _texts([item.now_text for _, item in items]),
            "From Id": _texts([item.was for _, item in items]),
            "To Id": _texts([item.now for _, item in items]),
            "Entry": _texts([str(entry.id) for _, entry in entries], at),
        }
        frame = pd.DataFrame(columns, copy=False)
        numbers = np.array([_number(entry.id) for _, entry in entries], dtype=np.int64)[at]
        order = np.lexsort((numbers, pd.factorize(frame["Key"], sort=True)[0], frame["When"].to_numpy()))
        return frame.iloc[order].reset_index(drop=True)


def _texts(values: Sequence[str | None], at: Any = None) -> Any:
    texts = pd.array(values, dtype="str")
    return texts if at is None else texts.take(at)


def _instants(values: list[str | int]) -> pd.DatetimeIndex:
    if all(isinstance(value, str) for value in values):
        found = pd.to_datetime(pd.Series(values, dtype="str"), utc=True, format="ISO8601")
    else:  # a Cloud's bulk answer counts seconds or milliseconds
        found = pd.to_datetime(pd.Series([instant(value) for value in values]), utc=True)
    return pd.DatetimeIndex(found).as_unit("us")


def _id_of(user: User) -> str | None:
    return user.accountId or user.key or user.name


def _number(entry: str | int) -> int:
    return int(entry) if str(entry).isdecimal() and len(str(entry)) < 19 else 0
