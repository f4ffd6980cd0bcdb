"""Where a task that this process declares is at home: here, or with another process that has it.

One name may be declared by several processes. A task keeps the place that declared it, a notebook or a file:
the same place, run again, is its home from then on. At another place the same code stands by, and other code
is refused while the home lives.
"""

from __future__ import annotations

import logging
from collections.abc import Container
from enum import Enum

from schedkit.core.model import TaskRow
from schedkit.core.store.lives import NodeRow
from schedkit.errors import DeclarationError

__all__ = ["Claim", "how_it_came", "settle_home", "tell_of_replaced"]

_log = logging.getLogger("schedkit")


class Claim(Enum):
    """The outcome of a declaration."""

    HOME = "home"
    STAND_BY = "stand by"


def settle_home(
    name: str,
    row: TaskRow | None,
    home: NodeRow | None,
    *,
    place: str,
    same_code: bool,
    replace: bool = False,
) -> Claim:
    """Decide where a task is at home that is declared here and was not at home here.

    Parameters
    ----------
    row : TaskRow or None
        It in the ledger; None: it is new.
    home : NodeRow or None
        The process with which it is at home; None: with no living one.
    place : str
        The notebook or file that declares it here; empty: none.
    same_code : bool
        Whether the home has the same code.
    replace : bool
        Whether it is to move here, whatever code the home has.

    Raises
    ------
    DeclarationError
        If another process has other code under this name.
    """
    if row is None or home is None or replace:
        return Claim.HOME
    if place and place == row.place and row.home_by != "moved":
        return Claim.HOME
    if same_code:
        return Claim.STAND_BY
    if place and place == row.place:
        raise DeclarationError(
            f"task {name!r} was moved to {home}, which runs other code under this name",
            hint="to have this code run, and here: sched.bring_home(), then run the cell or file again",
        )
    where = f" from {row.place}" if row.place else ""
    raise DeclarationError(
        f"task {name!r} is run by {home}{where}, with other code",
        hint="give this one another name, or stop that process, or declare it with replace=True",
    )


def how_it_came(
    row: TaskRow | None,
    home: NodeRow | None,
    lives: Container[str],
    *,
    replace: bool,
    inherits: bool,
) -> dict[str, str | None]:
    """Return how a task came here, and its place, None where that stays as it was.

    Parameters
    ----------
    row, home : TaskRow, NodeRow or None
        As for `settle_home`.
    lives : container of str
        The lives that this process has had.
    replace : bool
        Whether it was to move here.
    inherits : bool
        Whether it is inherited, not declared just now: its home has died.
    """
    if row is not None and row.home in lives:  # here in an earlier life: nothing has changed
        return {"home_by": row.home_by, "place": None}
    if inherits and row is not None:
        return {"home_by": "inherited", "place": None}
    return {"home_by": "moved"} if replace and home is not None else {}


def tell_of_replaced(row: TaskRow, place: str) -> None:
    """Log whose code is replaced, but for an edit of one and the same notebook or file."""
    if not place or place != row.place:
        where = row.place or "another process"
        _log.warning("task %r: the code here replaces that of %s, which runs no more", row.name, where)
