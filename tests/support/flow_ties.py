"""The saved answer of one issue with changes of its status, as frames."""

from __future__ import annotations

from typing import Any

import pandas as pd

from schedkit.jira import to_changelog, to_frame

STATUSES = {
    "1": {"name": "To Do", "category": "To Do", "key": "new"},
    "3": {"name": "Doing", "category": "In Progress", "key": "indeterminate"},
    "6": {"name": "Done", "category": "Done", "key": "done"},
}
NAMES = {id: about["name"] for id, about in STATUSES.items()}
UNTIL = "2026-02-01"


def day(number: int) -> str:
    return f"2026-01-{number:02}T09:00:00.000+0000"


def entry(number: int, when: str, *moves: tuple[str, str]) -> dict[str, Any]:
    items = [
        {
            "field": "status", "fieldId": "status",
            "from": was, "fromString": NAMES[was], "to": now, "toString": NAMES[now],
        }
        for was, now in moves
    ]  # fmt: skip
    return {"id": str(number), "created": when, "items": items}


def frames(*entries: dict[str, Any], **changelog: Any) -> tuple[pd.DataFrame, pd.DataFrame]:
    status = {"id": "6", "name": "Done", "statusCategory": {"key": "done", "name": "Done"}}
    issue = {
        "id": "11", "key": "A-1", "fields": {"created": day(5), "status": status},
        "changelog": {"histories": list(entries), **changelog},
    }  # fmt: skip
    issues, changes = to_frame(issue), to_changelog(issue)
    changes.attrs["statuses"] = STATUSES
    return issues, changes
