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
    shaped = shape(frame, Shape(**step))  # type: ignore[arg-type]
    assert shaped.attrs["site"] == "https://jira.example.org"
    return shaped.to_numpy().tolist()


def test_steps(frame: pd.DataFrame) -> None:
    assert rows(frame, select=["Key"]) == [["A-1"], ["A-2"], ["B-1"]]
    assert rows(frame, drop=["Labels", "Points"]) == [["A-1"], ["A-2"], ["B-1"]]
    assert [r[0] for r in rows(frame, sort="-Points")] == ["A-1", "B-1", "A-2"]
    assert [r[0] for r in rows(frame, where="Points > 1")] == ["A-1", "B-1"]
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


def first_row(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.head(1)


def not_a_frame(frame: pd.DataFrame) -> int:
    return 3


not_a_function = 3


@pytest.mark.parametrize(
    ("step", "message"),
    [
        ({"select": ["Kye"]}, r"shape.select: there is no column 'Kye' \(did you mean 'Key'\?\)"),
        ({"drop": ["zzz"]}, r"shape.drop: there is no column 'zzz' \(known: Key, Points, Labels\)"),
        ({"sort": ["-Point"]}, "did you mean 'Points'"),
        ({"where": "Nope > 1"}, r"shape.where: 'Nope > 1' fails: name 'Nope' is not defined"),
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
        shape(frame, Shape(**step))  # type: ignore[arg-type]


def test_a_step_is_exactly_one() -> None:
    with pytest.raises(ValidationError, match="exactly one of"):
        Shape(top=1, explode="x")
