"""Names, charts, pivots and other tables follow a region."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import xlsxwriter
from support.excel_templates import issues_frame, issues_table, patched, text_of
from support.excel_zoo import PIVOT_CACHE, zoo

from schedkit import excel

CHART = "xl/charts/chart1.xml"
PIVOT = "xl/pivotCache/pivotCacheDefinition1.xml"


def chart(book: xlsxwriter.Workbook, sheet: Any) -> None:
    drawn = book.add_chart({"type": "bar"})
    drawn.add_series({"name": "=Data!$B$1", "categories": "=Data!$A$2:$A$3", "values": "=Data!$B$2:$B$3"})
    drawn.add_series({"values": "=Other!$A$1:$A$2"})
    book.add_worksheet("Other").insert_chart("B2", drawn)


def test_a_chart_forgets_the_values_of_old_rows(tmp_path: Path) -> None:
    template = issues_table(tmp_path / "t.xlsx", chart)
    caches = '<c:numCache><c:formatCode>General</c:formatCode><c:ptCount val="1"/></c:numCache>'
    patched(template, {CHART: ("</c:f>(<c:(?:num|str)Cache>.*?</c:(?:num|str)Cache>)?", f"</c:f>{caches}")})
    path = excel.write(issues_frame(5), tmp_path / "f.xlsx", template=template).path
    after = text_of(path, CHART)
    assert re.findall("<c:f>([^<]*)</c:f>(<c:numCache>)?", after) == [
        ("Data!$B$1", "<c:numCache>"),
        ("Data!$A$2:$A$6", ""),
        ("Data!$B$2:$B$6", ""),
        ("Other!$A$1:$A$2", "<c:numCache>"),
    ]


@pytest.mark.parametrize(
    ("source", "refreshed"),
    [
        ('name="Issues"', True),
        ('name="Points"', True),
        ('name="points"', True),
        ('name="Elsewhere"', False),
        ('name="Unknown"', False),
        ('ref="B5:G8" sheet="data"', True),
        ('ref="B5:G8" sheet="Lookup"', False),
    ],
)
def test_a_pivot_whose_source_changes_is_refreshed(source: str, refreshed: bool, tmp_path: Path) -> None:
    template = zoo(tmp_path / "zoo.xlsx")
    patched(template, {PIVOT: PIVOT_CACHE.format(source=source).encode()})
    path = excel.write(issues_frame(6), tmp_path / "f.xlsx", template=template, sheet="Issues").path
    assert ('refreshOnLoad="1"' in text_of(path, PIVOT)) == refreshed
    assert ('ref="B5:G11"' in text_of(path, PIVOT)) == ('sheet="data"' in source)


def test_calculated_columns_of_other_tables_follow(tmp_path: Path) -> None:
    def other(book: xlsxwriter.Workbook, sheet: Any) -> None:
        columns = [{"header": "n"}, {"header": "Share", "formula": "=[@n]/SUM(Data!$B$2:$B$3)"}]
        book.add_worksheet("Other").add_table("A1:B2", {"columns": columns, "name": "Shares"})

    template = issues_table(tmp_path / "t.xlsx", other)
    path = excel.write(issues_frame(4), tmp_path / "f.xlsx", template=template, sheet="Issues").path
    assert "SUM(Data!$B$2:$B$5)</calculatedColumnFormula>" in text_of(path, "xl/tables/table2.xml")
    assert "SUM(Data!$B$2:$B$5)" in openpyxl.load_workbook(path)["Other"]["B2"].value


def test_rules_and_validations_of_every_sheet_follow(tmp_path: Path) -> None:
    def rules(book: xlsxwriter.Workbook, sheet: Any) -> None:
        sheet.conditional_format("B2:B3", {"type": "formula", "criteria": "=B2>AVERAGE($B$2:$B$3)"})
        sheet.data_validation("E1", {"validate": "list", "source": "=$A$2:$A$3"})
        other = book.add_worksheet("Other")
        other.conditional_format("A1:A9", {"type": "formula", "criteria": "=A1=MAX(Data!$B$2:$B$3)"})
        other.data_validation("B1:B9", {"validate": "list", "source": "=Data!$A$2:$A$3"})
        other.add_sparkline("C1", {"range": "Data!B2:B3"})
        other.conditional_format("D1:D3", {"type": "data_bar", "data_bar_2010": True})

    template = issues_table(tmp_path / "t.xlsx", rules)
    path = excel.write(issues_frame(7), tmp_path / "f.xlsx", template=template).path
    own, other = (text_of(path, f"xl/worksheets/sheet{number}.xml") for number in (1, 2))
    assert '<conditionalFormatting sqref="B2:B8">' in own
    assert "<formula>B2&gt;AVERAGE($B$2:$B$8)</formula>" in own
    assert "<formula1>$A$2:$A$8</formula1>" in own
    assert "<formula>A1=MAX(Data!$B$2:$B$8)</formula>" in other
    assert "<formula1>Data!$A$2:$A$8</formula1>" in other
    assert "<xm:f>Data!B2:B8</xm:f>" in other
    assert 'sqref="A1:A9"' in other
    assert 'sqref="B1:B9"' in other


def test_calculation_on_opening_is_asked_for_at_its_place(tmp_path: Path) -> None:
    template = issues_table(tmp_path / "t.xlsx", lambda book, sheet: sheet.write_formula("E1", "=SUM(B2:B3)"))
    patched(template, {"xl/workbook.xml": ("<calcPr[^>]*/>", "")})
    path = excel.write(issues_frame(3), tmp_path / "f.xlsx", template=template).path
    assert re.search(
        '</sheets>(<definedNames.*?</definedNames>)?<calcPr fullCalcOnLoad="1"/>',
        text_of(path, "xl/workbook.xml"),
    )
    plain = issues_table(tmp_path / "p.xlsx")
    path = excel.write(issues_frame(3), tmp_path / "g.xlsx", template=plain).path
    assert text_of(path, "xl/workbook.xml") == text_of(plain, "xl/workbook.xml")


def test_pivots_over_several_ranges_grow(tmp_path: Path) -> None:
    sets = '<rangeSets count="1"><rangeSet ref="B5:G8" sheet="Data"/></rangeSets>'
    cache = PIVOT_CACHE.replace("<worksheetSource {source}/>", f"<consolidation>{sets}</consolidation>")
    template = patched(zoo(tmp_path / "zoo.xlsx"), {PIVOT: cache.encode()})
    path = excel.write(issues_frame(6), tmp_path / "f.xlsx", template=template, sheet="Issues").path
    assert '<rangeSet ref="B5:G11" sheet="Data"/>' in text_of(path, PIVOT)
    assert 'refreshOnLoad="1"' in text_of(path, PIVOT)


def test_a_table_that_had_no_row_yet_says_so_no_more(tmp_path: Path) -> None:
    template = issues_table(tmp_path / "t.xlsx", rows=1)
    patched(template, {"xl/tables/table1.xml": ("<table ", '<table insertRow="1" ')})
    path = excel.write(issues_frame(2), tmp_path / "f.xlsx", template=template).path
    assert "insertRow" not in text_of(path, "xl/tables/table1.xml")


def test_list_boxes_take_their_entries_from_the_rows(tmp_path: Path) -> None:
    kind = "application/vnd.ms-excel.controlproperties+xml"
    name = "xl/ctrlProps/ctrlProp1.xml"
    space = "http://schemas.microsoft.com/office/spreadsheetml/2009/9/main"
    links = 'fmlaLink="Data!$E$1" fmlaRange="Data!$A$2:$A$3"'
    control = f'<formControlPr xmlns="{space}" objectType="List" {links}/>'
    template = issues_table(tmp_path / "t.xlsx")
    override = f'<Override PartName="/{name}" ContentType="{kind}"/></Types>'
    patched(template, {name: control.encode(), "[Content_Types].xml": ("</Types>", override)})
    path = excel.write(issues_frame(5), tmp_path / "f.xlsx", template=template).path
    assert text_of(path, name) == control.replace("$A$3", "$A$6")


def test_whole_rows_follow_but_print_titles_stay(tmp_path: Path) -> None:
    def extra(book: xlsxwriter.Workbook, sheet: Any) -> None:
        sheet.repeat_rows(0, 2)
        book.define_name("Rows", "=Data!$1:$3")
        dash = book.add_worksheet("Dash")
        dash.write_formula("A1", "=SUM(Data!2:3)", None, 99)
        dash.write_formula("A2", "=SUM(Data!$2:$9)", None, 99)
        dash.write_formula("A3", "=COUNTA(Data!1:1)", None, 99)
        dash.data_validation("B1", {"validate": "custom", "value": "=SUM(Data!2:3)>0"})
        rule = {
            "type": "formula",
            "criteria": "=SUM(Data!$2:$3)>0",
            "format": book.add_format({"bold": True}),
        }
        dash.conditional_format("C1", rule)
        drawn = book.add_chart({"type": "bar"})
        drawn.add_series({"values": "=Data!$2:$3"})
        dash.insert_chart("D1", drawn)

    template = issues_table(tmp_path / "t.xlsx", extra)
    path = excel.write(issues_frame(5), tmp_path / "f.xlsx", template=template).path
    book = openpyxl.load_workbook(path)
    dash = book["Dash"]
    assert [dash[f"A{row}"].value for row in (1, 2, 3)] == [
        "=SUM(Data!2:6)",
        "=SUM(Data!$2:$9)",
        "=COUNTA(Data!1:1)",
    ]
    assert [
        openpyxl.load_workbook(path, data_only=True)["Dash"][cell].value for cell in ("A1", "A2", "A3")
    ] == [10, 10, 99]
    assert book.defined_names["Rows"].attr_text == "Data!$1:$6"
    assert book["Data"].print_title_rows == "$1:$3"
    assert dash.data_validations.dataValidation[0].formula1 == "SUM(Data!2:6)>0"
    assert [rule.formula for area in dash.conditional_formatting for rule in area.rules] == [
        ["SUM(Data!$2:$6)>0"]
    ]
    assert "<c:f>Data!$2:$6</c:f>" in text_of(path, CHART)
