"""From the cells of a frame to what requests hold, with the help of what the site knows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from schedkit.jira.pages.session import Session
from schedkit.jira.write.compare import split_names
from schedkit.jira.write.people import People
from schedkit.jira.write.screens import Ask
from schedkit.jira.write.targets import Target
from schedkit.jira.write.values import CASCADING, is_user, missing, wire_value

__all__ = ["Cells"]


class Cells:
    """Reads cells, and looks up the people in them; each name is asked for once."""

    def __init__(self, session: Session) -> None:
        self.people = People(session)

    async def value(self, target: Target, cell: Any, screen: Ask, shown: Iterable[str] = ()) -> Any:
        """Return a cell as its column holds it; in a text of several names, names with commas stay whole.

        Parameters
        ----------
        screen : async callable
            Tells the values that the field may hold.
        shown : iterable of str
            Names that the site's issues show.

        Raises
        ------
        UsageError
            If it is not a value of the column.
        """
        if target.store != "list" or not isinstance(cell, str) or "," not in cell:
            return target.cell(cell)
        if is_user(target.field):
            return await self.people.split(cell, shown)
        return split_names(cell, [*shown, *(await screen()).names(target.field.id)])

    async def wire(self, target: Target, value: Any, screen: Ask) -> Any:
        """Return the JSON that sets a field to a value, as `value` returns it.

        Raises
        ------
        UsageError
            If the field cannot be set, or a person is not found.
        """
        if is_user(target.field):
            if target.store == "list":
                return [await self.people.find(name) for name in value]
            return None if missing(value) else await self.people.find(value)
        if target.field.type == CASCADING and " / " in str(value):
            # An option's own name may have the mark that a cell has between two.
            option = (await screen()).cascades(target.field.id).get(str(value))
            if option is not None:
                return option
        return wire_value(target.field, value)
