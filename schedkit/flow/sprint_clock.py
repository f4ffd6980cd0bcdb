"""When sprints began and were closed, which one is meant, and what a board says of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from schedkit.errors import UsageError
from schedkit.flow.frames import as_instant, as_instants, need
from schedkit.values.text import did_you_mean, safe_repr

__all__ = ["Sprint", "begun", "board_options", "chosen", "clocks", "sprint_words"]


@dataclass(frozen=True, slots=True)
class Sprint:
    """A sprint that has begun.

    Parameters
    ----------
    id, name : str
        Of the sprint.
    begin : Timestamp
        When it was started.
    planned : Timestamp or NaT
        When it is to end.
    close : Timestamp or NaT
        When it was completed.
    """

    id: str
    name: str
    begin: pd.Timestamp
    planned: Any
    close: Any


def clocks(sprints: pd.DataFrame) -> pd.DataFrame:
    """Return the times of sprints: Id, Name, Begin, Planned End and Close, in order of their begin.

    A sprint begins when it was activated, where the site tells that, else at its start date, which people may
    edit; it ends when it was completed, not at its planned end. A future sprint has no begin.
    """
    need(sprints, "sprints", "Id", "Name")
    table = pd.DataFrame(
        {"Id": [_id(value) for value in sprints["Id"]], "Name": sprints["Name"].astype("str")}
    )
    table = table.reset_index(drop=True)
    whole = sprints.reset_index(drop=True)
    begins = [as_instants(whole, column) for column in ("Activated", "Start") if column in whole]
    if not begins:
        raise UsageError("the frame of sprints has neither 'Activated' nor 'Start'", hint="use Jira.sprints")
    table["Begin"] = begins[0] if len(begins) == 1 else begins[0].fillna(begins[1])
    if "State" in whole:
        table["Begin"] = table["Begin"].mask(whole["State"].astype("str").str.lower() == "future")
    for name, column in (("Planned End", "End"), ("Close", "Completed")):
        empty = pd.Series(pd.NaT, index=table.index, dtype="datetime64[us, UTC]")
        table[name] = as_instants(whole, column) if column in whole else empty
    return table.sort_values("Begin", kind="stable", ignore_index=True)


def _id(value: Any) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def begun(sprints: pd.DataFrame, since: Any = None, until: Any = None) -> list[Sprint]:
    """Return the sprints that had begun at `until`, and were not closed before `since`, in order."""
    table = clocks(sprints)
    end = as_instant(until)
    table = table[table["Begin"] <= end]
    if since is not None:
        table = table[~(table["Close"] < as_instant(since))]
    found = []
    for row in table.itertuples(index=False):
        close = row[4] if pd.notna(row[4]) and row[4] <= end else pd.NaT
        found.append(Sprint(row[0], row[1], row[2], row[3], close))
    return found


def chosen(sprints: pd.DataFrame, sprint: Any, until: Any) -> Sprint:
    """Return the sprint of an id or a name; by default the one that began last.

    Raises
    ------
    UsageError
        If there is none, or several have that name.
    """
    known = begun(sprints, until=until)
    if not known:
        raise UsageError("no sprint has begun", hint="give the frame of Jira.sprints")
    if sprint is None:
        return known[-1]
    wanted = _id(sprint)
    found = [each for each in known if each.id == wanted] or [each for each in known if each.name == wanted]
    if len(found) == 1:
        return found[0]
    if found:
        raise UsageError(
            f"{len(found)} sprints are called {safe_repr(sprint)}",
            hint=f"give one of the ids {', '.join(each.id for each in found)}",
        )
    raise UsageError(
        f"no sprint {safe_repr(sprint)} has begun", hint=did_you_mean(wanted, [each.name for each in known])
    )


def board_options(board: pd.DataFrame | None, points: str | None) -> tuple[str | None, set[str] | None]:
    """Return the field of estimates, and the ids of the statuses of a board's last column.

    Parameters
    ----------
    board : DataFrame, optional
        As `Jira.board` returns it.
    points : str, optional
        The field that was asked for: ``"board"`` is the board's own, None counts issues.
    """
    if board is None:
        return ("Story Points" if points == "board" else points), None
    need(board, "board columns", "Column", "Status Id")
    told = board.attrs.get("board")
    own = told.get("estimation") if isinstance(told, Mapping) else None
    last = board["Column"].iloc[-1] if len(board) else None
    ids = board.loc[board["Column"] == last, "Status Id"].dropna()
    return (own if points == "board" else points), {_id(value) for value in ids}


def sprint_words(sprint: Sprint, end: pd.Timestamp) -> str:
    """Return from when to when a sprint ran, in words; `end` is what is known until."""
    closed = pd.notna(sprint.close)
    last = sprint.close if closed else end
    return f"{sprint.begin:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M} UTC{'' if closed else ' (not closed)'}"
