"""Which rows of a changelog are changes of a field."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from schedkit.errors import UsageError
from schedkit.values.system_fields import ELEMENT_FIELDS, HISTORY_NAMES, system_field
from schedkit.values.text import did_you_mean, safe_repr

__all__ = ["FieldRows", "find_field", "rows_of"]


@dataclass(frozen=True, slots=True, eq=False)
class FieldRows:
    """The changes of one field.

    Parameters
    ----------
    label : str
        The column of the issues, where there is one, else the name that was asked for.
    rows : tuple of array of bool
        Which rows of the changes; one for each field that the issues' column is read from.
    kind : str
        ``elements`` where a change names one element added or removed, ``sprint`` where ids are listed,
        ``labels`` where words are, else ``plain``.
    """

    label: str
    rows: tuple[npt.NDArray[np.bool_], ...]
    kind: str


def find_field(
    field: str, issues: pd.DataFrame, changes: pd.DataFrame, described: Sequence[tuple[str, dict[str, Any]]]
) -> FieldRows:
    """Return the rows of a field known by a column's label, the site's name, its id or a history's name.

    Raises
    ------
    UsageError
        If nothing is called so, or two custom fields are.
    """
    if not isinstance(field, str) or not field.strip():
        raise UsageError(f"expected the name of a field, got {safe_repr(field)}")
    about = _described(field, described)
    column = _column(field, about, issues)
    ids = _ids(field, about, changes)
    rows = tuple(rows_of(id, field, changes) for id in ids)
    if not any(mask.any() for mask in rows) and column is None and about is None and not system_field(field):
        names = [*map(str, issues.columns), *changes["Field"].astype("str").unique()]
        raise UsageError(
            f"neither issues nor changes have a field {field!r}", hint=did_you_mean(field, names)
        )
    return FieldRows(column or field, rows, _kind(field, ids, about))


def _described(
    field: str, described: Sequence[tuple[str, dict[str, Any]]]
) -> tuple[str, dict[str, Any]] | None:
    """Return the label of a field and what the frames' attrs say about it."""
    fold = field.strip().casefold()
    for label, about in described:
        # A status category has the field id of the status; asked for by id, it is the status.
        if label.casefold() == fold or (about["id"] == field and about.get("type") != "status category"):
            return label, about
    return None


def _column(field: str, about: tuple[str, Any] | None, issues: pd.DataFrame) -> str | None:
    if about and about[0] in issues:
        return about[0]
    fold = field.strip().casefold()
    by_fold = {str(column).casefold(): str(column) for column in issues.columns}
    if fold in by_fold:
        return by_fold[fold]
    id = system_field(field)
    return next((name for fold, name in by_fold.items() if id and system_field(fold) == id), None)


def _ids(field: str, about: tuple[str, Any] | None, changes: pd.DataFrame) -> list[str]:
    if about:
        return [about[1]["id"], *about[1].get("also", ())]
    if id := system_field(field):
        return [id]
    if "Field Id" not in changes:
        return [field]
    if _where(changes["Field Id"], lambda id: id == field).any():
        return [field]
    fold = field.strip().casefold()
    named = _where(changes["Field"], lambda name: name.casefold() == fold)
    found = sorted(changes["Field Id"][named].dropna().astype(str).unique())
    # A history's own word for a system field is never that of a custom field.
    system = [id for id in found if not id.startswith("customfield_")]
    if len(system or found) > 1:
        raise UsageError(f"{len(found)} fields are called {field!r}", hint=f"give one of {', '.join(found)}")
    return system or found or [field]


def rows_of(id: str, field: str, changes: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """Return which changes are of the field of an id; `field` is its name."""
    names = {id.rpartition("/")[2].casefold(), *(name for name, of in HISTORY_NAMES.items() if of == id)}
    custom = system_field(id) is None
    if custom:
        names.add(field.strip().casefold())
    named = _where(changes["Field"], lambda name: name.casefold() in names)
    if "Field Id" not in changes:
        return named
    site, _, own = id.rpartition("/")
    rows = _where(changes["Field Id"], lambda known: known == own)
    if site:
        rows &= _where(changes["site"], lambda known: known == site)
    # Without an id the site did not say which of several custom fields of that name it was.
    return rows | (named & changes["Field Id"].isna().to_numpy()) if custom else rows


def _where(column: pd.Series[Any], test: Callable[[str], bool]) -> npt.NDArray[np.bool_]:
    """Return which cells pass a test, made once for each of the few different texts."""
    if not isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype("category")
    passed = np.array([*(test(str(text)) for text in column.cat.categories), False], dtype=bool)
    return np.asarray(passed[column.cat.codes.to_numpy()], dtype=bool)


def _kind(field: str, ids: list[str], about: tuple[str, Any] | None) -> str:
    if ids[0] in ELEMENT_FIELDS:
        return "elements"
    if ids[0] == "labels":
        return "labels"
    sprint = field.strip().casefold() == "sprint" or (about and about[1].get("type") == "sprint")
    return "sprint" if sprint else "plain"
