"""Any JSON value as something a cell can hold: the way for values whose type nobody knows."""

from __future__ import annotations

from typing import Any

import msgspec

from schedkit.jira import adf
from schedkit.jira.table.sprint import sprint_name

__all__ = ["listed", "plain"]

# What Jira's objects are called by, most telling first.
_NAMES = (
    "displayName",
    "value",
    "name",
    "key",
    "filename",
    "label",
    "title",
    "text",
    "emailAddress",
    "accountId",
)


def plain(value: Any) -> str | None:
    """Return a value as text: an object by its name, a list joined by commas, anything else as JSON."""
    if value is None or isinstance(value, str):
        return None if value is None else sprint_name(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, list):
        return ", ".join(text for item in value if (text := plain(item)) is not None)
    if value.get("type") == "doc" and isinstance(value.get("content"), list):
        return adf.to_text(value)
    child = value.get("child")
    for name in _NAMES:
        held = value.get(name)
        if isinstance(held, str) and held:
            return f"{held} / {plain(child)}" if isinstance(child, dict) else held
    return msgspec.json.encode(value).decode() if value else None


def listed(value: Any) -> tuple[str, ...]:
    """Return a value as a tuple of texts, empty for null."""
    if value is None:
        return ()
    items = value if isinstance(value, list) else [value]
    return tuple(text for item in items if (text := plain(item)) is not None)
