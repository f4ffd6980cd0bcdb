"""One board for all who ask: read seldom, encoded once, and as of now for who has just changed it."""

from __future__ import annotations

from typing import Any

import anyio
import msgspec
from support.run_events import RunEvents, changed

from schedkit.core.board.board import Board
from schedkit.core.board.feed import Feed
from schedkit.core.board.run_counts import RunCounts
from schedkit.server.pictures import FRESH_SECONDS, RENEW_SECONDS, Picture, Pictures, SharedBoard


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class View:
    """A board that counts how often it is read."""

    def __init__(self) -> None:
        self.folded = Board()
        self.reads = 0

    def board(self, *, settled: bool = False) -> Board:
        self.reads += 1
        return self.folded

    def counts(self, board: Board) -> RunCounts:
        return board.counts(lambda: RunCounts({}, -2))


def shared(tasks: int = 3) -> tuple[Any, Clock, SharedBoard]:
    view, clock = View(), Clock()
    for number in range(tasks):
        view.folded.fold(changed(f"task {number}"))
    return view, clock, SharedBoard(view, clock)


def test_feeds_share_what_is_read() -> None:
    view, clock, board = shared()
    feeds = [Feed(board) for _ in range(20)]
    assert all(feed.next()["kind"] == "snapshot" for feed in feeds)
    view.folded.fold(changed("new"))
    clock.now += 2 * FRESH_SECONDS
    heard = [feed.next() for feed in feeds]
    assert all(message is not None and set(message["tasks"]) == {"new"} for message in heard)
    assert view.reads == 2


def test_the_time_of_a_snapshot_goes_on_though_nothing_changes() -> None:
    _, clock, board = shared()
    first = board.board()
    clock.now += 2 * FRESH_SECONDS
    assert board.board() is first
    clock.now += RENEW_SECONDS
    assert board.board() is not first


def test_a_picture_is_kept_until_the_board_changes() -> None:
    view, clock, board = shared()
    pictures = Pictures(board, clock)

    def current() -> Picture:
        return anyio.run(pictures.current)

    first = current()
    assert current() is first
    status = msgspec.json.decode(first.status())
    assert [task["name"] for task in status["tasks"]] == ["task 0", "task 1", "task 2"]
    assert first.status() is first.status()
    clock.now += RENEW_SECONDS
    assert (current().etag, current() is first) == (first.etag, False)
    view.folded.fold(changed("new"))
    assert current().etag == first.etag
    pictures.outdate()
    assert current().etag != first.etag


def test_only_what_changed_is_encoded_anew() -> None:
    view, clock, board = shared(1000)
    pictures, tell = Pictures(board, clock), RunEvents()
    before = anyio.run(pictures.current)
    view.folded.fold(tell.queued("r1", "task 7"))
    view.folded.fold(tell.started("r1", "task 7"))
    pictures.outdate()
    after = anyio.run(pictures.current)
    same = [one is other for one, other in zip(before.tasks, after.tasks, strict=True)]
    assert same.count(False) == 1
    view.folded.fold(tell.ended("r1", "task 7"))
    pictures.outdate()
    (task,) = [
        one for one in msgspec.json.decode(anyio.run(pictures.current).status())["tasks"] if one["run_count"]
    ]
    assert (task["name"], task["last_result"]) == ("task 7", "success")


def test_two_servers_never_have_the_same_etag() -> None:
    (_, clock, one), (_, _, other) = shared(), shared()
    assert anyio.run(Pictures(one, clock).current).etag != anyio.run(Pictures(other, clock).current).etag
    assert one.number(one.id(7)) == 7
    assert [one.number(name) for name in (other.id(7), "", one.id(7) + "x")] == [-1, -1, -1]
