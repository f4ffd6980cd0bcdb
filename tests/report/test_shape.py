"""Each step is a pure function; each check stops a broken frame."""

from __future__ import annotations

import pandas as pd
import pytest
from pydantic import ValidationError

from schedkit.errors import UsageError
from schedkit.report import Shape
from schedkit.report.shape import shape


@pytest.fixture
def frame() -> pd.DataFrame:
    made = pd.DataFrame(
        {"Key": ["A-1", "A-2", "B-1"], "Points": [3, 1, 2], "Labels": [("x", "y"), (), ("x",)]}
    )
    made.attrs["site"] = "https://jira.example.org"
    return made


def rows(frame: pd.DataFrame, **step: object) -> list[list[object]]:
    shaped = shape(frame, Shape(**step))
    assert shaped.attrs["site"] == "https://jira.example.org"
    return shaped.to_numpy().tolist()


def test_steps(frame: pd.DataFrame) -> None:
    assert rows(frame, columns=["Key"]) == [["A-1"], ["A-2"], ["B-1"]]
    assert rows(frame, drop=["Labels", "Points"]) == [["A-1"], ["A-2"], ["B-1"]]
    assert [r[0] for r in rows(frame, sort="-Points")] == ["A-1", "B-1", "A-2"]
    assert [r[0] for r in rows(frame, filter="Points > 1")] == ["A-1", "B-1"]
    assert [r[-1] for r in rows(frame, derive={"Double": "Points * 2", "Four": "Double * 2"})] == [12, 4, 8]
    assert len(rows(frame, top=2)) == 2
    assert [r[2] for r in rows(frame, explode="Labels")][:2] == ["x", "y"]
    assert rows(frame.assign(P=["A", "A", "B"]), count_by="P") == [["A", 2], ["B", 1]]
    assert shape(frame, Shape(rename={"Key": "Ticket"})).columns[0] == "Ticket"
    assert len(rows(frame, call=f"{__name__}:first_row")) == 1
    assert len(frame) == 3


def test_issue_keys_sort_by_their_number() -> None:
    frame = pd.DataFrame({"Key": ["A-10", "B-2", "A-9", None]})
    frame.attrs["fields"] = {"Key": {"id": "issuekey", "type": "issue key"}}
    assert shape(frame, Shape(sort=["Key"]))["Key"].tolist()[:3] == ["A-9", "A-10", "B-2"]
    assert shape(frame, Shape(sort=["-Key"]))["Key"].tolist()[:3] == ["B-2", "A-10", "A-9"]


MOMENTS = pd.DataFrame(
    {
        "Key": ["A-1", "A-2", "A-3"],
        "Created": pd.to_datetime(["2026-03-01T10:00Z", "2026-02-01T00:00Z", "2026-03-02T23:30Z"]),
        "Due": pd.to_datetime(["2026-03-01", None, "2026-03-02"], utc=True),
        "Day": pd.to_datetime(["2026-03-01", "2026-03-01", "2026-03-05"]),
    }
)


@pytest.mark.parametrize(
    ("expression", "keys"),
    [
        ("Due < '2026-03-02'", ["A-1"]),
        ("Created < '2026-03-02' and Due.isna()", ["A-2"]),
        ("Created > Due", ["A-1", "A-3"]),
        ("Created >= '2026-03-01T10:00Z'", ["A-1", "A-3"]),
        ("Created.dt.tz_convert('Asia/Tokyo').dt.day == 3", ["A-3"]),
        ("Day > '2026-03-04'", ["A-3"]),
    ],
)
def test_moments_and_dates_compare_with_texts(expression: str, keys: list[str]) -> None:
    assert shape(MOMENTS, Shape(filter=expression))["Key"].tolist() == keys


def test_moments_that_are_derived_keep_their_zone() -> None:
    derived = shape(MOMENTS, Shape(derive={"Later": "Created.dt.floor('D')", "Late": "Due < '2026-03-02'"}))
    assert str(derived["Later"].dtype) == str(MOMENTS["Created"].dtype)
    assert derived["Late"].tolist() == [True, False, False]
    assert str(MOMENTS["Due"].dtype).endswith("UTC]")


def first_row(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.head(1)


def not_a_frame(frame: pd.DataFrame) -> int:
    return 3


not_a_function = 3


@pytest.mark.parametrize(
    ("step", "message"),
    [
        ({"columns": ["Kye"]}, r"shape.columns: there is no column 'Kye' \(did you mean 'Key'\?\)"),
        ({"drop": ["zzz"]}, r"shape.drop: there is no column 'zzz' \(known: Key, Points, Labels\)"),
        ({"sort": ["-Point"]}, "did you mean 'Points'"),
        ({"filter": "Nope > 1"}, r"shape.filter: 'Nope > 1' fails: name 'Nope' is not defined"),
        ({"filter": "Points = 3"}, "cannot assign without a target"),
        ({"derive": {"x": "1 +"}}, "shape.derive: '1 \\+' fails"),
        ({"call": f"{__name__}:not_a_frame"}, "returned int"),
        ({"call": f"{__name__}:not_a_function"}, "is not a function"),
        ({"call": "no.such.module:f"}, "cannot find 'no.such.module:f'"),
        ({"call": f"{__name__}:absent"}, "cannot find"),
    ],
)
def test_a_step_that_cannot_be_done_says_why(
    frame: pd.DataFrame, step: dict[str, object], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        shape(frame, Shape(**step))


def test_a_step_is_exactly_one() -> None:
    with pytest.raises(ValidationError, match="exactly one of"):
        Shape(top=1, explode="x")
