"""The state that the parts of an engine share, and the draft of its next decision."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import tzinfo

from msgspec.structs import replace

from schedkit.core.engine.changes import Change, HomeExpected, RunChanged, TaskAdvanced, TaskPut
from schedkit.core.engine.decision import AskBegin, Finished, Reply, Start, Stop
from schedkit.core.engine.dependencies import DependencyTracker
from schedkit.core.engine.queue import RunQueue
from schedkit.core.engine.retries import MOST_INTERRUPTIONS
from schedkit.core.engine.schedules import Schedules
from schedkit.core.engine.snapshot import Limit
from schedkit.core.events import TO_COME, Event, ScheduleAdvanced, TaskChanged
from schedkit.core.model import Task, TaskRow
from schedkit.core.run import Run
from schedkit.core.states import State
from schedkit.errors import UsageError
from schedkit.values.instants import SECOND, from_micros
from schedkit.values.text import did_you_mean

__all__ = ["Draft", "EngineConfig", "EngineState"]


@dataclass(frozen=True)
class EngineConfig:
    """How an engine decides: its name and its life, its zone and its limits.

    Attributes
    ----------
    limits : mapping of str to int
        How many runs may hold what others in this process want too: ``process``, ``thread``.
    shared : mapping of str to int
        The limits that this process declares for the whole ledger: ``tag:…``.
    cancel_grace : int
        Microseconds that a cancelled attempt may continue before it is recorded as cancelled.
    lease : int
        Microseconds for which code on workers may continue after the last sign of life of its home.
    random : callable
        Returns a number in [0, 1), for the delays of retries.
    new_id : callable
        Returns the id of a run that the engine makes.
    """

    name: str = ""
    life: str = ""
    concurrency: int = 5
    limits: Mapping[str, int] = field(default_factory=dict)
    shared: Mapping[str, int] = field(default_factory=dict)
    tz: tzinfo | None = None
    most_interruptions: int = MOST_INTERRUPTIONS
    cancel_grace: int = 10 * SECOND
    lease: int = 0
    random: Callable[[], float] = lambda: 0.0
    new_id: Callable[[], str] = lambda: ""


class Draft:
    """A decision in the making."""

    __slots__ = ("asks", "changes", "events", "finished", "replies", "runs", "starts", "stops")

    def __init__(self) -> None:
        self.changes: list[Change] = []
        self.events: list[Event] = []
        self.starts: list[Start] = []
        self.stops: list[Stop] = []
        self.asks: list[AskBegin] = []
        self.replies: list[Reply] = []
        self.finished: list[Finished] = []
        # One change for each run that moved, however often: its first state before, and its last.
        self.runs: dict[str, RunChanged] = {}


class EngineState:
    """What the parts of an engine share."""

    def __init__(self, config: EngineConfig) -> None:
        self.config = config
        self.now = 0  # microseconds since 1970 …
        self.steady = 0  # … and on a clock that never jumps
        self.at = from_micros(0)  # `now`, for events
        self.draft = Draft()
        self.tasks: dict[str, Task] = {}  # declared in this process
        self.rows: dict[str, TaskRow] = {}  # at home here
        self.codes: dict[str, str] = {}  # of the tasks whose code this process has, as recorded
        self.paused = False
        self.held = self.draining = False  # nothing new begins: for a time, for good
        self.runs: dict[str, Run] = {}  # those that have not ended
        self.by_task: dict[str, dict[str, None]] = {}
        self.last: dict[str, State] = {}
        self.taken: dict[str, set[int]] = {}
        self.abroad: set[str] = set()  # runs of tasks at home here that are running in other processes
        self.guests: set[str] = set()  # runs of tasks at home elsewhere that are running here
        self.elsewhere: dict[str, Run] = {}  # runs of parents at home elsewhere that have not ended
        self.last_seq = 0  # the number of the last event of the log that is known here
        self.known: dict[
            str, int
        ] = {}  # of tasks that were at home here, the event up to which all was known
        self.decided = 0  # decisions
        self.touched: dict[str, int] = {}  # task → the last decision with an event about it
        self.put: dict[str, int] = {}  # task → the last decision that put its row
        self.unfollowed: dict[str, list[tuple[int, Run]]] = {}  # task → parents' runs to follow
        self.ended: list[Run] = []  # parents' runs whose end has not been handled yet
        # Left in their state; a task until it is declared again.
        self.runs_aside: frozenset[str] = frozenset()
        self.tasks_aside: set[str] = set()
        self.limits: dict[str, Limit] = {}  # of the whole ledger
        self.room: dict[str, int] = {}  # of the workers elsewhere, by key
        self.schedules = Schedules()
        self.queue = RunQueue(config.concurrency, config.limits)
        self.dependencies = DependencyTracker()

    def begin(self, now: int, steady: int) -> None:
        """Begin a decision."""
        self.now, self.steady, self.at = now, steady, from_micros(now)
        self.draft = Draft()
        self.decided += 1

    def row(self, name: str) -> TaskRow:
        """Return a task's row.

        Raises
        ------
        UsageError
            If there is none.
        """
        row = self.rows.get(name)
        if row is None:
            raise UsageError(f"no task is called {name!r}", hint=did_you_mean(name, self.rows))
        return row

    def alive(self, task: str) -> int:
        """Return how many runs of a task have not ended."""
        return len(self.by_task.get(task, ()))

    def move(self, before: Run | None, after: Run) -> None:
        """Set the next state of a run, or add a new one."""
        known = self.draft.runs.get(after.id)
        self.draft.runs[after.id] = RunChanged(before if known is None else known.before, after)
        if after.state.final:
            self.runs.pop(after.id, None)
            self.by_task[after.task].pop(after.id, None)
            self.last[after.task] = after.state
        else:
            self.keep(after)

    def keep(self, run: Run) -> None:
        """Add a run that has not ended, or replace it."""
        self.runs[run.id] = run
        self.by_task.setdefault(run.task, {})[run.id] = None

    def drop(self, run: Run) -> None:
        """Remove a run that another process decides about from now on."""
        self.runs.pop(run.id, None)
        self.by_task.get(run.task, {}).pop(run.id, None)
        self.guests.discard(run.id)
        self.abroad.discard(run.id)

    def note(self, run: Run) -> None:
        """Add a run of a parent that is at home elsewhere."""
        self.elsewhere[run.id] = run
        self.by_task.setdefault(run.task, {})[run.id] = None

    def note_end(self, run: Run) -> None:
        """Record the end of a run of a parent that is at home elsewhere."""
        self.forget_noted(run)
        self.last[run.task] = run.state

    def forget_noted(self, run: Run) -> None:
        """Remove a run of a parent that is at home elsewhere."""
        self.elsewhere.pop(run.id, None)
        self.by_task.get(run.task, {}).pop(run.id, None)

    def expect_home(self, task: str) -> None:
        """Have the decision refused if a task is no longer at home here."""
        row = self.rows.get(task)
        if row is not None:
            self.draft.changes.append(HomeExpected(task, row.home))

    def put_row(self, row: TaskRow, word: str, actor: str) -> None:
        """Replace a task's row, and publish the change."""
        before = self.rows.get(row.name)
        self.rows[row.name] = row
        self.put[row.name] = self.decided
        self.draft.changes.append(TaskPut(row, None if before is None else before.home))
        self.publish_task(word, row, actor)

    def publish_task(self, word: str, row: TaskRow, actor: str, *, log: bool = True) -> None:
        """Publish a change of a task, in the log or in this process only."""
        self.draft.events.append(
            TaskChanged(
                at=self.at,
                seq=TO_COME if log else 0,
                actor=actor,
                change=word,
                row=row,
                waiting=row.name not in self.tasks,
            )
        )

    def advance(self, row: TaskRow, next: int | None) -> None:
        """Set the next time of a task, and publish it."""
        assert row.next is not None
        self.rows[row.name] = replace(row, next=next)
        self.draft.changes.append(TaskAdvanced(row.name, row.next, next, row.home))
        advanced = ScheduleAdvanced(at=self.at, task=row.name, next=next)
        self.draft.events.append(advanced)
