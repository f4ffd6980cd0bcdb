"""The weekly pack: every figure equals its function's, and what cannot be had is told."""

from __future__ import annotations

import pandas as pd
import pytest
from support.flow_example import SPRINTS, UNTIL, Example, in_sprint
from support.flow_frames import issues, moves

from schedkit import flow
from schedkit.errors import UsageError
from schedkit.flow import History, pack

SINCE = UNTIL - pd.Timedelta(weeks=3)


def test_its_figures_are_those_of_the_functions(example: Example) -> None:
    frames = in_sprint(example)
    found = pack(*frames, weeks=3, until=UNTIL, sprints=SPRINTS, waiting=["Review"], by="Type", n=3)
    assert found.skipped == {}
    history = History(*frames, {"waiting": ["Review"]}, now=UNTIL)
    period = {"since": SINCE, "until": UNTIL}
    for name, options in {
        "cycle_percentiles": {"by": "Type", **period},
        "ageing": {"by": "Type", **period},
        "flow_efficiency": {"by": "Type", **period},
        "littles_law": {"by": "Type", **period},
        "cumulative_flow": period,
        "forecast_when": {"n": 3, "until": UNTIL},
        "sprint_report": {"sprints": SPRINTS, "until": UNTIL},
    }.items():
        pd.testing.assert_frame_equal(found[name], getattr(flow, name)(history, **options))
        assert found[name].attrs["metric"] == name
    assert next(iter(found)) == "throughput"
    assert found["throughput"].sum().to_dict() == {"Bug": 3, "Story": 4}
    assert repr(found) == "<Pack: 21 figures, 2026-02-22 to 2026-03-15>"


@pytest.mark.parametrize("tz", ["America/New_York", "Asia/Tokyo"])
def test_its_period_is_whole_weeks_of_its_zone(example: Example, tz: str) -> None:
    """In New York the clocks go forward on 8 March; in Tokyo the day begins on the day before in UTC."""
    found = pack(example.issues, example.changes, weeks=3, until="2026-03-14", tz=tz)
    assert found.period == "2026-02-21 to 2026-03-14"
    told = found["work_in_progress"].attrs["period"]
    assert told == f"2026-02-21 00:00 to 2026-03-14 00:00 {tz}"


def test_what_cannot_be_had_is_told() -> None:
    found = pack(issues(("A-1", "2026-03-02", "Open")), moves(), until=UNTIL)
    assert "velocity" not in found
    with pytest.raises(UsageError, match=r"the pack has no velocity .there are no sprints"):
        found["velocity"]
    with pytest.raises(UsageError, match="did you mean 'throughput'"):
        found["throughputs"]
    assert "nothing was finished" in found.skipped["forecast_when"]
    with pytest.raises(UsageError, match="the changes of the issues are missing"):
        pack(issues(("A-1", "2026-03-02", "Open")))


def test_it_shows_in_a_cell(example: Example) -> None:
    name = "<script>alert(1)</script>"
    table = example.issues.assign(Type=name)
    shown = pack(table, example.changes, until=UNTIL, weeks=3, by="Type")._repr_html_()
    assert "<script>" not in shown
    assert "Cycle time" in shown
    assert "left out: 1 created done" in shown
    assert "Not there:" in shown


def test_readable_frames(example: Example) -> None:
    found = pack(*in_sprint(example), until=UNTIL, weeks=3)
    ages = found.readable("ageing")
    assert ages["Age (d)"].tolist() == [11, 1]
    assert not isinstance(ages["Started"].dtype, pd.DatetimeTZDtype)
    weeks = found.readable("throughput")
    assert list(weeks) == ["Period", "Finished"]
    assert str(weeks["Period"].iloc[0].date()) == "2026-02-16"
