"""Rules about the past of a task: what they find at which time, and what is refused. Pure."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from support.notices import AT

from schedkit.errors import SettingsError
from schedkit.notify import Channel, Notifier, Rule
from schedkit.notify.rules import Past

HOUR = timedelta(hours=1)


def found(rule: Rule, past: Past, hours: float) -> list[tuple[str, str]]:
    return list(rule.findings(past, AT + hours * HOUR))


def test_a_task_is_overdue_once_no_run_was_done_for_longer_than_the_rule_says() -> None:
    rule, past = Rule("sales", not_done_for="26h"), Past(declared=AT - 100 * HOUR, done=AT)
    assert found(rule, past, 26) == []
    assert found(rule, past, 27) == [("overdue", "no run was done since 2026-01-02 03:04 UTC, 1d 3h ago")]


def test_of_a_task_that_was_never_done_the_time_counts_from_its_declaration() -> None:
    rule, past = Rule(not_done_for=3600), Past(declared=AT, failed=(True,), paused=True)
    assert found(rule, past, 1) == []
    reason = "no run was ever done; it was declared at 2026-01-02 03:04 UTC, 2h ago; its due times are paused"
    assert found(rule, past, 2) == [("overdue", reason)]


@pytest.mark.parametrize(
    ("failures", "of", "past", "reason"),
    [
        ("30%", 20, [True] * 5, ""),
        ("30%", 20, [True] * 6, "6 of its last 6 runs have failed"),
        ("30%", 20, [True] * 5 + [False] * 20 + [True], ""),
        ("30%", 20, [True] * 5 + [False] * 14 + [True], "6 of its last 20 runs have failed"),
        ("7%", 100, [True] * 7, "7 of its last 7 runs have failed"),
        (0.5, 3, [True], ""),
        (0.5, 3, [True, True], "2 of its last 2 runs have failed"),
        ("100%", 2, [True, False, True], ""),
    ],
)
def test_a_task_is_failing_when_too_many_of_its_last_runs_have_failed(
    failures: Any, of: int, past: list[bool], reason: str
) -> None:
    told = found(Rule(failures=failures, of=of), Past(declared=AT, failed=tuple(past)), 1000)
    assert told == ([("failing", reason)] if reason else [])


def test_one_rule_may_say_both_and_covers_the_tasks_of_its_pattern() -> None:
    rule = Rule("bugs*", not_done_for="1h", failures=1.0, of=1)
    assert [kind for kind, _ in found(rule, Past(declared=AT, failed=(True,)), 2)] == ["overdue", "failing"]
    assert rule.kinds == ("overdue", "failing")
    assert [rule.covers(task) for task in ("bugs", "bugs-2", "sales")] == [True, True, False]


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (lambda: Rule("sales"), "the notification rule for 'sales' says nothing"),
        (lambda: Rule(5, not_done_for="1h"), "notification rule: task=5"),
        (lambda: Rule(not_done_for="never"), "notification rule: not_done_for: invalid duration 'never'"),
        (lambda: Rule(not_done_for=0), "notification rule: not_done_for=0 .longer than"),
        (lambda: Rule(failures="130%"), "notification rule: failures='130%' .a share"),
        (lambda: Rule(failures="0%"), "notification rule: failures='0%' .more than 0%"),
        (lambda: Rule(failures="30%", of=0), "notification rule: of=0"),
        (lambda: Notifier([], rules=[5]), r"rules=\[5\] is not a list of rules"),
        (lambda: Notifier([], rules=[Rule(not_done_for=1)]), "rules need the scheduler's queries"),
        (
            lambda: Notifier([], rules=[Rule(not_done_for=1)], queries=object()),
            r"no channel is told what the notification rule for '\*' finds",
        ),
        (
            lambda: Notifier(
                [Channel("CHAT", on=["overdue"])],
                environ={"CHAT": "json://127.0.0.1:9/"},
                rules=[Rule(not_done_for=1, failures="50%")],
                queries=object(),
            ),
            r"rule for '\*' finds .add failing to the on: of a channel",
        ),
    ],
)
def test_rules_that_cannot_be(make: Callable[[], object], problem: str) -> None:
    with pytest.raises(SettingsError, match=problem):
        make()
