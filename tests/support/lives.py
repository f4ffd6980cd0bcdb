"""Schedulers of this process that die, or are taken for dead, as the processes of others see it."""

from __future__ import annotations

from schedkit.core.api.scheduler import Scheduler
from schedkit.core.node.clock import Clock
from schedkit.core.node.life import Life
from schedkit.core.node.node import Node
from schedkit.core.store.schema import beats

__all__ = ["die", "life_of", "lives_again", "node_of", "seem_dead", "set_clock"]


def node_of(sched: Scheduler) -> Node:
    """Return a scheduler's process at its ledger."""
    return sched._parts.node


def life_of(sched: Scheduler) -> Life:
    """Return what runs tasks in a scheduler."""
    life = node_of(sched).life
    assert life is not None
    return life


def seem_dead(sched: Scheduler) -> None:
    """Let others find no sign of life, as of a process that stood still for longer than its lease."""
    _give_no_sign(life_of(sched))


def lives_again(sched: Scheduler, before: str) -> bool:
    """Tell whether a scheduler lives, in another life than before."""
    life = node_of(sched).life
    return life is not None and life.lease.life != before


def die(sched: Scheduler) -> None:
    """Let a scheduler end as a process that is killed: what runs is not recorded, nobody is told."""
    life = life_of(sched)

    async def nothing(patience: float) -> None: ...

    life.stop = nothing
    life.announce = lambda change: None
    sched.stop("0s")
    _give_no_sign(life)


def _give_no_sign(life: Life) -> None:
    life.lease.leave()
    if not life.ledger.store.sqlite:
        store = life.ledger.store
        # One statement: a server ends a transaction in which a machine stands still.
        with store.connect() as connection, store.autocommit(connection):
            connection.execute(beats.delete().where(beats.c.life == life.lease.life))


def set_clock(sched: Scheduler, clock: Clock) -> None:
    """Give a scheduler that is not started the clocks of its machine."""
    node_of(sched).clock = clock
