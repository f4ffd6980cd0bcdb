"""What is known of a worker of a cluster."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

__all__ = ["WorkerFacts"]


class WorkerFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A worker of a cluster as it told of itself to a process that hears it.

    Attributes
    ----------
    worker : str
        Its id, new for each process.
    name, pid, host : str, int, str
        Its name and where it runs.
    threads, running : int
        How many runs it carries out at once at most, and now.
    memory : int
        Bytes that it and its child processes use.
    seen : float
        When it was heard last, in seconds since 1970.
    tasks : int
        How many tasks it has.
    problems : list of str
        What it could not declare.
    """

    worker: str
    name: str
    pid: int
    host: str
    threads: int
    running: int
    memory: int
    seen: float
    tasks: int
    problems: list[str]

    @property
    def seen_at(self) -> datetime:
        """When it was heard last (aware, UTC)."""
        return datetime.fromtimestamp(self.seen, UTC)
