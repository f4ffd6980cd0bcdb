"""The order in which a site lists its priorities and statuses: what sorting should mean."""

from __future__ import annotations

from typing import Any

from schedkit.jira.table.kinds import CATEGORY_NAMES

__all__ = ["categories_of", "ranks_of"]


def ranks_of(priorities: Any, statuses: Any, types: Any = None) -> dict[str, list[str]]:
    """Return the orders of categories by kind, lowest first, from the site's lists; empty where it gave none.

    Parameters
    ----------
    priorities, statuses, types : object
        Answers of ``/priority`` (highest first), ``/status`` and ``/issuetype``. Statuses are ordered by
        their category (to do, in progress, done), types by their level (sub-tasks, stories, epics).

    Examples
    --------
    >>> ranks_of([{"name": "High"}, {"name": "Low"}], None)
    {'priority': ['Low', 'High']}
    """
    categories = categories_of(statuses)
    ranks = {
        "priority": [row["name"] for row in reversed(_named(priorities))],
        "issuetype": list(dict.fromkeys(row["name"] for row in sorted(_named(types), key=_level))),
        "status": list(categories),
        "status category": list(dict.fromkeys(categories.values())),
    }
    return {kind: names for kind, names in ranks.items() if names}


def categories_of(statuses: Any) -> dict[str, str]:
    """Return the category of each status, in the order of the categories."""
    found: dict[str, str] = {}
    for row in _by_category(statuses):
        category = row["statusCategory"]
        name = category.get("name") or CATEGORY_NAMES.get(category.get("key"))
        if name:
            found.setdefault(row["name"], name)
    return found


def _by_category(statuses: Any) -> list[dict[str, Any]]:
    keys = list(CATEGORY_NAMES)

    def place(row: dict[str, Any]) -> int:
        key = row["statusCategory"].get("key")
        return keys.index(key) if key in keys else len(keys)

    rows = [row for row in _named(statuses) if isinstance(row.get("statusCategory"), dict)]
    return sorted(rows, key=place)


def _level(row: dict[str, Any]) -> int:
    level = row.get("hierarchyLevel")
    return level if isinstance(level, int) else -1 if row.get("subtask") is True else 0


def _named(answer: Any) -> list[dict[str, Any]]:
    rows = answer if isinstance(answer, list) else []
    return [row for row in rows if isinstance(row, dict) and isinstance(row.get("name"), str)]
