"""Checks that must hold before anything is delivered, in reports and in Python."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from schedkit.errors import CheckError, UsageError
from schedkit.report.expressions import evaluate
from schedkit.report.models import OneOf, Share, SomeNames
from schedkit.values.extraction import incomplete
from schedkit.values.keywords import check_keywords
from schedkit.values.parsers import share, whole_number
from schedkit.values.text import did_you_mean, safe_repr

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Check", "check", "expect"]

# A share of few rows says little: from so many on it is judged.
_JUDGED_FROM = 10


class Check(OneOf):
    """One thing that must hold before anything is delivered."""

    modifiers: ClassVar[frozenset[str]] = frozenset({"frame"})

    min_rows: Annotated[int, Field(ge=0)] | None = None
    """The fewest rows."""
    max_rows: Annotated[int, Field(ge=0)] | None = None
    """The most rows."""
    max_drop: Share | None = None
    """The share of the rows of the last good run that may be fewer, such as 50%; judged from 10 rows up."""
    unique: SomeNames | None = None
    """Columns whose values, together, no two rows share."""
    not_null: SomeNames | None = None
    """Columns that have a value in every row."""
    complete: Literal[True] | None = None
    """No site and no issue is missing."""
    expect: str | dict[str, str] | None = None
    """What is true of every row, an expression such as Points >= 0; or several, name: expression."""
    frame: str | None = None
    """The frame that is checked, by name; by default what the last step made."""

    @model_validator(mode="after")
    def _compares_what_is_known(self) -> Self:
        if self.max_drop is not None and self.frame is not None:
            raise ValueError("max_drop compares the rows that the report ends with: leave frame out")
        return self


def check(frame: pd.DataFrame, rule: Check, previous: int | None = None) -> None:
    """Raise `CheckError` unless `rule` holds for `frame`.

    Parameters
    ----------
    previous : int, optional
        How many rows the last good run had.
    """
    _RULES[rule.chosen](frame, rule.value, previous)


@check_keywords
def expect(
    df: pd.DataFrame,
    condition: str | Mapping[str, str] | None = None,
    *,
    min_rows: int | None = None,
    max_rows: int | None = None,
    max_drop: str | float | None = None,
    previous: pd.DataFrame | int | None = None,
    unique: str | Sequence[str] | None = None,
    not_null: str | Sequence[str] | None = None,
    complete: bool = False,
) -> pd.DataFrame:
    """Return a frame for which all this holds; the guards of reports, for tasks in Python.

    Parameters
    ----------
    df : DataFrame
        The rows.
    condition : str or mapping of name to str, optional
        What is true of every row: an expression of pandas over its columns.
    min_rows, max_rows : int, optional
        The fewest and the most rows.
    max_drop : str or float, optional
        The share of the rows of `previous` that may be fewer: ``"50%"`` or 0.5; judged from 10 rows up.
    previous : DataFrame or int, optional
        The rows of the last good run, such as ``my_task.latest()``, or their number; None: there was none.
    unique : str or sequence of str, optional
        Columns whose values, together, no two rows share.
    not_null : str or sequence of str, optional
        Columns that have a value in every row.
    complete : bool
        Whether no site and no issue of its extraction may be missing.

    Raises
    ------
    CheckError
        If something does not hold.
    UsageError
        If a condition fails, or a number is none.

    Examples
    --------
    >>> import pandas as pd
    >>> df = pd.DataFrame({"Key": ["A-1", "A-2"], "Points": [3, -1]})
    >>> expect(df, "Points >= 0", unique="Key")
    Traceback (most recent call last):
    schedkit.errors.CheckError: check.expect: 'Points >= 0' does not hold for 1 of 2 rows, e.g. Key A-2
    """
    import pandas as pd

    if not isinstance(df, pd.DataFrame):
        raise UsageError(f"expected a DataFrame, got {type(df).__name__}", hint="give a DataFrame")
    rules: dict[str, Any] = {
        "complete": complete or None,
        "min_rows": None if min_rows is None else whole_number(0)(min_rows, "min_rows"),
        "max_rows": None if max_rows is None else whole_number(0)(max_rows, "max_rows"),
        "max_drop": None if max_drop is None else share(max_drop, "max_drop"),
        "unique": _names(unique),
        "not_null": _names(not_null),
        "expect": condition,
    }
    before = len(previous) if isinstance(previous, pd.DataFrame) else previous
    for name, value in rules.items():
        if value is not None:
            _RULES[name](df, value, before)
    return df


def _names(given: str | Sequence[str] | None) -> tuple[str, ...] | None:
    return None if given is None else (given,) if isinstance(given, str) else tuple(given)


def _min_rows(frame: pd.DataFrame, least: int, _: int | None) -> None:
    if len(frame) < least:
        raise CheckError(f"check.min_rows: {len(frame)} rows, at least {least} expected")


def _max_rows(frame: pd.DataFrame, most: int, _: int | None) -> None:
    if len(frame) > most:
        raise CheckError(f"check.max_rows: {len(frame)} rows, at most {most} expected")


def _max_drop(frame: pd.DataFrame, most: float, previous: int | None) -> None:
    if previous is None or previous < _JUDGED_FROM:
        return
    lost = previous - len(frame)
    if lost > most * previous:
        raise CheckError(
            f"check.max_drop: {len(frame)} rows, the last good run had {previous}: "
            f"{lost / previous:.0%} fewer, at most {most:.0%} expected",
            hint="if that is right, run it once with a larger max_drop",
        )


def _unique(frame: pd.DataFrame, columns: tuple[str, ...], _: int | None) -> None:
    _must_have(frame, columns, "unique")
    repeated = frame.duplicated(list(columns))
    if repeated.any():
        example = frame.loc[repeated, list(columns)].iloc[0].tolist()
        raise CheckError(f"check.unique: {int(repeated.sum())} rows repeat {list(columns)}, e.g. {example}")


def _not_null(frame: pd.DataFrame, columns: tuple[str, ...], _: int | None) -> None:
    _must_have(frame, columns, "not_null")
    for column in columns:
        empty = frame[column].isna()
        if empty.any():
            example = _example(frame[empty])
            raise CheckError(
                f"check.not_null: {int(empty.sum())} of {len(frame)} rows have no {column!r}{example}"
            )


def _complete(frame: pd.DataFrame, _wanted: bool, _: int | None) -> None:
    report = frame.attrs.get("extraction")
    if not isinstance(report, Mapping) or not isinstance(report.get("complete"), bool):
        raise CheckError("check.complete: the frame has no record of its extraction")
    why = incomplete(frame.attrs)
    if why:
        raise CheckError(f"check.complete: {why}")


def _expect(frame: pd.DataFrame, conditions: str | Mapping[str, str], _: int | None) -> None:
    import pandas as pd

    named = {"": conditions} if isinstance(conditions, str) else conditions
    for name, condition in named.items():
        held = evaluate(frame, condition, "check.expect")
        if not isinstance(held, pd.Series):
            held = pd.Series([bool(held)] * max(len(frame), 1))
        broken = ~held.astype("boolean").fillna(False).to_numpy(dtype=bool)
        if broken.any():
            what = name or safe_repr(condition)
            example = _example(frame[broken]) if len(frame) else ""
            raise CheckError(
                f"check.expect: {what} does not hold for {int(broken.sum())} of {len(frame)} rows{example}"
            )


def _example(rows: pd.DataFrame) -> str:
    """Return which of the rows is the first, where they have keys."""
    return f", e.g. Key {rows['Key'].iloc[0]}" if "Key" in rows.columns and len(rows) else ""


def _must_have(frame: pd.DataFrame, columns: Sequence[str], rule: str) -> None:
    for name in columns:
        if name not in frame.columns:
            raise CheckError(
                f"check.{rule}: there is no column {name!r}", hint=did_you_mean(name, frame.columns)
            )


_RULES: dict[str, Any] = {
    "min_rows": _min_rows,
    "max_rows": _max_rows,
    "max_drop": _max_drop,
    "unique": _unique,
    "not_null": _not_null,
    "complete": _complete,
    "expect": _expect,
}
