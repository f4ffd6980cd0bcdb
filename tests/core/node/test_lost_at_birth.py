"""A process that is taken for dead while it starts begins another life, as it does later."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable
from typing import Any

import pytest
from support.lives import die, node_of

from schedkit.core.api.scheduler import Scheduler
from schedkit.core.node.decisions import Decisions
from schedkit.core.node.listening import Listening
from schedkit.core.store import schema
from schedkit.errors import LifeEndedError
from schedkit.loop import awaited

Make = Callable[..., Scheduler]
Moment = Callable[[pytest.MonkeyPatch], None]


def mark(decisions: Decisions) -> None:
    """Mark a life as gone, as another process does."""
    life = schema.nodes.c.id == decisions.lease.life
    with decisions.ledger.store.writing() as connection:
        connection.execute(schema.nodes.update().where(life).values(gone=1))


def before_it_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its first life is marked, and its writer hears of it, before anything is at home with it."""
    begin, lives = Decisions.begin, list[str]()

    async def marked(self: Decisions) -> None:
        await begin(self)
        lives.append(self.lease.life)
        if len(lives) == 1:
            mark(self)
            with contextlib.suppress(LifeEndedError):
                await awaited(self.writer.call(lambda connection: None))

    monkeypatch.setattr(Decisions, "begin", marked)


def before_its_first_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its first life is marked before it looks who else lives, and buries who has died."""
    look, lives = Listening.take_census, set[str]()

    async def marked(self: Any) -> None:
        if not lives:
            mark(self._life.decisions)
        lives.add(self._life.lease.life)
        await look(self)

    monkeypatch.setattr(Listening, "take_census", marked)


@pytest.mark.parametrize("moment", [before_it_serves, before_its_first_look])
def test_it_is_born_again(
    make: Make, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, moment: Moment
) -> None:
    before = make(name="before")
    before.start()
    before.task(name="one")(lambda: 1)
    die(before)
    sched = make(name="here")
    sched.task(name="one")(lambda: 2)
    moment(monkeypatch)
    with caplog.at_level(logging.ERROR, "schedkit"):
        sched.start()
    assert sched.state == "running"
    assert len(node_of(sched).lives) == 2
    assert sched.submit("one").result("60s") == 2
    (told,) = [line.getMessage() for line in caplog.records]
    assert "took this process for dead" in told
