"""Changelogs of issues as a long frame: one row per changed field."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import anyio.to_thread
import msgspec
import pandas as pd

from schedkit import context
from schedkit.atlassian import Request
from schedkit.errors import BadAnswerError
from schedkit.jira.dialect import CLOUD
from schedkit.jira.history.bulk_read import ISSUES_PER_REQUEST, ask, decoder, found_by, instant, told_of
from schedkit.jira.jql import chunks
from schedkit.jira.pages.asking import Source, together
from schedkit.jira.table.shapes import User, name_of

__all__ = ["changelog"]


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
    total: int = 0


async def changelog(
    source: Source, keys: Sequence[str], fields: Sequence[str] | None
) -> tuple[pd.DataFrame, dict[str, str]]:
    """Return every change of the issues `keys`, and why those of some are missing; see `Jira.changelog`."""
    found: list[tuple[str, list[Entry]]] = []
    by_id: dict[str, str] = {}
    ids = sorted({field.id for name in fields or () for field in source.catalog.find(name)})

    def tell(count: int) -> None:
        context.progress("changelog", count, len(keys))

    async def read(some: Sequence[str]) -> set[str]:
        if source.dialect is CLOUD:
            await _cloud_changes(source, some, ids if len(ids) <= 10 else [], found, by_id, tell)
            return set(by_id.values())
        await _server_changes(source, some, found, tell)
        return {key for key, _ in found}

    tell(0)
    missing = await told_of(source, keys, read)
    wanted = {
        f.casefold() for name in fields or () for x in source.catalog.find(name) for f in (x.id, x.name)
    }
    return await anyio.to_thread.run_sync(_change_rows, found, by_id, wanted), missing


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
        names = await ask(source, "/issue/bulkfetch", {"issueIdsOrKeys": some, "fields": ["id"]}, LoggedPage)
        by_id.update({issue.id: issue.key for issue in names.issues})
        ids = [issue.id for issue in names.issues]
        token: str | None = None
        seen: set[str] = set()
        while ids:
            body = {"issueIdsOrKeys": ids, "maxResults": 1000}
            body |= {"fieldIds": field_ids} if field_ids else {}
            body |= {"nextPageToken": token} if token else {}
            page = await ask(source, "/changelog/bulkfetch", body, BulkLogs)
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
        more = {"fields": ["id"], "expand": ["changelog"]}
        for issue in await found_by(source, some, more, LoggedPage):
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
            "GET", path, params={"startAt": len(entries), "maxResults": 100}, decode=decoder(EntryPage)
        )
        page = (await source.site.send(request)).value.values
        if not page:
            raise BadAnswerError(f"{key} has {total} changes, the site gave {len(entries)}")
        entries += page
    return entries


def _change_rows(
    found: list[tuple[str, list[Entry]]], by_id: dict[str, str], wanted: set[str]
) -> pd.DataFrame:
    rows = [
        (
            by_id.get(issue, issue),
            instant(entry.created),
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
