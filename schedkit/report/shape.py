"""Carry out the steps of a report: each makes a new frame, and `attrs` travel along."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from schedkit.errors import SchedkitError, UsageError
from schedkit.report.expressions import evaluate
from schedkit.report.frames import Frames, columns_of, stacked
from schedkit.report.functions import resolve
from schedkit.report.metrics import metrics
from schedkit.report.reshape import count_by, group, join, pivot
from schedkit.report.steps import Call, Join, Metrics, Shape, step_of
from schedkit.values.text import one_line, safe_repr

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["shape", "shape_frames"]


def shape(frame: pd.DataFrame, step: Shape) -> pd.DataFrame:
    """Apply one step to a frame.

    Raises
    ------
    UsageError
        A column or frame that is not there (near matches are named), or an expression that fails.
    """
    return shape_frames(Frames(frame), step).current


def shape_frames(frames: Frames, step: Shape) -> Frames:
    """Apply one step, which may use or name other frames."""
    name, value = step.chosen, step.value
    if name == "save":
        return frames.saved(value)
    if name == "use":
        return frames.now(frames.get(value, "shape.use"))
    frame = frames.current
    if name == "call":
        shaped = _call(frames, value)
    elif name in _STEPS or name in _WITH_OTHERS:
        shaped = _shaped(frames, name, value)
    else:
        shaped = _frame_of(step_of(name)(frame.copy(), **_options(value)), f"shape.{name}")
    if name != "stack":
        shaped.attrs = {**shaped.attrs, **frame.attrs}
    return frames.now(shaped)


def _shaped(frames: Frames, name: str, value: Any) -> pd.DataFrame:
    try:
        return _STEPS[name](frames.current, value) if name in _STEPS else _WITH_OTHERS[name](frames, value)
    except SchedkitError:
        raise
    except Exception as error:  # pandas raises what its code meets: values that have no order, lists as keys
        raise UsageError(
            f"shape.{name}: {one_line(f'{type(error).__name__}: {error}')}",
            hint="look at the types of these columns",
        ) from error


def _options(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {} if value is None else {"value": value}


def _columns(frame: pd.DataFrame, names: tuple[str, ...]) -> pd.DataFrame:
    return frame[columns_of(frame, names, "shape.columns")]


def _drop(frame: pd.DataFrame, names: tuple[str, ...]) -> pd.DataFrame:
    return frame.drop(columns=columns_of(frame, names, "shape.drop"))


def _rename(frame: pd.DataFrame, names: dict[str, str]) -> pd.DataFrame:
    columns_of(frame, names, "shape.rename")
    return frame.rename(columns=names)


def _sort(frame: pd.DataFrame, names: tuple[str, ...]) -> pd.DataFrame:
    columns = columns_of(frame, (name.removeprefix("-") for name in names), "shape.sort")
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


def _filter(frame: pd.DataFrame, expression: str) -> pd.DataFrame:
    kept = evaluate(frame, expression, "shape.filter")
    if getattr(kept, "dtype", None) is None or kept.dtype.kind != "b" or len(kept) != len(frame):
        raise UsageError(
            f"shape.filter: {safe_repr(expression)} is not true or false for each row",
            hint="compare a column, e.g. Points > 3",
        )
    held: pd.DataFrame = frame[kept.fillna(False)].reset_index(drop=True)
    return held


def _derive(frame: pd.DataFrame, expressions: dict[str, str]) -> pd.DataFrame:
    derived = frame.copy()
    for name, expression in expressions.items():
        derived[name] = evaluate(derived, expression, "shape.derive")
    return derived


def _top(frame: pd.DataFrame, rows: int) -> pd.DataFrame:
    return frame.head(rows)


def _explode(frame: pd.DataFrame, name: str) -> pd.DataFrame:
    columns_of(frame, (name,), "shape.explode")
    return frame.explode(name, ignore_index=True)


def _stack(frames: Frames, names: tuple[str, ...]) -> pd.DataFrame:
    return stacked([frames.current, *(frames.get(name, "shape.stack") for name in names)])


def _join(frames: Frames, how: Join) -> pd.DataFrame:
    return join(frames.current, frames.get(how.with_, "shape.join"), how)


def _metrics(frames: Frames, which: Metrics) -> pd.DataFrame:
    return metrics(frames, which.function, which.options, which.add)


def _call(frames: Frames, call: Call) -> pd.DataFrame:
    others = {name: frames.get(name, "shape.call") for name in call.frames}
    result = resolve(call.function)(frames.current, **others, **call.arguments)
    return _frame_of(result, f"shape.call: {call.function}")


def _frame_of(result: Any, what: str) -> pd.DataFrame:
    import pandas as pd

    if not isinstance(result, pd.DataFrame):
        raise UsageError(f"{what} returned {type(result).__name__}", hint="return a DataFrame")
    return result


_STEPS: dict[str, Callable[[pd.DataFrame, Any], pd.DataFrame]] = {
    "columns": _columns,
    "drop": _drop,
    "rename": _rename,
    "sort": _sort,
    "filter": _filter,
    "derive": _derive,
    "top": _top,
    "explode": _explode,
    "count_by": count_by,
    "group": group,
    "pivot": pivot,
}
_WITH_OTHERS: dict[str, Callable[[Frames, Any], pd.DataFrame]] = {
    "join": _join,
    "stack": _stack,
    "metrics": _metrics,
}
