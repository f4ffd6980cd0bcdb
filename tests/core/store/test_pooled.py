"""Pooled connections of a PostgreSQL server, and statements without a transaction round them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import sqlalchemy as sa
from support.waiting import wait_until

from schedkit.core.store import pooled
from schedkit.core.store.database import Store
from schedkit.core.store.schema import meta

PID = sa.select(sa.func.pg_backend_pid())


@pytest.fixture
def store(new_database: Callable[[], str]) -> Iterator[Store]:
    made = Store(new_database())
    yield made
    made.close()


def reader(store: Store) -> int:
    """Return which process of the server serves a reader."""
    with store.reading() as connection:
        return int(connection.scalar(PID) or 0)


def test_a_connection_that_the_server_has_closed_is_replaced(store: Store) -> None:
    first = reader(store)
    there = sa.text("SELECT count(*) FROM pg_stat_activity WHERE pid = :pid")
    with store.connect() as other, store.autocommit(other):
        other.execute(sa.select(sa.func.pg_terminate_backend(first)))
        wait_until(lambda: other.scalar(there, {"pid": first}) == 0)
    assert reader(store) not in (0, first)


def test_one_that_was_idle_for_long_is_used_again_if_it_answers(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pooled, "PROVEN_SECONDS", 0.0)
    assert reader(store) == reader(store)


def test_after_statements_of_their_own_a_transaction_is_one_again(store: Store) -> None:
    with store.connect() as connection:
        with store.autocommit(connection):
            connection.execute(meta.insert(), [{"key": "alone", "value": "1"}])
        with connection.begin() as transaction:
            connection.execute(meta.insert(), [{"key": "together", "value": "1"}])
            transaction.rollback()
    with store.reading() as connection:
        found = set(connection.scalars(sa.select(meta.c.key)))
    assert "alone" in found
    assert "together" not in found
