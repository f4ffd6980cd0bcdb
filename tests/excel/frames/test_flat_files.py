"""CSV that no spreadsheet runs, and Parquet with the frame's own types."""

from __future__ import annotations

import csv
import datetime as dt
from pathlib import Path

import pandas as pd
import pytest
from support.excel_strategies import HOSTILE

from schedkit import context, excel
from schedkit.errors import StopRequested, WorkbookError


def rows(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file))


def test_no_csv_cell_is_a_formula(tmp_path: Path) -> None:
    texts = [*HOSTILE, "-12.5", "+1e3", "\uff1d1+1", "\t=1", " =1", "-"]
    frame = pd.DataFrame({"=Key": texts})
    written = excel.write(frame, tmp_path / "r.csv")
    assert written.path.read_bytes().startswith(b"\xef\xbb\xbf")
    (header,), *body = rows(written.path)
    assert header == "'=Key"
    dangerous = ["=1+1", "=cmd|' /C calc'!A0", "@x", "\uff1d1+1", "\t=1", " =1", "-"]
    assert written.altered["guarded"] == len(dangerous) + 1
    for text, (cell,) in zip(texts, body, strict=True):
        assert cell == (f"'{text}" if text in dangerous else text)


def test_csv_values_are_told_in_full(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "when": pd.to_datetime(["2024-07-01T12:00:00.5Z", None]),
            "n": pd.array([2**60, None], "Int64"),
            "x": [0.1 + 0.2, float("inf")],
            "list": [["a", "b"], []],
            "day": [dt.date(2024, 1, 2), None],
            "took": pd.to_timedelta(["1h", None]),
            "odd": pd.Series(["\ud800", pd.NA], index=["k1", "k2"], dtype=object),
            "ok": [True, None],
        },
        index=pd.Index(["k1", "k2"], name="Key"),
    )
    written = excel.write(frame, tmp_path / "r.csv", tz="Europe/Berlin")
    assert rows(written.path) == [
        ["Key", "when", "n", "x", "list", "day", "took", "odd", "ok"],
        [
            "k1",
            "2024-07-01T14:00:00.500000+02:00",
            str(2**60),
            "0.30000000000000004",
            "a, b",
            "2024-01-02",
            "0 days 01:00:00",
            "\ufffd",
            "True",
        ],
        ["k2", "", "", "inf", "", "", "", "", ""],
    ]
    assert written.altered == {"surrogates": 1}
    assert written.rows == 2


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_empty_frames(suffix: str, tmp_path: Path) -> None:
    written = excel.write(pd.DataFrame({"a": pd.Series(dtype="str")}), tmp_path / f"r{suffix}")
    assert written.rows == 0
    if suffix == ".csv":
        assert rows(written.path) == [["a"]]
    else:
        assert pd.read_parquet(written.path).shape == (0, 1)


def test_parquet_keeps_types(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "when": pd.to_datetime(["2024-07-01T12:00:00.5Z", None]),
            "n": pd.array([2**60, None], "Int64"),
            "c": pd.Categorical(["a", None]),
            "s": ["=x", None],
            "list": [["a"], None],
        }
    )
    frame.attrs = {
        "site": "https://jira.example.org",
        "extraction": {"at": dt.datetime(2024, 1, 1)},
        "x": object(),
    }
    back = pd.read_parquet(excel.write(frame, tmp_path / "r.parquet").path)
    assert back.attrs == {"site": "https://jira.example.org", "extraction": {"at": "2024-01-01 00:00:00"}}
    assert [list(value) if value is not None else None for value in back.pop("list")] == [["a"], None]
    back.attrs, want = {}, frame.drop(columns="list")
    want.attrs = {}
    pd.testing.assert_frame_equal(back, want)


def test_parquet_writes_what_arrow_cannot_type_as_text(tmp_path: Path) -> None:
    odd = pd.Series(["x", "\ud800", None], dtype=object)
    frame = pd.DataFrame({"mixed": pd.Series(["a", 1, ["b", 2]], dtype=object), "odd": odd}).set_axis(
        [7, 8, 9]
    )
    written = excel.write(frame, tmp_path / "r.parquet")
    back = pd.read_parquet(written.path)
    assert list(back["mixed"]) == ["a", "1", "b, 2"]
    assert list(back["odd"])[:2] == ["x", "\ufffd"]
    assert written.altered == {"flattened": 1, "surrogates": 1, "dropped_index": 3}


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_one_file_holds_one_frame(suffix: str, tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": [1]})
    with pytest.raises(WorkbookError, match=f"a {suffix} file holds one frame, not 2"):
        excel.write({"a": frame, "b": frame}, tmp_path / f"r{suffix}")


class Stopping(context.ExecutionContext):
    def should_stop(self) -> bool:
        return True


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_stop_leaves_the_old_file(suffix: str, tmp_path: Path) -> None:
    path = excel.write(pd.DataFrame({"a": [1]}), tmp_path / f"r{suffix}").path
    old = path.read_bytes()
    with context.use(Stopping()), pytest.raises(StopRequested):
        excel.write(pd.DataFrame({"a": [2]}), path)
    assert [file.read_bytes() for file in tmp_path.iterdir()] == [old]
