"""Pictures of all figures: each draws what its frame says, in both themes, with hostile texts and none."""

from __future__ import annotations

import io

import pandas as pd
import pytest
from support.flow_example import SPRINTS, UNTIL, Example, in_sprint

from schedkit import flow
from schedkit.errors import UsageError
from schedkit.flow import History, Pack, pack, plot
from schedkit.flow.plots import plotted


@pytest.fixture(scope="module")
def history(example: Example) -> History:
    return History(*in_sprint(example), now=UNTIL)


@pytest.fixture(scope="module")
def weekly(history: History) -> Pack:
    return pack(history, weeks=3, sprints=SPRINTS, waiting=["Review"])


def texts(figure: object) -> str:
    from matplotlib.text import Text

    return "\n".join(text.get_text() for text in figure.findobj(Text))


def test_each_figure_of_the_pack_has_a_picture(weekly: Pack) -> None:
    for place, (name, frame) in enumerate(weekly.items()):
        figure = plot(frame, dark=place % 2 == 0)
        image = io.BytesIO()
        figure.savefig(image, dpi=40)
        assert image.getvalue().startswith(b"\x89PNG"), name
        assert weekly.title(name) in texts(figure)


def test_a_picture_shows_the_frames_own_numbers(weekly: Pack, history: History) -> None:
    bars = plot(weekly["throughput"]).axes[0].patches
    assert [bar.get_height() for bar in bars] == [0, 1, 2, 4]
    assert bars[-1].get_hatch() == "///", "the week that is not over"
    chart = texts(plot(weekly["control_chart"]))
    assert "50 %: 4.0 d" in chart
    assert "left out: 1 created done" in chart
    assert "at least" in texts(plot(weekly["forecast_how_many"]))
    burned = plot(weekly["burndown"]).axes[0]
    assert burned.lines[0].get_ydata()[-1] == 8
    dots = plot(weekly["ageing"]).axes[0].collections[0].get_offsets()
    assert sorted(dots[:, 1].tolist()) == [1, 11]
    bands = plot(weekly["ageing"]).axes[0].patches
    tops = [round(band.get_y() + band.get_height(), 2) for band in bands]
    days = weekly["cycle_percentiles"][["50 %", "70 %", "85 %", "95 %"]].iloc[0] / pd.Timedelta(days=1)
    assert tops == days.round(2).tolist(), "bands up to the percentiles of what finished"
    assert f"50 %: {tops[0]} d" in texts(plot(weekly["ageing"]))
    flow_of = plot(flow.cumulative_flow(history, states="category"))
    assert "In Progress" in texts(flow_of)
    assert "To Do" not in texts(flow_of), "the backlog is left out"


def test_pictures_by_group_and_of_other_frames(history: History) -> None:
    times = flow.cycle_times(history, by="Type")
    grouped = plot(flow.throughput(times, by="Type"))
    assert len(grouped.axes[0].patches) == 6
    assert {"Bug", "Story"} <= set(texts(grouped).split("\n"))
    for frame in (
        times,
        flow.cycle_histogram(history, by="Type"),
        flow.work_in_progress(history, by="Type"),
        flow.time_in_status(history, by="Type"),
        flow.service_times(history, goal="4h"),
        flow.sla_attainment(flow.service_times(history, goal="4h")),
        flow.velocity(history, sprints=SPRINTS),
        flow.burnup(history, of="Sprint 1", field="Sprint"),
    ):
        plot(frame).savefig(io.BytesIO(), dpi=30)


@pytest.mark.parametrize("name", ["velocity", "control_chart", "cumulative_flow"])
def test_nothing_of_a_picture_is_cut_off(weekly: Pack, name: str) -> None:
    figure = plot(weekly[name])
    figure.savefig(io.BytesIO(), dpi=150)
    drawn, paper = figure.get_tightbbox(), figure.bbox_inches
    assert drawn.x0 >= -0.01
    assert drawn.y0 >= -0.01
    assert drawn.x1 <= paper.x1 + 0.01
    assert drawn.y1 <= paper.y1 + 0.01


def test_nothing_to_draw(history: History, example: Example) -> None:
    empty = History(example.issues.head(0), example.changes, now=UNTIL)
    assert "no data" in texts(plot(flow.ageing(empty)))
    assert "no data" in texts(plot(flow.control_chart(empty)))
    with pytest.raises(UsageError, match="there is no picture of 'sprint_issues'"):
        plot(flow.sprint_issues(history, sprints=SPRINTS))
    with pytest.raises(UsageError, match=r"does not tell what it shows .write kind="):
        plot(pd.DataFrame({"a": [1]}))
    assert {"throughput", "burndown"} <= set(plotted())


def test_a_status_with_dollars_is_drawn_as_it_is(example: Example) -> None:
    name = "Re$view$ <b>"
    changes = example.changes.replace({"Review": name})
    table = example.issues.replace({"Review": name})
    statuses = dict(example.changes.attrs["statuses"])
    changes.attrs["statuses"] = {**statuses, "4": {**statuses["4"], "name": name}}
    figure = plot(flow.ageing(table, changes, until=UNTIL), title="$x^2$")
    figure.savefig(io.BytesIO(), dpi=30)
    assert name in texts(figure)
