"""Groups, pivots and joins, judged by what pandas or plain counting say."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from typing import Any

import pandas as pd
import pytest

from schedkit.errors import UsageError
from schedkit.report import Shape, steps
from schedkit.report.frames import Frames
from schedkit.report.shape import shape, shape_frames


@pytest.fixture
def frame() -> pd.DataFrame:
    made = pd.DataFrame(
        {
            "Key": ["A-1", "A-2", "B-1", "B-2"],
            "Team": ["x", "y", "x", None],
            "Priority": pd.Categorical(
                ["Low", "High", "High", "Low"], categories=["Low", "Medium", "High"], ordered=True
            ),
            "Points": [1.0, 2.0, 4.0, None],
            "Spent": pd.to_timedelta(["1h", "2h", "4h", None]),
        }
    )
    made.attrs["site"] = "https://jira.example.org"
    return made


def step(**what: Any) -> Shape:
    return Shape.model_validate(what)


def table(frame: pd.DataFrame, **what: Any) -> list[list[object]]:
    shaped = shape(frame, step(**what))
    assert shaped.attrs["site"] == "https://jira.example.org"
    values = shaped.astype(object).where(shaped.notna(), None)
    return [list(shaped.columns), *values.to_numpy().tolist()]


def test_groups(frame: pd.DataFrame) -> None:
    assert table(frame, group={"by": "Priority"}) == [["Priority", "Count"], ["Low", 2], ["High", 2]]
    values = {"Points": "sum", "Issues": {"Key": "count"}, "Typical": {"Points": "p50"}}
    assert table(frame, group={"by": ["Team"], "values": values}) == [
        ["Team", "Points", "Issues", "Typical"],
        ["x", 5.0, 2, 2.5],
        ["y", 2.0, 1, 2.0],
        [None, 0.0, 1, None],
    ]
    spent = table(frame, group={"by": "Team", "values": {"Spent": "max"}})
    assert spent[1] == ["x", pd.Timedelta("4h")]


def test_pivots(frame: pd.DataFrame) -> None:
    assert table(frame, pivot={"rows": "Team", "columns": "Priority"}) == [
        ["Team", "Low", "High"], ["x", 1, 1], ["y", 0, 1], [None, 1, 0]
    ]  # fmt: skip
    assert table(frame, pivot={"rows": "Team", "columns": "Priority", "total": True})[-1] == [
        "Total",
        2,
        2,
        4,
    ]
    points = table(
        frame, pivot={"rows": "Team", "columns": "Priority", "values": "Points", "agg": "max", "total": True}
    )
    assert points == [
        ["Team", "Low", "High", "Total"],
        ["x", 1.0, 4.0, 4.0],
        ["y", None, 2.0, 2.0],
        [None, None, None, None],
        ["Total", 1.0, 4.0, 4.0],
    ]
    spent = table(frame, pivot={"rows": "Team", "columns": "Priority", "values": "Spent", "agg": "sum"})
    assert spent[2] == ["y", pd.Timedelta(0), pd.Timedelta("2h")]
    nobody = table(frame, pivot={"rows": "Priority", "columns": "Team"})
    assert nobody[0] == ["Priority", "x", "y", "none"]
    assert table(frame.head(0), pivot={"rows": "Team", "columns": "Key", "total": True})[-1][0] == "Total"


def test_joins(frame: pd.DataFrame) -> None:
    teams = pd.DataFrame({"Name": ["x", "y", "z"], "Lead": ["Ann", "Bob", "Cy"], "Points": [7, 8, 9]})
    frames = Frames(frame, {"teams": teams})

    def joined(**how: Any) -> pd.DataFrame:
        return shape_frames(frames, step(join={"with": "teams", "on": {"Team": "Name"}, **how})).current

    assert joined(columns="Lead")["Lead"].tolist()[:3] == ["Ann", "Bob", "Ann"]
    assert joined(columns="Lead").attrs["site"] == frame.attrs["site"]
    assert joined()["Points (teams)"].tolist()[0] == 7
    assert len(joined(how="inner")) == 3
    assert set(joined(how="outer")["Team"].dropna()) == {"x", "y", "z"}
    twice = Frames(frame, {"teams": pd.concat([teams, teams.head(1)])})
    with pytest.raises(UsageError, match=r"shape.join: teams has several rows for \['x'\] .many: true"):
        shape_frames(twice, step(join={"with": "teams", "on": {"Team": "Name"}}))
    many = step(join={"with": "teams", "on": {"Team": "Name"}, "many": True})
    assert len(shape_frames(twice, many).current) == 6


def test_frames_are_saved_used_and_stacked(frame: pd.DataFrame) -> None:
    frames = Frames(frame)
    for each in (
        step(save="all"),
        step(filter="Priority == 'High'"),
        step(save="high"),
        step(use="all"),
        step(stack="high"),
    ):
        frames = shape_frames(frames, each)
    assert frames.current["Key"].tolist() == ["A-1", "A-2", "B-1", "B-2", "A-2", "B-1"]
    assert frames.current["Priority"].dtype == frame["Priority"].dtype


def test_stacked_categories_keep_their_order(frame: pd.DataFrame) -> None:
    other = frame.assign(Priority=pd.Categorical(["Urgent"] * 4, categories=["Urgent"], ordered=True))
    stacked = shape_frames(Frames(frame, {"other": other}), step(stack="other")).current
    assert list(stacked["Priority"].cat.categories) == ["Low", "Medium", "High", "Urgent"]
    assert stacked["Priority"].dtype.ordered


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ({"group": {"by": "Tem"}}, r"shape.group: there is no column 'Tem' .did you mean 'Team'"),
        ({"group": {"by": "Team", "values": {"Key": "sum", "Pints": "sum"}}}, "no column 'Pints'"),
        ({"group": {"by": "Team", "values": {"Team": "count"}}}, "'Team' is a column of the groups"),
        (
            {"group": {"by": "Team", "values": {"x": {"Key": "count", "Points": "sum"}}}},
            "'x' names 2 columns",
        ),
        ({"group": {"by": "Team", "values": {"Key": "mean"}}}, "cannot take mean of column 'Key'"),
        ({"pivot": {"rows": "Team", "columns": "Team"}}, "'Team' is in rows and in columns"),
        ({"join": {"with": "teams"}}, "shape.join: there is no frame 'teams' .save one"),
        ({"join": {"with": "others", "on": "Points"}}, "shape.join: others: there is no column 'Points'"),
        ({"join": {"with": "others", "on": {"Points": "Key"}}}, "cannot compare Points with others"),
        ({"stack": "teams"}, "shape.stack: there is no frame 'teams'"),
        ({"use": "other"}, r"shape.use: there is no frame 'other' .did you mean 'others'"),
        ({"filter": "Points"}, "'Points' is not true or false for each row"),
        ({"filter": "1 == 1"}, "is not true or false for each row"),
    ],
)
def test_what_cannot_be_done_says_why(frame: pd.DataFrame, what: dict[str, Any], message: str) -> None:
    frames = Frames(frame, {"others": pd.DataFrame({"Key": ["A-1"]})})
    with pytest.raises(UsageError, match=message):
        shape_frames(frames, step(**what))


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ({"pivot": {"rows": "a", "columns": "b", "agg": "sum"}}, "agg: sum needs values"),
        ({"group": {"by": "a", "values": {"x": "total"}}}, "x='total'|value='total'"),
        ({"sortt": "a"}, "there is no step 'sortt'"),
        ({"sort": "a", "top": 1}, "write exactly one of"),
        ({}, "write exactly one of"),
    ],
)
def test_what_is_no_step(what: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        step(**what)


def doubled(frame: pd.DataFrame, column: str = "Points") -> pd.DataFrame:
    return frame.assign(**{column: frame[column] * 2})


def counted(frame: pd.DataFrame) -> int:
    return len(frame)


def test_steps_of_other_packages(frame: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    points = {
        name: EntryPoint(name=name, value=f"{__name__}:{name}", group=steps.STEP_ENTRY_POINTS)
        for name in ("doubled", "counted")
    }
    monkeypatch.setattr(steps, "entry_points", lambda group: list(points.values()))
    monkeypatch.setattr(EntryPoint, "load", lambda point: globals()[point.name])
    assert shape(frame, step(doubled={}))["Points"].tolist()[:3] == [2.0, 4.0, 8.0]
    assert shape(frame, step(doubled=None)).attrs["site"] == frame.attrs["site"]
    assert shape(frame, step(doubled={"column": "Spent"}))["Spent"].iloc[0] == pd.Timedelta("2h")
    with pytest.raises(UsageError, match=r"shape.counted returned int .return a DataFrame"):
        shape(frame, step(counted={}))
    with pytest.raises(ValueError, match=r"there is no step 'doubld' .did you mean 'doubled'"):
        step(doubld={})


def test_what_pandas_refuses_is_one_line(frame: pd.DataFrame) -> None:
    mixed = frame.assign(Points=[1, "a", None, 2])
    with pytest.raises(UsageError, match=r"shape.sort: TypeError: .* .look at the types of these columns"):
        shape(mixed, step(sort="Points"))
