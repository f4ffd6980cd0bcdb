"""One issue's edit: the request that makes it, and how the site shows whether it was made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from schedkit.atlassian import Request
from schedkit.errors import SiteError, UsageError
from schedkit.jira import wiki
from schedkit.jira.pages.session import Session
from schedkit.jira.table.columns import Layout, layout
from schedkit.jira.table.kinds import is_rich
from schedkit.jira.table.reader import Reader
from schedkit.jira.write.compare import alike
from schedkit.jira.write.plan import Step
from schedkit.jira.write.targets import Target
from schedkit.jira.write.values import cell_value, request_fields

__all__ = ["Change", "Meta", "edit_step", "read_as_written"]


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
    before : object
        What the interface for writing shows of the old value, where that is another form of it.
    """

    target: Target
    id: str
    old: Any
    new: Any
    wire: Any
    before: Any = None

    @property
    def repeats(self) -> bool:
        """Whether it writes what is there already, because a request without it would change that too."""
        return self.new is self.old


class Meta:
    """What the site's edit screen of an issue offers; asked once per issue."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self._fields: dict[str, Mapping[str, Any]] = {}

    async def _of(self, key: str) -> Mapping[str, Any]:
        if key not in self._fields:
            try:
                answer = await self.session.get(f"/rest/api/2/issue/{key}/editmeta")
            except SiteError:
                answer = {}
            fields = answer.get("fields") if isinstance(answer, dict) else None
            self._fields[key] = fields if isinstance(fields, dict) else {}
        return self._fields[key]

    async def names(self, key: str, id: str) -> list[str]:
        """Return the names that a field may hold, as far as the site lists them."""
        about = (await self._of(key)).get(id)
        allowed = about.get("allowedValues") if isinstance(about, dict) else None
        rows = [row for row in allowed or () if isinstance(row, dict)]
        return [str(name) for row in rows if (name := row.get("value") or row.get("name"))]

    async def one_of(self, key: str, ids: Sequence[str]) -> str:
        """Return which of several fields an issue has.

        Raises
        ------
        UsageError
            If it is not exactly one.
        """
        fields = await self._of(key)
        offered = [id for id in ids if id in fields]
        if len(offered) != 1:
            raise UsageError(
                f"{key} can be edited in {len(offered)} of the fields {', '.join(ids)}",
                hint="name the column by the field's id",
            )
        return offered[0]


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

    params = None if notify else {"notifyUsers": "false"}
    return Step(
        key, f"edit {names}", Request("PUT", f"/rest/api/2/issue/{key}", params=params, json=body), look
    )


def _note_written(session: Session, key: str, change: Change) -> None:
    replaced, wrote = session.written.get((key, change.target.field.id), ((), None))
    if not replaced or not alike(wrote, change.new):
        earlier = replaced if replaced and alike(wrote, change.old) else ()
        session.written[key, change.target.field.id] = ((*earlier, change.old), change.new)


def _state(change: Change, held: Any) -> str:
    if alike(held, change.new):
        return "done"
    rich = is_rich(change.target.field)
    if alike(held, change.before if rich else change.old):
        return "open"
    # A document that was made of wiki markup reads as other markup with the same words.
    if rich and _words(held) == _words(change.new):
        return "done"
    return f"{change.target.column} is {held!r}"


def _words(markup: Any) -> str:
    return " ".join(wiki.to_text(str(markup or "")).split())


async def read_as_written(session: Session, key: str, changes: Sequence[Change]) -> list[Any]:
    """Return the present values of what changes write, in the form in which they are written."""
    ids = [change.id for change in changes]
    reader = Reader(_raw_layout(session, ids), session.catalog)
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
        held.append(cell_value(first, change.target.store))
    return held


def _raw_layout(session: Session, ids: Sequence[str]) -> Layout:
    chosen = layout(session.catalog, session.dialect, ["Key"], "raw")
    single = [layout(session.catalog, session.dialect, [id], "raw").columns[-1] for id in ids]
    return Layout((chosen.columns[0], *single), rich="wiki", markup="raw")
