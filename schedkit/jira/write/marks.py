"""The property by which what a plan created is recognised when it is applied again, by any process."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

__all__ = ["PROPERTY", "mark_of", "property_of"]

PROPERTY = "schedkit.plan"


def mark_of(content: str) -> str:
    """Return a short text that is the same for the same content only."""
    return hashlib.sha256(content.encode("utf-8", "replace")).hexdigest()[:32]


def property_of(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the value of the property that an entry shows, empty if it shows none."""
    for each in entry.get("properties") or ():
        if isinstance(each, dict) and each.get("key") == PROPERTY and isinstance(each.get("value"), dict):
            return dict(each["value"])
    return {}
