"""The feed: one screen's messages, only changed fields, long parts only of opened runs."""

from __future__ import annotations

from typing import Any

from support.run_events import T0, RunEvents, changed, task_row

from schedkit.core.board.board import TOMBSTONES, Board
from schedkit.core.board.feed import Feed
from schedkit.core.states import State

TELL = RunEvents()


class Source(Board):
    def board(self) -> dict[str, Any]:
        return self.snapshot(T0)


def board_with_a_run() -> Source:
    board = Source()
    board.put_task(task_row("a"))
    board.fold(TELL.queued("r"))
    board.fold(TELL.started("r"))
    return board


def log(board: Board, message: str) -> None:
    board.fold(TELL.logged("r", message=message))


def progress(board: Board) -> None:
    board.fold(TELL.progressed("r", stage="s", done=1, total=2))


def message_of(feed: Feed) -> dict[str, Any]:
    message = feed.next()
    assert message is not None
    return message


def test_first_a_snapshot_then_changed_fields_then_silence() -> None:
    board = board_with_a_run()
    feed = Feed(board)
    first = message_of(feed)
    assert first["kind"] == "snapshot"
    assert feed.next() is None
    progress(board)
    second = message_of(feed)
    assert (second["since"], second["seq"]) == (first["seq"], feed.seq)
    assert list(second["runs"]["r"]) == ["stages"]
    assert second["tasks"] == {}
    assert feed.next() is None


def test_the_log_goes_only_to_who_opened_the_run() -> None:
    board = board_with_a_run()
    log(board, "one")
    feed = Feed(board)
    assert "log" not in message_of(feed)["runs"][0]
    log(board, "two")
    assert message_of(feed)["runs"] == {}
    feed.open("r")
    late = message_of(feed)
    assert (late["since"], late["seq"]) == (feed.seq, feed.seq)
    assert [line["message"] for line in late["runs"]["r"]["log"]] == ["one", "two"]
    log(board, "three")
    assert len(message_of(feed)["runs"]["r"]["log"]) == 3
    feed.close("r")
    log(board, "four")
    assert message_of(feed)["runs"] == {}


def test_a_run_opened_while_it_changes_comes_whole() -> None:
    board = board_with_a_run()
    board.put_task(task_row("b"))
    log(board, "one")
    feed = Feed(board)
    message_of(feed)
    feed.open("r")
    board.put_task(task_row("b", paused=True))
    message = message_of(feed)
    assert message["runs"]["r"]["log"][0]["message"] == "one"
    assert message["tasks"]["b"] == {"state": "paused", "paused": True}
    assert feed.next() is None


def test_a_run_opened_and_changed_at_once_comes_whole() -> None:
    board = board_with_a_run()
    log(board, "one")
    feed = Feed(board)
    message_of(feed)
    feed.open("r")
    progress(board)
    row = message_of(feed)["runs"]["r"]
    assert [line["message"] for line in row["log"]] == ["one"]
    assert row["stages"][0]["done"] == 1
    assert feed.next() is None


def test_opening_a_run_that_is_gone_sends_nothing() -> None:
    feed = Feed(board_with_a_run())
    message_of(feed)
    feed.open("nobody")
    assert feed.next() is None


def test_the_traceback_is_for_who_opened_the_run() -> None:
    board = board_with_a_run()
    error = {"type": "ValueError", "message": "boom", "traceback": "…"}
    feed = Feed(board)
    message_of(feed)
    board.fold(TELL.ended("r", state=State.FAILED, error=error))
    assert message_of(feed)["runs"]["r"]["error"] == {"type": "ValueError", "message": "boom"}
    feed.open("r")
    assert message_of(feed)["runs"]["r"]["error"] == error


def test_rows_that_leave_are_told_once_and_never_to_who_did_not_know_them() -> None:
    board = Source(finished_runs=0)
    board.put_task(task_row("a"))
    feed = Feed(board)
    message_of(feed)
    board.put_task(task_row("b"))
    board.fold(changed("b", "removed"))
    board.fold(changed("a", "removed"))
    assert message_of(feed)["tasks"] == {"a": None}


def test_a_restarted_feed_begins_with_a_snapshot() -> None:
    board = board_with_a_run()
    feed = Feed(board)
    message_of(feed)
    feed.restart()
    assert message_of(feed)["kind"] == "snapshot"


def test_a_screen_left_far_behind_gets_a_snapshot() -> None:
    board = board_with_a_run()
    feed = Feed(board)
    message_of(feed)
    for n in range(TOMBSTONES + 1):
        board.put_task(task_row(f"gone {n}"))
        board.fold(changed(f"gone {n}", "removed"))
    assert message_of(feed)["kind"] == "snapshot"


def test_a_screen_that_comes_back_is_told_what_changed_meanwhile() -> None:
    board = board_with_a_run()
    board.put_task(task_row("b"))
    first = Feed(board)
    seen = message_of(first)
    board.fold(changed("b", "removed"))
    progress(board)
    again = Feed(board, seen["seq"])
    message = message_of(again)
    assert (message["kind"], message["since"]) == ("changes", seen["seq"])
    assert message["tasks"]["b"] is None
    assert message["runs"]["r"]["stages"][0]["done"] == 1
    assert again.next() is None


def test_a_screen_that_comes_back_to_a_run_gets_its_log() -> None:
    board = board_with_a_run()
    log(board, "one")
    feed = Feed(board, board.seq)
    assert feed.next() is None
    feed.open("r")
    assert [line["message"] for line in message_of(feed)["runs"]["r"]["log"]] == ["one"]


def test_a_screen_of_another_board_begins_anew() -> None:
    board = board_with_a_run()
    assert message_of(Feed(board, board.seq + 1))["kind"] == "snapshot"
