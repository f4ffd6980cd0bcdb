"""Options that cannot be are refused in one sentence, before anything is written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from schedkit import excel
from schedkit.errors import SchedkitError

FRAME = pd.DataFrame({"Key": ["A-1"], "Points": [1.5]})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"inf": "omitt"}, r"unknown inf='omitt' \(did you mean 'omit'\?"),
        ({"max_drop": 50}, r"max_drop=50 \(a share, e.g. 50% or 0.5\)"),
        ({"title": 5}, r"title=5 is not a text \(e.g. title=\"Open bugs\"\)"),
        ({"sheet": 5}, "sheet=5 is not a text"),
        (
            {"summary": True, "history": "x"},
            "history: the frame is not a changelog, nor has it the columns Key, At",
        ),
        ({"summary": True, "history": FRAME}, "or the status changes of the issues, one a row"),
        ({"mode": "merge"}, "unknown mode 'merge'"),
        ({"missing": "archive"}, "unknown missing='archive'"),
        ({"mode": "append", "key": "Key"}, 'mode="append" has no key'),
        ({"missing": "mark"}, 'missing="mark" needs mode="upsert"'),
        (
            {"template": "bugs.csv"},
            r"bugs.csv is not a workbook that can be filled \(give an .xlsx or .xlsm template\)",
        ),
    ],
)
def test_options_that_cannot_be(options: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(SchedkitError, match=message):
        excel.write(FRAME, tmp_path / "bugs.xlsx", **options)
    assert not (tmp_path / "bugs.xlsx").exists()
