"""Limits of the whole ledger: keys that runs of all processes share, and the claims for them.

A run that needs such a key claims it in one commit, which counts how many runs hold it, and starts in the
next one. A refused claim stays in the ledger as waited for, so that the order between processes is that of
the ranks; it is made again when a look at the ledger shows room.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping

from msgspec.structs import replace

from schedkit.core.engine.changes import KeysClaimed, KeysDropped, KeysKept, LimitPut
from schedkit.core.engine.queue import Waiting
from schedkit.core.engine.runs import Runs
from schedkit.core.engine.snapshot import Claim, Limit, Use
from schedkit.core.engine.state import EngineState
from schedkit.core.engine.stimuli import DeclareLimits, LimitsSeen
from schedkit.core.events import RunQueued
from schedkit.core.run import TAG
from schedkit.core.states import State
from schedkit.values.instants import SECOND

__all__ = ["PATIENCE", "Claims"]

_log = logging.getLogger("schedkit")

# How long a key with room is left to a run of another process that waits with a smaller rank: that process
# may be stopped. In microseconds.
PATIENCE = 2 * SECOND


class Claims:
    """The part of an engine that claims what its runs share with other processes."""

    def __init__(self, state: EngineState, runs: Runs) -> None:
        self._state, self._runs = state, runs
        self._asked: dict[str, tuple[int, Waiting]] = {}  # run → its claim, and in which decision
        self._held: dict[str, frozenset[str]] = {}  # run → the keys that it holds in the ledger
        self._refused: dict[str, frozenset[str]] = {}  # run → the keys that it waits for in the ledger
        self._loaded: list[Claim] = []
        self._left_since: dict[str, int] = {}  # key → since when it is left to others, on the steady clock
        self._impatient: set[str] = set()
        self._declared = 0  # in which decision this process declared its limits
        self.unsure = False  # the limits that were seen are older than that
        self._seen: set[str] = set()  # keys that had room while they were claimed

    # Limits

    def declare(self, stimulus: DeclareLimits) -> dict[str, object]:
        """Declare the limits of this process; the last declaration holds for all."""
        state, limits = self._state, dict(self._state.limits)
        for key, most in stimulus.limits.items():
            known = limits.get(key)
            if known is not None and known.most == most:
                continue
            if known is not None:
                _log.warning(
                    "the limit of %s is %d now, for all processes; it was %d, declared by %s",
                    _shown(key),
                    most,
                    known.most,
                    known.actor,
                )
            limits[key] = Limit(most, stimulus.actor)
            state.draft.changes.append(LimitPut(key, most, stimulus.actor))
        for key in limits.keys() - stimulus.limits.keys() if stimulus.alone else ():
            del limits[key]
            state.draft.changes.append(LimitPut(key, None, stimulus.actor))
        self._set_limits(limits)
        self._declared = state.decided
        return {}

    def see(self, stimulus: LimitsSeen) -> dict[str, object]:
        """Apply what others have declared, and claim again what has room by now."""
        self.unsure = stimulus.written < self._declared
        if not self.unsure:
            self._tell_others(stimulus.limits)
            self._set_limits(stimulus.limits)
        for key, use in stimulus.uses.items():
            self._see_use(key, use)
        return {}

    def _tell_others(self, limits: Mapping[str, Limit]) -> None:
        """Log where another process has declared another limit than this one."""
        for key, most in self._state.config.shared.items():
            limit = limits.get(key)
            if limit is not None and limit.most != most and limit != self._state.limits.get(key):
                _log.warning(
                    "the limit of %s is %d now, for all processes, as %s declared; here it was %d",
                    _shown(key),
                    limit.most,
                    limit.actor,
                    most,
                )

    def _set_limits(self, limits: Mapping[str, Limit]) -> None:
        """Apply the limits of the ledger to what waits and what runs here."""
        state, before = self._state, self._state.limits
        state.limits = dict(limits)
        changed = {key for key in before.keys() | limits.keys() if before.get(key) != limits.get(key)}
        for key in changed:
            limit = limits.get(key)
            state.queue.limit(key, None if limit is None else limit.most)
            for run, keys in self._refused.items():
                self._refused[run] = keys - {key}
        appeared_or_gone = before.keys() ^ limits.keys()
        for task in list(state.tasks.values()) if appeared_or_gone else ():
            if any(TAG + tag in appeared_or_gone for tag in task.tags):
                self._runs.queue_again(task)
        if appeared_or_gone:
            self._keep_running()

    def _keep_running(self) -> None:
        """Have what runs here hold its shared keys in the ledger, though there may be no room."""
        state = self._state
        for waiting in list(state.queue.running.values()):
            if waiting.id in self._asked:
                continue
            shared = tuple(key for key in waiting.tags if key in state.limits)
            if shared != waiting.shared:
                others = (key for key in waiting.keys if key not in waiting.shared)
                state.queue.release(waiting.id)
                state.queue.hold(replace(waiting, keys=(*others, *shared), shared=shared))
            held = self._held.get(waiting.id, frozenset())
            lacking = tuple(key for key in shared if key not in held)
            if lacking:
                self._held[waiting.id] = held.union(lacking)
                state.draft.changes.append(KeysKept(waiting.id, lacking, state.config.life))

    # Claims

    @property
    def watched(self) -> frozenset[str]:
        """The keys whose use has to be looked at: runs here wait for them, or claim them."""
        claimed = {key for _, waiting in self._asked.values() for key in waiting.shared}
        return self._state.queue.blocked | claimed

    def claim(self, waiting: Waiting) -> None:
        """Claim the shared keys of a run, which starts once it has them."""
        state = self._state
        if self._refused.pop(waiting.id, None) is not None:
            self._drop(waiting.id)
        self._asked[waiting.id] = (state.decided, waiting)
        yields = self._impatient.isdisjoint(waiting.shared)
        state.draft.changes.append(
            KeysClaimed(waiting.id, waiting.shared, waiting.rank, yields, state.config.life)
        )

    def settle(self, run: str, number: int, refused: frozenset[str] | None) -> Waiting | None:
        """Apply the result of a claim; return what may start, None if nothing may."""
        state, (asked, waiting) = self._state, self._asked.get(run, (0, None))
        if waiting is None or asked != number:
            return None  # of an engine before this one
        del self._asked[run]
        wanted = self._is_wanted(waiting)
        if refused is None:
            self._held[run] = frozenset(waiting.shared)
            if wanted and not (state.held or state.draining):
                return waiting
        elif wanted:
            self._refused[run] = refused
            self._show_wait(run, refused)
            state.queue.refuse(run, refused)
            for key in refused & self._seen:
                self._may_try(key)
            self._seen -= refused
            return None
        else:
            self._drop(run)
        self.withhold(run)
        return None

    def withhold(self, run: str) -> None:
        """Give up what a run has claimed, and queue it again if it still waits."""
        state = self._state
        state.queue.withhold(run)
        if self._held.pop(run, None):
            self._drop(run)
        if (known := state.runs.get(run)) is not None:
            self._runs.offer(known)

    def _is_wanted(self, waiting: Waiting) -> bool:
        """Tell whether a run is still to start with what it has claimed."""
        state = self._state
        run, task = state.runs.get(waiting.id), state.tasks.get(waiting.task)
        if run is None or task is None or run.id in state.runs_aside:
            return False
        now = self._runs.keys.waiting(run, task)
        needs = (waiting.keys, waiting.shared, waiting.counted, waiting.rate)
        same = needs == (now.keys, now.shared, now.counted, now.rate)
        return same and run.state in (State.QUEUED, State.RETRY)

    def _show_wait(self, run: str, keys: frozenset[str]) -> None:
        """Have the run say for which keys it waits."""
        state, known = self._state, self._state.runs[run]
        if known.waiting_for != (waits := tuple(sorted(keys))):
            waiting = replace(known, waiting_for=waits)
            state.move(known, waiting)
            state.draft.events.append(RunQueued(at=state.at, after=waiting))

    def release(self, run: str) -> None:
        """Release the slots of a run whose code has ended, and its shared keys."""
        self._state.queue.release(run)
        if self._held.pop(run, None):
            self._drop(run)

    def _drop(self, run: str) -> None:
        self._state.draft.changes.append(KeysDropped(run, self._state.config.life))

    # Waiting for room

    def _see_use(self, key: str, use: Use) -> None:
        state, limit = self._state, self._state.limits.get(key)
        waiting = [state.queue.get(run) for run, keys in self._refused.items() if key in keys]
        mine = min((each.rank for each in waiting if each is not None), default=None)
        if limit is None or mine is None:
            self._left_since.pop(key, None)
            if limit is not None and use.held < limit.most:
                self._seen.add(key)
        elif use.held >= limit.most:
            self._left_since.pop(key, None)
        elif use.held + sum(rank < mine for rank in use.ahead) < limit.most:
            self._may_try(key)
        elif state.steady - self._left_since.setdefault(key, state.steady) >= PATIENCE:
            self._impatient.add(key)
            self._may_try(key)

    def _may_try(self, key: str) -> None:
        self._left_since.pop(key, None)
        self._state.queue.unblock(key)
        for run, keys in self._refused.items():
            self._refused[run] = keys - {key}

    def sweep(self) -> bool:
        """Drop claims that wait for nothing; return whether runs may claim now that could not before."""
        state = self._state
        for run, keys in list(self._refused.items()):
            waiting = state.queue.get(run)
            if waiting is None or keys.isdisjoint(waiting.shared):
                del self._refused[run]
                self._drop(run)
        wanted = frozenset[str]().union(*self._refused.values())
        free = state.queue.blocked - wanted
        for key in free:
            state.queue.unblock(key)
        self._impatient &= {key for _, waiting in self._asked.values() for key in waiting.shared}
        self._seen &= self.watched
        return bool(free)

    @property
    def waits(self) -> bool:
        """Whether something here waits for a shared key, or is about to, or has waited until now."""
        return bool(self._refused or self._seen or self._impatient or self._state.queue.blocked)

    # From the ledger

    def load(self, claims: list[Claim]) -> None:
        """Remember what the ledger has of this life, until what is at home here is known."""
        self._loaded = claims

    def recover(self) -> None:
        """Apply what the ledger has of this life; drop what is no longer needed."""
        state, loaded = self._state, self._loaded
        self._loaded = []
        by_run: dict[str, list[Claim]] = {}
        for claim in loaded:
            by_run.setdefault(claim.run, []).append(claim)
        for run, claims in by_run.items():
            held = frozenset(claim.key for claim in claims if claim.held)
            waits = frozenset(claim.key for claim in claims if not claim.held)
            if held and run in state.queue.running:
                self._held[run] = held
            elif waits and run in state.queue:
                self._refused[run] = waits
                state.queue.block(waits)
            else:
                self._drop(run)
        self._keep_running()


def _shown(key: str) -> str:
    return f"tag {key.removeprefix(TAG)!r}"
