"""Metadata of cells that hold lists or structures, for what their text alone does not say.

A list of labels is shown as its items joined by commas. Where splitting the text at commas would give
different items, the lengths of the items are stored by the key of the row, with a digest of the text: they no
longer apply once the text was edited.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

import pandas as pd

from schedkit.excel.column_types import missing

__all__ = [
    "SEPARATOR",
    "ListMetadata",
    "fits_lists",
    "json_form",
    "metadata_of_lists",
    "restored_json",
    "restored_lists",
    "row_keys",
]

SEPARATOR = ", "


@dataclass(frozen=True)
class ListMetadata:
    """What is stored of a column of lists besides its cells.

    `blank` says whether a blank cell is an empty list; `odd` holds, by row key, the digest of a text and the
    lengths of its items (None: the row had no list).
    """

    blank: bool = True
    odd: dict[str, tuple[str, list[int] | None]] = field(default_factory=dict)


def row_keys(frame: pd.DataFrame) -> tuple[int | None, list[str]]:
    """Return what identifies the rows of a frame: its first column of unique texts, or their numbers."""
    for place in range(frame.shape[1]):
        column = frame.iloc[:, place]
        if isinstance(column.dtype, pd.StringDtype) and column.is_unique and not column.hasnans:
            return place, column.astype(object).tolist()
    return None, [str(number) for number in range(len(frame))]


def fits_lists(values: Sequence[Any]) -> bool:
    """Tell whether values are lists of text, and nothing else but missing ones."""
    found = {type(value) for value in values}
    if not found & {list, tuple} or not found <= {list, tuple, type(None), float}:
        return False
    return all(
        value != value if type(value) is float else all(isinstance(item, str) for item in value)
        for value in values
        if value
    )


def metadata_of_lists(
    values: Sequence[Any], keys: Sequence[str], before: ListMetadata | None = None
) -> ListMetadata | None:
    """Return the metadata of a column of lists of text, None if it is not such a column.

    `before` is what is remembered of rows that were there already; those with the same keys are others now.
    """
    if not fits_lists(values):
        return before
    blank = any(isinstance(value, list | tuple) and not value for value in values)
    if before is not None:
        blank = before.blank
    odd: dict[str, tuple[str, list[int] | None]] = {}
    for key, value in zip(keys, values, strict=True):
        if isinstance(value, list | tuple):
            text = SEPARATOR.join(value)
            if (_split(text) != list(value)) if text else (bool(value) or not blank):
                odd[key] = (_digest(text), [len(item) for item in value])
        elif blank:
            odd[key] = (_digest(""), None)
    kept = {} if before is None else before.odd
    given = set(keys)
    return ListMetadata(blank, {**{key: known for key, known in kept.items() if key not in given}, **odd})


def restored_lists(
    texts: Sequence[str | None], memory: ListMetadata, keys: Sequence[str] | None
) -> list[Any]:
    """Return a column of lists from its cells."""
    keys = keys or [str(number) for number in range(len(texts))]
    return [_list(text or "", memory, memory.odd.get(key)) for text, key in zip(texts, keys, strict=True)]


def _list(text: str, memory: ListMetadata, known: tuple[str, list[int] | None] | None) -> list[str] | None:
    if known is not None and known[0] == _digest(text):
        return None if known[1] is None else _cut(text, known[1])
    return _split(text) if text or memory.blank else None


def _split(text: str) -> list[str]:
    return text.split(SEPARATOR) if text else []


def _cut(text: str, lengths: Sequence[int]) -> list[str]:
    items, at = [], 0
    for length in lengths:
        items.append(text[at : at + length])
        at += length + len(SEPARATOR)
    return items


def _digest(text: str) -> str:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=6).hexdigest()


def json_form(values: Sequence[Any]) -> str | None:
    """Return whether a column holds "dict" or "dicts" (lists of them); None if its cells do not say all."""
    plain = [value for value in values if not missing(value)]
    single = all(isinstance(value, dict) for value in plain)
    dicts = plain if single else [item for value in plain if isinstance(value, list) for item in value]
    several = all(isinstance(value, list) for value in plain)
    if not dicts or not (single or several) or not all(isinstance(item, dict) for item in dicts):
        return None
    try:
        same = all(json.loads(json.dumps(item)) == item for item in dicts)
    except (TypeError, ValueError, RecursionError):
        return None
    return ("dict" if single else "dicts") if same else None


def restored_json(texts: Sequence[str | None], form: str | None) -> list[Any]:
    """Return a column of structures from their JSON; text that is not JSON any more stays text."""
    return [None if text is None else _structure(text, form) for text in texts]


def _structure(text: str, form: str | None) -> Any:
    try:
        # Lists of dicts are shown as their items joined by commas.
        return json.loads(text if form == "dict" else f"[{text}]")
    except (ValueError, RecursionError):
        return text
