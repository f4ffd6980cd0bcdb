"""Charts, pictures and pivots below a table are never covered."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
from support.excel_templates import issues_frame, issues_table, patched, text_of
from support.excel_zoo import PNG

from schedkit import excel
from schedkit.errors import WorkbookError

DRAWING = "xl/drawings/drawing1.xml"


def below(*places: str, **cells: str) -> Any:
    """Return what draws charts at some cells, and writes others."""

    def extra(book: xlsxwriter.Workbook, sheet: Any) -> None:
        for place in places:
            chart = book.add_chart({"type": "bar"})
            chart.add_series({"values": "=Data!$B$2:$B$3"})
            sheet.insert_chart(place, chart, {"x_scale": 0.25, "y_scale": 0.5})
        for place, text in cells.items():
            sheet.write(place, text)

    return extra


def rows_of(path: Path) -> list[tuple[int, int]]:
    """Return the first and last row of each object, from 0."""
    numbers = [int(text) for text in re.findall(r"<xdr:row>(\d+)</xdr:row>", text_of(path, DRAWING))]
    return list(zip(numbers[::2], numbers[1::2], strict=True))


def test_charts_below_move_down_with_the_end(tmp_path: Path) -> None:
    template = issues_table(tmp_path / "t.xlsx", below("A6", "F2", "A20"))
    before = rows_of(template)
    path = excel.write(issues_frame(12), tmp_path / "f.xlsx", template=template).path
    moved = [(top + 10, bottom + 10) for top, bottom in before]
    assert rows_of(path) == [moved[0], before[1], moved[2]]


def test_charts_that_are_not_reached_stay(tmp_path: Path) -> None:
    template = issues_table(tmp_path / "t.xlsx", below("A20"))
    for rows in (0, 1, 2, 15):
        path = excel.write(issues_frame(rows), tmp_path / "f.xlsx", template=template).path
        assert rows_of(path) == rows_of(template)


def test_a_chart_that_would_cover_something_is_refused_by_name(tmp_path: Path) -> None:
    template = issues_table(tmp_path / "t.xlsx", below("A6", B30="a remark"))
    assert excel.write(issues_frame(3), tmp_path / "f.xlsx", template=template).rows == 3
    with pytest.raises(WorkbookError, match=r"grow over the chart 'Chart 1', .* it would cover the cell"):
        excel.write(issues_frame(20), tmp_path / "g.xlsx", template=template)
    beside = issues_table(tmp_path / "t.xlsx", below("B6", "C24"))
    with pytest.raises(WorkbookError, match=r"grow over the chart 'Chart 1', .* cover the chart 'Chart 2'"):
        excel.write(issues_frame(20), tmp_path / "g.xlsx", template=beside)
    assert not (tmp_path / "g.xlsx").exists()


def test_pictures_of_one_anchor_move_too(tmp_path: Path) -> None:
    def picture(book: xlsxwriter.Workbook, sheet: Any) -> None:
        sheet.insert_image("A6", "dot.png", {"image_data": io.BytesIO(PNG), "object_position": 3})

    template = issues_table(tmp_path / "t.xlsx", picture)
    one = text_of(template, DRAWING)
    one = re.sub(r"<xdr:to>.*?</xdr:to>", '<xdr:ext cx="600000" cy="600000"/>', one)
    one = one.replace("twoCellAnchor", "oneCellAnchor")
    patched(template, {DRAWING: one.encode()})
    path = excel.write(issues_frame(9), tmp_path / "f.xlsx", template=template).path
    assert "<xdr:row>12</xdr:row>" in text_of(path, DRAWING)
    fixed = re.sub("<xdr:from>.*?</xdr:from>", '<xdr:pos x="0" y="0"/>', one).replace("oneCell", "absolute")
    patched(template, {DRAWING: fixed.encode()})
    path = excel.write(issues_frame(9), tmp_path / "f.xlsx", template=template).path
    assert text_of(path, DRAWING) == fixed
