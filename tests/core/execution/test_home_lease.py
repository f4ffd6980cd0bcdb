from __future__ import annotations

from schedkit.core.execution.home_lease import HomeLease


def test_code_is_told_to_stop_before_its_process_is_ended_and_both_before_an_heir_may_begin() -> None:
    lease = HomeLease(seconds=10.0, heard=100.0)
    assert [lease.stops(at) for at in (105.9, 106.0)] == [False, True]
    assert [lease.kills(at) for at in (107.9, 108.0)] == [False, True]
    assert lease.stop_at < lease.kill_at < lease.heard + lease.seconds


def test_a_sign_of_life_that_arrives_late_shortens_nothing() -> None:
    lease = HomeLease(seconds=10.0, heard=100.0)
    assert lease.renewed(103.0).heard == 103.0
    assert lease.renewed(103.0).renewed(101.0).heard == 103.0
