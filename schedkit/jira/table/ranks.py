"""The order in which a site lists its priorities and statuses: what sorting should mean."""

from __future__ import annotations

from typing import Any

from schedkit.jira.table.statuses import statuses_of

__all__ = ["ranks_of"]


def ranks_of(priorities: Any, statuses: Any) -> dict[str, list[str]]:
    """Return the orders of categories by kind, from the site's lists; empty where it gave none.

    Parameters
    ----------
    priorities, statuses : object
        Answers of ``/priority`` (highest first) and ``/status``. Statuses are ordered by their category:
        to do, in progress, done.
    """
    known = statuses_of(statuses).values()
    ranks = {
        "priority": [row["name"] for row in _named(priorities)],
        "status": list(dict.fromkeys(str(about["name"]) for about in known)),
        "status category": list(dict.fromkeys(str(about["category"]) for about in known)),
    }
    return {kind: names for kind, names in ranks.items() if names}


def _named(answer: Any) -> list[dict[str, Any]]:
    rows = answer if isinstance(answer, list) else []
    return [row for row in rows if isinstance(row, dict) and isinstance(row.get("name"), str)]
