"""What others changed on the site since a frame was extracted, by the site's own history.

Only issues whose `Updated` moved are asked. Without the time of the extraction nothing is known, and the
frame is compared with the site as it is.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from schedkit.jira.pages.asking import Source
from schedkit.jira.write.targets import Target
from schedkit.jira.write.values import cell_value, missing

__all__ = ["History", "Since", "bases", "changed_since"]

# The changes of issues as `Jira.changelog` gives them, and why those of some cannot be read.
History = Callable[[Sequence[str]], Awaitable[tuple[pd.DataFrame, Mapping[str, str]]]]

# An entry of the history bears a time up to 30 ms after the `updated` that it caused (captured Cloud issues).
_LAG = pd.Timedelta(milliseconds=100)
# What a history calls fields by, where it is neither their id nor their name.
_HISTORY_NAMES = {
    "components": "component",
    "fixVersions": "fix version",
    "versions": "version",
    "issuelinks": "link",
    "issuekey": "key",
    "parent": "parent",
}


@dataclass(frozen=True, slots=True)
class Since:
    """Changes made on the site after an extraction.

    Parameters
    ----------
    moved : set of str
        The keys of issues that were updated since.
    before : dict
        By key, the fields changed since, by id and name in lower case, with their text before that.
    unread : dict
        Of which issues the history could not be read, and why.
    """

    moved: frozenset[str] = frozenset()
    before: Mapping[str, Mapping[str, str | None]] = field(default_factory=dict)
    unread: Mapping[str, str] = field(default_factory=dict)

    def changed(self, key: str, target: Target) -> bool:
        """Whether a field of an issue was changed since, or may have been."""
        return key in self.unread or any(name in self.before.get(key, {}) for name in _names(target))

    def untouched(self, key: str, target: Target, cell: Any) -> bool:
        """Whether a cell still shows what the field held before that change."""
        was = self.before.get(key, {})
        held = [was[name] for name in _names(target) if name in was]
        try:
            return bool(held) and _shows(cell, target, held[0])
        except (ValueError, TypeError):
            return False


def _names(target: Target) -> list[str]:
    alias = _HISTORY_NAMES.get(target.field.id, target.field.id)
    return list(dict.fromkeys([target.field.id.casefold(), alias, target.field.name.casefold()]))


def _shows(cell: Any, target: Target, text: str | None) -> bool:
    """Tell whether a cell is what a history writes as `text`."""
    value = cell_value(cell, target.store)
    if missing(value) or missing(text):
        return missing(value) and not text
    if isinstance(value, pd.Timestamp):
        return bool(value == cell_value(text, target.store))
    if isinstance(value, int | float):
        return bool(value == float(str(text)))
    return _words(" ".join(value) if isinstance(value, tuple) else str(value)) == _words(text)


def _words(text: str | None) -> str:
    return " ".join((text or "").replace(",", " ").split())


def bases(frame: pd.DataFrame, keys: Sequence[str], source: Source) -> dict[str, pd.Timestamp]:
    """Return for each issue since when its row may be out of date, where that is known.

    That is the row's `Updated`, else the time of the extraction.
    """
    found: dict[str, pd.Timestamp] = {}
    for key, cell in zip(keys, frame["Updated"] if "Updated" in frame else [None] * len(keys), strict=True):
        try:
            moment = cell_value(cell, "datetime")
        except (ValueError, TypeError):
            continue
        if not missing(moment):
            # A moment that lost its fraction on the way may be up to a second early.
            found[key] = moment + (_LAG if moment.microsecond else pd.Timedelta(seconds=1))
    told = frame.attrs.get("extraction")
    window = told.get("as_of") if isinstance(told, Mapping) else None
    if isinstance(window, list | tuple) and window:
        start = pd.Timestamp(window[0]) + source.clock_ahead
        found = {key: found.get(key, start) for key in keys}
    return found


async def changed_since(
    history: History, base: Mapping[str, pd.Timestamp], updated: Mapping[str, Any]
) -> Since:
    """Return what was changed since `base` of issues that were last `updated` then."""
    moved = [key for key, moment in base.items() if not missing(updated.get(key)) and updated[key] > moment]
    if not moved:
        return Since()
    changes, unread = await history(moved)
    before: dict[str, dict[str, str | None]] = {}
    ids = changes["Field Id"] if "Field Id" in changes else [None] * len(changes)
    for key, when, name, id, was in zip(
        changes["Key"], changes["When"], changes["Field"], ids, changes["From"], strict=True
    ):
        if key in base and when > base[key]:
            held = before.setdefault(key, {})
            for known in {str(name).casefold(), *([] if missing(id) else [str(id).casefold()])}:
                held.setdefault(known, None if missing(was) else str(was))
    return Since(frozenset(moved), before, unread)
