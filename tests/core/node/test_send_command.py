"""Whoever asks something of a process that has died hears so, and soon."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from support.lives import die, life_of

from schedkit.core.api.scheduler import Scheduler
from schedkit.core.node import send_command
from schedkit.core.node.commands import CancelRun
from schedkit.core.tasks.origin import declared_in
from schedkit.errors import NotRunningError
from schedkit.loop import service

Make = Callable[..., Scheduler]


@pytest.fixture
def home(make: Make) -> Scheduler:
    """A process that runs a task."""
    home = make(name="home")
    home.start()
    home.task(name="one")(lambda: 1)
    return home


def test_a_life_that_died_is_not_waited_for(
    home: Scheduler, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(send_command, "HEIR_SECONDS", 0.0)
    asks, life = make(name="asks"), life_of(home).lease.life
    with asks.viewing():
        die(home)
        words = r"no process has answered 'cancel' at .*; the process that was asked has ended .*withdrawn"
        with pytest.raises(NotRunningError, match=words):
            service().call(send_command.send_command, asks.queries.ledger, CancelRun(run="any"), life=life)
        assert asks.queries.ledger.commands(life) == []


def test_an_heir_may_still_answer(home: Scheduler, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command is left before the home dies; who inherits the task finds and answers it."""
    monkeypatch.setattr(send_command, "HEIR_SECONDS", 3600.0)
    heir, asks = make(name="heir"), make(name="asks")
    left, leave = threading.Event(), asks.queries.ledger.ask

    def asked(actor: str, kind: str, data: Mapping[str, Any], **whom: Any) -> str:
        die(home)
        command = leave(actor, kind, data, **whom)
        left.set()
        return command

    monkeypatch.setattr(asks.queries.ledger, "ask", asked)

    def inherit() -> None:
        left.wait(60)
        with declared_in("/elsewhere.py"):
            heir.task(name="one")(lambda: 2)
        heir.start()

    inheriting = threading.Thread(target=inherit)
    inheriting.start()
    with asks.viewing():
        assert asks.submit("one").result("60s") == 2
    inheriting.join(60)
