"""The first signal ends a command in order, the second does not wait."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from functools import partial

import pytest

from schedkit.commands.signals import end_in_order, sigterm_as_interrupt, until_interrupted

PATIENCE = 60.0


@pytest.fixture(autouse=True)
def _handlers() -> Iterator[None]:
    """The handlers of the test run are there again afterwards."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)
    signal.set_wakeup_fd(-1)


def interrupt(number: signal.Signals = signal.SIGTERM) -> None:
    os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_waiting_ends_with_a_signal(number: signal.Signals) -> None:
    asked = []

    def go_on() -> bool:
        if not asked:
            interrupt(number)
        asked.append(None)
        return True

    until_interrupted(go_on)
    assert len(asked) == 1


def test_waiting_ends_when_there_is_nothing_to_wait_for() -> None:
    until_interrupted(lambda: False)


def test_without_a_further_signal_it_ends_in_its_own_time() -> None:
    done: list[str] = []
    end_in_order(partial(done.append, "ended"), partial(done.append, "hurried"))
    assert done == ["ended"]


def test_a_further_signal_hurries() -> None:
    hurried = threading.Event()

    def end() -> None:
        interrupt()
        assert hurried.wait(PATIENCE)

    end_in_order(end, hurried.set)
    assert hurried.is_set()


def test_two_signals_before_the_end_hurry_too() -> None:
    hurried = threading.Event()

    def go_on() -> bool:
        interrupt()
        interrupt(signal.SIGINT)
        return True

    until_interrupted(go_on)
    end_in_order(lambda: hurried.wait(PATIENCE), hurried.set)
    assert hurried.is_set()


def test_handlers_are_as_they_were_after_the_end() -> None:
    before = signal.getsignal(signal.SIGTERM)
    end_in_order(lambda: None, lambda: None)
    assert signal.getsignal(signal.SIGTERM) is before


def test_sigterm_interrupts_as_ctrl_c_does() -> None:
    before = signal.getsignal(signal.SIGTERM)
    heard = False
    try:
        with sigterm_as_interrupt():
            interrupt()
            threading.Event().wait(PATIENCE)
    except KeyboardInterrupt:
        heard = True
    assert heard
    assert signal.getsignal(signal.SIGTERM) is before


def test_on_another_thread_nothing_is_set() -> None:
    done: list[str] = []

    def elsewhere() -> None:
        with sigterm_as_interrupt():
            end_in_order(partial(done.append, "ended"), partial(done.append, "hurried"))

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join(PATIENCE)
    assert done == ["ended"]
