"""Where a task that this process declares is at home: here, or with another process that has it.

One name may be declared by several processes. A task keeps the place that declared it, a notebook or a file:
the same place, run again, is its home from then on. At another place the same code stands by, and other code
is refused while the home lives.
"""

from __future__ import annotations

from enum import Enum

from schedkit.core.model import TaskRow
from schedkit.core.store.lives import NodeRow
from schedkit.errors import DeclarationError

__all__ = ["Claim", "settle_home"]


class Claim(Enum):
    """What becomes of a declaration."""

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
        The process with which it is at home; None: with nobody that lives.
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
    where = f" from {row.place}" if row.place else ""
    raise DeclarationError(
        f"task {name!r} is run by {home}{where}, with other code",
        hint="give this one another name, or stop that process, or declare it with replace=True",
    )
