"""What comes after the writer's end is refused: nobody waits for what will never be written."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from schedkit.core.ledger.changes import Change, Op

from schedkit.core.ledger.lease import Lease
from schedkit.core.ledger.reader import Ledger
from schedkit.core.ledger.store import Store
from schedkit.core.ledger.writer import Writer
from schedkit.errors import LedgerError, NotOwnerError

Told = list[tuple[Change, BaseException | None]]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(tmp_path / "ledger.db")
    made.open()
    yield made
    made.close()


def noting(key: str, answers: list[BaseException | None]) -> Change:
    change = Change()
    change.add(Op.PUT_META, key=key, value="x")
    change.receipt = answers.append
    return change


def test_what_comes_after_the_end_is_refused(store: Store) -> None:
    lease = Lease(store, "tests")
    assert lease.take()
    committed: Told = []
    writer = Writer(
        store,
        lease,
        committed=committed.extend,
        lost=lambda: None,
        away=lambda why: None,
        back=lambda seconds: None,
        healthy=lambda: True,
    )
    answers: list[BaseException | None] = []
    entered, release = threading.Event(), threading.Event()
    writer.start()
    writer.call(lambda connection: (entered.set(), release.wait(30)))
    assert entered.wait(10)
    writer.post([noting("before", answers)])
    writer._inbox.put(None)  # the word to end, while it is busy
    writer.post([noting("after the word", answers)])
    release.set()
    writer.stop(30)
    writer.post([noting("after the end", answers)])
    late = writer.call(lambda connection: 1)
    assert [type(answer) for answer in answers] == [type(None), NotOwnerError, NotOwnerError]
    assert [error for _, error in committed] == answers
    with pytest.raises(NotOwnerError, match=r"the scheduler here was stopped \(start it again\)"):
        late.result(10)
    ledger = Ledger(store)
    assert [ledger.setting(key) for key in ("before", "after the word", "after the end")] == ["x", None, None]
    lease.release()


def test_a_change_that_a_damaged_file_refuses_is_a_ledger_error(store: Store) -> None:
    with store.connect() as connection, connection.begin():
        connection.exec_driver_sql("DROP TABLE schedkit_meta")
    lease = Lease(store, "tests")
    assert lease.take()
    writer = Writer(
        store,
        lease,
        committed=lambda told: None,
        lost=lambda: None,
        away=lambda why: None,
        back=lambda seconds: None,
        healthy=lambda: True,
    )
    answers: list[BaseException | None] = []
    writer.start()
    writer.post([noting("a", answers)])
    work = writer.call(lambda connection: connection.exec_driver_sql("SELECT * FROM schedkit_meta"))
    error = work.exception(30)
    writer.stop(30)
    lease.release()
    for each in (error, *answers):
        assert isinstance(each, LedgerError)
        assert "no such table: schedkit_meta" in each.message
        assert each.hint == "is it a schedkit ledger?"
