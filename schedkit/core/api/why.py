"""Why nothing starts: what a process, a task or a run waits for, in sentences."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from schedkit.core.api.queries import Queries
from schedkit.core.api.run_handle import RunHandle
from schedkit.core.api.task_handle import TaskHandle
from schedkit.core.engine.obstacles import Moments, Obstacle, Obstacles, Unbegun, run_obstacle
from schedkit.core.model import Task, TaskRow
from schedkit.core.node.node import Node
from schedkit.core.run import TAG, Run
from schedkit.core.states import State
from schedkit.core.store.homeless import Homeless, homeless
from schedkit.core.store.kept_obstacles import kept_obstacles
from schedkit.core.store.outbox import HEARTBEAT, Alert, waiting_alerts
from schedkit.errors import LedgerError, UsageError
from schedkit.values.instants import from_micros, wall_now
from schedkit.values.text import did_you_mean, safe_repr

__all__ = ["Why"]

_MOST_NAMED = 3
_MOST_RUNS = 5


class Why:
    """Says what keeps runs of one scheduler from starting; from any thread.

    Attributes
    ----------
    told : sequence of Obstacle
        What another process, which runs the tasks, has told of itself.
    """

    def __init__(self, node: Node, queries: Queries) -> None:
        self._node, self._queries = node, queries
        self.told: Sequence[Obstacle] = ()

    def of(self, about: object = None) -> Obstacles:
        """Return what keeps all runs, those of a task, or one run from starting.

        Raises
        ------
        UsageError
            If no task or run has this name.
        """
        if about is None:
            return self.all()
        self._queries.open()
        if isinstance(about, RunHandle | Run):
            return Obstacles(self._of_run(self._queries.run(about.id)))
        if isinstance(about, TaskHandle | Task):
            return Obstacles(self._of_task(about.name))
        if not isinstance(about, str):
            raise UsageError(f"expected a task or a run, got {safe_repr(about)}", hint="give its name or id")
        if about in self._queries.names():
            return Obstacles(self._of_task(about))
        try:
            return Obstacles(self._of_run(self._queries.run(about)))
        except UsageError:
            hint = did_you_mean(about, self._queries.names())
            raise UsageError(f"no task or run is called {about!r}", hint=hint) from None

    def all(self) -> Obstacles:
        """Return what keeps any run from starting, the worst first."""
        found: list[Obstacle] = []
        try:
            self._queries.open()
            found += self._of_the_ledger()
        except LedgerError as error:
            text = f"the ledger cannot be read, and nothing starts: {error}"
            found.append(Obstacle(kind="ledger", text=text, wrong=True))
        life = self._node.life
        of_process = self.told if life is None else life.obstacles.all()
        if any(each.kind == "ledger" for each in of_process):  # it says since when
            found = []
        found += of_process
        return Obstacles(sorted(found, key=lambda each: not each.wrong))

    def _moments(self) -> Moments:
        life = self._node.life
        return Moments(wall_now(), self._node.config.tz) if life is None else life.obstacles.moments()

    def _of_the_ledger(self) -> Iterator[Obstacle]:
        queries = self._queries
        if not queries.nodes():
            text = f"no process runs the tasks of the ledger {queries.ledger.store}: sched.start() starts one"
            yield Obstacle(kind="stopped", text=text, wrong=True)
            return
        if queries.paused():
            text = "the due times of all tasks are paused: sched.resume() resumes them"
            yield Obstacle(kind="paused", text=text)
        yield from _homeless_obstacles(homeless(queries.ledger.store), self._moments())
        yield from _alert_obstacles(waiting_alerts(queries.ledger.store), self._moments())
        yield from self._of_other_processes()

    def _of_other_processes(self) -> Iterator[Obstacle]:
        """Yield what other processes have written down of themselves, except what one of them has told."""
        told = {(each.kind, each.task, each.run) for each in self.told}
        for node, obstacles in kept_obstacles(self._queries.ledger.store):
            if self._queries.is_here(node.life):
                continue
            for each in obstacles:
                if (each.kind, each.task, each.run) not in told:
                    text = f"{node.name} (pid {node.pid} on {node.host}): {each.text}"
                    yield msgspec.structs.replace(each, text=text)

    # One task

    def _of_task(self, name: str) -> Iterator[Obstacle]:
        """Yield what keeps the runs of a task from starting, or when the next one is due."""
        queries = self._queries
        row = queries.row(name) or queries.ledger.task(name)
        of_each_run = {"concurrency", "limit", "rate", "begin"}
        everybodys = (each for each in self.all() if each.task in ("", name) and each.kind not in of_each_run)
        yield from (each for each in everybodys if each.kind not in ("home", "outbox"))
        if row is None:
            text = f"task {name!r} is declared, but not in the ledger: sched.start() puts it there"
            yield Obstacle(kind="stopped", text=text, task=name, wrong=True)
            return
        home = queries.home(name)
        if home is None and queries.nodes():
            yield from _homeless_obstacles(homeless(queries.ledger.store, name), self._moments())
        elif home is not None and not queries.is_here(home.life):
            yield Obstacle(kind="home", text=f"task {name!r} is run by {home}", task=name)
        yield from self._of_schedule(row)
        for run in queries.live(name)[:_MOST_RUNS]:
            yield from self._of_run(run)

    def _of_schedule(self, row: TaskRow) -> Iterator[Obstacle]:
        if row.paused:
            text = f"the due times of task {row.name!r} are paused: sched.resume({row.name!r}) resumes them"
            yield Obstacle(kind="paused", text=text, task=row.name)
        elif row.next_at is not None:
            text = f"task {row.name!r} is next due at {self._moments().text(row.next_at)}"
            yield Obstacle(kind="due", text=text, task=row.name)
        elif row.trigger is None:
            text = f"task {row.name!r} has no schedule: it runs when it is submitted, or after its parents"
            yield Obstacle(kind="due", text=text, task=row.name)
        else:
            text = f"the schedule of task {row.name!r} has no due time left"
            yield Obstacle(kind="due", text=text, task=row.name)

    # One run

    def _of_run(self, run: Run) -> Iterator[Obstacle]:
        moments, which = self._moments(), f"run {run.id} of task {run.task!r}"

        def one(kind: str, text: str, *, wrong: bool = False) -> Obstacle:
            since = from_micros(run.started if kind in ("running", "begin") else run.due)
            return Obstacle(
                kind=kind, text=f"{which} {text}", task=run.task, run=run.id, since=since, wrong=wrong
            )

        if run.state.final:
            yield one("ended", f"has ended as {run.state}{f': {run.why}' if run.why else ''}")
        elif (unbegun := self._unbegun(run)) is not None:
            at = moments.text(unbegun.started)
            yield one("begin", f"was started at {at}, and its code waits for {unbegun.waits_for}")
        elif run.state is State.RUNNING:
            yield one("running", f"has been running since {moments.text(run.started or run.due)}")
        elif run.state is State.PENDING:
            yield one(
                "parents", f"waits for the end of {', '.join(map(repr, run.waiting_for)) or 'its parents'}"
            )
        elif self._is_overrun(run):
            text = f"waits: the code of its attempt {run.attempt} has not ended and keeps its place"
            yield one("hung", text, wrong=True)
        elif run.state is State.RETRY and run.due > moments.now:
            yield one("retry", f"waits for its attempt {run.attempt + 1} at {moments.text(run.due)}")
        else:
            yield from self._of_queued(run, moments)

    def _unbegun(self, run: Run) -> Unbegun | None:
        life = self._node.life
        found = life.obstacles.unbegun() if life is not None else []
        return next((each for each in found if each.run == run.id), None)

    def _is_overrun(self, run: Run) -> bool:
        life = self._node.life
        return life is not None and any(each.run == run.id for each in life.obstacles.hung())

    def _of_queued(self, run: Run, moments: Moments) -> Iterator[Obstacle]:
        life = self._node.life
        if life is None or run.task not in life.engine.rows:
            yield from self._of_queued_elsewhere(run)
            return
        queue = life.engine.queue
        waiting = next((each for each in queue.waiting if each.id == run.id), None)
        if waiting is None:
            return
        found = run_obstacle(waiting, queue, life.obstacles.hung(), moments)
        if found is not None:
            yield found

    def _of_queued_elsewhere(self, run: Run) -> Iterator[Obstacle]:
        """Yield what the ledger has of a run that waits in another process, and which process knows more."""
        home, which = self._queries.home(run.task), f"run {run.id} of task {run.task!r}"
        if home is None:  # what is said of its task says so
            return
        tags = [each.removeprefix(TAG) for each in run.waiting_for if each.startswith(TAG)]
        if tags:
            reason = f"others have all places of the tag {', '.join(map(repr, tags))}"
            kind, text = "limit", f"{which} waits at {home}: {reason}"
        else:
            kind, text = "home", f"{which} waits at {home}, where sched.why({run.id!r}) says for what"
        yield Obstacle(kind=kind, text=text, task=run.task, run=run.id, since=from_micros(run.due))


def _alert_obstacles(waiting: Sequence[Alert], moments: Moments) -> Iterator[Obstacle]:
    """Yield one obstacle for each channel whose receiver is away."""
    for channel in dict.fromkeys(alert.channel for alert in waiting):
        mine = [alert for alert in waiting if alert.channel == channel]
        since = moments.text(mine[0].at)
        if mine[0].kind == HEARTBEAT:
            text = f"{channel} could not be sent since {since}: {mine[-1].body}"
        else:
            number = "1 alert waits" if len(mine) == 1 else f"{len(mine)} alerts wait"
            text = f"{number} for {channel}, which has taken none since {since}"
        yield Obstacle(
            kind="outbox",
            text=text,
            since=from_micros(mine[0].at),
            wrong=True,
        )


def _homeless_obstacles(found: Iterable[Homeless], moments: Moments) -> Iterator[Obstacle]:
    """Yield one obstacle for each process that has ended, with the tasks that it has left."""
    by_home: dict[tuple[str, int, str, int | None], list[str]] = {}
    for each in found:
        by_home.setdefault((each.name, each.pid, each.host, each.since), []).append(each.task)
    for (name, pid, host, since), names in by_home.items():
        more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
        which = f"task{'s' if len(names) > 1 else ''} {', '.join(map(repr, names[:_MOST_NAMED]))}{more}"
        ended = f", {name} (pid {pid} on {host}), ended" if name else " ended"
        at = "" if since is None else f" at {moments.text(since)}"
        yield Obstacle(
            kind="home",
            text=f"{which} cannot run: the home{ended}{at}, and no running process has the code; "
            "run the cell or file that declares it, or remove it",
            task=names[0] if len(names) == 1 else "",
            since=from_micros(since),
            wrong=True,
        )
