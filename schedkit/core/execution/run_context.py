"""The context of a running attempt: its parameters, and where its progress, log, facts and files go."""

from __future__ import annotations

import asyncio  # to tell whether a user's loop of its kind is running
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path, PurePath
from typing import Any, Protocol

from schedkit.context import Effects, ExecutionContext
from schedkit.core.events import ALL_EXTRACTIONS, EXTRACTION, Event, RunLogged, RunNoted, RunProgressed
from schedkit.core.execution.full_texts import FullTexts, cut, store_file
from schedkit.core.execution.storage import Shared, Storage
from schedkit.core.run import STORED, Run, first_number
from schedkit.core.text import dump
from schedkit.errors import StopRequested
from schedkit.values.limits import MAX_LOG_LINES, MAX_PARAMETER_BYTES, MAX_STORED_CHARS
from schedkit.values.text import clean, one_line

__all__ = ["Deliveries", "RunContext"]

# A stage that reports thousands of steps a second is shown at most this often.
PROGRESS_SECONDS = 0.05


class Deliveries(Protocol):
    """Where it is kept what runs have delivered."""

    def of(self, run: str, /) -> dict[str, str]:
        """Return what was delivered for a run, by step."""

    def record(self, run: str, step: str, what: str, /) -> None:
        """Record a delivery."""


class RunContext(ExecutionContext):
    """A running attempt, as its task sees it: an argument named ``run``, or `schedkit.context.current`.

    Attributes
    ----------
    id, task : str
        The run and its task.
    params : dict
        Its parameters.
    attempt : int
        Counts starts of this run, from 1; lets a task make its effects idempotent.
    """

    def __init__(
        self,
        run: Run,
        tell: Callable[[Event], object],
        results: Storage | None = None,
        deliveries: Deliveries | None = None,
    ) -> None:
        self._run = run
        self.id = run.id
        self.task = run.task
        self.params: dict[str, Any] = dict(run.params)
        self.attempt = run.attempt
        # Most runs tell nothing: they should not each bring containers that the collector has to look at.
        self.facts: dict[str, Any] = {}
        self.artifacts: tuple[dict[str, str], ...] = ()
        self.changed = False
        self._tell = tell
        self._stages: dict[str, dict[str, Any]] = {}
        self._lines: deque[dict[str, Any]] | None = None
        self._logged = 0
        self._outputs = 0
        self._results = results
        self._deliveries = deliveries
        self._full_texts: FullTexts | None = None
        self._lock = threading.Lock()
        self._effects: Effects | None = None
        self._stopping = False
        self._on_stop: tuple[Callable[[], object], ...] = ()

    def __repr__(self) -> str:
        return f"<run {self.id} of {self.task!r}, attempt {self.attempt}>"

    @property
    def scheduled_at(self) -> datetime | None:
        """The trigger time (aware, UTC); None for a run that was submitted."""
        return self._run.scheduled_at

    @property
    def trigger_time(self) -> datetime | None:
        """Alias of `scheduled_at`, APScheduler's word."""
        return self.scheduled_at

    def progress(self, stage: str, done: float, total: float | None = None) -> None:
        """Report that `stage` has done `done` of `total` units (None: unknown)."""
        stage = one_line(str(stage), 200)
        now = time.monotonic()
        with self._lock:
            known = self._stages.get(stage)
            if known is None:
                known = self._stages[stage] = {"stage": stage, "started": _now().isoformat(), "rate": None}
                known["_from"], known["_told"] = now, 0.0
            spent = now - known["_from"]
            known.update(done=done, total=total, rate=round(done / spent, 3) if spent > 0.5 else None)
            known["_new"] = self.changed = True
            if now - known["_told"] >= PROGRESS_SECONDS or done == total:
                known["_told"] = now
                self._tell_stage(known)
        self._raise_if_stopping()

    def log(self, level: int | str, message: str | None = None) -> None:
        """Add a line to the run's log: ``run.log("…")``, ``run.log("warning", "…")`` or by number."""
        if message is None:
            level, message = logging.INFO, str(level)
        if isinstance(level, str):
            level = logging.getLevelNamesMapping().get(level.upper(), logging.INFO)
        text = self.shortened(clean(str(message)), f"log line {self._logged + 1}")
        with self._lock:
            if self._lines is None:
                self._lines = deque(maxlen=MAX_LOG_LINES)
            self._logged += 1
            at, number = _now(), self._next_number()
            self._lines.append({"n": number, "at": at.isoformat(), "level": level, "message": text})
            self._tell(RunLogged(at=at, number=number, level=level, message=text, **self._whose))
        self._raise_if_stopping()

    def fact(self, kind: str, facts: Mapping[str, Any]) -> None:
        """Keep JSON-able facts with the run; the last of a kind counts, and extractions are also added up."""
        kept = self.bounded(kind, facts)
        with self._lock:
            before = self.facts.get(kind)
            self.facts[kind] = kept
            self._note(kind, kept)
            if kind == EXTRACTION and before is not None:
                whole = added_up(self.facts.get(ALL_EXTRACTIONS) or added_up({}, before), kept)
                self.facts[ALL_EXTRACTIONS] = whole
                self._note(ALL_EXTRACTIONS, whole)
        self._raise_if_stopping()

    def bounded(self, kind: str, facts: Mapping[str, Any]) -> dict[str, Any]:
        """Return facts as the ledger keeps them; the whole of those that are too large becomes a file."""
        kept = dict(facts)
        if len(text := dump(kept)) <= MAX_PARAMETER_BYTES:
            return kept
        small = {name: value for name, value in kept.items() if len(dump(value)) <= MAX_STORED_CHARS}
        kept = small if len(dump(small)) <= MAX_PARAMETER_BYTES else {}
        return {**kept, "left out": self.shortened(text, f"the facts {kind!r}", 0)}

    def artifact(self, path: Path | str, label: str = "") -> None:
        """Keep note of a file the run has written; where results are at a URL, it is copied there."""
        stored = store_file(self._results, self.id, self.attempt, path)
        self._note_file(stored or str(path), one_line(label or PurePath(path).name))
        self._raise_if_stopping()

    def shared_results(self) -> Shared | None:
        """Return where another process writes what the run returns; None: it sends it here."""
        return None if self._results is None else self._results.shared()

    def _note_file(self, path: str, label: str) -> None:
        noted = {"path": path, "label": label}
        if self._results is not None and self._results.name_of(path) is not None:
            noted |= STORED
        with self._lock:
            others = [known for known in self.artifacts if known["path"] != noted["path"]]
            self.artifacts = (*others, noted)
            self._note("artifact", noted)

    # Called with the lock held, so that output is published in the order of its numbers.

    def _tell_stage(self, stage: dict[str, Any]) -> None:
        stage["n"], stage["_new"] = self._next_number(), False
        self._tell(
            RunProgressed(
                at=_now(),
                number=stage["n"],
                stage=stage["stage"],
                done=stage["done"],
                total=stage["total"],
                started=datetime.fromisoformat(stage["started"]),
                rate=stage["rate"],
                **self._whose,
            )
        )

    def _note(self, kind: str, facts: Mapping[str, Any]) -> None:
        number = self._next_number()
        self._tell(RunNoted(at=_now(), number=number, kind=kind, facts=dict(facts), **self._whose))

    def _next_number(self) -> int:
        self.changed = True
        self._outputs += 1
        return self._number

    @property
    def _number(self) -> int:
        """The number of its last output."""
        return first_number(self.attempt) + self._outputs - 1

    @property
    def _whose(self) -> dict[str, Any]:
        return {"task": self.task, "run": self.id}

    def _details(self) -> dict[str, Any]:
        return {
            "stages": [
                {name: value for name, value in stage.items() if not name.startswith("_")}
                for stage in self._stages.values()
            ],
            "log": self._kept_lines(),
            "facts": dict(self.facts),
            "artifacts": list(self.artifacts),
            "last_output": self._number if self._outputs else 0,
        }

    def shortened(self, text: str, name: str, limit: int = MAX_STORED_CHARS) -> str:
        """Return a text as the ledger keeps it; the whole of one that is cut becomes a file of the run."""
        if len(text) <= limit:
            return text
        with self._lock:
            if self._full_texts is None and self._results is not None:
                self._full_texts = FullTexts(self._results, self.id, self.attempt)
        kept = self._full_texts.keep(text, name) if self._full_texts is not None else None
        if kept is None:
            return cut(text, limit)
        self._note_file(*kept)
        return f"{cut(text, limit)[:-1]}; see the artifact {kept[1]!r})"

    def should_stop(self) -> bool:
        """Tell whether someone asked this run to stop."""
        return self._stopping

    def on_stop(self, callback: Callable[[], object]) -> Callable[[], None]:
        """Call `callback` once when a stop is asked for; returns what unsubscribes it."""
        with self._lock:
            if not self._stopping:
                self._on_stop = (*self._on_stop, callback)
                return lambda: self._forget(callback)
        callback()
        return lambda: None

    def effects(self) -> Effects:
        """Return the effects that this attempt has had."""
        with self._lock:
            if self._effects is None:
                self._effects = Effects(self.id)
            return self._effects

    def deliveries(self) -> dict[str, str]:
        """Return what earlier attempts of the run have delivered, by step."""
        if self.attempt == 1 or self._deliveries is None:
            return {}
        return self._deliveries.of(self.id)

    def delivered(self, step: str, what: str) -> None:
        """Keep with the run that a step is done; it is in the ledger when this returns."""
        if self._deliveries is not None:
            self._deliveries.record(self.id, step, what)

    def _forget(self, callback: Callable[[], object]) -> None:
        with self._lock:
            self._on_stop = tuple(known for known in self._on_stop if known is not callback)

    def stop(self) -> None:
        """Ask the run to stop; its next schedkit call raises `StopRequested`."""
        with self._lock:
            self._stopping = True
            callbacks, self._on_stop = self._on_stop, ()
        for callback in callbacks:
            callback()

    def _raise_if_stopping(self) -> None:
        if self._stopping and not _in_coroutine():
            raise StopRequested("the run was asked to stop")

    def details(self) -> dict[str, Any]:
        """Return its output so far: stages, log, facts, artifacts, and the number of the last output."""
        with self._lock:
            return self._details()

    def _kept_lines(self) -> list[dict[str, Any]]:
        lines = list(self._lines or ())
        if self._logged > len(lines):
            dropped, kept = self._logged - len(lines) + 1, len(lines) - 1
            text = f"{dropped:,} earlier lines were dropped: the log keeps the last {kept}"
            lines[0] = {**lines[0], "level": logging.WARNING, "message": text}
        return lines

    def close(self) -> dict[str, Any] | None:
        """Return what the ledger keeps of it; later output is discarded."""
        told = self.told()
        with self._lock:
            self._tell = _discard
        return told

    def told(self) -> dict[str, Any] | None:
        """Return what the ledger keeps of it, None if there was no output; `changed` is False from here on.

        Progress that was held back because it followed the last too soon is published now, so that listeners
        know as much as the ledger.
        """
        if not (self._stages or self._lines or self.facts or self.artifacts):
            return None
        with self._lock:
            for stage in self._stages.values():
                if stage["_new"]:
                    self._tell_stage(stage)
            self.changed = False
            return self._details()


def _discard(event: Event) -> None:
    pass


def _now() -> datetime:
    return datetime.now(UTC)


def _in_coroutine() -> bool:
    # There a cancellation is already on its way, and an exception of ours would only confuse it.
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def added_up(known: Mapping[str, Any], one: Mapping[str, Any]) -> dict[str, Any]:
    """Return the figures of several extractions with those of one more."""
    figures = {name: one.get(name, 0) for name in ("requests", "throttled", "returned")}
    whole = {
        name: known.get(name, 0) + (number if isinstance(number, int) else 0)
        for name, number in figures.items()
    }
    return {"extractions": known.get("extractions", 0) + 1, **whole}
