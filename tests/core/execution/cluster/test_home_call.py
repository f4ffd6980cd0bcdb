from __future__ import annotations

import pytest

from schedkit.core.execution.cluster.home_call import unprotected


@pytest.mark.parametrize(
    "address", ["tls://cluster:8786", "tcp://127.0.0.1:8786", "tcp://[::1]:8786", "tcp://localhost:1"]
)
def test_a_protected_cluster_or_one_of_this_machine_needs_no_warning(address: str) -> None:
    assert unprotected(address) == ""


@pytest.mark.parametrize("address", ["tcp://10.0.0.7:8786", "tcp://cluster:8786"])
def test_a_cluster_that_others_reach_is_told(address: str) -> None:
    assert unprotected(address).startswith(f"{address} is neither encrypted nor protected by a login")
