"""What people pass to the public calls, checked once and said in one sentence."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from typing import Any

from schedkit.confluence.tables.rules import MISSING, Rules, header
from schedkit.errors import UsageError
from schedkit.values.durations import parse_duration
from schedkit.values.mappings import plain_mapping
from schedkit.values.parsers import share
from schedkit.values.scalars import flag_of, plain_text, whole_number_of
from schedkit.values.text import clean, did_you_mean, safe_repr

__all__ = ["a_flag", "a_mapping", "a_number", "a_share", "a_text", "labels", "rules", "seconds", "sendable"]


def rules(
    *,
    key: Any = None,
    keep: Any = (),
    drop: Any = (),
    columns: Any = None,
    missing: Any = None,
    cap: Any = 500,
    workbook: Any = None,
    min_rows: Any = 1,
    max_drop: Any = 0.5,
    today: str = "",
) -> Rules:
    """Return the rules that the arguments give.

    Raises
    ------
    UsageError
        If one is of another kind, or they contradict each other.
    """
    if missing is not None and not _is_among(missing, MISSING):
        raise UsageError(
            f"unknown missing={safe_repr(missing)}",
            hint=did_you_mean(missing, MISSING, otherwise=f"write one of {', '.join(MISSING)}"),
        )
    if missing in ("mark", "archive") and key is None:
        raise UsageError(
            f'missing="{missing}" needs a key: without one, rows are matched by position',
            hint='write key="Key"',
        )
    keys = () if key is None else key_columns(key)
    kept = tuple(map(header, labels(keep, "keep")))
    dropped = tuple(map(header, labels(drop, "drop")))
    for what, names in (("kept as people left it", kept), ("dropped", dropped)):
        for name in set(names) & set(keys):
            raise UsageError(f"the key column {name!r} cannot be {what}", hint="rows are matched by it")
    return Rules(
        key=None if key is None else (keys[0] if len(keys) == 1 else keys),
        keep=kept,
        drop=dropped,
        missing=missing,
        cap=None if cap is None else a_number(cap, "cap"),
        workbook=None if workbook is None else a_text(workbook, "workbook"),
        columns="own" if columns is None else "given",
        min_rows=a_number(min_rows, "min_rows"),
        max_drop=a_share(max_drop, "max_drop"),
        today=today,
    )


def _is_among(value: Any, names: tuple[str, ...]) -> bool:
    return isinstance(value, str) and value in names


def key_columns(key: Any) -> tuple[str, ...]:
    """Return the names of the key columns as they read on the page."""
    names = tuple(map(header, labels(key, "key")))
    if not names or not all(names):
        raise UsageError(
            f"key={safe_repr(key)} names no column", hint='write key="Key" or key=["Team", "Week"]'
        )
    return names


def labels(value: Any, name: str) -> list[Any]:
    """Return the labels of one column or several as a list."""
    if isinstance(value, str) or whole_number_of(value) is not None:
        return [value]
    if isinstance(value, bytes | Mapping) or not isinstance(value, Iterable):
        raise UsageError(
            f"{name}={safe_repr(value, 60)} is not a list of columns", hint=f'write {name}=["Comment"]'
        )
    listed = list(value)
    for label in listed:
        if not isinstance(label, Hashable):
            raise UsageError(
                f"{name}= lists {safe_repr(label, 60)}, which names no column",
                hint=f'write {name}=["Comment"]',
            )
    return listed


def a_text(value: Any, name: str) -> str:
    """Return a text that is not empty."""
    if not isinstance(value, str) or not value.strip():
        raise UsageError(f"{name}={safe_repr(value, 60)} is not a text", hint=f"give {name}= a string")
    return sendable(plain_text(value), name)


def sendable(value: str, name: str) -> str:
    """Return a text that UTF-8 can hold.

    Raises
    ------
    UsageError
        If it holds half of a surrogate pair, as text that was cut by bytes does.
    """
    if clean(value) != value.replace("\x00", "\ufffd"):
        raise UsageError(
            f"{name}={safe_repr(value, 60)} holds half of a character",
            hint="read or cut it as text, not as bytes",
        )
    return value


def a_number(value: Any, name: str, least: int = 0) -> int:
    """Return a whole number of at least `least`."""
    number = whole_number_of(value)
    if number is None or number < least:
        raise UsageError(
            f"{name}={safe_repr(value, 60)} is not a whole number of at least {least}",
            hint=f"write e.g. {name}={max(least, 10)}",
        )
    return number


def a_share(value: Any, name: str) -> float | None:
    """Return a share, 0.5 or "50%"; None if there is no limit."""
    return None if value is None else share(value, name)


def a_flag(value: Any, name: str) -> bool:
    """Return True or False."""
    found = flag_of(value)
    if found is None:
        raise UsageError(f"{name}={safe_repr(value, 60)} is not True or False", hint=f"write {name}=True")
    return found


def seconds(value: Any, name: str) -> float:
    """Return a length of time in seconds."""
    found = parse_duration(value, name)
    if found < 0:
        raise UsageError(f"{name}={safe_repr(value, 60)} is negative", hint=f"write e.g. {name}='1m'")
    return found


def a_mapping(value: Any, name: str, example: str, kinds: tuple[type, ...] = (str,)) -> Mapping[Any, Any]:
    """Return a mapping whose values are of some kinds."""
    value = plain_mapping(value)
    wrong = not isinstance(value, Mapping) or not all(isinstance(each, kinds) for each in value.values())
    if wrong:
        raise UsageError(
            f"{name}={safe_repr(value, 60)} is not a mapping of the expected form",
            hint=f"write {name}={example}",
        )
    return dict(value)
