"""What follows the end of an attempt, as a pure function, through whole lives of runs."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from schedkit.core.engine.retries import follow, tries
from schedkit.core.model import Retry
from schedkit.core.run import Run
from schedkit.core.states import Outcome, State
from schedkit.values.instants import SECOND

NOW = 1_767_614_400 * SECOND


def running(attempt: int = 1, interruptions: int = 0) -> Run:
    return Run(
        id="r", task="t", state=State.RUNNING, due=NOW, queued=NOW, started=NOW,
        attempt=attempt, interruptions=interruptions,
    )  # fmt: skip


@given(
    outcomes=st.lists(st.tuples(st.sampled_from(Outcome), st.booleans()), min_size=1, max_size=40),
    attempts=st.integers(1, 5),
    most=st.integers(0, 4),
)
def test_a_life_ends_within_its_tries(outcomes: list[tuple[Outcome, bool]], attempts: int, most: int) -> None:
    retry = Retry(attempts=attempts, delay=1, max_delay=60)
    run, now, failures = running(0), NOW, 0
    for outcome, retryable in outcomes:
        run = replace(run, state=State.RUNNING, attempt=run.attempt + 1, started=now)
        after = follow(run, outcome, retry=retry, now=now, retryable=retryable, most_interruptions=most)
        failures += outcome in (Outcome.FAILED, Outcome.TIMEOUT)
        assert after.attempt == run.attempt, "only a start counts attempts"
        if after.state is State.RETRY:
            assert retryable
            assert now <= after.due <= now + 60 * SECOND
        elif after.state is State.QUEUED:
            assert outcome is Outcome.INTERRUPTED
            assert after.interruptions == run.interruptions + 1
        else:
            assert after.state.final
            assert after.finished == now
            if outcome is Outcome.INTERRUPTED:
                assert after.state is State.FAILED
                assert after.interruptions == most + 1
            elif outcome in (Outcome.FAILED, Outcome.TIMEOUT):
                assert not retryable or failures == attempts, "given up too early, or too late"
            break
        assert tries(after) == failures
        assert failures < attempts
        assert after.interruptions <= most
        run, now = after, now + 61 * SECOND


@pytest.mark.parametrize(
    ("outcome", "more", "state"),
    [
        (Outcome.DONE, {}, State.DONE),
        (Outcome.DONE, {"skipped": True}, State.SKIPPED),
        (Outcome.CANCELLED, {}, State.CANCELLED),
        (Outcome.FAILED, {"retryable": True}, State.RETRY),
        (Outcome.FAILED, {"retryable": False}, State.FAILED),
        (Outcome.TIMEOUT, {"retryable": True}, State.RETRY),
        (Outcome.TIMEOUT, {}, State.TIMEOUT),
        (Outcome.INTERRUPTED, {}, State.QUEUED),
        (Outcome.INTERRUPTED, {"most_interruptions": 0}, State.FAILED),
    ],
)
def test_each_outcome(outcome: Outcome, more: dict[str, Any], state: State) -> None:
    after = follow(running(), outcome, retry=Retry(attempts=2), now=NOW, **more)
    assert after.state is state


def test_delays_grow_up_to_a_limit() -> None:
    retry = Retry(attempts=9, delay="10s", backoff=2, max_delay="1m", jitter=0.5)
    assert [retry.delay_before(n) for n in range(2, 7)] == [10, 20, 40, 60, 60]
    assert retry.delay_before(2, random=0.999) == pytest.approx(5, abs=0.1)
    assert Retry(attempts=5000, delay=1, backoff=10).delay_before(4000) == 60


def test_the_delay_of_a_retry_is_spread() -> None:
    retry = Retry(attempts=3, delay=10, jitter=0.5)
    due = [
        follow(running(), Outcome.FAILED, retry=retry, now=NOW, retryable=True, random=random).due - NOW
        for random in (0.0, 0.5)
    ]
    assert due == [10 * SECOND, 7_500_000]


def test_a_run_that_loses_every_process_says_so() -> None:
    after = follow(running(4, 3), Outcome.INTERRUPTED, retry=Retry(), now=NOW, reason="its process ended")
    assert after.why == "Interrupted: interrupted 4 times: its process ended"
    assert after.error is not None
    assert "look at the log" in after.error["hint"]
