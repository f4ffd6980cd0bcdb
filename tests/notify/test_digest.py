"""How often a channel is told, and how several notices become one message."""

from __future__ import annotations

from support.notices import notice

from schedkit.notify.digest import Digest, message


def test_the_first_goes_at_once_the_next_after_the_pause() -> None:
    digest = Digest(60)
    assert digest.due() is None
    digest.add(notice())
    assert digest.due() == float("-inf")
    assert len(digest.take(100.0)[0]) == 1
    assert digest.due() is None
    digest.add(notice())
    digest.add(notice())
    assert digest.due() == 160.0
    taken, dropped = digest.take(160.0)
    assert (len(taken), dropped) == (2, 0)


def test_a_flood_is_counted() -> None:
    digest = Digest(60)
    for _ in range(1003):
        digest.add(notice())
    taken, dropped = digest.take(0)
    assert (len(taken), dropped) == (1000, 3)
    title, body, kind = message(taken, dropped, {}, 4000)
    assert kind == "failed"
    assert title == "1003 notices: 1000 failed"
    assert body.splitlines()[-1] == "… and 983 more"
    assert digest.take(0) == ([], 0)


def test_one_notice_is_told_in_full() -> None:
    assert message([notice(hint="try")], 0, {}, 4000) == (
        "bugs: failed", "bugs failed after 1 s: no\ntry", "failed"
    )  # fmt: skip
    assert message([notice()], 0, {"failed": "{task}!"}, 4000) == ("bugs: failed", "bugs!", "failed")
    assert len(message([notice(error="x" * 9999)], 0, {}, 500)[1]) == 500


def test_a_digest_keeps_to_the_limit() -> None:
    notices = [notice(error="e" * 200) for _ in range(15)] + [notice("late", reason="r")] * 2
    title, body, _ = message(notices, 0, {"late": "{task}: {reason}"}, 800)
    assert title == "17 notices: 15 failed, 2 late"
    assert len(body) <= 800
    assert body.endswith("more")
    assert message(notices[-2:], 0, {"late": "{task}: {reason}"}, 800)[1] == "- bugs: r\n- bugs: r"


def test_the_kind_of_a_digest_is_its_worst() -> None:
    assert message([notice("done"), notice("late", reason="r")], 0, {}, 800)[2] == "late"
    assert message([notice("done"), notice("done")], 0, {}, 800)[2] == "done"
