"""What `write` gives back is a sentence, in a terminal and in a cell."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from schedkit import excel
from schedkit.excel import Written


def test_the_result_is_a_sentence() -> None:
    written = Written(
        Path("out/bugs.xlsx"),
        1234,
        altered={"truncated": 2},
        notes=("the filter was cleared",),
        bytes=2_400_000,
        seconds=1.26,
        updated=1,
        added=20,
        removed=3,
    )
    assert (
        repr(written)
        == str(written)
        == (
            "1,234 rows written to out/bugs.xlsx (1 updated, 20 added, 3 removed): 2.4 MB in 1.3s\n"
            "  cells cut to the 32,767 characters that Excel allows: 2\n"
            "  the filter was cleared"
        )
    )
    assert repr(Written(Path("a.csv"), 1, bytes=700, seconds=0.01)) == "1 row written to a.csv: 1 kB in 10ms"


def test_a_cell_shows_a_link_to_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    written = excel.write(pd.DataFrame({"a": ["x" * 40_000]}), tmp_path / "out <b> 1.xlsx")
    html = written._repr_html_()
    assert '<a href="out%20%3Cb%3E%201.xlsx" target="_blank">' in html
    assert "out &lt;b&gt; 1.xlsx</a>" in html
    assert "<li>cells cut to the 32,767 characters that Excel allows: 1</li>" in html
    elsewhere = Written(Path("/data/a.xlsx"), 1)._repr_html_()
    assert '<a href="/data/a.xlsx"' in elsewhere
    assert "<ul>" not in elsewhere
