"""The order in which a site lists its priorities and statuses: what sorting should mean."""

from __future__ import annotations

from typing import Any

from schedkit.jira.kinds import CATEGORY_NAMES

__all__ = ["ranks_of"]


def ranks_of(priorities: Any, statuses: Any) -> dict[str, list[str]]:
    """Return the orders of categories by kind, from the site's lists; empty where it gave none.

    Parameters
    ----------
    priorities, statuses : object
        Answers of ``/priority`` (highest first) and ``/status``. Statuses are ordered by their category:
        to do, in progress, done.
    """
    rows = [row for row in _named(statuses) if isinstance(row.get("statusCategory"), dict)]
    keys = list(CATEGORY_NAMES)

    def place(row: dict[str, Any]) -> int:
        key = row["statusCategory"].get("key")
        return keys.index(key) if key in keys else len(keys)

    rows.sort(key=place)
    categories = [
        row["statusCategory"].get("name") or CATEGORY_NAMES.get(row["statusCategory"].get("key"), "")
        for row in rows
    ]
    ranks = {
        "priority": [row["name"] for row in _named(priorities)],
        "status": list(dict.fromkeys(row["name"] for row in rows)),
        "status category": list(dict.fromkeys(filter(None, categories))),
    }
    return {kind: names for kind, names in ranks.items() if names}


def _named(answer: Any) -> list[dict[str, Any]]:
    rows = answer if isinstance(answer, list) else []
    return [row for row in rows if isinstance(row, dict) and isinstance(row.get("name"), str)]
