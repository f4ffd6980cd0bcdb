"""What is worth telling, in which words, and how often: pure."""

from __future__ import annotations

from typing import Any

import pytest
from support.notices import AT, MINUTE, ended, fed, queued, started, told
from support.run_events import changed

from schedkit.core.events import (
    Fired,
    NodeChanged,
    RunNoted,
)
from schedkit.core.states import DueOutcome, State
from schedkit.notify.notices import TEMPLATES, Watch, filled, harmless


def test_a_failed_run() -> None:
    error = {"type": "AuthError", "message": "the login was refused", "hint": "check the token"}
    (notice,) = fed(queued(), ended(State.FAILED, seconds=75.4, error=error), link="https://s/{task}/{run}")
    assert (notice.kind, notice.task, notice.run, notice.at) == ("failed", "bugs", "r1", AT)
    assert (
        told(notice)
        == "bugs failed after 1m 15s: AuthError: the login was refused\ncheck the token\nhttps://s/bugs/r1"
    )
    assert notice.fields["attempt"] == "2"


def test_a_run_that_is_done_links_what_it_made() -> None:
    (notice,) = fed(
        queued(),
        RunNoted(at=AT, task="bugs", run="r1", kind="page", facts={"url": "https://wiki/pages/1"}),
        RunNoted(
            at=AT, task="bugs", run="r1", kind="artifact", facts={"path": "/o/b.xlsx", "label": "b.xlsx"}
        ),
        RunNoted(at=AT, task="bugs", run="r1", kind="page", facts={"rows": 3}),
        RunNoted(at=AT, task="bugs", run="elsewhere", kind="page", facts={"url": "x"}),
        ended(State.DONE, seconds=3.21),
    )
    assert told(notice) == "bugs is done after 3.2s\nhttps://wiki/pages/1"
    assert notice.fields["file"] == "b.xlsx"


@pytest.mark.parametrize(
    ("state", "kinds"),
    [
        (State.FAILED, ["failed"]),
        (State.TIMEOUT, ["failed"]),
        (State.DONE, ["done"]),
        (State.CANCELLED, []),
        (State.SKIPPED, []),
    ],
)
def test_which_ends_are_told(state: State, kinds: list[str]) -> None:
    assert [notice.kind for notice in fed(ended(state))] == kinds


@pytest.mark.parametrize(
    ("error", "reason", "words"),
    [
        (None, "", "bugs failed after an unknown time: FAILED"),
        (None, "worker lost", "bugs failed after an unknown time: worker lost"),
        ({"type": "KeyError", "message": ""}, "", "bugs failed after an unknown time: KeyError"),
    ],
)
def test_failures_with_few_words(error: dict[str, Any] | None, reason: str, words: str) -> None:
    (notice,) = fed(ended(State.FAILED, error=error, reason=reason))
    assert told(notice) == words


def test_a_run_that_starts_late_is_told_once() -> None:
    events = [queued(), started("r1", AT + 2 * MINUTE)]
    (notice,) = fed(*events, started("r1", AT + 9 * MINUTE, 2))
    assert told(notice) == "bugs is late: due at 2026-01-02 03:04 UTC, started 2m later"
    assert fed(queued(), started("r1", AT + MINUTE)) == []
    assert fed(started("unknown", AT)) == []


def test_a_run_that_does_not_start_is_told_once() -> None:
    watch = Watch(MINUTE)
    watch.feed(queued())
    watch.feed(queued("waits", State.PENDING))
    watch.feed(queued("runs"))
    watch.feed(started("runs", AT))
    assert watch.check(AT + MINUTE) == []
    (notice,) = watch.check(AT + 2 * MINUTE)
    assert told(notice) == "bugs is late: due at 2026-01-02 03:04 UTC, and not started yet"
    watch.feed(queued())  # as when it says what it waits for
    assert watch.check(AT + 3 * MINUTE) == []
    assert watch.feed(started("r1", AT + 5 * MINUTE)) == []
    assert watch.feed(started("waits", AT + 5 * MINUTE)) == []


@pytest.mark.parametrize("paused", [None, "bugs"])
@pytest.mark.parametrize("first", ["resumed", "missed"])
def test_what_passed_in_a_pause_is_no_news(paused: str | None, first: str) -> None:
    def fired(minute: int) -> Fired:
        at = AT + minute * MINUTE
        return Fired(at=at, task="bugs", scheduled_at=at, until=at, count=1, outcome=DueOutcome.MISSED)

    watch = Watch(MINUTE)
    watch.feed(changed("never", "resumed", AT))
    watch.feed(changed(paused, "paused", AT))
    told = [
        watch.feed(changed(paused, "resumed", AT + 9 * MINUTE)),
        watch.feed(fired(5)),
    ]
    if first == "missed":
        watch = Watch(MINUTE)
        watch.feed(changed(paused, "paused", AT))
        told += [
            watch.feed(fired(5)),
            watch.feed(changed(paused, "resumed", AT + 9 * MINUTE)),
        ]
    assert told == [[]] * len(told)
    assert [len(watch.feed(fired(minute))) for minute in (-1, 10)] == [1, 1]


def test_a_run_that_has_ended_is_followed_no_more() -> None:
    watch = Watch(MINUTE)
    watch.feed(queued())
    watch.feed(ended(State.CANCELLED))
    assert watch.check(AT + 9 * MINUTE) == []


def test_missed_times_are_late() -> None:
    def fired(count: int | None, outcome: DueOutcome = DueOutcome.MISSED) -> Fired:
        return Fired(at=AT, task="bugs", scheduled_at=AT, until=AT, count=count, outcome=outcome)

    assert [told(n) for n in fed(fired(1), fired(3), fired(None), fired(1, DueOutcome.COALESCED))] == [
        "bugs is late: a due time was missed, the first at 2026-01-02 03:04 UTC",
        "bugs is late: 3 due times were missed, the first at 2026-01-02 03:04 UTC",
        "bugs is late: several due times were missed, the first at 2026-01-02 03:04 UTC",
    ]


def test_other_facts_are_no_news() -> None:
    assert fed(NodeChanged(at=AT, change="started", name="me")) == []


def test_the_memory_of_runs_is_bounded() -> None:
    watch = Watch(MINUTE)
    for n in range(10_050):
        watch.feed(queued(f"r{n}"))
    assert len(watch.check(AT + 2 * MINUTE)) == 10_000


def test_templates() -> None:
    assert (
        filled("{task} {nothing}!\n\n  {empty}\n{Task} {{task}}", {"task": "b", "empty": ""})
        == "b !\n{Task} {b}"
    )
    assert filled("{task.__class__} {0}", {"task": "b"}) == "{task.__class__} {0}"


@pytest.mark.parametrize(
    "text",
    [
        "@channel look",
        "@ALL",
        "_@ann_",
        "-@here",
        "done.@channel",
        "+@ann",
        "by @ann.lee, please",
        "(@bo)",
        "<!here> x",
        "<@U123>",
        "<#C1|general>",
        "<at>Ann</at>",
        "<https://evil.example|Click>",
        "<HTTP://evil.example>",
        "<mailto:a@b|x>",
        "[click](javascript:x)",
        "![](http://x/t.png)",
        "[a][1]",
        "[a] [1]",
        "[1]: https://evil.example",
        "https://evil.example/login?a=1",
        "see:.http://127.0.0.1:80/x",
        "HTTPS://EVIL.EXAMPLE",
        "ssh://evil",
        "mailto:ann@example.org",
        "www.evil.unheardof",
        "log in at evil.com",
        "evil.com/login",
        "(login.evil.co.uk)",
        "~town-square",
        "#general",
    ],
)
def test_words_of_others_call_nobody(text: str) -> None:
    made = harmless(text)
    assert made.replace("\u200b", "") == text
    assert "\u200b" in made
    plain = (
        "a@example.org, a.b+c@example.org, <b>, a < b | c, [x], x[0], @ home, C#, #5, &#x27;, ~5, ~/folder, "
        "ValueError: pandas.DataFrame in reports/out/bugs.xlsx and src/app.py:3, version 1.2.3, key: a, a:b"
    )
    assert harmless(plain) == plain
    (notice,) = fed(ended(State.FAILED, error={"message": text}))
    assert "\u200b" in told(notice)


# Digests -------------------------------------------------------------------------


def test_addresses_of_ours_stay_links() -> None:
    page = RunNoted(at=AT, task="bugs", run="r1", kind="page", facts={"url": "https://wiki/pages/1/@ann+(1)"})
    (good,) = fed(queued(), page, ended(State.DONE), link="https://s/#{run}")
    assert (good.fields["page"], good.fields["link"]) == ("https://wiki/pages/1/@ann+(1)", "https://s/#r1")
    assert "\u200b" not in told(good)
    odd = RunNoted(at=AT, task="bugs", run="r1", kind="page", facts={"url": "https://wiki|x> @all"})
    (bad,) = fed(queued(), odd, ended(State.DONE))
    assert "@\u200ball" in bad.fields["page"]


def test_a_task_recovers_once_after_it_has_failed() -> None:
    def kinds(*states: State) -> list[list[str]]:
        watch = Watch(MINUTE)
        return [[told.kind for told in watch.feed(ended(state))] for state in states]

    failed, timeout, done = State.FAILED, State.TIMEOUT, State.DONE
    assert kinds(done, failed, timeout, State.CANCELLED, done, done) == [
        ["done"],
        ["failed"],
        ["failed"],
        [],
        ["done", "recovered"],
        ["done"],
    ]
    watch = Watch(MINUTE)
    watch.feed(ended(failed, task="a"))
    assert [told.kind for told in watch.feed(ended(done, task="b"))] == ["done"], "another task"
    told = watch.feed(ended(done, task="a", seconds=90))[1]
    assert filled(TEMPLATES["recovered"], told.fields) == "a has recovered: its last run is done after 1m 30s"


def test_a_task_of_which_a_rule_told_recovers_with_its_next_good_run() -> None:
    watch = Watch(MINUTE, "https://s/{task}/{run}")
    found = watch.found("overdue", "bugs", AT, "no run was done since Monday")
    assert told(found) == "bugs is overdue: no run was done since Monday"
    assert told(watch.found("failing", "bugs", AT, "2 of its last 2 runs have failed")) == (
        "bugs fails too often: 2 of its last 2 runs have failed"
    )
    assert [notice.kind for notice in watch.feed(ended(State.DONE))] == ["done", "recovered"]
    assert [notice.kind for notice in watch.feed(ended(State.DONE))] == ["done"]
