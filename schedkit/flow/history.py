"""What issues were at any instant: the values of a field in time, and issues as of then."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from schedkit.errors import UsageError
from schedkit.flow.frames import as_instant, naive, with_zone
from schedkit.flow.issue_history import History, history_of
from schedkit.flow.log import Ints, Log
from schedkit.flow.names import names_by_id, split_names
from schedkit.flow.statuses import stays_of
from schedkit.flow.steps import Objects, Steps, steps_of
from schedkit.values.keywords import check_keywords

__all__ = ["as_of", "spans"]


@check_keywords
def spans(
    changes: pd.DataFrame | History, field: str, issues: pd.DataFrame | None = None, *, until: Any = None
) -> pd.DataFrame:
    """Return the values of a field in time, one row for each value of each issue.

    Parameters
    ----------
    changes : DataFrame or History
        The changelog (`Jira.changelog`): Key, When, Field, From and To; with Field Id, From Id and To Id the
        ids decide instead of the names. A History has the issues, too.
    field : str
        A column's label, the site's name of the field, its id, or the name that histories use.
    issues : DataFrame, optional
        With Key and Created. Only then issues that never changed the field are there too, and the first
        value of each begins when it was created.
    until : Timestamp, optional
        Only what had begun by then, as it was then; as for `status_spans`.

    Returns
    -------
    DataFrame
        Key, Value, Value Id, From (missing where the beginning is unknown) and To (missing where the value
        is held), in order of issue and time. Sprints have a tuple of ids, since names may contain commas;
        versions, components, links and labels are tuples.

    Raises
    ------
    UsageError
        If the field does not exist, or several have that name.

    Examples
    --------
    >>> changes = pd.DataFrame({"Key": ["A-1"], "When": ["2026-03-02T10:00Z"], "Field": ["status"],
    ...                         "From": ["To Do"], "To": ["Done"]})
    >>> spans(changes, "Status")["Value"].tolist()
    ['To Do', 'Done']
    """
    whole = isinstance(changes, History) or issues is not None
    log = history_of(changes, issues).log if isinstance(changes, History) else Log(changes, issues)
    steps, values, ids, _ = _values(log, field)
    frame = pd.DataFrame(
        {
            "Key": log.issues["Key"].astype("str").array[steps.issue],
            "Value": _column(values),
            "Value Id": _column(ids),
            "From": with_zone(steps.entered),
            "To": with_zone(steps.left),
        }
    )
    if not whole:  # an issue that never changed the field has no value that the changes tell
        frame = frame[np.bincount(steps.issue)[steps.issue] > 1].reset_index(drop=True)
    if until is None:
        return frame
    end = as_instant(until)
    if whole:
        log.check_reach(end, steps.moved)
    frame = frame[frame["From"].isna() | (frame["From"] <= end)].reset_index(drop=True)
    return frame.assign(To=frame["To"].where(frame["To"] <= end))


def _values(log: Log, field: str) -> tuple[Steps, Objects, Objects, Objects | None]:
    """Return a field's steps, with the text and the id of each, and the category of a status."""
    if log.find(field).label.casefold() == "status":
        stays = stays_of(log)
        return stays.steps, stays.names, stays.ids, stays.categories
    steps = steps_of(log, field)
    return steps, steps.shown_texts(), steps.shown_ids(), None


def _column(values: Objects) -> pd.Series[Any]:
    """Return values as text, or as they are if they are tuples."""
    plain = not any(isinstance(value, tuple) for value in values)
    return pd.Series(values, dtype="str" if plain else object)


@check_keywords
def as_of(
    issues: pd.DataFrame | History,
    changes: pd.DataFrame | None = None,
    when: Any = None,
    fields: Sequence[str] | str | None = None,
) -> pd.DataFrame:
    """Return issues as they were at an instant.

    Parameters
    ----------
    issues : DataFrame or History
        With Key and Created, as they are now; or a History, which holds both frames.
    changes : DataFrame
        Their changelog, whole or, if `Jira.changelog` returned it, cut in time; as for `status_spans`.
    when : Timestamp
        The instant.
    fields : sequence of str, optional
        Which fields, by any name that `spans` takes; by default the columns of `issues` that `changes` tells
        of. A field that `issues` lack is empty where it never changed.

    Returns
    -------
    DataFrame
        One row for each issue that existed: Key, Created, and each field with its column's type. Beside it
        stands ``<field> Id`` (a tuple for sprints) where the changes tell ids; beside Status its category.

    Raises
    ------
    UsageError
        If `when` is not an instant, there is no such field, or the changes do not tell what was then.
    """
    if when is None:
        raise UsageError("as_of() needs when", hint='e.g. when="2026-03-01"')
    if isinstance(issues, History):
        log = history_of(issues, changes).log
    elif changes is None:
        raise UsageError("as_of() needs changes", hint="give the frame of Jira.changelog as changes")
    else:
        log = Log(changes, issues)
    end = as_instant(when)
    there = (with_zone(log.created) <= end).to_numpy()
    result = log.issues.loc[there, [*(["site"] if log.sites else []), "Key", "Created"]].reset_index(
        drop=True
    )
    for name in _told(log) if fields is None else [fields] if isinstance(fields, str) else fields:
        steps, values, ids, categories = _values(log, name)
        log.check_reach(end, steps.moved)
        begun = np.flatnonzero(np.isnat(steps.entered) | (steps.entered <= naive(end)))
        last = begun[np.diff(steps.issue[begun], append=-1) != 0]
        last = last[there[steps.issue[last]]]
        label = log.find(name).label
        result[label] = _as_before(label, log, steps, values, ids, last)
        if any(id is not None for id in ids):
            result[f"{label} Id"] = _column(ids[last])
        if categories is not None:
            result["Status Category"] = _column(categories[last])
    return result


def _told(log: Log) -> list[str]:
    """Return the columns of the issues of which there is a change."""
    labels = [str(label) for label in log.issues.columns if label not in ("Key", "Id", "Created", "site")]
    return [label for label in labels if any(rows.any() for rows in log.find(label).rows)]


def _as_before(
    label: str, log: Log, steps: Steps, values: Objects, ids: Objects, last: Ints
) -> pd.Series[Any]:
    """Return values as a column like that of the issues: of its type, its own cells where nothing changed."""
    then = values[last]
    if label not in log.issues:
        return _column(then)
    own = log.issues[label].iloc[steps.issue[last]].reset_index(drop=True)
    unmoved = np.bincount(steps.issue, minlength=len(log.issues))[steps.issue[last]] == 1
    if any(isinstance(cell, tuple | list) for cell in log.issues[label]):
        names = names_by_id(steps.ids, steps.texts, _present_names(label, log, steps))
        cells = [
            cell if same else value if isinstance(value, tuple) else split_names(value, id, names)
            for cell, same, value, id in zip(own, unmoved, then, ids[last], strict=True)
        ]
        return pd.Series(cells, dtype=object)
    before = _like(own, then)
    return before if isinstance(own.dtype, pd.CategoricalDtype) else before.where(~unmoved, own)


def _present_names(label: str, log: Log, steps: Steps) -> dict[str, str]:
    """Return the names that the issues' own lists give to the ids of their last change."""
    found: dict[str, str] = {}
    cells = log.issues[label].tolist()
    for place in steps.last:
        code, cell = steps.code[place], cells[steps.issue[place]]
        ids = steps.ids[code] if code >= 0 else None
        if not isinstance(cell, tuple) or not isinstance(ids, tuple) or len(cell) != len(ids):
            continue
        if ", ".join(cell) == steps.texts[code]:
            found |= dict(zip(ids, cell, strict=True))
    return found


def _like(own: pd.Series[Any], values: Objects) -> pd.Series[Any]:
    """Return texts of a history in the type of a column."""
    dtype = own.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        known = [str(name) for name in dtype.categories]
        gone = sorted({value for value in values if value is not None} - set(known))
        return pd.Series(pd.Categorical(values, categories=[*known, *gone], ordered=dtype.ordered))
    if pd.api.types.is_numeric_dtype(dtype):
        return pd.to_numeric(pd.Series(values, dtype="str"), errors="coerce").astype(dtype)
    if isinstance(dtype, pd.DatetimeTZDtype) or pd.api.types.is_datetime64_dtype(dtype):
        zoned = isinstance(dtype, pd.DatetimeTZDtype)
        texts = pd.Series(values, dtype="str")
        return pd.to_datetime(texts, errors="coerce", utc=zoned, format="mixed").astype(dtype)
    return _column(values)
