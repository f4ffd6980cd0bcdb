"""Names within a text that joins them with commas, although names may hold commas."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["names_by_id", "split_names"]


def names_by_id(ids: Sequence[Any], texts: Sequence[Any], known: Mapping[str, str]) -> dict[str, str]:
    """Return the name of each id, from values that list ids beside joined names.

    Parameters
    ----------
    ids : sequence of tuple of str
        Of each value.
    texts : sequence of str
        Their names, joined.
    known : mapping
        Names known otherwise.

    Examples
    --------
    >>> names_by_id([("1",), ("1", "2")], ["One, two", "One, two, Three"], {})
    {'1': 'One, two', '2': 'Three'}
    """
    found = dict(known)
    pairs = zip(ids, texts, strict=True)
    open_values = [(key, text) for key, text in pairs if isinstance(key, tuple) and isinstance(text, str)]
    while True:
        solved = len(found)
        for key, text in open_values:
            found |= _solved(key, text, found)
        if len(found) == solved:
            return found
        open_values = [(key, text) for key, text in open_values if any(id not in found for id in key)]


def _solved(ids: tuple[str, ...], text: str, known: Mapping[str, str]) -> dict[str, str]:
    """Return the name of the only id of a value that is not known yet, if it has one."""
    strange = [place for place, id in enumerate(ids) if id not in known]
    if len(strange) != 1:
        return {}
    place = strange[0]
    before = "".join(f"{known[id]}, " for id in ids[:place])
    after = "".join(f", {known[id]}" for id in ids[place + 1 :])
    name = text[len(before) : len(text) - len(after)]
    fits = name and text.startswith(before) and text.endswith(after)
    return {ids[place]: name} if fits else {}


def split_names(text: str | None, ids: Any, known: Mapping[str, str]) -> tuple[str, ...]:
    """Return the names within a text.

    Examples
    --------
    >>> split_names("One, two, Three", ("1", "2"), {"1": "One, two", "2": "Three"})
    ('One, two', 'Three')
    """
    if not text:
        return ()
    if not isinstance(ids, tuple) or len(ids) < 2:
        return (text,)
    names = [known[id] for id in ids if id in known]
    if len(names) == len(ids) and ", ".join(names) == text:
        return tuple(names)
    parts = text.split(", ")
    return tuple(parts) if len(parts) == len(ids) else (text,)
