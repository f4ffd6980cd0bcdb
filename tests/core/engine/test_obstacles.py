"""Why runs do not start, said from plain values."""

from __future__ import annotations

from datetime import UTC

import pytest
from support.engine_desk import NOW

from schedkit.core.engine.obstacles import (
    Hung,
    Moments,
    Obstacles,
    hung_obstacles,
    queue_obstacles,
    run_obstacle,
)
from schedkit.core.engine.queue import Hindrance, RunQueue, Waiting, rank
from schedkit.core.model import Rate
from schedkit.values.instants import SECOND, from_micros
from schedkit.values.timezones import parse_timezone

MOMENTS = Moments(NOW, UTC)
HOUR = 3600 * SECOND
HUNG = Hung(run="h", task="hang", why="timeout", started=NOW - 60 * SECOND)


def waiting(run: str, task: str = "t", *keys: str, due: int = NOW, rate: Rate | None = None) -> Waiting:
    return Waiting(run, task, rank(due, 0), due, keys, rate)


def queue(concurrency: int, *holders: Waiting, **limits: int) -> RunQueue:
    """A queue in which these runs are running already."""
    made = RunQueue(concurrency, {key.replace("_", ":"): most for key, most in limits.items()})
    for holder in holders:
        made.hold(holder)
    return made


def lines(made: RunQueue, *hung: Hung) -> list[str]:
    return [str(each) for each in queue_obstacles(made, hung, MOMENTS)]


def test_all_places_are_taken() -> None:
    made = queue(1, waiting("a", "first"))
    made.offer(waiting("b", "second"))
    assert lines(made) == ["1 run of task 'second' waits: all places are taken (concurrency=1)"]
    made.offer(waiting("c", "third", due=NOW - 5 * SECOND))
    (both,) = queue_obstacles(made, [], MOMENTS)
    assert str(both) == "2 runs wait: all places are taken (concurrency=1)"
    assert (both.kind, both.task, both.wrong) == ("concurrency", "", False)
    assert both.since == from_micros(NOW - 5 * SECOND)


def test_code_that_does_not_end_is_named_where_it_holds_what_is_wanted() -> None:
    made = queue(2, waiting("h", "hang", "tag:db"), waiting("a", "fine"), tag_db=1)
    made.offer(waiting("b"))
    made.offer(waiting("c", "db", "tag:db"))
    stuck = "1 of them by code that does not end: 'hang'"
    assert lines(made, HUNG) == [
        f"1 run of task 't' waits: all places are taken (concurrency=2), {stuck}",
        f"1 run of task 'db' waits: 1 with the tag 'db' are running, and at most 1 may at once, {stuck}",
    ]
    assert all(each.wrong for each in queue_obstacles(made, [HUNG], MOMENTS))
    elsewhere = Hung(run="gone", task="hang", why="cancel", started=NOW)
    assert not any(each.wrong for each in queue_obstacles(made, [elsewhere], MOMENTS))


def test_only_some_names_are_listed() -> None:
    hung = [Hung(run=str(n), task=f"t{n}", why="stop", started=NOW) for n in range(5)]
    made = queue(5, *(waiting(each.run, each.task) for each in hung))
    made.offer(waiting("b"))
    assert lines(made, *hung)[0].endswith("5 of them by code that does not end: 't0', 't1', 't2' and 2 more")


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("task:t", "1 of it are running, and at most 1 may at once (max_instances)"),
        ("process", "all places in child processes are taken (processes=1)"),
        ("thread", "all places in threads are taken (threads=1)"),
    ],
)
def test_limits(key: str, words: str) -> None:
    made = queue(5, waiting("a", "t", key), **{key: 1})
    made.limit(key, 1)
    made.offer(waiting("b", "t", key))
    assert lines(made) == [f"1 run of task 't' waits: {words}"]


def test_a_rate_says_until_when() -> None:
    made, rate = queue(5), Rate(1, 60.0)
    made.offer(waiting("a", rate=rate, due=NOW - 10 * SECOND))
    assert [run.id for run in made.start(NOW - 10 * SECOND)] == ["a"]
    made.offer(waiting("b", rate=rate))
    until = MOMENTS.text(NOW + 50 * SECOND)
    assert lines(made) == [f"1 run of task 't' waits: its rate, 1 in 1m, lets the next one start at {until}"]
    assert made.start(NOW) == [], "asking has changed nothing"
    assert [run.id for run in made.start(NOW + 50 * SECOND)] == ["b"]


def test_a_run_that_is_not_due_or_may_start_has_no_obstacle() -> None:
    made = queue(1)
    made.offer(waiting("later", due=NOW + HOUR))
    made.offer(waiting("now"))
    assert lines(made) == []
    assert run_obstacle(waiting("now"), made, [], MOMENTS) is None
    later = run_obstacle(waiting("later", due=NOW + HOUR), made, [], MOMENTS)
    assert str(later) == f"run later of task 't' waits: it is due at {MOMENTS.text(NOW + HOUR)}"


def test_the_queue_starts_what_it_has_no_hindrance_for() -> None:
    made = queue(2, waiting("x", "t", "task:t"), task_t=1)
    made.offer(waiting("a", "t", "task:t"))
    made.offer(waiting("b"))
    hindered = {run.id: made.hindrance(run, NOW) for run in made.waiting}
    assert hindered == {"a": Hindrance("limit", "task:t"), "b": None}
    assert [run.id for run in made.start(NOW)] == ["b"]


def test_hung_code() -> None:
    (one,) = hung_obstacles([HUNG], MOMENTS)
    began = MOMENTS.text(HUNG.started)
    assert str(one) == (
        f"task 'hang': run h timed out, but its code, which began at {began}, "
        "has not ended and keeps its place"
    )
    assert (one.kind, one.task, one.run, one.since, one.wrong) == (
        "hung",
        "hang",
        "h",
        from_micros(HUNG.started),
        True,
    )


def test_moments_are_shown_in_the_schedulers_zone_with_the_day_unless_it_is_today() -> None:
    noon = 12 * HOUR
    berlin = Moments(noon, parse_timezone("Europe/Berlin"))
    assert (berlin.text(noon), berlin.text(from_micros(0))) == ("13:00:00", "01:00:00")
    assert berlin.text(23 * HOUR) == "1970-01-02 00:00"
    assert Moments(noon, None).text(noon), "without a zone: this machine's"


def test_obstacles_are_shown_as_lines() -> None:
    assert repr(Obstacles()) == "nothing keeps runs from starting"
    (one,) = hung_obstacles([HUNG], MOMENTS)
    assert str(Obstacles([one, one])) == f"{one}\n{one}"
