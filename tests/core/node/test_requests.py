"""What was asked for as data is durable: it is made again when its handler is declared."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.ledgers import ledger_of
from support.node_processes import NodeProcess
from support.waiting import wait_until

from schedkit import context
from schedkit.core.api.run_handle import RunHandle
from schedkit.core.api.scheduler import Scheduler
from schedkit.core.api.task_handle import TaskHandle
from schedkit.core.model import After, Requested, Retry, TaskRow
from schedkit.core.states import State
from schedkit.core.tasks.origin import declared_in
from schedkit.core.triggers.constructors import cron
from schedkit.errors import DeclarationError, NotRunningError, ParameterError

Make = Callable[..., Scheduler]

NIGHTLY: dict[str, Any] = {
    "name": "nightly",
    "task_type": "SCHEDULED",
    "cron_expr": "0 0 * * *",
    "timezone": "Asia/Shanghai",
    "tags": ["EXPORT", "nightly"],
    "parameters": {"key": "PROJ"},
    "priority": "HIGH",
    "timeout_seconds": 90,
    "retry_policy": {"max_retries": 3, "retry_delay": 5, "backoff_factor": 2},
    "owner": "johndoe",
    "metadata": {"ticket": "OPS-1"},
}


@pytest.fixture
def where(tmp_path: Any) -> str:
    return str(tmp_path / "ledger.db")


def export(key: str, times: int = 1) -> str:
    return key * times


def edited(key: str) -> str:
    return f"edited {key}"


def declare(sched: Scheduler, function: Callable[..., Any] = export, file: str = "/here.py") -> None:
    with declared_in(file):
        sched.task(name="export", tags="EXPORT", timeout="5m")(function)


def row_of(sched: Scheduler, name: str) -> TaskRow:
    with ledger_of(sched) as ledger:
        row = ledger.task(name)
    assert row is not None
    return row


def request(sched: Scheduler, **changes: Any) -> TaskHandle[..., Any]:
    made = sched.add_request({**NIGHTLY, **changes})
    assert isinstance(made, TaskHandle)
    return made


def run_of(sched: Scheduler, **body: Any) -> RunHandle:
    made = sched.add_request({"tags": ["EXPORT"], "parameters": {"key": "A"}, **body})
    assert isinstance(made, RunHandle)
    return made


# Durable


@pytest.mark.parametrize("before_start", [True, False])
def test_a_request_survives_its_process(make: Make, before_start: bool) -> None:
    with make(name="first") as first:
        declare(first)
        first.task(name="parent")(lambda: 1)
        handle = request(first, dependencies=["parent"])
        upcoming = handle.next_run
    again = make(name="again")
    if before_start:
        declare(again)
    again.start()
    declare(again)
    task = again.tasks["nightly"].task
    assert task.function is export
    assert (task.params, task.timeout, task.priority) == ({"key": "PROJ"}, 90, 20)
    assert task.retry == Retry(attempts=4, delay=5, backoff=2)
    assert (task.tags, task.after) == (("EXPORT", "nightly"), (After("parent"),))
    assert task.trigger == cron("0 0 * * *", tz="Asia/Shanghai")
    assert again.tasks["nightly"].next_run == upcoming
    assert "nightly" in again.at_home
    told = Requested(
        handler="export",
        parameters={"key": "PROJ"},
        owner="johndoe",
        metadata={"ticket": "OPS-1"},
        options={
            "tags": ["EXPORT", "nightly"],
            "priority": "HIGH",
            "timeout_seconds": 90,
            "retry_policy": {"max_retries": 3, "retry_delay": 5, "backoff_factor": 2},
            "dependencies": [{"task": "parent", "on": "success"}],
        },
    )
    row = row_of(again, "nightly")
    assert (row.requested, row.actor, row.facts["options"]["owner"]) == (told, "johndoe", "johndoe")
    assert again.submit("nightly").result("60s") == "PROJ"


def test_what_was_changed_since_stays_changed(make: Make) -> None:
    with make() as first:
        declare(first)
        for name in ("changed", "gone"):
            request(first, name=name)
        first.reschedule("changed", cron("0 5 * * *", tz="UTC"))
        first.pause("changed")
        first.remove("gone")
        first.stop("1s")
        first.start()  # the same process, which still knows them
        assert first.tasks["changed"].task.trigger == cron("0 5 * * *", tz="UTC")
    with make() as again:
        declare(again)
        assert again.at_home == ["changed", "export"]
        assert again.tasks["changed"].paused
        assert again.tasks["changed"].task.trigger == cron("0 5 * * *", tz="UTC")


def test_a_handler_that_is_edited_runs_what_was_requested_of_it(make: Make) -> None:
    with make() as sched:
        declare(sched)
        handle = request(sched)
        assert handle.submit().result("60s") == "PROJ"
        declare(sched, edited)
        assert handle.submit().result("60s") == "edited PROJ"


def test_a_request_that_its_handler_takes_no_more_is_told_and_the_others_go_on(
    make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    with make() as first:
        declare(first)
        request(first, name="one")
        request(first, name="two", parameters={"key": "B", "times": 2})
    with make() as again:
        declare(again, edited)
        assert again.at_home == ["export", "one"]
        assert any("'two' was requested and cannot be made again" in line for line in caplog.messages)


def test_a_killed_process_loses_no_request(make: Make, where: str, tmp_path: Path) -> None:
    """It is durable when it has been taken; the file run again, and nothing else, makes it again."""
    killed, again = (NodeProcess(where, tmp_path, name, "/one.py") for name in ("killed", "again"))
    try:
        killed.hear("home")
        killed.tell("request")
        killed.hear("requested")
        killed.kill()
        again.hear("home")
        watches = make()
        watches.watch()
        wait_until(lambda: (home := watches.queries.home("asked")) is not None and home.name == "again")
        assert watches.submit("asked").wait("60s").state is State.DONE
        told = row_of(watches, "asked").requested
        assert told is not None
        assert (told.handler, told.owner) == ("ticking", "johndoe")
    finally:
        for process in (killed, again):
            process.close()


def test_a_one_time_job_of_a_handler_survives_until_it_has_run(make: Make) -> None:
    with make() as first:
        declare(first)
        first.add_one_time_job("later", "export", {"key": "L"}, run_date="2127-01-01T07:00+00:00")
        first.add_one_time_job("done", "export", {"key": "D"}).result("60s")
    with make() as again:
        declare(again)
        assert again.at_home == ["export", "later"], "what is over is not made again"
        assert again.tasks["later"].task.params == {"key": "L"}
        assert again.get_job("later") is not None


# Where it is at home


def test_a_process_with_the_same_handler_is_its_heir(make: Make) -> None:
    home, heir = make(name="home"), make(name="heir")
    home.start()
    declare(home)
    request(home, name="before")
    heir.start()
    declare(heir, file="/there.py")
    request(home, name="after")
    wait_until(lambda: heir.standing_by == ["after", "before", "export"])
    home.stop("1s")
    wait_until(lambda: heir.at_home == ["after", "before", "export"])
    assert heir.submit("after").result("60s") == "PROJ"


def test_other_code_of_the_handler_is_no_heir(make: Make) -> None:
    home, other = make(name="home"), make(name="other")
    for sched in (home, other):
        sched.start()
    declare(home)
    with pytest.raises(DeclarationError, match="with other code"):
        declare(other, edited, file="/there.py")
    request(home)
    assert other.submit("nightly").result("60s") == "PROJ"
    assert other.standing_by == []


@pytest.mark.parametrize("watches", [True, False])
def test_who_has_no_handler_passes_a_request_on(make: Make, watches: bool) -> None:
    home, asks = make(name="home"), make(name="asks")
    home.start()
    declare(home)
    asks.watch() if watches else asks.start()
    with context.acting_as("token x"):
        request(asks, task_type="IMMEDIATE")
        single = run_of(asks)
    assert "nightly" in home.at_home
    (run,) = asks.runs("nightly")
    assert asks.run(run.id).result("60s") == "PROJ"
    assert single.result("60s") == "A"
    assert [(each.cause, each.actor) for each in asks.runs()] == [("request", "token x")] * 2
    assert row_of(asks, "nightly").actor == "token x"
    with pytest.raises(ParameterError, match="needs the parameter 'key'"):
        request(asks, name="wrong", parameters={})
    with pytest.raises(DeclarationError, match="no task is named or tagged 'IMPORT'"):
        request(asks, tags=["IMPORT"])
    assert set(asks.tasks) == {"export", "nightly"}


def test_what_nobody_has_the_handler_of_waits_and_is_shown(make: Make) -> None:
    with make(name="first") as first:
        declare(first)
    lives = make(name="lives")
    lives.start()
    handle = request(lives, task_type="IMMEDIATE")
    single = run_of(lives)
    assert (handle.state, single.state) == ("queued", State.QUEUED)
    assert lives.tasks["nightly"].home is None
    assert handle.next_run is not None
    (now,) = handle.runs()
    declare(lives)
    assert [lives.run(now.id).result("60s"), single.result("60s")] == ["PROJ", "A"]
    assert lives.at_home == ["export", "nightly"]


def test_without_a_process_a_request_waits_for_the_start(make: Make) -> None:
    sched = make()
    declare(sched)
    handle, single = request(sched, task_type="IMMEDIATE"), run_of(sched)
    sched.start()
    assert single.result("60s") == "A"
    wait_until(handle.runs)
    assert sched.run(handle.runs()[0].id).result("60s") == "PROJ"
    assert row_of(sched, "nightly").requested is not None
    with make().viewing() as looks, pytest.raises(DeclarationError, match="declared in code"):
        looks.add_request({**NIGHTLY, "name": "export"})
    sched.stop("1s")
    with make().viewing() as looks, pytest.raises(NotRunningError, match="no scheduler runs"):
        looks.add_request(NIGHTLY)


def test_what_was_requested_before_the_start_runs_where_its_handler_is(make: Make) -> None:
    home, late = make(name="home"), make(name="late")
    home.start()
    declare(home)
    declare(late, file="/there.py")
    single = run_of(late)
    late.start()
    assert late.standing_by == ["export"]
    assert single.result("60s") == "A"


# Never over a task that no request made


@pytest.mark.parametrize("place", ["here", "elsewhere", "homeless"])
def test_a_request_never_takes_over_what_code_has_declared(make: Make, place: str) -> None:
    sched = make(name="sched")
    sched.start()
    declare(sched)
    home = sched if place == "here" else make(name="home")
    home.start()
    home.task(cron("0 7 * * *", tz="UTC"), name="open_bugs")(lambda: "bugs")
    if place == "homeless":
        home.stop("1s")
    before = row_of(sched, "open_bugs")
    for name in ("open_bugs", "export"):
        with pytest.raises(DeclarationError, match=f"task '{name}' is declared in code"):
            request(sched, name=name, parameters={"key": "EVIL"})
    with pytest.raises(DeclarationError, match=r"'open_bugs' is declared"):
        sched.add_one_time_job("open_bugs", "export", {"key": "EVIL"})
    assert row_of(sched, "open_bugs") == before
    single = run_of(sched, name="open_bugs")
    assert (single.result("60s"), single.task) == ("A", "export")
    if place != "homeless":
        assert sched.submit("open_bugs").result("60s") == "bugs"
    assert sched.submit("export", key="B").result("60s") == "B"


def test_a_request_replaces_what_a_request_made(make: Make) -> None:
    home, other = make(name="home"), make(name="other")
    for sched in (home, other):
        sched.start()
        declare(sched, file=f"/{sched.name}.py")
    request(home)
    request(other, parameters={"key": "B"}, cron_expr="0 5 * * *")
    assert home.at_home == ["export", "nightly"]
    handle = home.tasks["nightly"]
    assert (handle.task.params, handle.task.trigger) == ({"key": "B"}, cron("0 5 * * *", tz="Asia/Shanghai"))
    wait_until(lambda: other.tasks["nightly"].task.params == {"key": "B"})
    wait_until(lambda: "nightly" in other.standing_by)
    assert other.submit("nightly").result("60s") == "B"


# A single run


def test_an_immediate_request_is_a_run_of_its_handler(make: Make) -> None:
    with make() as sched:
        declare(sched)
        runs = [
            run_of(sched, name=f"export {n}", owner="johndoe", metadata={"ticket": n}, priority="HIGH")
            for n in range(3)
        ]
        assert [run.result("60s") for run in runs] == ["A"] * 3
        assert list(sched.tasks) == ["export"], "no task is left over"
        kept = runs[2].run
        assert kept.request == {
            "name": "export 2",
            "owner": "johndoe",
            "metadata": {"ticket": 2},
            "options": {"tags": ["EXPORT"], "priority": "HIGH"},
        }
        assert (kept.cause, kept.actor, kept.priority) == ("request", "johndoe", 20)
        again = runs[2].retry(key="B")
        assert again.result("60s") == "B"
        assert (again.run.request, again.run.cause) == (kept.request, "retry")


def test_a_single_run_obeys_its_own_retry_and_timeout(make: Make) -> None:
    tries: list[str] = []

    def flaky(key: str) -> str:
        tries.append(key)
        if len(tries) < 3:
            raise ConnectionError("not yet")
        while key == "hangs":
            context.checkpoint()
            threading.Event().wait(0.01)
        return key

    with make() as sched:
        declare(sched, flaky)
        policy = {"max_retries": 2, "retry_delay": 0.01}
        assert run_of(sched, retry_policy=policy).result("60s") == "A"
        assert tries == ["A"] * 3
        slow = run_of(sched, parameters={"key": "hangs"}, timeout_seconds=0.1)
        assert slow.wait("60s").state is State.TIMEOUT
        assert sched.submit("export", key="B").result("60s") == "B", "the handler keeps its own"
        with pytest.raises(DeclarationError, match="overlap says nothing of a single run"):
            run_of(sched, overlap="queue")


def test_a_request_with_parents_waits_for_those_under_way(make: Make) -> None:
    release = threading.Event()
    with make() as sched:
        declare(sched)
        parent = sched.task(name="parent")(lambda: release.wait(60))
        under_way = parent.submit()
        made = sched.add_request(
            {
                "name": "child",
                "tags": ["EXPORT"],
                "parameters": {"key": "A"},
                "dependencies": [row_of(sched, "parent").id],
            }
        )
        (run,) = made.runs()
        assert (run.state, run.waiting_for) == (State.PENDING, ("parent",))
        release.set()
        assert under_way.result("60s")
        assert sched.run(run.id).result("60s") == "A"
        assert len(sched.runs("child")) == 1
        with pytest.raises(DeclarationError, match=r"depends on '0b5c7f0e-.*', which is not declared here"):
            request(sched, dependencies=["0b5c7f0e-9d0e-4c0a-8a51-9f6b7f6f8c11"])
        assert "nightly" not in sched.tasks


def test_a_run_can_be_requested_of_a_requested_task_and_no_task_made_of_it(make: Make) -> None:
    with make() as sched:
        declare(sched)
        request(sched)
        again = sched.add_request({"name": "nightly"})
        assert isinstance(again, RunHandle)
        assert (again.result("60s"), again.task) == ("PROJ", "nightly")
        with pytest.raises(DeclarationError, match=r"was made by a request itself .name its handler: export"):
            request(sched, name="more", task="nightly")
