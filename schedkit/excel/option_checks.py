"""Options of `write` that are about more than one column: what they may be, and which fit together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, get_args

import pandas as pd

from schedkit.errors import UsageError, WorkbookError
from schedkit.excel.column_types import Infinite
from schedkit.excel.frames.flat_files import WRITERS
from schedkit.excel.new_workbook.status_history import CHANGELOG
from schedkit.excel.template.template import Missing, Mode
from schedkit.values.parsers import share
from schedkit.values.scalars import whole_number_of
from schedkit.values.text import did_you_mean, label_text, safe_repr

__all__ = ["check_history", "check_mode", "check_values", "key_columns", "share_of_rows"]

_HISTORY = ("Key", "At", "Status Category")


def check_mode(suffix: str, template: object, mode: Mode, key: tuple[str, ...], missing: Missing) -> None:
    """Refuse a mode, a key and rows to be treated as missing that do not fit together.

    Raises
    ------
    WorkbookError
        If they do not.
    """
    if mode not in ("replace", "append", "upsert"):
        raise WorkbookError(
            f"unknown mode {safe_repr(mode)}", hint=did_you_mean(mode, ("replace", "append", "upsert"))
        )
    if missing not in ("keep", "mark", "delete"):
        raise WorkbookError(
            f"unknown missing={safe_repr(missing)}", hint=did_you_mean(missing, ("keep", "mark", "delete"))
        )
    if mode == "upsert" and not key:
        raise WorkbookError('mode="upsert" needs a key', hint='e.g. mode="upsert", key="Key"')
    if mode == "append" and key:
        raise WorkbookError('mode="append" has no key', hint='to update rows, write with mode="upsert"')
    if missing != "keep" and mode != "upsert":
        raise WorkbookError(
            f'missing="{missing}" needs mode="upsert"', hint='e.g. mode="upsert", key="Key", missing="mark"'
        )
    if suffix in WRITERS and (template is not None or mode != "replace" or key):
        raise WorkbookError(f"a {suffix} file has no template to fill", hint="write an .xlsx")


def check_values(*, inf: object, **texts: object) -> None:
    """Refuse values that the options of these names cannot have.

    Raises
    ------
    WorkbookError
        If there is one.
    """
    if inf not in get_args(Infinite):
        raise WorkbookError(f"unknown inf={safe_repr(inf)}", hint=did_you_mean(str(inf), get_args(Infinite)))
    for name, text in texts.items():
        if text is not None and not isinstance(text, str):
            raise WorkbookError(f"{name}={safe_repr(text)} is not a text", hint=f'e.g. {name}="Open bugs"')


def key_columns(key: Any) -> tuple[str, ...]:
    """Return the headers of the key columns.

    Raises
    ------
    WorkbookError
        If one is not the label of a column.
    """
    if key is None:
        return ()
    single = isinstance(key, str) or whole_number_of(key) is not None
    if not single and (not isinstance(key, Iterable) or isinstance(key, bytes | Mapping)):
        raise WorkbookError(f"key={safe_repr(key)} is not a column's name", hint='e.g. key="Key"')
    labels = [key] if single else list(key)
    for label in labels:
        if not isinstance(label, str) and whole_number_of(label) is None:
            raise WorkbookError(f"key={safe_repr(label)} is not a column's name", hint='e.g. key="Key"')
    return tuple(map(label_text, labels))


def share_of_rows(max_drop: Any) -> float:
    """Return which share of the rows may be missing, 0.5 or "50%"; None is all of them.

    Raises
    ------
    WorkbookError
        If it is not a share.
    """
    try:
        return 1.0 if max_drop is None else share(max_drop, "max_drop")
    except UsageError as error:
        raise WorkbookError(error.message, hint=error.hint) from None


def check_history(history: object) -> None:
    """Refuse a history without the columns that the Summary's flow is counted from.

    Raises
    ------
    WorkbookError
        If it lacks one.
    """
    columns = set(history.columns) if isinstance(history, pd.DataFrame) else set()
    if history is not None and not (columns.issuperset(_HISTORY) or columns.issuperset(CHANGELOG)):
        raise WorkbookError(
            "history: the frame is not a changelog, nor has it the columns Key, At and Status Category",
            hint="give what jira.changelog returned, or the status changes of the issues, one a row",
        )
