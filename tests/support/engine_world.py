"""What the processes of a history share: a ledger and a clock; and what none of them decides for itself."""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import Any

from support.engine_ledger import LedgerModel
from support.engine_tasks import begin

from schedkit.core.engine.changes import AttemptStarted
from schedkit.core.engine.decision import Decision
from schedkit.core.engine.engine import Engine
from schedkit.core.engine.state import EngineConfig
from schedkit.core.engine.stimuli import Recover
from schedkit.values.instants import SECOND

__all__ = ["World"]


class World:
    """A ledger and a clock.

    Attributes
    ----------
    dead : list of EngineConfig
        Lives that have ended and are not marked as gone yet.
    counts : Counter
        How often what happened.
    """

    def __init__(self, random: Random, ledger: LedgerModel | None = None) -> None:
        self.random = random
        self.begins = Random(0)  # for when code begins, which leaves what else happens as it is
        self.ledger = ledger or LedgerModel()
        self.now = self.steady = begin()
        self.latest = 0  # what the clock showed before it was set back
        self.made = 0
        self.doubted: set[str] = set()  # runs whose submission was written, which nobody knew
        self.dead: list[EngineConfig] = []
        self.free: set[str] = set()  # tasks that were declared without a limit: any number may be running
        self.processes: list[Any] = []
        self.changed: set[str] = set()  # keys whose limit was lowered
        self.counts: Counter[str] = Counter()

    def new_id(self) -> str:
        self.made += 1
        return f"{self.made:06}"

    def new_life(self) -> str:
        return f"life {self.new_id()}"

    def is_set_back(self) -> bool:
        """Whether the clock shows a time that it has shown before, or nearly."""
        return self.now < self.latest

    def forward(self, by: int) -> None:
        """Let time pass."""
        self.now += by
        self.steady += by

    def set_back(self) -> None:
        """Let somebody set the clock back."""
        self.latest = max(self.latest, self.now + 60 * SECOND)
        self.now -= self.random.randint(0, 90) * SECOND

    def write(self, decision: Decision, now: int, life: str, limits: dict[str, int]) -> None:
        """Write what a process has decided, and judge what no process sees by itself."""
        before = dict(self.ledger.claims.limits)
        self.ledger.apply(decision, now, life)
        for key, limit in self.ledger.claims.limits.items():
            if key in before and limit.most < before[key].most:
                self.changed.add(key)
        self.free |= {name for name, row in self.ledger.tasks.items() if row.limit is None}
        begun = [self.ledger.runs[c.run] for c in decision.changes if isinstance(c, AttemptStarted)]
        for place, run in enumerate(begun, 1):  # one that was submitted may start beside it, but not before
            limited = run.scheduled is not None or run.cause == "after"
            most = limits.get(f"task:{run.task}") if limited else None
            running = self.ledger.running(run.task) - sum(one.task == run.task for one in begun[place:])
            within = most is None or running <= most or run.task in self.free
            assert within, f"{running} runs of {run.task} at once, {most} may be"

    def check_shared(self) -> None:
        """No limited key is held by more code than it has room for, wherever that runs.

        Who has not heard yet of a limit that was declared elsewhere, or lowered, may start more.
        """
        claims = self.ledger.claims
        for key, limit in claims.limits.items():
            held = self._holding(key)
            everywhere = all(key in process.shared for process in self.processes)
            within = len(held) <= limit.most or key in self.changed or not everywhere
            assert within, f"{held} hold {key} at once, {limit.most} may"

    def _holding(self, key: str) -> list[str]:
        return [
            code.task.name
            for process in self.processes
            for code in process.code.values()
            if key in {f"tag:{tag}" for tag in code.task.tags}
        ]

    def bury(self) -> None:
        """Somebody finds a life dead: what ran there is interrupted."""
        if not self.dead:
            return
        config = self.dead.pop(self.random.randrange(len(self.dead)))
        self.ledger.gone.add(config.life)
        self.ledger.claims.forget(config.life)
        engine = Engine(config, self.ledger.snapshot(config.life))
        decision = engine.handle_all([Recover(reason="its process ended")], self.now, careful=True)
        assert not decision.starts
        self.ledger.apply(decision, self.now, "whoever buries", told_by="")
        self.counts["buried"] += 1
