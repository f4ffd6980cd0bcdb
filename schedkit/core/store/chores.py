"""Work of a whole ledger that one process does at a time, however many there are."""

from __future__ import annotations

import sqlalchemy as sa

from schedkit.core.store.schema import chores

__all__ = ["chores_called", "drop_chores", "take_chore"]


def take_chore(connection: sa.Connection, name: str, life: str, now: int, again: int) -> bool:
    """Take a chore if it is due, and have it due again later; tell whether it was.

    Parameters
    ----------
    name : str
        The chore's; one that was never done is due.
    life : str
        Who takes it.
    now, again : int
        The present, and when it is due again, in microseconds since 1970. One that is due later than that is
        due now: the clock was set back.
    """
    mine = {"life": life, "next_at": again}
    due = chores.update().where(chores.c.name == name, (chores.c.next_at <= now) | (chores.c.next_at > again))
    if connection.execute(due.values(mine)).rowcount:
        return True
    if connection.scalar(sa.select(chores.c.name).where(chores.c.name == name)) is not None:
        return False
    connection.execute(chores.insert(), [{"name": name, **mine}])
    return True


def chores_called(connection: sa.Connection, start: str) -> list[str]:
    """Return the chores whose names begin so, which have been taken."""
    names = connection.scalars(
        sa.select(chores.c.name).where(chores.c.name.startswith(start, autoescape=True))
    )
    return list(names)


def drop_chores(connection: sa.Connection, names: list[str]) -> int:
    """Forget chores; return how many of them there were."""
    return connection.execute(chores.delete().where(chores.c.name.in_(names))).rowcount
