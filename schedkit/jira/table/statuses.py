"""What a site says of its statuses: by id, their names and categories."""

from __future__ import annotations

from typing import Any

from schedkit.jira.table.kinds import CATEGORY_NAMES

__all__ = ["Statuses", "statuses_of"]


class Statuses(dict[str, dict[str, str | None]]):
    """Statuses by id, for the attrs of frames; never changed once made.

    pandas copies attrs deeply whenever a column is taken: 14 ms for the 2,000 statuses of a large site.
    """

    def __deepcopy__(self, memo: dict[int, Any]) -> Statuses:
        return self


def statuses_of(answer: Any) -> Statuses:
    """Return name, category and the category's key of each status, in the order of the categories.

    Parameters
    ----------
    answer : object
        Of ``/status``. Names of categories come in the user's language, their keys do not. Statuses of
        projects that manage their own bear the same names under different ids.
    """
    keys = list(CATEGORY_NAMES)
    found = [_status(row) for row in answer if isinstance(row, dict)] if isinstance(answer, list) else []
    rows = [(id, about) for id, about in found if id and about["name"] and about["category"]]
    rows.sort(key=lambda row: keys.index(row[1]["key"]) if row[1]["key"] in CATEGORY_NAMES else len(keys))
    return Statuses(rows)


def _status(row: dict[str, Any]) -> tuple[str, dict[str, str | None]]:
    category = row.get("statusCategory")
    category = category if isinstance(category, dict) else {}
    key = category.get("key")
    name = category.get("name") or CATEGORY_NAMES.get(str(key))
    return str(row.get("id") or ""), {"name": row.get("name") or None, "category": name, "key": key}
