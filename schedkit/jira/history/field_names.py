"""Which field an item of a changelog is about, and which fields a person means by a name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from schedkit.errors import UnknownFieldError
from schedkit.jira.dialect import Dialect
from schedkit.jira.table.columns import Column, layout
from schedkit.jira.table.fields import Catalog, Field
from schedkit.jira.table.frame import described
from schedkit.values.system_fields import system_field

__all__ = ["FieldNames"]

# Cloud's items about these bear no field id, and its filter by field id leaves them out.
_WITHOUT_ID = frozenset({"attachment", "issuekey", "issuelinks", "parent", "worklog"})
# The interface's one field for what histories tell in three.
_PARTS = {"timetracking": ("timeoriginalestimate", "timeestimate", "timespent")}
# What Cloud's filter takes at most.
_MOST_IDS = 10


class FieldNames:
    """The fields of a site as histories and people call them.

    Parameters
    ----------
    catalog : Catalog
        The site's fields.
    dialect : Dialect
        Cloud or Data Center.
    """

    def __init__(self, catalog: Catalog, dialect: Dialect) -> None:
        self.catalog = catalog
        self.dialect = dialect
        self._custom: dict[str, list[str]] = {}
        for field in catalog.fields.values():
            if _is_custom(field):
                self._custom.setdefault(field.name.casefold(), []).append(field.id)

    def wanted(self, names: Sequence[str] | None) -> frozenset[str] | None:
        """Return the ids of the fields called `names`; None for all fields.

        A name is a column's label (with every field that the column is read from), the site's name, an id,
        or what histories call a field.

        Raises
        ------
        UnknownFieldError
            For a name that no field has.
        """
        if names is None or "*all" in names:
            return None
        return frozenset(id for name in names for id in self._meant(name))

    def _meant(self, name: str) -> list[str]:
        try:
            columns = layout(self.catalog, self.dialect, [name]).columns
        except UnknownFieldError:
            if id := system_field(name):
                return [id]
            raise
        if len(columns) > 1 and columns[0].label == "Key" and not name.startswith("*"):
            columns = columns[1:]  # the key comes with every layout
        ids = [
            id for column in columns for id in column.field_ids or (["issuekey"] * (column.label == "Key"))
        ]
        return [part for id in ids for part in _PARTS.get(id, (id,))]

    def id_of(self, field: str, id: str | None, kind: str | None) -> str | None:
        """Return the id of the field that an item names; None for one of several custom fields of a name.

        Parameters
        ----------
        field, id, kind : str
            The item's ``field``, ``fieldId`` and ``fieldtype``. Data Center sends no ids.
        """
        if id:
            return id
        custom = self._custom.get(field.casefold(), [])
        if kind == "custom" or (kind is None and custom and not system_field(field)):
            return custom[0] if len(custom) == 1 else None
        return system_field(field) or field

    def is_wanted(self, wanted: frozenset[str] | None, id: str | None, field: str) -> bool:
        """Tell whether an item is about one of the wanted fields."""
        if wanted is None or id in wanted:
            return True
        return id is None and any(each in wanted for each in self._custom.get(field.casefold(), ()))

    def filter_ids(self, wanted: frozenset[str] | None) -> list[str]:
        """Return the ids to ask Cloud for; none if its filter would leave some out."""
        if wanted is None or len(wanted) > _MOST_IDS or wanted & _WITHOUT_ID:
            return []
        return sorted(wanted)

    def described(self, ids: Iterable[str]) -> dict[str, dict[str, Any]]:
        """Return what `df.attrs["fields"]` of issues would tell about the columns of fields, by label."""
        found = set(ids)
        columns: list[Column] = [
            column for column in layout(self.catalog, self.dialect).columns if found & set(column.field_ids)
        ]
        named = {id for column in columns for id in column.field_ids}
        for id in sorted(found - named):
            if id in self.catalog.fields:
                columns += layout(self.catalog, self.dialect, [id]).columns[1:]
        return described(column for column in columns if column.label != "Status Category")


def _is_custom(field: Field) -> bool:
    return field.custom is not None or field.id.startswith("customfield_")
