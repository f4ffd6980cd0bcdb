"""The order in which a site lists its priorities and statuses: what sorting should mean."""

from __future__ import annotations

from typing import Any

from schedkit.jira.table.statuses import statuses_of

__all__ = ["ranks_of"]


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
    known = statuses_of(statuses).values()
    ranks = {
        "priority": [row["name"] for row in reversed(_named(priorities))],
        "issuetype": list(dict.fromkeys(row["name"] for row in sorted(_named(types), key=_level))),
        "status": list(dict.fromkeys(str(about["name"]) for about in known)),
        "status category": list(dict.fromkeys(str(about["category"]) for about in known)),
    }
    return {kind: names for kind, names in ranks.items() if names}


def _level(row: dict[str, Any]) -> int:
    level = row.get("hierarchyLevel")
    return level if isinstance(level, int) else -1 if row.get("subtask") is True else 0


def _named(answer: Any) -> list[dict[str, Any]]:
    rows = answer if isinstance(answer, list) else []
    return [row for row in rows if isinstance(row, dict) and isinstance(row.get("name"), str)]
