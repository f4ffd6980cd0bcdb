"""What others changed on the site since a frame was extracted, by the site's own history.

Only issues whose `Updated` moved are asked. Without the time of the extraction nothing is known, and the
frame is compared with the site as it is.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd

from schedkit.jira import adf, wiki
from schedkit.jira.pages.session import Session
from schedkit.jira.table.kinds import is_rich
from schedkit.jira.table.people import unlabelled
from schedkit.jira.write.compare import alike, split_names
from schedkit.jira.write.targets import Target
from schedkit.jira.write.texts import is_document
from schedkit.jira.write.values import cell_value, is_user, missing
from schedkit.values.system_fields import ELEMENT_FIELDS, system_field

__all__ = ["History", "Moved", "Since", "bases", "changed_since"]

# The changes of issues as `Jira.changelog` gives them, and why those of some cannot be read.
History = Callable[[Sequence[str]], Awaitable[tuple[pd.DataFrame, Mapping[str, str]]]]

# An entry of the history bears a time up to 30 ms after the `updated` that it caused (captured Cloud issues).
_LAG = pd.Timedelta(milliseconds=100)
_CHANGE_COLUMNS = ("Field", "Field Id", "From", "To", "From Id", "To Id")


@dataclass(frozen=True, slots=True)
class Moved:
    """One change of a history: the field, by id where that is known, and what it left for what.

    Parameters
    ----------
    field : str
        What the history calls it.
    field_id : str or None
        Missing where several custom fields bear that name.
    was, now : str or None
        The texts before and after; of versions, components and links: the one element removed or added.
    was_id, now_id : str or None
        Their ids.
    """

    field: str
    field_id: str | None
    was: str | None
    now: str | None
    was_id: str | None = None
    now_id: str | None = None

    def concerns(self, target: Target) -> bool:
        """Tell whether it is a change of a column's field."""
        ids = {target.field.id, *target.ids}
        if self.field_id is not None:
            return self.field_id in ids
        return self.field.casefold() == target.field.name.casefold() or system_field(self.field) in ids


@dataclass(frozen=True, slots=True)
class Since:
    """Changes made on the site after an extraction.

    Parameters
    ----------
    moved : set of str
        The keys of issues that were updated since.
    stayed : set of str
        The keys of those that were not.
    changes : dict
        By key, the changes since, in order of time.
    unread : dict
        Of which issues the history could not be read, and why.
    """

    moved: frozenset[str] = frozenset()
    stayed: frozenset[str] = frozenset()
    changes: Mapping[str, Sequence[Moved]] = field(default_factory=dict)
    unread: Mapping[str, str] = field(default_factory=dict)

    def renamed(self, moved: Callable[[str, Moved], Moved]) -> Since:
        """Return the same with present names: `moved` gives a change of an issue its own."""
        changes = {key: [moved(key, change) for change in some] for key, some in self.changes.items()}
        return replace(self, changes=changes)

    def changed(self, key: str, target: Target) -> bool:
        """Whether a field of an issue was changed since, or may have been."""
        return key in self.unread or bool(self._of(key, target))

    def untouched(
        self, key: str, target: Target, cell: Any, held: Any, ids: frozenset[str] | None = None
    ) -> bool:
        """Whether a cell still shows what the field held before that change.

        Parameters
        ----------
        held : object
            Its present value.
        ids : frozenset of str, optional
            Of the person whom the cell means, where it says more than a name.
        """
        changes = self._of(key, target)
        if not changes:
            return False
        try:
            if changes[0].field_id in ELEMENT_FIELDS:
                return _lists(cell, _elements_before(changes, cell_value(held, target.store)))
            if changes[0].field_id == "labels":
                return _lists(cell, tuple((changes[0].was or "").split()))
            if ids and changes[0].was_id:
                return changes[0].was_id in ids
            return _shows(cell, target, changes[0].was)
        except (ValueError, TypeError):
            return False

    def _of(self, key: str, target: Target) -> list[Moved]:
        return [change for change in self.changes.get(key, ()) if change.concerns(target)]


def _elements_before(changes: Sequence[Moved], held: Sequence[str]) -> tuple[str, ...] | None:
    """Return what a field held before changes of single elements, or None if they do not lead to `held`."""
    past: list[tuple[str | None, str]] = [(None, name) for name in held]
    for change in reversed(changes):
        if change.now is not None:
            same = [one for one in past if one[0] is not None and one[0] == change.now_id]
            same += [one for one in past if one[1] == change.now]
            if not same:
                return None  # it was renamed since: which of the present names is its own is unknown
            past.remove(same[0])
        if change.was is not None:
            past.append((change.was_id, change.was))
    return tuple(name for _, name in past)


def _lists(cell: Any, names: tuple[str, ...] | None) -> bool:
    """Tell whether a cell shows those names in any order; a text with commas (from a workbook) may too."""
    if names is None:
        return False
    shown = split_names(cell, names) if isinstance(cell, str) else cell_value(cell, "list")
    return alike(shown, names)


def _shows(cell: Any, target: Target, text: str | None) -> bool:
    """Tell whether a cell is what a history writes as `text`."""
    value = cell_value(cell, target.store)
    empty = value == () or missing(value)
    if empty or not text:
        return empty and not text
    if is_rich(target.field):
        return _reads(str(value), text)
    if isinstance(value, pd.Timestamp):
        return bool(value == cell_value(text, target.store))
    if isinstance(value, int | float):
        return bool(value == float(str(text)))
    names = list(value) if isinstance(value, tuple) else [str(value)]
    forms = [names, [unlabelled(name) for name in names] if is_user(target.field) else names]
    return any(_words(" ".join(form)) == _words(text) for form in forms)


def _words(text: str) -> str:
    return " ".join(text.replace(",", " ").split())


def _reads(cell: str, markup: str) -> bool:
    """Tell whether a cell has the words of wiki markup, in whichever form it was extracted."""
    words = adf.to_text(json.loads(cell)) if is_document(cell) else cell
    forms = (markup, wiki.to_text(markup), wiki.to_markdown(markup))
    return any(_letters(words) == _letters(form) for form in forms)


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, text))


def bases(frame: pd.DataFrame, keys: Sequence[str], session: Session) -> dict[str, pd.Timestamp]:
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
    facts = frame.attrs.get("extraction")
    window = facts.get("as_of") if isinstance(facts, Mapping) else None
    if isinstance(window, list | tuple) and window:
        start = pd.Timestamp(window[0]) + session.clock_ahead
        found = {key: found.get(key, start) for key in keys}
    return found


async def changed_since(
    history: History, base: Mapping[str, pd.Timestamp], updated: Mapping[str, Any]
) -> Since:
    """Return what was changed since `base` of issues that were last `updated` then."""
    moved = [key for key, moment in base.items() if not missing(updated.get(key)) and updated[key] > moment]
    stayed = frozenset(base).difference(moved)
    if not moved:
        return Since(stayed=stayed)
    changes, unread = await history(moved)
    since: dict[str, list[Moved]] = {}
    columns = [changes[name] for name in ("Key", "When", *_CHANGE_COLUMNS)]
    for key, when, name, *others in zip(*columns, strict=True):
        if key in base and when > base[key]:
            texts = [None if missing(value) else str(value) for value in others]
            since.setdefault(key, []).append(Moved(str(name), *texts))
    return Since(frozenset(moved), stayed, since, unread)
