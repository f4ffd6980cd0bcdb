"""One pure function per step: a frame in, a new frame out; `attrs` travel along."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from schedkit.errors import UsageError
from schedkit.report.definition import Shape
from schedkit.values.text import did_you_mean, one_line, safe_repr

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["resolve", "shape"]


def shape(frame: pd.DataFrame, step: Shape) -> pd.DataFrame:
    """Apply one step.

    Raises
    ------
    UsageError
        A column that the frame does not have (near matches are named), or an expression that fails.
    """
    name = step.chosen
    value = getattr(step, name)
    shaped = _STEPS[name](frame, value)
    shaped.attrs = dict(frame.attrs)
    return shaped


def _known(frame: pd.DataFrame, names: tuple[str, ...], step: str) -> list[str]:
    for name in names:
        if name not in frame.columns:
            raise UsageError(
                f"shape.{step}: there is no column {safe_repr(name)}", hint=did_you_mean(name, frame.columns)
            )
    return list(names)


def _select(frame: pd.DataFrame, names: tuple[str, ...]) -> pd.DataFrame:
    return frame[_known(frame, names, "select")]


def _drop(frame: pd.DataFrame, names: tuple[str, ...]) -> pd.DataFrame:
    return frame.drop(columns=_known(frame, names, "drop"))


def _rename(frame: pd.DataFrame, names: dict[str, str]) -> pd.DataFrame:
    _known(frame, tuple(names), "rename")
    return frame.rename(columns=names)


def _sort(frame: pd.DataFrame, names: tuple[str, ...]) -> pd.DataFrame:
    columns = _known(frame, tuple(name.removeprefix("-") for name in names), "sort")
    kinds = frame.attrs.get("fields", {})
    return frame.sort_values(
        columns,
        ascending=[not name.startswith("-") for name in names],
        key=lambda series: _by_number(series) if _is_key(kinds.get(series.name)) else series,
        kind="stable",
        ignore_index=True,
    )


def _is_key(field: dict[str, str] | None) -> bool:
    return field is not None and field.get("type") in ("issue key", "issue")


def _by_number(keys: pd.Series[str]) -> pd.Series[str]:
    """Make A-9 sort before A-10."""
    return keys.str.replace(r"\d+$", lambda match: match[0].zfill(12), regex=True)


def _where(frame: pd.DataFrame, expression: str) -> pd.DataFrame:
    kept: pd.DataFrame = _evaluated("where", expression, lambda: frame[_computed(frame, expression)])
    return kept.reset_index(drop=True)


def _derive(frame: pd.DataFrame, expressions: dict[str, str]) -> pd.DataFrame:
    derived = frame.copy()
    for name, expression in expressions.items():
        derived[name] = _evaluated("derive", expression, functools.partial(_computed, derived, expression))
    return derived


def _computed(frame: pd.DataFrame, expression: str) -> Any:
    """Return the value of an expression over the columns; moments compare with texts such as '2026-03-01'.

    pandas makes a moment without a time zone of such a text, which is in no order with moments that have one.
    """
    import pandas as pd

    work = functools.partial(pd.DataFrame.eval, expr=expression, engine="python", target=None)
    zoned = {
        place: frame.iloc[:, place].dt.tz_convert("UTC").dt.tz_localize(None)
        for place, dtype in enumerate(frame.dtypes)
        if isinstance(dtype, pd.DatetimeTZDtype)
    }
    if not zoned:
        return work(frame)
    walls = frame.copy()
    for place, wall in zoned.items():
        walls.isetitem(place, wall)
    try:
        found: Any = work(walls)
    except (TypeError, AttributeError):
        # The expression names a time zone itself.
        return work(frame)
    moments = isinstance(found, pd.Series) and pd.api.types.is_datetime64_any_dtype(found.dtype)
    return work(frame) if moments else found


def _evaluated(step: str, expression: str, work: Callable[[], Any]) -> Any:
    try:
        return work()
    except Exception as error:
        raise UsageError(
            f"shape.{step}: {safe_repr(expression)} fails: {one_line(str(error) or type(error).__name__)}",
            hint="put column names with spaces in `backticks`",
        ) from error


def _top(frame: pd.DataFrame, rows: int) -> pd.DataFrame:
    return frame.head(rows)


def _explode(frame: pd.DataFrame, name: str) -> pd.DataFrame:
    _known(frame, (name,), "explode")
    return frame.explode(name, ignore_index=True)


def _count_by(frame: pd.DataFrame, names: tuple[str, ...]) -> pd.DataFrame:
    columns = _known(frame, names, "count_by")
    return frame.groupby(columns, observed=True, dropna=False).size().rename("Count").reset_index()


def _call(frame: pd.DataFrame, target: str) -> pd.DataFrame:
    import pandas as pd

    result = resolve(target)(frame)
    if not isinstance(result, pd.DataFrame):
        raise UsageError(f"shape.call: {target} returned {type(result).__name__}", hint="return a DataFrame")
    return result


def resolve(target: str) -> Callable[..., Any]:
    """Return the function that ``module:function`` names.

    Raises
    ------
    UsageError
        The module or function does not exist.
    """
    module, _, name = target.partition(":")
    try:
        found = getattr(importlib.import_module(module), name)
    except Exception as error:  # the module's own code may raise anything while it is imported
        raise UsageError(
            f"cannot find {safe_repr(target)}: {type(error).__name__}: {one_line(str(error))}",
            hint="write `module:function`",
        ) from None
    if not callable(found):
        raise UsageError(f"{target!r} is not a function", hint="write `module:function`")
    return found  # type: ignore[no-any-return]


_STEPS: dict[str, Callable[[pd.DataFrame, Any], pd.DataFrame]] = {
    "select": _select,
    "drop": _drop,
    "rename": _rename,
    "sort": _sort,
    "where": _where,
    "derive": _derive,
    "top": _top,
    "explode": _explode,
    "count_by": _count_by,
    "call": _call,
}
