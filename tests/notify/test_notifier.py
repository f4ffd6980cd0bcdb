"""Notifications that really arrive: webhooks over HTTP, mail over SMTP, from a real scheduler."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from notify.conftest import TOKEN, Webhook
from support.notices import AT, ended, failure, queued

from schedkit.core.states import State
from schedkit.notify import Channel


def test_a_failure_arrives(webhook: Webhook, notifier: Any) -> None:
    listening = notifier(link="https://s/{run}")
    listening(failure())
    path, body = webhook.next()
    assert path == f"/hooks/{TOKEN}"
    assert (
        body["text"].replace("\r\n", "\n")
        == "bugs: failed\nbugs failed after 2s: bugs broke\nmend it\nhttps://s/r1"
    )
    assert TOKEN not in repr(listening)


def test_what_a_channel_does_not_want_does_not_arrive(webhook: Webhook, notifier: Any) -> None:
    listening = notifier(Channel("CHAT", on=["done"], tasks=["audit*"], every=0))
    for event in (
        failure("audit-1"),
        ended(State.DONE, task="bugs"),
        ended(State.DONE, task="audit-1", seconds=1),
    ):
        listening(event)
    assert "audit-1 is done" in webhook.text()
    listening.close()
    assert webhook.arrived.empty()


def test_what_follows_comes_as_a_digest(webhook: Webhook, notifier: Any) -> None:
    listening = notifier(Channel("CHAT", every=3600))
    listening(failure())
    assert webhook.text().startswith("bugs: failed")
    for n in range(5):
        listening(failure(f"task-{n}", f"r{n}"))
    assert webhook.arrived.empty()
    listening.close()
    text = webhook.text()
    assert text.startswith("5 notices: 5 failed\n- task-0 failed after 2s: task-0 broke mend it\n")
    assert webhook.arrived.empty()


def test_a_digest_goes_when_its_pause_is_over(webhook: Webhook, notifier: Any) -> None:
    listening = notifier(Channel("CHAT", every=0.2))
    listening(failure("a"))
    assert webhook.text().startswith("a: failed")
    listening(failure("b"))
    assert webhook.text().startswith("b: failed")


def test_a_run_that_does_not_start_is_noticed(webhook: Webhook, notifier: Any) -> None:
    listening = notifier(Channel("CHAT", on=["late"], every=0), late_after=30)
    listening(queued())
    listening.check(AT + timedelta(seconds=20))
    listening.check(AT + timedelta(seconds=31))
    assert "bugs is late: due at 2026-01-02 03:04 UTC, and not started yet" in webhook.text()


def test_late_runs_are_looked_for_by_itself(
    webhook: Webhook, notifier: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("schedkit.notify.notifier._CHECK_SECONDS", 0.01)
    listening = notifier(Channel("CHAT", on=["late"], every=0))
    listening(queued(due=datetime.now(UTC) - timedelta(hours=1)))
    assert "is late" in webhook.text()


def test_a_schedulers_failures_arrive_and_its_runs_do_not_mind(
    webhook: Webhook, notifier: Any, tmp_path: Any
) -> None:
    from schedkit.core.api.scheduler import Scheduler

    listening = notifier(Channel("CHAT", on=["failed", "done"], every=0), link="https://s/{run}")
    with Scheduler(ledger=str(tmp_path / "l.db")) as sched:
        listening.listen(sched)

        @sched.task(name="breaks")
        def breaks() -> None:
            raise ValueError("no @channel rows")

        run = breaks.submit()
        text = webhook.text()
        assert text.startswith("breaks: failed\nbreaks failed after ")
        assert "no @\u200bchannel rows" in text
        assert f"https://s/{run.id}" in text
        webhook.server.shutdown()
        webhook.server.server_close()

        @sched.task(name="works")
        def works() -> int:
            return 7

        assert works.submit().result(timeout=60) == 7
