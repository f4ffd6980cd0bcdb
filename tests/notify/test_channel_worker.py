"""Services that fail, stay away or are slow."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
from notify.conftest import TOKEN, Webhook
from support.notices import failure

from schedkit.core.api.scheduler import Scheduler
from schedkit.notify import Channel
from schedkit.notify.notices import Kind
from schedkit.notify.sender import Sender


def test_a_service_that_fails_is_tried_again(webhook: Webhook, notifier: Any) -> None:
    webhook.status = 503
    webhook.hold.clear()
    listening = notifier()
    listening(failure())
    webhook.hold.set()
    webhook.next()
    webhook.status = 200
    assert "bugs failed" in webhook.text()


def test_a_service_that_stays_away_costs_a_log_line(
    webhook: Webhook, notifier: Any, caplog: pytest.LogCaptureFixture
) -> None:
    webhook.status = 500
    with caplog.at_level(logging.WARNING, "schedkit.notify"):
        listening = notifier()
        listening(failure())
        for _ in range(3):
            webhook.next()
        listening.close()
    assert "a notification to CHAT was dropped: the service did not accept it" in caplog.text
    assert TOKEN not in caplog.text


def test_a_plug_in_that_raises_ends_nothing(
    webhook: Webhook, notifier: Any, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    send = Sender.send
    broken = [True] * 3

    def fail_first(sender: Sender, title: str, body: str, kind: Kind) -> bool:
        if broken:
            broken.pop()
            raise RuntimeError(f"secret {TOKEN}")
        return send(sender, title, body, kind)

    monkeypatch.setattr(Sender, "send", fail_first)
    listening = notifier(retry_for=0)
    listening(failure("a"))
    while broken:
        listening(failure("a"))
    listening(failure("b"))
    while "b broke" not in webhook.text():
        pass
    assert "dropped: RuntimeError" in caplog.text
    assert TOKEN not in caplog.text


def test_a_slow_channel_holds_up_nobody(webhook: Webhook, notifier: Any) -> None:
    quick = Webhook()
    webhook.hold.clear()
    environ = {**webhook.mattermost(), "QUICK": f"mmost://127.0.0.1:{quick.port}/{TOKEN}"}
    listening = notifier(Channel("CHAT", every=0), Channel("QUICK", every=0), environ=environ)
    listening(failure())
    assert "bugs failed" in quick.text()
    assert webhook.arrived.empty()
    webhook.hold.set()
    assert "bugs failed" in webhook.text()
    quick.server.shutdown()
    quick.server.server_close()


def test_a_message_outlives_the_process_until_its_service_is_back(
    webhook: Webhook, notifier: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    webhook.status = 503
    with Scheduler(tmp_path / "ledger.db") as before:
        listening = notifier(outbox=before.queries.outbox, retry_for=0)
        listening(failure())
        webhook.next()
        webhook.next()  # tried again: it is kept by now
        (told,) = before.why()
        assert told.text.startswith("1 alert waits for CHAT, which has taken none since ")
        listening.close()
    assert "a notification to CHAT waits in the outbox: the service did not accept it" in caplog.text
    webhook.status = 200
    while not webhook.arrived.empty():
        webhook.next()
    with Scheduler(tmp_path / "ledger.db") as after:
        later = notifier(outbox=after.queries.outbox)
        assert "bugs failed" in webhook.text()
        later.close()
        assert not after.why()


def test_a_service_that_comes_back_gets_the_message(webhook: Webhook, notifier: Any) -> None:
    webhook.status = 503
    listening = notifier()
    listening(failure())
    for _ in range(6):
        webhook.next()
    webhook.status = 200
    assert "bugs failed" in webhook.text()
    listening.close()
