from __future__ import annotations

import socket
import subprocess
import sys
from typing import Any, cast

import pytest

from schedkit.core.execution.cluster.home_call import HomeCall, unprotected
from schedkit.core.execution.cluster.messages import Hello
from schedkit.values.processes import pid_space


@pytest.mark.parametrize("seen", [True, False])
def test_processes_of_a_worker_have_ended_only_where_they_can_be_seen(seen: bool) -> None:
    """Another container may have this one's name, and its processes are none of this one's."""
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait(60)
    place: dict[str, Any] = {"host": socket.gethostname(), "pid": ended.pid}
    place["pid_space"] = pid_space() if seen else "another container"
    told: dict[str, Any] = {"threads": 1, "tasks": {}, "versions": {}}
    call = HomeCall("id", cast(Any, None), b"", cast(Any, None), 1.0, lambda ago: None)
    call.worker = Hello(worker="w", address="tcp://w", asked=0.0, name="w", **place, **told)
    call.child = ended.pid
    assert call.has_ended() is seen


@pytest.mark.parametrize(
    "address", ["tls://cluster:8786", "tcp://127.0.0.1:8786", "tcp://[::1]:8786", "tcp://localhost:1"]
)
def test_a_protected_cluster_or_one_of_this_machine_needs_no_warning(address: str) -> None:
    assert unprotected(address) == ""


@pytest.mark.parametrize("address", ["tcp://10.0.0.7:8786", "tcp://cluster:8786"])
def test_a_cluster_that_others_reach_is_told(address: str) -> None:
    assert unprotected(address).startswith(f"{address} is neither encrypted nor protected by a login")
