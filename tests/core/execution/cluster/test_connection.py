"""Whether the connection with a Dask scheduler was ever lost."""

from __future__ import annotations

from types import SimpleNamespace

from schedkit.core.execution.cluster.connection import SEND_SECONDS, Connection


def a_client() -> SimpleNamespace:
    return SimpleNamespace(scheduler_comm=SimpleNamespace(interval=0.01), status="running")


def test_a_client_that_has_connected_again_has_lost_its_connection() -> None:
    client = a_client()
    connection = Connection(client)
    assert connection.lasts
    client.scheduler_comm = None
    assert not connection.lasts
    client.scheduler_comm = a_client().scheduler_comm
    assert not connection.lasts


def test_a_closed_client_has_lost_its_connection() -> None:
    client = a_client()
    connection = Connection(client)
    client.status = "closed"
    assert not connection.lasts


def test_what_is_sent_is_gathered_for_a_moment_only() -> None:
    assert Connection(a_client()).client.scheduler_comm.interval == SEND_SECONDS < 0.01
