"""Whoever asks something of an owner that has died hears so, and soon."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from schedkit.core.api.scheduler import Scheduler
from schedkit.core.node import send_command
from schedkit.core.store import schema
from schedkit.errors import NotOwnerError

Make = Callable[..., Scheduler]


@pytest.fixture
def orphaned(make: Make) -> Scheduler:
    """A viewer of a ledger whose owner has died."""
    # A lease that a machine which stands still does not outlast.
    owner, viewer = make(name="owner", lease="10m"), make(name="viewer")
    owner.task(name="one")(lambda: 1)
    owner.start()
    viewer.start()
    owner.stop()
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait(30)
    with viewer._ledger.store.connect() as connection, connection.begin():
        connection.execute(schema.lease.update().values(owner="crashed", pid=gone.pid, expires=2**62))
    return viewer


def test_an_owner_that_died_is_not_waited_for(orphaned: Scheduler, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(send_command, "HEIR_SECONDS", 0.0)
    with pytest.raises(NotOwnerError, match=r"owner, crashed .*, has ended \(the command is withdrawn; take"):
        orphaned.submit("one")
    assert orphaned._ledger.commands() == []


def test_an_heir_may_still_answer(orphaned: Scheduler, monkeypatch: pytest.MonkeyPatch, make: Make) -> None:
    """The command is left before the heir comes; it finds and answers it."""
    heir = make(name="heir")
    heir.task(name="one")(lambda: 2)
    ask = orphaned._ledger.ask

    def asked(*what: Any) -> str:
        command = ask(*what)
        with orphaned._ledger.store.connect() as connection, connection.begin():
            connection.execute(schema.lease.update().values(owner="", expires=0))
        return command

    monkeypatch.setattr(orphaned._ledger, "ask", asked)
    monkeypatch.setattr(send_command, "HEIR_SECONDS", 3600.0)
    heir.start(standby=True)
    assert orphaned.submit("one").result("30s") == 2
