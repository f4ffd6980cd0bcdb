"""Rules applied to a real ledger: told once, at once after a restart, and of tasks that nobody runs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from notify.conftest import Webhook

from schedkit.core.api.scheduler import Scheduler
from schedkit.core.events import RunEnded
from schedkit.core.states import State
from schedkit.errors import LedgerError
from schedkit.notify import Channel, Rule
from schedkit.notify.rule_watch import Recoveries, RuleWatch

DAY = timedelta(days=1)


def works() -> int:
    return 7


def fails() -> None:
    raise ValueError("no rows")


def run(sched: Scheduler, name: str, state: State = State.DONE) -> None:
    """Run a task to its end, until all listeners have heard of it."""
    assert sched.submit(name).wait("60s").state is state
    assert sched.queries.flush_events(60)


def kinds(watch: RuleWatch, now: datetime) -> list[tuple[str, str]]:
    return [(task, kind) for task, (kind, _) in watch.check(now)]


def test_the_past_of_a_task_is_read_after_a_restart(tmp_path: Path) -> None:
    ledger = str(tmp_path / "l.db")
    with Scheduler(ledger=ledger) as sched:
        sched.task(name="sales")(works)
        run(sched, "sales")
    with Scheduler(ledger=ledger) as sched:
        sched.task(name="sales")(works)
        sched.task(name="other")(works)
        watch, now = RuleWatch([Rule("sales", not_done_for="26h")], sched.queries), datetime.now(UTC)
        sched.subscribe(watch.feed, own=True)
        assert kinds(watch, now) == []
        assert kinds(watch, now + 2 * DAY) == [("sales", "overdue")]
        assert kinds(watch, now + 3 * DAY) == [], "it is told once"
        run(sched, "sales")
        assert kinds(watch, now) == []
        assert kinds(watch, now + 4 * DAY) == [("sales", "overdue")]


def test_the_last_good_run_may_be_older_than_the_runs_that_are_looked_at(tmp_path: Path) -> None:
    with Scheduler(ledger=str(tmp_path / "l.db")) as sched:
        now, code = datetime.now(UTC), [works]
        sched.task(name="sales")(lambda: code[0]())
        rules = [Rule(not_done_for="26h"), Rule(failures="100%", of=2)]
        watch = RuleWatch(rules, sched.queries)
        sched.subscribe(watch.feed, own=True)
        run(sched, "sales")
        code[0] = fails
        run(sched, "sales", State.FAILED)
        assert kinds(watch, now) == []
        run(sched, "sales", State.FAILED)
        assert kinds(watch, now) == [("sales", "failing")]
        assert kinds(watch, now + 2 * DAY) == [("sales", "overdue")]
        code[0] = works
        run(sched, "sales")
        assert kinds(watch, now) == []
        code[0] = fails
        run(sched, "sales", State.FAILED)
        assert kinds(watch, now) == []
        run(sched, "sales", State.FAILED)
        assert kinds(watch, now) == [("sales", "failing")], "it was well in between"


def test_the_oldest_process_tells_of_tasks_that_none_can_run(tmp_path: Path) -> None:
    ledger = str(tmp_path / "l.db")
    with Scheduler(ledger=ledger) as sched:
        sched.task("0 7 * * *", name="lonely")(works)
        run(sched, "lonely")
    now, rules = datetime.now(UTC), [Rule(not_done_for="26h")]
    with Scheduler(ledger=ledger, name="first") as first, Scheduler(ledger=ledger, name="second") as second:
        second.task(name="elsewhere")(works)
        run(second, "elsewhere")
        assert kinds(RuleWatch(rules, first.queries), now + 2 * DAY) == [("lonely", "overdue")]
        assert kinds(RuleWatch(rules, second.queries), now + 2 * DAY) == [("elsewhere", "overdue")]
    assert kinds(RuleWatch(rules, first.queries), now + 2 * DAY) == [], "it runs nothing any more"


def test_what_could_not_be_read_is_read_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> list[str]:
        raise LedgerError("the ledger is away")

    with Scheduler(ledger=str(tmp_path / "l.db")) as sched:
        sched.task(name="sales")(fails)
        watch, now = RuleWatch([Rule(failures="100%", of=1)], sched.queries), datetime.now(UTC)
        sched.subscribe(watch.feed, own=True)
        assert kinds(watch, now) == []
        run(sched, "sales", State.FAILED)
        with monkeypatch.context() as patched:
            patched.setattr(sched.queries, "looked_after", away)
            assert kinds(watch, now) == []
        assert kinds(watch, now) == [("sales", "failing")]


def test_a_chat_is_told_of_what_a_rule_finds_and_of_its_end(
    tmp_path: Path, webhook: Webhook, notifier: Any
) -> None:
    with Scheduler(ledger=str(tmp_path / "l.db")) as sched:
        sched.task(name="sales")(works)
        run(sched, "sales")
        rules = [Rule("sales", not_done_for="26h")]
        listening = notifier(
            Channel("CHAT", every=0), rules=rules, queries=sched.queries, link="https://s/{task}"
        )
        listening.listen(sched)
        listening.check(datetime.now(UTC) + 2 * DAY)
        text = webhook.text()
        assert text.startswith("sales: overdue\nsales is overdue: no run was done since ")
        assert text.endswith(", 2d ago\nhttps://s/sales")
        run(sched, "sales")
        assert webhook.text().startswith("sales: recovered\nsales has recovered: ")


# What was told is in the ledger


def test_a_restart_tells_neither_twice_nor_never(tmp_path: Path) -> None:
    ledger, now, rules = str(tmp_path / "l.db"), datetime.now(UTC), [Rule(failures="100%", of=1)]
    for expected in ([("sales", "failing")], []):
        with Scheduler(ledger=ledger) as sched:
            sched.task(name="sales")(fails)
            run(sched, "sales", State.FAILED)
            assert kinds(RuleWatch(rules, sched.queries), now) == expected
    with Scheduler(ledger=ledger) as sched:
        sched.task(name="sales")(works)
        run(sched, "sales")
        changed = [Rule(failures="100%", of=1), Rule(failures="50%", of=1)]
        assert kinds(RuleWatch(changed, sched.queries), now) == [], "it became well while nobody looked"
    with Scheduler(ledger=ledger) as sched:
        sched.task(name="sales")(fails)
        run(sched, "sales", State.FAILED)
        assert kinds(RuleWatch(rules, sched.queries), now) == [("sales", "failing")]


def test_of_several_processes_one_tells(tmp_path: Path) -> None:
    ledger, later = str(tmp_path / "l.db"), datetime.now(UTC) + 2 * DAY
    with Scheduler(ledger=ledger, name="first") as first:
        first.task(name="sales")(works)
        run(first, "sales")
        watches = [RuleWatch([Rule(not_done_for="26h")], first.queries) for _ in range(3)]
        told = [finding for watch in watches for finding in kinds(watch, later)]
        assert told == [("sales", "overdue")]


@pytest.mark.parametrize("rules", [[], [Rule("sales", failures="100%", of=1)]], ids=["failed", "failing"])
def test_an_heir_tells_once_that_a_task_has_recovered(
    tmp_path: Path, webhook: Webhook, notifier: Any, rules: list[Rule]
) -> None:
    ledger, code = str(tmp_path / "l.db"), [fails]
    on = ["failing", "recovered"] if rules else ["failed", "recovered"]

    def listening(sched: Scheduler) -> Any:
        made = notifier(Channel("CHAT", on=on, every=0), rules=rules, queries=sched.queries)
        made.listen(sched)
        return made

    with Scheduler(ledger=ledger, name="first") as first:
        first.task(name="sales")(lambda: code[0]())
        told = listening(first)
        run(first, "sales", State.FAILED)
        told.check(datetime.now(UTC))
        assert webhook.text().startswith(f"sales: {on[0]}")
        told.close()
    code[0] = works
    with Scheduler(ledger=ledger, name="heir") as heir:
        heir.task(name="sales")(lambda: code[0]())
        told = listening(heir)
        run(heir, "sales")
        assert webhook.text().startswith("sales: recovered")
        run(heir, "sales")
        told.close()
        assert webhook.arrived.empty()


def test_without_the_ledger_what_is_known_here_counts(tmp_path: Path) -> None:
    def away(start: str) -> list[str]:
        raise LedgerError("the ledger is away")

    with Scheduler(ledger=str(tmp_path / "l.db")) as sched:
        sched.task(name="sales")(works)
        heard: list[RunEnded] = []
        sched.subscribe(lambda event: heard.append(event) if isinstance(event, RunEnded) else None)
        run(sched, "sales")
        recovered = Recoveries(sched.queries)
        assert not recovered(heard[0], True), "the ledger knows better"
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(sched.queries.marks, "called", away)
            assert recovered(heard[0], True)
            assert not recovered(heard[0], False)
    assert not sched.queries.marks.take("a mark"), "nobody writes the ledger"
    assert not sched.queries.marks.drop([])
