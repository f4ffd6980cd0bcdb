"""What a workbook remembers of its frames follows what is added to them."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from schedkit import excel


def frame(keys: str, labels: list[list[str] | None], priorities: list[str], as_of: str) -> pd.DataFrame:
    made = pd.DataFrame(
        {
            "Key": list(keys),
            "Labels": pd.Series(labels, dtype=object),
            "Priority": pd.Categorical([priorities[0]] * len(keys), priorities, ordered=True),
        }
    )
    made.attrs = {"site": "https://x.example", "extraction": {"as_of": as_of}}
    return made


@pytest.mark.parametrize("mode", ["append", "upsert"])
def test_new_rows_come_back_as_they_were(mode: str, tmp_path: Path) -> None:
    path = tmp_path / "r.xlsx"
    first = frame("ABC", [["a, b"], ["a", "b"], []], ["Low", "High"], "2026-11-28")
    excel.write(first, path)
    new = frame("DEF", [["c, d"], [], None], ["Lowest", "Low", "High"], "2026-11-29")
    if mode == "upsert":
        again = frame("A", [["a", "b"]], ["Lowest", "Low", "High"], "2026-11-29")
        new = pd.concat([new, again], ignore_index=True)
        new.attrs = again.attrs
        excel.write(new, path, mode="upsert", key="Key")
    else:
        excel.write(new, path, mode="append")
    back = excel.read(path)
    first_labels = [["a", "b"], ["a", "b"], []] if mode == "upsert" else [["a, b"], ["a", "b"], []]
    assert back["Labels"].tolist() == [*first_labels, ["c, d"], [], None]
    assert list(back["Priority"].cat.categories) == ["Lowest", "Low", "High"]
    assert back["Priority"].cat.ordered
    assert back.attrs["extraction"] == {"as_of": "2026-11-29"}


def test_an_unknown_category_is_added_to_those_known(tmp_path: Path) -> None:
    path = tmp_path / "r.xlsx"
    excel.write(pd.DataFrame({"Key": ["A"], "Type": pd.Categorical(["Bug"])}), path)
    excel.write(pd.DataFrame({"Key": ["B"], "Type": pd.Categorical(["Task"])}), path, mode="append")
    assert list(excel.read(path)["Type"].cat.categories) == ["Bug", "Task"]


def test_a_column_that_becomes_lists(tmp_path: Path) -> None:
    path = tmp_path / "r.xlsx"
    excel.write(pd.DataFrame({"Key": ["A"], "Labels": pd.Series([None], dtype=object)}), path)
    excel.write(pd.DataFrame({"Key": ["B"], "Labels": [["a, b"]]}), path, mode="append")
    assert excel.read(path)["Labels"].tolist() == [None, ["a, b"]]
