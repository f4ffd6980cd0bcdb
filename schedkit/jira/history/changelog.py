"""Changelogs of issues as a long frame: one row per changed field."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import anyio.to_thread
import msgspec
import numpy as np
import pandas as pd
import pyarrow as pa

from schedkit import context
from schedkit.atlassian import Request
from schedkit.errors import BadAnswerError
from schedkit.gcpause import gc_paused
from schedkit.jira.dialect import CLOUD
from schedkit.jira.history.bulk_read import (
    ISSUES_PER_REQUEST,
    decoder,
    instant,
    post,
    read_all,
    search_keys,
)
from schedkit.jira.history.field_names import FieldNames
from schedkit.jira.jql import chunks
from schedkit.jira.pages.session import Session
from schedkit.jira.table.people import PeopleNames
from schedkit.jira.table.shapes import User, account_of, name_of
from schedkit.loop import task_group

__all__ = ["Found", "Logged", "change_rows", "changelog", "told_apart"]


class Item(msgspec.Struct, gc=False):
    field: str = ""
    fieldId: str | None = None
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
    issueId: str | int
    changeHistories: list[Entry]


class BulkLogs(msgspec.Struct):
    issueChangeLogs: list[IssueLog]
    nextPageToken: str | None = None


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
    session: Session,
    keys: Sequence[str],
    fields: Sequence[str] | None,
    people: PeopleNames | None = None,
) -> tuple[pd.DataFrame, dict[str, str]]:
    """Return every change of the issues `keys`, and why those of some are missing; see `Jira.changelog`.

    Without `people`, two people of one name are not told apart.
    """
    names = FieldNames(session.catalog, session.dialect)
    wanted = names.wanted(fields)
    found = Found()

    def report(count: int) -> None:
        context.progress("changelog", count, len(keys))

    async def read(some: Sequence[str]) -> set[str]:
        if session.dialect is CLOUD:
            await _cloud_changes(session, some, names.filter_ids(wanted), found, report)
        else:
            await _server_changes(session, some, found, report)
        return set(found.keys.values())

    report(0)
    missing = await read_all(session, keys, read)
    return await anyio.to_thread.run_sync(change_rows, found, names, wanted, people), missing


async def _cloud_changes(
    session: Session,
    keys: Sequence[str],
    field_ids: list[str],
    found: Found,
    report: Callable[[int], None],
) -> None:
    done = 0

    async def read(some: list[str]) -> None:
        nonlocal done
        # The changelog names issues by id; keys as asked may be former ones.
        names = await post(
            session, "/issue/bulkfetch", {"issueIdsOrKeys": some, "fields": ["id"]}, LoggedPage
        )
        found.keys.update({issue.id: issue.key for issue in names.issues})
        ids = [issue.id for issue in names.issues]
        token: str | None = None
        seen: set[str] = set()
        while ids:
            body = {"issueIdsOrKeys": ids, "maxResults": 1000}
            body |= {"fieldIds": field_ids} if field_ids else {}
            body |= {"nextPageToken": token} if token else {}
            page = await post(session, "/changelog/bulkfetch", body, BulkLogs)
            found.logs += [(str(log.issueId), log.changeHistories) for log in page.issueChangeLogs]
            token = page.nextPageToken
            if token is None:
                break
            if token in seen:
                raise BadAnswerError(f"{session.site.name} repeats the page token of a changelog")
            seen.add(token)
        done += len(some)
        report(done)

    async with task_group() as group:
        for some in chunks(list(keys), session.dialect.bulk):
            group.start_soon(read, some)


async def _server_changes(
    session: Session, keys: Sequence[str], found: Found, report: Callable[[int], None]
) -> None:
    done = 0

    async def read(some: list[str]) -> None:
        nonlocal done
        more = {"fields": ["id"], "expand": ["changelog"]}
        for issue in await search_keys(session, some, more, LoggedPage):
            entries = issue.changelog.histories if issue.changelog else []
            if issue.changelog and (issue.changelog.total or 0) > len(entries):
                entries = await _paged_changes(session, issue.key, issue.changelog.total or 0)
            found.keys[issue.id] = issue.key
            found.logs.append((issue.id, entries))
        done += len(some)
        report(done)

    async with task_group() as group:
        for some in chunks(list(keys), ISSUES_PER_REQUEST):
            group.start_soon(read, some)


async def _paged_changes(session: Session, key: str, total: int) -> list[Entry]:
    """Read a long history page by page; newer Data Centers cap what a search expands."""
    entries: list[Entry] = []
    while len(entries) < total:
        path = f"{session.dialect.api}/issue/{key}/changelog"
        request = Request(
            "GET", path, params={"startAt": len(entries), "maxResults": 100}, decode=decoder(EntryPage)
        )
        page = (await session.site.send(request)).value.values
        if not page:
            raise BadAnswerError(f"{key} has {total} changes, the site gave {len(entries)}")
        entries += page
    return entries


def change_rows(
    found: Found,
    names: FieldNames,
    wanted: frozenset[str] | None = None,
    people: PeopleNames | None = None,
) -> pd.DataFrame:
    """Return the frame: changes in order of time, those of one instant in the order of their entries.

    With `people`, those of fields that hold a person are named by it, and authors are.
    """
    with gc_paused():
        entries = [(id, entry) for id, histories in found.logs for entry in histories]
        keys = [found.keys.get(id, id) for id, _ in entries]
        when = _instants([entry.created for _, entry in entries])
        fields = _Fields(names, wanted)
        items: list[Item] = []
        of: list[int] = []  # the entry of each item
        kinds: list[int] = []  # and its field
        for place in _in_order(when, keys, entries):
            for item in entries[place][1].items:
                kind = fields.kind(item)
                if kind >= 0:
                    items.append(item)
                    of.append(place)
                    kinds.append(kind)
        at = np.array(of, dtype=np.int64)
        authors = [entry.author for _, entry in entries]
        called = people.cell if people else name_of
        # Authors first: of them more is told than of the people in fields.
        made_by = [called(user) if user else None for user in authors]
        if people:
            _name_people(items, fields.users(kinds), people)
        columns = {
            "Key": _texts(keys).take(at),
            "Id": _texts([id for id, _ in entries]).take(at),
            "When": when.take(at),
            "Author": _texts(made_by).take(at),
            "Author Id": _texts([account_of(user) for user in authors]).take(at),
            "Field": _category(fields.names, kinds),
            "Field Id": _category(fields.ids, kinds),
            "From": _texts([item.was_text for item in items]),
            "To": _texts([item.now_text for item in items]),
            "From Id": _texts([item.was for item in items]),
            "To Id": _texts([item.now for item in items]),
            "Entry": _texts([str(entry.id) for _, entry in entries]).take(at),
        }
        return pd.DataFrame(columns, copy=False)


def _in_order(when: pd.DatetimeIndex, keys: list[str], entries: list[tuple[str, Entry]]) -> list[int]:
    """Return the order of entries: by time, by issue, and those of one instant by their numbers."""
    moment = when.tz_localize(None).to_numpy()
    rank = {key: place for place, key in enumerate(sorted(set(keys)))}
    issue = np.array([rank[key] for key in keys], dtype=np.int64)
    order = np.lexsort((issue, moment))
    same = (np.diff(moment[order]) == np.timedelta64(0, "us")) & (np.diff(issue[order]) == 0)
    if same.any():
        numbers = np.zeros(len(entries))
        for place in np.union1d(order[:-1][same], order[1:][same]).tolist():
            text = str(entries[place][1].id)
            numbers[place] = int(text) if text.isdecimal() else 0
        order = np.lexsort((numbers, issue, moment))
    return [int(place) for place in order]


def told_apart(frame: pd.DataFrame, people: PeopleNames, names: FieldNames) -> pd.DataFrame:
    """Return a changelog in which people who share a name are distinguished."""
    shared = people.shared()
    if not shared:
        return frame
    known = names.catalog.get
    ids = frame["Field Id"].dropna().unique()
    rows = frame["Field Id"].isin([id for id in ids if known(id).type == "user"])
    ends = {end: frame[end].where(~rows, frame[end].replace(shared)) for end in ("From", "To")}
    return frame.assign(Author=frame["Author"].replace(shared), **ends)


def _name_people(items: Sequence[Item], rows: Sequence[int], people: PeopleNames) -> None:
    for row in rows:
        item = items[row]
        if item.was_text and item.was:
            item.was_text = people.called(item.was_text, item.was)
        if item.now_text and item.now:
            item.now_text = people.called(item.now_text, item.now)


class _Fields:
    """The fields that items name, each judged once."""

    def __init__(self, names: FieldNames, wanted: frozenset[str] | None) -> None:
        self.known, self.wanted = names, wanted
        self.names: list[str] = []
        self.ids: list[str | None] = []
        self._kinds: dict[tuple[str, str | None, str | None], int] = {}

    def kind(self, item: Item) -> int:
        """Return the place of an item's field in `names` and `ids`; -1 if it is not wanted."""
        asked = (item.field, item.fieldId, item.fieldtype)
        found = self._kinds.get(asked)
        if found is None:
            id = self.known.id_of(*asked)
            found = len(self.names) if self.known.is_wanted(self.wanted, id, item.field) else -1
            if found >= 0:
                self.names.append(item.field)
                self.ids.append(id)
            self._kinds[asked] = found
        return found

    def users(self, kinds: Sequence[int]) -> list[int]:
        """Return the places in `kinds` of fields that hold a person."""
        known = self.known.catalog.get
        people = {kind for kind, id in enumerate(self.ids) if id and known(id).type == "user"}
        return [place for place, kind in enumerate(kinds) if kind in people] if people else []


def _texts(values: Sequence[str | None]) -> Any:
    dtype: Any = pd.StringDtype(na_value=np.nan)
    return dtype.__from_arrow__(pa.array(values, type=pa.large_string()))


def _category(values: Sequence[str | None], kinds: list[int]) -> pd.Categorical:
    """Return the value of each kind; kinds may share one."""
    categories = sorted({value for value in values if value is not None})
    codes = np.array(
        [categories.index(value) if value is not None else -1 for value in values], dtype=np.int64
    )
    chosen = codes[np.array(kinds, dtype=np.int64)]
    return pd.Categorical.from_codes(chosen, categories=pd.Index(categories, dtype="str"))


def _instants(values: list[str | int]) -> pd.DatetimeIndex:
    if all(isinstance(value, str) for value in values):
        found = pd.to_datetime(pd.Series(values, dtype="str"), utc=True, format="ISO8601")
    else:  # a Cloud's bulk answer counts seconds or milliseconds
        found = pd.to_datetime(pd.Series([instant(value) for value in values]), utc=True)
    return pd.DatetimeIndex(found).as_unit("us")
