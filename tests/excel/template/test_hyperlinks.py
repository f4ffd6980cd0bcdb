"""Links are placed where the schema wants them, whatever the sheet holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pytest
import xlsxwriter
from support.excel_templates import issues_frame, issues_table, patched, text_of

from schedkit import excel
from schedkit.excel import fill
from schedkit.excel.template import column_renderers

SHEET = "xl/worksheets/sheet1.xml"
MOST = 60  # links
VIEWS = (
    '<customSheetViews><customSheetView guid="{B1D9F5B6-2A54-4B83-A4A3-6D3C5C5F8D01}">'
    '<pageMargins left="0.7" right="0.7" top="0.75" bottom="0.75" header="0.3" footer="0.3"/>'
    "</customSheetView></customSheetViews>"
)


def data_bar(book: xlsxwriter.Workbook, sheet: Any) -> None:
    sheet.conditional_format("B2:B3", {"type": "data_bar", "data_bar_2010": True})


def links_of(path: Path) -> dict[str, str]:
    sheet = openpyxl.load_workbook(path)["Data"]
    return {c.coordinate: c.hyperlink.target for row in sheet.iter_rows() for c in row if c.hyperlink}


@pytest.mark.filterwarnings("ignore:.*extension is not supported")
@pytest.mark.parametrize("views", [True, False])
def test_rules_with_extensions_and_custom_views_hold_no_links(views: bool, tmp_path: Path) -> None:
    template = issues_table(tmp_path / "t.xlsx", data_bar)
    if views:
        patched(template, {SHEET: ("<conditionalFormatting", VIEWS + "<conditionalFormatting")})
    path = excel.write(issues_frame(3), tmp_path / "f.xlsx", template=template).path
    # The validator judges the order; here the links are there at all.
    assert len(links_of(path)) == 3
    xml = text_of(path, SHEET)
    assert (
        xml.index("</conditionalFormatting>")
        < xml.index("<hyperlinks")
        < xml.index("<pageMargins", xml.index("</conditionalFormatting>"))
    )


def test_wrapped_elements_count_for_what_they_wrap(tmp_path: Path) -> None:
    template = issues_table(tmp_path / "t.xlsx")
    wrapped = (
        '<mc:AlternateContent xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006">'
        '<mc:Choice Requires="x14" xmlns:x14="http://schemas.microsoft.com/office/spreadsheetml/2009/9/main">'
        "<controls/></mc:Choice></mc:AlternateContent>"
    )
    patched(template, {SHEET: ("<pageMargins[^>]*/>", wrapped)})
    path = excel.write(issues_frame(1), tmp_path / "f.xlsx", template=template).path
    assert "</hyperlinks><mc:AlternateContent" in text_of(path, SHEET)


def test_links_of_cells_that_are_written_anew_go(tmp_path: Path) -> None:
    def links(book: xlsxwriter.Workbook, sheet: Any) -> None:
        for cell in ("A2", "A3", "D1", "B4"):
            sheet.write_url(cell, "https://example.org/" + cell, string="link")

    columns = [{"header": "Key", "total_string": "Total"}, {"header": "Points", "total_function": "sum"}]
    template = issues_table(tmp_path / "t.xlsx", links, columns=columns, total_row=True)
    plain = issues_frame(3)
    plain.attrs.clear()
    path = excel.write(plain, tmp_path / "f.xlsx", template=template).path
    assert links_of(path) == {"D1": "https://example.org/D1", "B5": "https://example.org/B4"}
    path = excel.write(issues_frame(1), path, mode="append").path
    assert set(links_of(path)) == {"A5", "B6", "D1"}
    assert text_of(path, "xl/worksheets/_rels/sheet1.xml.rels").count('hyperlink"') == 3


def test_the_last_link_leaves_no_empty_element(tmp_path: Path) -> None:
    template = issues_table(
        tmp_path / "t.xlsx", lambda book, sheet: sheet.write_url("A2", "https://example.org")
    )
    frame = pd.DataFrame({"Key": ["x"], "Points": [1]})
    path = excel.write(frame, tmp_path / "f.xlsx", template=template).path
    assert "hyperlink" not in text_of(path, SHEET)


@pytest.mark.parametrize("mode", ["replace", "upsert"])
def test_links_of_cells_that_are_written_anew_leave_room_for_new_ones(
    mode: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # tests/excel/test_links.py writes as many as Excel allows, 65,530.
    for module in (fill, column_renderers):
        monkeypatch.setattr(module, "MAX_LINKS", MOST)
    frame = pd.DataFrame({"Key": [f"A-{n}" for n in range(MOST)]})
    frame.attrs["site"] = "https://jira.example.org"
    path = excel.write(frame, tmp_path / "many.xlsx").path
    few = frame.iloc[5:9]
    few.attrs = frame.attrs
    if mode == "replace":
        written = excel.write(frame, path, template=path)
    else:
        written = excel.write(few, path, mode="upsert", key="Key")
    assert "links_as_text" not in written.altered
    assert text_of(path, SHEET).count("<hyperlink ") == MOST
    assert text_of(path, "xl/worksheets/_rels/sheet1.xml.rels").count('hyperlink"') == MOST
