"""An answer that comes later: first answer counts, whoever waits hears it, in threads and on loops."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import CancelledError

import pytest

from schedkit.core.promise import Countdown, Promise


def test_the_first_answer_counts() -> None:
    promise = Promise[int]()
    assert not promise.done()
    promise.settle(1)
    promise.settle(2)
    promise.fail(ValueError("too late"))
    assert promise.done()
    assert promise.result() == promise.result(0) == 1
    assert not promise.cancel()


def test_an_error_is_raised_each_time() -> None:
    promise = Promise[int]()
    promise.fail(ValueError("no"))
    for _ in range(2):
        with pytest.raises(ValueError, match="no"):
            promise.result()


def test_a_cancelled_promise_says_so() -> None:
    promise = Promise[int]()
    assert promise.cancel()
    with pytest.raises(CancelledError):
        promise.result(1)


def test_waiting_ends_after_its_time() -> None:
    promise = Promise[int]()
    for timeout in (0.0, -1.0, 0.001):
        with pytest.raises(TimeoutError):
            promise.result(timeout)


def test_everybody_who_waits_hears_the_answer() -> None:
    promise, heard = Promise[str](), list[str]()
    started = threading.Barrier(9)

    def wait() -> None:
        started.wait()
        heard.append(promise.result())

    threads = [threading.Thread(target=wait) for _ in range(8)]
    for thread in threads:
        thread.start()
    started.wait()
    promise.settle("done")
    for thread in threads:
        thread.join(60)
    assert heard == ["done"] * 8


def test_waiters_and_answers_that_cross_are_never_lost() -> None:
    # Each round lets one thread begin to wait while another answers.
    for _ in range(300):
        promise, heard = Promise[int](), list[int]()
        line = threading.Barrier(2)

        def wait(
            promise: Promise[int] = promise, line: threading.Barrier = line, to: list[int] = heard
        ) -> None:
            line.wait()
            to.append(promise.result(60))

        thread = threading.Thread(target=wait)
        thread.start()
        line.wait()
        promise.settle(7)
        thread.join(60)
        assert heard == [7]


def test_its_future_carries_the_same_answer() -> None:
    before, after, failed = Promise[int](), Promise[int](), Promise[int]()
    early, second = before.future(), before.future()
    before.settle(1)
    after.settle(2)
    failed.fail(ValueError("no"))
    assert early.result(0) == second.result(0) == 1
    assert after.future().result(0) == 2
    with pytest.raises(ValueError, match="no"):
        failed.future().result(0)


def test_a_loop_can_await_it_and_give_up() -> None:
    promise, left = Promise[int](), Promise[int]()

    async def main() -> int:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.wrap_future(left.future()), 0)
        left.settle(1)  # nobody awaits it any more: no harm
        asyncio.get_running_loop().call_soon(promise.settle, 5)
        return await asyncio.wrap_future(promise.future())

    assert asyncio.run(main()) == 5
    assert left.result() == 1


def test_a_countdown_is_settled_by_the_last_of_so_many_answers() -> None:
    countdown = Countdown(2)
    countdown.settle({})
    assert not countdown.done()
    countdown.settle({})
    assert countdown.done()
    assert Countdown(0).done()


def test_a_countdown_fails_at_once() -> None:
    countdown = Countdown(2)
    countdown.fail(ValueError("refused"))
    with pytest.raises(ValueError, match="refused"):
        countdown.result(0)
