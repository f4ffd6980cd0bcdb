"""Figures of the flow of work: the functions of `schedkit.flow`, by name."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from schedkit.errors import UsageError
from schedkit.report.frames import Frames, columns_of
from schedkit.values.options import refuse_unknown
from schedkit.values.text import did_you_mean, safe_repr

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["check_metric", "metric_names", "metrics"]

# The argument of the functions that takes a changelog.
_CHANGES = "changes"
# Frames that are never the present one.
_OTHERS = ("sprints",)
# What takes frames and returns none; `deliver: metrics` has the pack.
_NO_FRAME = ("pack", "plot")


def metric_names() -> list[str]:
    """Return the names of the functions of `schedkit.flow` that take frames and return one."""
    from schedkit import flow

    return [name for name in flow.__all__ if name not in _NO_FRAME and _takes_frames(getattr(flow, name))]


def _takes_frames(thing: Any) -> bool:
    return inspect.isfunction(thing) and bool(_frame_arguments(thing))


def _frame_arguments(function: Any) -> dict[str, bool]:
    """Return the arguments that take frames, and whether they must be given.

    In Python the changelog may be left out where a History is given; a report has none.
    """
    return {
        name: argument.default is inspect.Parameter.empty or name == _CHANGES
        for name, argument in inspect.signature(function).parameters.items()
        if "DataFrame" in str(argument.annotation)
    }


def check_metric(name: str, options: Mapping[str, Any]) -> None:
    """Refuse a function that is not there, or an option it does not have.

    Raises
    ------
    UsageError
        With near matches.
    """
    from schedkit import flow

    if name not in metric_names():
        raise UsageError(
            f"there is no function {safe_repr(name)} in schedkit.flow",
            hint=did_you_mean(name, metric_names()),
        )
    known = inspect.signature(getattr(flow, name)).parameters
    refuse_unknown([each for each in options if each not in known], known, f"metrics.{name}")


def metrics(
    frames: Frames, name: str, options: Mapping[str, Any], add: tuple[str, ...] | None
) -> pd.DataFrame:
    """Return the figures of the present frame, or its rows with some of them.

    Parameters
    ----------
    name : str
        The function.
    add : tuple of str, optional
        The columns of its result that are added to the rows, by Key.

    Raises
    ------
    UsageError
        As the function raises it, or if there is no changelog.
    """
    from schedkit import flow

    what = f"shape.metrics: {name}"
    function = getattr(flow, name)
    given = dict(options)
    if isinstance(given.get("calendar"), Mapping):
        given["calendar"] = flow.WorkingHours(**given["calendar"])
    for argument, needed in _frame_arguments(function).items():
        if isinstance(given.get(argument), str):
            given[argument] = frames.get(given[argument], f"{what}: {argument}")
        elif argument == _CHANGES:
            given[argument] = _changelog(frames, what)
        elif needed and argument in _OTHERS:
            raise UsageError(
                f"{what}: {argument} are missing", hint=f"write {argument}: the name of a frame of them"
            )
        elif needed:
            given[argument] = frames.current
    found = _flat(function(**given))
    return found if add is None else _added(frames.current, found, add, what)


def _changelog(frames: Frames, what: str) -> pd.DataFrame:
    if len(frames.changelogs) != 1:
        problem = "there is no changelog" if not frames.changelogs else "there are several changelogs"
        raise UsageError(f"{what}: {problem}", hint="write changes: the name of an extraction of a changelog")
    return frames.named[frames.changelogs[0]]


def _flat(result: Any) -> pd.DataFrame:
    """Return figures as a frame without an index, which a workbook and a page can show."""
    import pandas as pd

    frame: pd.DataFrame = result.to_frame() if isinstance(result, pd.Series) else result.copy()
    told = {name: value for name, value in frame.attrs.items() if name != "warnings" or value}
    if isinstance(frame.index, pd.PeriodIndex):
        frame.index = frame.index.to_timestamp()
    if not isinstance(frame.index, pd.RangeIndex):
        if frame.index.name is None:
            frame.index.name = "Period" if isinstance(frame.index, pd.DatetimeIndex) else "Name"
        frame = frame.reset_index()
    frame.columns = pd.Index([str(column) for column in frame.columns], dtype=object)
    frame.attrs = told
    return frame


def _added(rows: pd.DataFrame, found: pd.DataFrame, names: tuple[str, ...], what: str) -> pd.DataFrame:
    columns_of(rows, ["Key"], what)
    columns_of(found, ["Key", *names], what)
    if found["Key"].duplicated().any():
        raise UsageError(
            f"{what}: several rows for one issue cannot be added", hint="leave add: out, or group them first"
        )
    by_key = found.set_index("Key")
    made = rows.copy()
    for name in names:
        made[name] = made["Key"].map(by_key[name])
    return made
