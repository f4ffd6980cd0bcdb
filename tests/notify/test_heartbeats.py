"""Heartbeats that really arrive, over HTTP, after good runs only; and no run waits for one."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
from notify.conftest import Webhook
from support.notices import ended

from schedkit.core.api.scheduler import Scheduler
from schedkit.core.states import State
from schedkit.errors import SettingsError
from schedkit.notify import Heartbeats

SECRET = "0f2d7c1e"


def address(webhook: Webhook) -> str:
    return f"http://127.0.0.1:{webhook.port}/{SECRET}"


def test_only_a_good_run_of_a_named_task_makes_one(webhook: Webhook) -> None:
    heartbeats = Heartbeats({"sales": address(webhook)})
    for state in (State.FAILED, State.TIMEOUT, State.CANCELLED, State.SKIPPED):
        heartbeats(ended(state, task="sales"))
    heartbeats(ended(State.DONE, task="bugs"))
    heartbeats.close(60)
    assert webhook.arrived.empty()
    heartbeats(ended(State.DONE, task="sales"))
    assert webhook.next(60) == (f"/{SECRET}", None)
    heartbeats.close(60)
    assert webhook.arrived.empty()
    assert SECRET not in repr(heartbeats)


def test_one_that_fails_is_tried_again_and_then_told_in_one_line(
    webhook: Webhook, caplog: pytest.LogCaptureFixture
) -> None:
    webhook.status = 500
    heartbeats = Heartbeats({"sales": address(webhook)}, tries=3, retry_pause=0.01)
    heartbeats(ended(State.DONE, task="sales"))
    heartbeats.close(60)
    assert webhook.arrived.qsize() == 3
    (record,) = caplog.records
    expected = "the heartbeat of task 'sales' could not be sent, in 3 tries: the answer was 500"
    assert (record.name, record.levelno, record.getMessage()) == (
        "schedkit.notify",
        logging.WARNING,
        expected,
    )


def test_a_monitor_that_is_away_is_told_without_its_address(
    webhook: Webhook, caplog: pytest.LogCaptureFixture
) -> None:
    webhook.server.server_close()
    webhook.server.shutdown()
    heartbeats = Heartbeats({"sales": address(webhook)}, tries=1)
    heartbeats(ended(State.DONE, task="sales"))
    heartbeats.close(60)
    assert "could not be sent, in 1 tries: ConnectionRefusedError" in caplog.text
    assert SECRET not in caplog.text


def test_runs_that_end_while_one_is_on_its_way_make_one_more(webhook: Webhook) -> None:
    heartbeats = Heartbeats({"sales": address(webhook)}, timeout=60)
    webhook.hold.clear()
    for number in range(9):
        heartbeats(ended(State.DONE, run=f"r{number}", task="sales"))
    webhook.hold.set()
    heartbeats.close(60)
    assert 1 <= webhook.arrived.qsize() <= 2


def test_no_run_waits_for_a_slow_monitor_and_the_end_of_the_process_not_for_long(
    webhook: Webhook, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    heartbeats = Heartbeats({"sales": address(webhook)}, timeout=60)
    webhook.hold.clear()
    with Scheduler(ledger=str(tmp_path / "l.db")) as sched:
        heartbeats.listen(sched)
        sched.task(name="sales")(lambda: 7)
        assert [sched.submit("sales").result(timeout=60) for _ in range(3)] == [7, 7, 7]
        assert sched.queries.flush_events(60)
    heartbeats.close(0)
    assert "the heartbeat of task 'sales' was not sent before the process ended" in caplog.text
    webhook.hold.set()
    assert webhook.next(60) == (f"/{SECRET}", None)
    heartbeats.close(60)


@pytest.mark.parametrize(
    ("urls", "problem"),
    [
        ("https://x", "urls= is not a mapping of tasks to addresses"),
        ({"sales": "file:///0f2d7c1e"}, "the heartbeat of task 'sales' is not a web address"),
        ({"sales": None}, "the heartbeat of task 'sales' is not a web address"),
    ],
)
def test_what_is_no_web_address_is_refused(urls: Any, problem: str) -> None:
    with pytest.raises(SettingsError, match=problem) as caught:
        Heartbeats(urls)
    assert SECRET not in str(caught.value)


def test_an_address_that_no_client_takes_is_told_too(caplog: pytest.LogCaptureFixture) -> None:
    heartbeats = Heartbeats({"sales": f"http://127.0.0.1:port/{SECRET}"}, tries=1)
    heartbeats(ended(State.DONE, task="sales"))
    heartbeats.close(60)
    assert "could not be sent, in 1 tries: InvalidURL" in caplog.text
    assert SECRET not in caplog.text


def test_one_that_was_not_sent_is_told_until_a_later_one_is(webhook: Webhook, tmp_path: Path) -> None:
    webhook.status = 500
    with Scheduler(tmp_path / "ledger.db") as sched:
        heartbeats = Heartbeats({"sales": address(webhook)}, tries=1, outbox=sched.queries.outbox)
        for _ in range(2):
            heartbeats(ended(State.DONE, task="sales"))
            heartbeats.close(60)
        (told,) = [each for each in sched.why() if each.kind == "outbox"]
        assert str(told).startswith("the heartbeat of task 'sales' could not be sent since ")
        assert str(told).endswith(": the answer was 500")
        assert SECRET not in str(told)
    webhook.status = 200
    with Scheduler(tmp_path / "ledger.db") as sched:
        assert [each.kind for each in sched.why()] == ["outbox"], "another process may send it"
        heartbeats = Heartbeats({"sales": address(webhook)}, tries=1, outbox=sched.queries.outbox)
        heartbeats(ended(State.DONE, task="sales"))
        heartbeats.close(60)
        assert not sched.why()
