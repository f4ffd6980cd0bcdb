"""A changelog as the changes of status that a Summary counts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from schedkit.errors import WorkbookError
from schedkit.values.text import safe_repr

__all__ = ["CHANGELOG", "status_history"]

# The columns of `Jira.changelog` that are needed.
CHANGELOG = ("Key", "When", "Field", "To")


def status_history(history: pd.DataFrame, attrs: Mapping[Any, Any]) -> pd.DataFrame:
    """Return changes of status: Key, At and Status Category.

    Parameters
    ----------
    history : DataFrame
        Such a frame already, or a changelog, which may hold changes of all fields.
    attrs : mapping
        Of the issues. The site's statuses by id (``attrs["statuses"]``) are there or in those of `history`.

    Raises
    ------
    WorkbookError
        If the category of a status is not known: its issues would be counted in the one before.
    """
    if "Status Category" in history:
        return history
    which = history["Field"].astype("str").str.casefold() == "status"
    if "Field Id" in history:
        which |= history["Field Id"].astype("str") == "status"
    changes = history[which]
    statuses = {**(attrs.get("statuses") or {}), **(history.attrs.get("statuses") or {})}
    known = {id: about for id, about in statuses.items() if isinstance(about, Mapping)}
    by_name = {about.get("name"): about.get("category") for about in known.values()}
    by_id = {str(id): about.get("category") for id, about in known.items()}
    category = changes["To"].astype(object).map(by_name)
    if "To Id" in changes:
        category = changes["To Id"].astype(object).map(by_id).fillna(category)
    if category.isna().any():
        status = changes["To"][category.isna()].iloc[0]
        raise WorkbookError(
            f"history: the category of the status {safe_repr(status)} is not known",
            hint='give the frame a column Status Category, and name its moments "At"',
        )
    at = pd.to_datetime(changes["When"], utc=True)
    return pd.DataFrame({"Key": changes["Key"].astype(object), "At": at, "Status Category": category})
