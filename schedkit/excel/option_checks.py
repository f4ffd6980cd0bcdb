"""Options of `write` that are about more than one column: what they may be, and which fit together."""

from __future__ import annotations

from typing import get_args

import pandas as pd

from schedkit.errors import WorkbookError
from schedkit.excel.column_types import Infinite
from schedkit.excel.frames.flat_files import WRITERS
from schedkit.excel.template.template import Missing, Mode
from schedkit.values.scalars import number_of
from schedkit.values.text import did_you_mean, safe_repr

__all__ = ["check_history", "check_mode", "check_values"]

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
    wrong = [name for name in key if not isinstance(name, str)]
    if wrong:
        raise WorkbookError(f"key={safe_repr(wrong[0])} is not a column's name", hint='e.g. key="Key"')
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


def check_values(*, inf: object, max_drop: object, **texts: object) -> None:
    """Refuse values that the options of these names cannot have.

    Raises
    ------
    WorkbookError
        If there is one.
    """
    if inf not in get_args(Infinite):
        raise WorkbookError(f"unknown inf={safe_repr(inf)}", hint=did_you_mean(str(inf), get_args(Infinite)))
    share = number_of(max_drop)
    if share is None or not 0 <= share <= 1:
        raise WorkbookError(
            f"max_drop={safe_repr(max_drop)} is not a share of rows", hint="e.g. max_drop=0.5"
        )
    for name, text in texts.items():
        if text is not None and not isinstance(text, str):
            raise WorkbookError(f"{name}={safe_repr(text)} is not a text", hint=f'e.g. {name}="Open bugs"')


def check_history(history: object) -> None:
    """Refuse a history without the columns that the Summary's flow is counted from.

    Raises
    ------
    WorkbookError
        If it lacks one.
    """
    columns = set(history.columns) if isinstance(history, pd.DataFrame) else set()
    if history is not None and not columns.issuperset(_HISTORY):
        raise WorkbookError(
            "history: the frame does not have the columns Key, At and Status Category",
            hint="give the status changes of the issues, one a row",
        )
