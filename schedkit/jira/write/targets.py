"""The columns of a frame as fields to write, and which of them can be written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from schedkit.errors import UsageError
from schedkit.jira.pages.session import Session
from schedkit.jira.table.columns import Column, layout
from schedkit.jira.table.fields import Field
from schedkit.jira.write.values import MANAGED_BY_JIRA, cell_value, wire_value
from schedkit.values.text import safe_repr

__all__ = ["Target", "obstacles", "target_of"]


@dataclass(frozen=True, slots=True)
class Target:
    """A column to write, and the field behind it.

    Parameters
    ----------
    column : str
        Its name in the frame: a label, the site's name or an id.
    ids : tuple of str
        The ids of all fields it may show.
    label : str
        Its name in an extraction.
    """

    column: str
    field: Field
    store: str
    ids: tuple[str, ...]
    label: str

    @property
    def managed(self) -> bool:
        """Whether Jira sets the value itself, so that it may differ from an older frame's."""
        return self.field.id in MANAGED_BY_JIRA or self.column == "Status Category"

    @property
    def choices(self) -> tuple[str, ...]:
        """The fields of which each issue has one, where the column means several; else none."""
        return self.ids if len(self.ids) > 1 and self.field.type == "number" else ()

    def cell(self, value: Any) -> Any:
        """Return a cell as a frame's column would hold it.

        Raises
        ------
        UsageError
            If it is not a value of the column.
        """
        try:
            return cell_value(value, self.store)
        except (ValueError, TypeError):
            raise UsageError(
                f"{safe_repr(value)} is not a value of {self.column}",
                hint=f"its column holds {self.store} values",
            ) from None


def target_of(session: Session, name: str) -> Target:
    """Return the target of a column.

    Raises
    ------
    UsageError
        If the site has no such field, or several.
    """
    found: list[Column] = [
        c for c in layout(session.catalog, session.dialect, [name]).columns if c.label != "Key"
    ]
    if len(found) != 1:
        choice = " or ".join(repr(column.field_ids[0]) for column in found)
        raise UsageError(f"{len(found)} fields are called {name!r}", hint=f"name {choice}")
    column = found[0]
    if not column.sources:
        raise UsageError(f"the site has no field for {name!r}")
    return Target(name, column.sources[0][0], column.kind.store, tuple(column.field_ids), column.label)


def obstacles(targets: Sequence[Target]) -> Mapping[Target, str]:
    """Return why those columns cannot be edited that cannot."""
    return {target: why for target in targets if (why := _obstacle(target))}


def _obstacle(target: Target) -> str:
    if target.column == "Status Category":
        return "'Status Category' cannot be edited (use jira.transition(keys, …))"
    if target.store == "raw":
        return f"{target.column!r} cannot be edited (edit the column of the field itself)"
    if len(target.ids) > 1 and not target.choices:
        return f"{target.column!r} means several fields (name one of {', '.join(target.ids)})"
    try:
        wire_value(target.field, () if target.store == "list" else None)
    except UsageError as problem:
        return str(problem)
    return ""
