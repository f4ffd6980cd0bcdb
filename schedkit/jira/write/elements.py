"""Versions and components by id: when one is renamed, no issue counts as updated and no history tells.

A frame extracted before shows the former name. Which id bore it is in the issue's own history, and what that
id is called now is in the project's list.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from schedkit.errors import SiteError
from schedkit.jira.pages.session import Session
from schedkit.jira.write.compare import split_names
from schedkit.jira.write.since import History, Moved
from schedkit.jira.write.targets import Target
from schedkit.jira.write.values import cell_value, missing
from schedkit.loop import task_group
from schedkit.values.system_fields import system_field

__all__ = ["Elements", "list_of"]

# The list of a project that holds them, by the type of a field's values, and by the ids of system fields.
_LISTS = {"version": "versions", "component": "components"}
_FIELDS = {"fixVersions": "versions", "versions": "versions", "components": "components"}


@dataclass
class Elements:
    """The versions and components that the cells of an edit may mean.

    Parameters
    ----------
    names : dict
        By project and list, the present name of each id.
    former : dict
        By issue and list, the id that bore each name in the issue's history.
    """

    names: dict[tuple[str, str], dict[str, str]] = field(default_factory=dict)
    former: dict[tuple[str, str], dict[str, str]] = field(default_factory=dict)

    @classmethod
    async def read(
        cls, session: Session, history: History, differing: Mapping[str, Mapping[Target, Any]]
    ) -> Elements:
        """Read what is known of the cells that do not show what the site has, by issue."""
        found = cls()
        cells = [
            (key, target, cell, kind)
            for key, targets in differing.items()
            for target, cell in targets.items()
            if (kind := list_of(target))
        ]

        async def read(project: str, kind: str) -> None:
            # Without the list, names are compared with names.
            with suppress(SiteError):
                answer = await session.get(f"/rest/api/2/project/{project}/{kind}")
                rows = [row for row in answer if isinstance(row, dict)] if isinstance(answer, list) else []
                found.names[project, kind] = {str(row.get("id")): str(row.get("name")) for row in rows}

        async with task_group() as group:
            for project, kind in {(_project(key), kind) for key, _, _, kind in cells}:
                group.start_soon(read, project, kind)
        unclear = {key for key, target, cell, _ in cells if found.unknown(key, target, cell)}
        if unclear:
            await found._read_former(history, sorted(unclear))
        return found

    async def _read_former(self, history: History, keys: list[str]) -> None:
        changes, _ = await history(keys)
        columns = ("Key", "Field", "Field Id", "From", "From Id", "To", "To Id")
        for key, name, id, *ends in zip(*(changes[column] for column in columns), strict=True):
            kind = _FIELDS.get(id if isinstance(id, str) else system_field(str(name)) or "")
            for text, element in (ends[:2], ends[2:]):
                if kind and isinstance(text, str) and isinstance(element, str):
                    self.former.setdefault((key, kind), {})[text] = element

    def unknown(self, key: str, target: Target, cell: Any) -> list[str]:
        """Return the names in a cell that nothing bears now, nor has borne in the issue's history."""
        kind = list_of(target)
        names = self.names.get((_project(key), kind))
        if not names:
            return []
        former = self.former.get((key, kind), {})
        bore = {name for name, id in former.items() if id in names}
        return [name for name in self._split(key, kind, cell) if name not in bore.union(names.values())]

    def present(self, key: str, target: Target, cell: Any) -> Any:
        """Return a cell with the present names of what has been renamed."""
        kind = list_of(target)
        names, former = self.names.get((_project(key), kind), {}), self.former.get((key, kind), {})
        there = set(names.values())
        shown = self._split(key, kind, cell) if former else ()
        now = tuple(name if name in there else names.get(former.get(name, ""), name) for name in shown)
        if now == shown:
            return cell
        return now if target.store == "list" else now[0]

    def matched(self, key: str, target: Target, cell: Any, held: Sequence[str]) -> tuple[str, ...] | None:
        """Return a cell with names of `held` for the unknown ones; None if there are more or fewer of them.

        An issue that was not updated since holds the same elements as then: what it holds under a name that
        the cell does not have is what the cell shows under a former one.
        """
        unknown = self.unknown(key, target, cell)
        names = self._split(key, list_of(target), cell)
        other = tuple(name for name in held if name not in names)
        return (
            (*(name for name in names if name not in unknown), *other) if len(other) == len(unknown) else None
        )

    def moved(self, key: str, change: Moved) -> Moved:
        """Return a change with the present names of the elements that it removed and added."""
        kind = _FIELDS.get(change.field_id or system_field(change.field) or "", "")
        names = self.names.get((_project(key), kind), {})
        was, now = names.get(change.was_id or ""), names.get(change.now_id or "")
        return replace(change, was=was or change.was, now=now or change.now)

    def _split(self, key: str, kind: str, cell: Any) -> tuple[str, ...]:
        known = [*self.names.get((_project(key), kind), {}).values(), *self.former.get((key, kind), {})]
        try:
            value = split_names(cell, known) if isinstance(cell, str) else cell_value(cell, "list")
        except (ValueError, TypeError):
            return ()
        return () if missing(value) else tuple(value)


def list_of(target: Target) -> str:
    """Return which list of a project holds the values of a field, empty if none does."""
    return _LISTS.get(target.field.items or target.field.type, "")


def _project(key: str) -> str:
    return key.rpartition("-")[0]
