"""What an engine is made from, and what it needs to take in one more task: rows of the ledger, as values."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from schedkit.core.model import TaskRow
from schedkit.core.run import Run
from schedkit.core.states import State
from schedkit.errors import SchedkitError

__all__ = [
    "Claim",
    "Found",
    "Limit",
    "OutdatedError",
    "Snapshot",
    "Use",
    "WaitRow",
]


class OutdatedError(SchedkitError):
    """What was read of a task is older than what this engine has decided or received since."""


class WaitRow(msgspec.Struct, frozen=True, gc=False):
    """What a run waits for: one parent; `parent_run` None: one that does not exist yet."""

    run: str
    child: str
    parent: str
    parent_run: str | None
    how: str
    ended: State | None = None


class Limit(msgspec.Struct, frozen=True, gc=False):
    """How many runs may hold a key at once, in all processes together, and who declared it last."""

    most: int
    actor: str = ""


class Claim(msgspec.Struct, frozen=True, gc=False):
    """A limited key that a run holds, or (`held` false) was refused and waits for."""

    key: str
    run: str
    held: bool


class Use(msgspec.Struct, frozen=True, gc=False):
    """How many runs of all processes hold a key, and the ranks of those of other processes that wait."""

    held: int = 0
    ahead: tuple[int, ...] = ()


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What the ledger has of one task, for an engine that takes it in.

    Attributes
    ----------
    row : TaskRow or None
        None: the task is new.
    last : mapping of str to State
        How its last run ended, and that of each of its parents.
    seq : int
        The number of the newest event at that moment.
    here, abroad : set of str
        Runs that are running in this process, and in others which live; they end there.
    elsewhere : list of Run
        Runs of its parents that have not ended.
    unfollowed : list of tuple of int and Run
        Runs of its parents that its home has not followed, each with the number of its event.
    children : mapping of str to list of tuple of int and Run
        The same for each task that follows it in the process that takes it in.
    ended : list of Run
        Runs for which its runs wait and that have ended since the last event its home received.
    """

    row: TaskRow | None = None
    seq: int = 0
    live: list[Run] = []
    waits: list[WaitRow] = []
    taken: set[int] = set()
    last: Mapping[str, State] = {}
    here: frozenset[str] = frozenset()
    abroad: frozenset[str] = frozenset()
    elsewhere: list[Run] = []
    unfollowed: list[tuple[int, Run]] = []
    children: Mapping[str, list[tuple[int, Run]]] = {}
    ended: list[Run] = []


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """What an engine is made from: the ledger's rows of the tasks that are at home with one life.

    Attributes
    ----------
    abroad : set of str
        Runs of these tasks that are running in other processes; they end there.
    guests : set of str
        Runs of tasks that are at home elsewhere, which run here.
    elsewhere : list of Run
        Runs of parents at home elsewhere that have not ended.
    unfollowed : mapping of str to list of tuple of int and Run
        Task → the runs of its parents that this life has not followed, each with the number of its event.
    ended : list of Run
        Runs for which others wait and that have ended since the last event this life received.
    taken : mapping of str to set of int
        Times of each task, from its next one on, that have their run already: as after the clock was set
        back.
    last : mapping of str to State
        How the last run of each parent ended.
    limits : mapping of str to Limit
        The limits of the ledger, by key.
    claims : list of Claim
        What runs in this life hold of these keys, and what they wait for.
    """

    tasks: list[TaskRow] = []
    live: list[Run] = []
    waits: list[WaitRow] = []
    taken: Mapping[str, set[int]] = {}
    last: Mapping[str, State] = {}
    abroad: frozenset[str] = frozenset()
    guests: frozenset[str] = frozenset()
    elsewhere: list[Run] = []
    unfollowed: Mapping[str, list[tuple[int, Run]]] = {}
    ended: list[Run] = []
    limits: Mapping[str, Limit] = {}
    claims: list[Claim] = []
    paused: bool = False
    seq: int = 0
