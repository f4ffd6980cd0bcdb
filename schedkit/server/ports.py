"""What the server needs from a scheduler."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

import msgspec

from schedkit.core.api.live_view import DueTime
from schedkit.core.api.process_report import LedgerFigures
from schedkit.core.board.board import Board
from schedkit.core.board.run_counts import RunCounts
from schedkit.core.model import TaskRow
from schedkit.core.run import Attempt, Run
from schedkit.core.store.audit import AuditRow
from schedkit.core.store.tokens import Tokens

__all__ = ["Requested", "SchedulerView", "Verbs"]


class SchedulerView(Protocol):
    """Reads; each blocks for a moment."""

    tokens: Tokens

    def board(self, *, settled: bool = False) -> Board: ...

    def counts(self, board: Board) -> RunCounts: ...

    def ledger_figures(self) -> LedgerFigures: ...

    def task(self, name: str) -> TaskRow | None: ...

    def run(self, id: str) -> Run | None: ...

    def runs(
        self,
        *,
        task: str | None = None,
        state: str | None = None,
        before: str | None = None,
        limit: int = 100,
    ) -> Sequence[Run]: ...

    def file(self, noted: Mapping[str, str], /) -> bytes: ...
    def finished_runs(self, *, limit: int = 100) -> Sequence[Run]: ...

    def failed_since(
        self, since: datetime, *, task: str | None = None, limit: int = 1000
    ) -> Sequence[Run]: ...

    def details(self, run: str) -> Mapping[str, Any]: ...

    def attempts(self, run: str) -> Sequence[Attempt]: ...

    def open_run(self, run: str) -> None: ...

    def screen_run(self, run: str) -> Mapping[str, Any]: ...

    def preview(self, run: str) -> Mapping[str, Any]: ...

    def history(self, hours: float, *, task: str, state: str, first: int) -> Mapping[str, Any]: ...

    def calendar(self, first: int, *, zone: str, task: str) -> Mapping[str, Any]: ...

    def due_times(self, task: str, *, ran: bool | None = None, limit: int = 100) -> Sequence[DueTime]: ...

    def upcoming(self, task: str, count: int) -> Sequence[datetime]: ...

    def audit(
        self, *, actor: str | None = None, before: int | None = None, limit: int = 100
    ) -> tuple[Sequence[AuditRow], int]: ...

    def private_folders(self) -> Sequence[Path]: ...


class Requested(msgspec.Struct, frozen=True):
    """The result of a request for a task: a declared task, a run, or both."""

    task: str
    run: str | None = None


class Verbs(Protocol):
    """Changes; each is durable when it returns, and recorded as done by `actor`.

    Parameters
    ----------
    key : str or None
        An idempotency key: if it was used before, the earlier result is returned and nothing is done.
    """

    async def submit(
        self, task: str, params: Mapping[str, Any], *, actor: str, key: str | None = None
    ) -> str: ...

    async def request(self, body: Mapping[str, Any], *, actor: str, key: str | None = None) -> Requested: ...

    async def retry(
        self, run: str, changed: Mapping[str, Any], *, actor: str, key: str | None = None
    ) -> str: ...

    async def cancel(self, run: str, *, actor: str) -> bool: ...

    async def pause(self, task: str | None, *, actor: str) -> None: ...

    async def resume(self, task: str | None, *, actor: str) -> None: ...

    async def command(self, command: Mapping[str, Any], *, actor: str) -> tuple[str, str | None]: ...

    async def backfill(self, task: str, start: str, end: str, *, actor: str) -> Sequence[str]: ...

    async def end_node(self, node: str, deadline: float | str, *, actor: str) -> str: ...
