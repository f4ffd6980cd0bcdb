"""One suite, two databases: `where` is a new SQLite file, then a new PostgreSQL database."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.node_processes import OUTLASTS, NodeProcess
from support.postgres_server import postgres_server

from schedkit.core.api.scheduler import Scheduler
from schedkit.core.events import Event, RunStep
from schedkit.core.ids import new_id
from schedkit.core.node import declaring
from schedkit.core.store import connecting, database
from schedkit.core.store.database import Store

Begin = Callable[..., NodeProcess]


@pytest.fixture(autouse=True)
def _outlasts_a_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give up nothing while the machine that runs the tests stands still."""
    monkeypatch.setattr(connecting, "IDLE_SECONDS", 600.0)
    monkeypatch.setattr(database, "CONNECT_SECONDS", 600)
    monkeypatch.setattr(declaring, "DECLARE_SECONDS", 600.0)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Any]:
    """The server that a session's tests share."""
    with postgres_server() as server:
        yield server


@pytest.fixture(scope="session")
def ledger_template(postgres: Any) -> str:
    """A database with the tables of a ledger: a copy of it takes a fifth of the time to make them."""
    name = "ledger_template"
    postgres.psql(f"CREATE DATABASE {name};")
    store = Store(postgres.get_uri(name))
    store.open()
    store.close()
    return name


@pytest.fixture
def new_database(request: pytest.FixtureRequest) -> Iterator[Callable[[], str]]:
    """Makes empty ledgers on the PostgreSQL server; returns their URLs."""
    made: list[str] = []

    def make() -> str:
        server, template = map(request.getfixturevalue, ("postgres", "ledger_template"))
        made.append(f"t{new_id()}")
        with _connected(server) as connection:
            connection.execute(f"CREATE DATABASE {made[-1]} TEMPLATE {template} STRATEGY FILE_COPY")
        return str(server.get_uri(made[-1]))

    yield make
    if made:
        with _connected(request.getfixturevalue("postgres")) as connection:
            for name in made:  # a few hundred of them would fill a disk in memory
                # FORCE waits five seconds for the end of a session, and one may stand still for longer.
                sessions = "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity WHERE datname = %s"
                connection.execute(sessions, (name,))
                connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def _connected(server: Any) -> Any:
    psycopg = pytest.importorskip("psycopg", reason="psycopg is not installed")
    return psycopg.connect(server.get_uri(), autocommit=True)


@pytest.fixture(params=["sqlite", "postgres"])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a new ledger is."""
    if request.param == "sqlite":
        return str(tmp_path / "ledger.db")
    return str(request.getfixturevalue("new_database")())


@pytest.fixture
def make(where: str, tmp_path: Path) -> Iterator[Callable[..., Scheduler]]:
    """Makes schedulers on the ledger `where`; they are stopped at the end."""
    made: list[Scheduler] = []

    def scheduler(**options: Any) -> Scheduler:
        # A lease that outlasts a machine which stands still.
        made.append(Scheduler(where, **{"results": tmp_path / "results", "lease": "60s", **options}))
        return made[-1]

    yield scheduler
    for one in made:
        if one.state != "stopped":
            one.stop("0.2s")
        one.queries.ledger.store.close()


@pytest.fixture
def sched(make: Callable[..., Scheduler]) -> Scheduler:
    """A running scheduler."""
    scheduler = make(name="tests")
    scheduler.start()
    return scheduler


class Recorder:
    """Every fact a scheduler tells, and a way to wait for one."""

    def __init__(self, scheduler: Scheduler) -> None:
        self.events: list[Event] = []
        self._changed = threading.Condition()
        scheduler.subscribe(self._record)

    def _record(self, event: Event) -> None:
        with self._changed:
            self.events.append(event)
            self._changed.notify_all()

    def wait_for(
        self, wanted: Callable[[Event], object], count: int = 1, timeout: float = 60.0
    ) -> list[Event]:
        """Return the facts that are `wanted` once there are `count` of them."""
        with self._changed:
            met = self._changed.wait_for(lambda: sum(map(bool, map(wanted, self.events))) >= count, timeout)
            found = [event for event in self.events if wanted(event)]
        assert met, f"{len(found)} of {count} facts after {timeout} s; got {self.events[-5:]}"
        return found

    def of(self, kind: type[Event], **fields: object) -> Callable[[Event], bool]:
        """Return what recognises facts of a kind with these fields, also those of their run or task."""
        return lambda event: (
            isinstance(event, kind) and all(_field(event, name) == value for name, value in fields.items())
        )


def _field(event: Event, name: str) -> object:
    if hasattr(event, name):
        return getattr(event, name)
    value = event.after if isinstance(event, RunStep) else getattr(event, "row", None)
    return getattr(value, name, None)


@pytest.fixture
def recorder(sched: Scheduler) -> Recorder:
    """What the running scheduler tells."""
    return Recorder(sched)


@pytest.fixture
def begin(where: str, tmp_path: Path) -> Iterator[Begin]:
    """Begins processes at the ledger `where`, each declaring the same at a place of its own."""
    begun: list[NodeProcess] = []

    def one(name: str, lease: str = OUTLASTS) -> NodeProcess:
        begun.append(NodeProcess(where, tmp_path, name, lease=lease))
        return begun[-1]

    yield one
    for process in begun:
        process.close()
