"""One issue's edit: the request that makes it, and how the site shows whether it was made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from schedkit.atlassian import Request
from schedkit.jira import wiki
from schedkit.jira.pages.session import Session
from schedkit.jira.table.columns import RAW_SUFFIX, Layout, layout
from schedkit.jira.table.kinds import is_rich
from schedkit.jira.table.reader import Reader
from schedkit.jira.write.compare import alike
from schedkit.jira.write.notify import query
from schedkit.jira.write.plan import Step
from schedkit.jira.write.targets import Target
from schedkit.jira.write.values import cell_value, is_user, request_fields

__all__ = ["Change", "accounts", "edit_step", "read_as_written"]


@dataclass
class Change:
    """A field of an issue that is to become `new`.

    Parameters
    ----------
    id : str
        The field's id.
    old, new : object
        As cells of a frame.
    wire : object
        The JSON that sets it.
    before, after : object
        What `read_as_written` returns of the old and the new value.
    """

    target: Target
    id: str
    old: Any
    new: Any
    wire: Any
    before: Any
    after: Any

    @property
    def repeats(self) -> bool:
        """Whether it writes what is there already, because a request without it would change that too."""
        return self.new is self.old


def edit_step(session: Session, key: str, changes: Sequence[Change], notify: bool = True) -> Step:
    """Return the step that makes an issue's changes in one request."""
    # Version 2 takes and gives plain text (wiki markup) on Cloud too.
    body = {"fields": request_fields((change.id, change.wire) for change in changes)}
    names = ", ".join(change.target.column for change in changes if not change.repeats)

    async def look() -> str:
        held = await read_as_written(session, key, changes)
        states = [_state(change, value) for change, value in zip(changes, held, strict=True)]
        others = [state for state in states if state not in ("done", "open")]
        if others:
            return others[0]
        if set(states) != {"done"}:
            return "open"
        for change in changes:
            _note_written(session, key, change)
        return "done"

    params = query(session.dialect, "edit issues", notify)
    return Step(
        key, f"edit {names}", Request("PUT", f"/rest/api/2/issue/{key}", params=params, json=body), look
    )


def _note_written(session: Session, key: str, change: Change) -> None:
    replaced, wrote = session.written.get((key, change.target.field.id), ((), None))
    if not replaced or not alike(wrote, change.new):
        earlier = replaced if replaced and alike(wrote, change.old) else ()
        session.written[key, change.target.field.id] = ((*earlier, change.old), change.new)


def _state(change: Change, held: Any) -> str:
    if alike(held, change.after):
        return "done"
    if alike(held, change.before):
        return "open"
    # A document that was made of wiki markup reads as other markup with the same words.
    if is_rich(change.target.field) and _words(held) == _words(change.new):
        return "done"
    return f"{change.target.column} is {held!r}"


def _words(markup: Any) -> str:
    return " ".join(wiki.to_text(str(markup or "")).split())


async def read_as_written(session: Session, key: str, changes: Sequence[Change]) -> list[Any]:
    """Return the present values of what changes write, in the form in which they are written.

    People come as their accounts.
    """
    ids = [change.id for change in changes]
    reader = Reader(_raw_layout(session, changes), session.catalog)
    request = Request(
        "GET",
        f"/rest/api/2/issue/{key}",
        params={"fields": ",".join([*ids, "updated"])},
        decode=reader.issues,
    )
    batch = (await session.site.send(request)).value
    held = []
    for column, change in zip(reader.columns[1:], changes, strict=True):
        values = batch.columns[column.label]
        first = values[0] if isinstance(values, list) else values.to_pylist()[0]
        if is_user(change.target.field):
            held.append(accounts(None if first is None else msgspec.json.decode(first)))
        else:
            held.append(cell_value(first, change.target.store))
    return held


def accounts(users: Any) -> tuple[str, ...]:
    """Return what identifies users, of a request or of an answer."""
    rows = users if isinstance(users, list) else [users] if users else []
    return tuple(str(row.get("accountId") or row.get("name")) for row in rows if isinstance(row, dict))


def _raw_layout(session: Session, changes: Sequence[Change]) -> Layout:
    chosen = layout(session.catalog, session.dialect, ["Key"], "raw")
    names = [f"{change.id}{RAW_SUFFIX}" if is_user(change.target.field) else change.id for change in changes]
    single = [layout(session.catalog, session.dialect, [name], "raw").columns[-1] for name in names]
    return Layout((chosen.columns[0], *single), rich="wiki", markup="raw")
