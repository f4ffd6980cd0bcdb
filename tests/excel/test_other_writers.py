"""The same frame written by us and by others holds the same cells."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schedkit import excel

PROFILE = settings.get_profile("excel")
Cells = Callable[..., list[list[Any]]]

# What every writer can carry: no text that one takes for a formula or a number, no control characters.
TEXTS = st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S"]), min_size=1, max_size=9).filter(
    lambda text: text[0] not in "={" and "_x" not in text and "\ufffe" not in text
)
DAYS = st.datetimes(dt.datetime(1950, 1, 1), dt.datetime(2070, 1, 1)).map(
    lambda day: day.replace(microsecond=0)
)


@st.composite
def tame(draw: st.DrawFn) -> pd.DataFrame:
    rows = draw(st.integers(1, 6))

    def column(values: st.SearchStrategy[Any]) -> list[Any]:
        return draw(st.lists(values, min_size=rows, max_size=rows))

    return pd.DataFrame(
        {
            "text": pd.Series(column(TEXTS | st.none()), dtype="str"),
            "int": pd.Series(column(st.integers(-(10**12), 10**12) | st.none()), dtype="Int64"),
            "float": np.array(column(st.floats(-1e12, 1e12) | st.just(math.nan))),
            "when": pd.Series(column(DAYS | st.none()), dtype="datetime64[us]"),
            "bool": column(st.booleans()),
        }
    )


@pytest.mark.parametrize("engine", ["openpyxl", "xlsxwriter"])
@settings(PROFILE, max_examples=10)
@given(frame=tame())
def test_the_same_cells_as_pandas(engine: Any, frame: pd.DataFrame, tmp_path: Path, cells: Cells) -> None:
    frame.to_excel(tmp_path / "theirs.xlsx", index=False, engine=engine)
    ours = cells(excel.write(frame, tmp_path / "ours.xlsx").path)
    theirs = cells(tmp_path / "theirs.xlsx")
    assert len(ours) == len(theirs)
    for our_row, their_row in zip(ours, theirs, strict=True):
        for ours_cell, theirs_cell in zip(our_row, their_row, strict=True):
            if isinstance(theirs_cell, float) and isinstance(ours_cell, float):
                # They keep 16 significant digits.
                assert ours_cell == pytest.approx(theirs_cell, rel=1e-15)
            elif isinstance(theirs_cell, dt.datetime | dt.date) and isinstance(
                ours_cell, dt.datetime | dt.date
            ):
                assert abs(pd.Timestamp(ours_cell) - pd.Timestamp(theirs_cell)) < pd.Timedelta("2ms")
            else:
                assert ours_cell == theirs_cell
