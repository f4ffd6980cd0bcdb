"""Rules applied to a real ledger: told once, at once after a restart, and of tasks that nobody runs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from notify.conftest import Webhook

from schedkit.core.api.scheduler import Scheduler
from schedkit.core.states import State
from schedkit.errors import LedgerError
from schedkit.notify import Channel, Rule
from schedkit.notify.rule_watch import RuleWatch

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
