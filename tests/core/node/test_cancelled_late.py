"""A run that ends while somebody asks for its cancellation."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from schedkit.core.api.scheduler import Scheduler
from schedkit.core.states import State

Make = Callable[..., Scheduler]


@pytest.mark.parametrize("asks_from", ["its home", "another node", "a process that only looks"])
def test_a_run_that_ended_after_the_look_is_not_cancelled(
    asks_from: str, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is no error: the answer is that it had ended."""
    home, go = make(name="home"), threading.Event()
    home.start()
    home.task(name="one")(lambda: go.wait(60))
    asks = home if asks_from == "its home" else make(name="asks")
    if asks_from == "another node":
        asks.start()
    with asks.viewing():
        run = home.submit("one")
        seen = asks.queries.run(run.id)
        assert not seen.state.final
        go.set()
        assert run.wait("60s").state is State.DONE
        monkeypatch.setattr(asks.queries, "run", lambda id: seen)
        assert asks.cancel(run.id) is False
