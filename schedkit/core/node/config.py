"""How a node works: its name and limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import Any

from schedkit.core.engine.retries import MOST_INTERRUPTIONS
from schedkit.core.engine.state import EngineConfig
from schedkit.core.ids import new_id
from schedkit.core.run import TAG
from schedkit.core.store.retention import Retention
from schedkit.values.instants import SECOND
from schedkit.values.rng import chance

__all__ = ["CANCEL_GRACE_SECONDS", "WRITE_PATIENCE_SECONDS", "NodeConfig"]

# A cancelled attempt that continues is recorded as cancelled after this; its place stays taken.
CANCEL_GRACE_SECONDS = 10.0
# Locks and restarts of a server pass within it; a full disk does not.
WRITE_PATIENCE_SECONDS = 10.0


@dataclass(frozen=True)
class NodeConfig:
    """How a node works: its name and limits. Durations are seconds."""

    name: str
    kind: str = "script"  # of process; see `schedkit.core.api.configuration`
    concurrency: int = 5
    threads: int = 20
    processes: int = 2
    dask: str | None = None
    tag_limits: Mapping[str, int] = field(default_factory=dict)
    tz: tzinfo | None = None
    most_interruptions: int = MOST_INTERRUPTIONS
    cancel_grace: float = CANCEL_GRACE_SECONDS
    write_patience: float = WRITE_PATIENCE_SECONDS
    retention: Retention = field(default_factory=Retention)

    @property
    def shared(self) -> dict[str, int]:
        """The limits that this process declares for all processes at its ledger: ``tag:…``."""
        return {TAG + tag: most for tag, most in self.tag_limits.items()}

    @property
    def limits(self) -> dict[str, int]:
        """How many runs of this process may hold what others want too: ``process``, ``thread``."""
        limits = {"process": self.processes}
        if self.threads < self.concurrency:
            limits["thread"] = self.threads
        return limits

    @property
    def at_once(self) -> dict[str, Any]:
        """What limits how many runs there are at once in this process, as a board shows it."""
        return {"concurrency": self.concurrency, "limits": self.limits}

    @property
    def kill_after(self) -> float:
        """Seconds after which a child process that was asked to stop is ended by force.

        Half of the grace: its end is then recorded before it counts as code that still runs.
        """
        return self.cancel_grace / 2

    def engine(self, life: str, lease: float) -> EngineConfig:
        """Return the part of it by which the engine of a life decides; `lease` in seconds."""
        return EngineConfig(
            name=self.name,
            life=life,
            concurrency=self.concurrency,
            limits=self.limits,
            shared=self.shared,
            tz=self.tz,
            most_interruptions=self.most_interruptions,
            cancel_grace=round(self.cancel_grace * SECOND),
            lease=round(lease * SECOND),
            random=chance.random,
            new_id=new_id,
        )
