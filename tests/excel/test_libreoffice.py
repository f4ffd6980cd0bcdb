"""LibreOffice opens what we write, real workbooks that were filled too, calculates it and draws it."""

from __future__ import annotations

import datetime as dt
import os
import re
import shutil
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import matplotlib
import matplotlib.image
import openpyxl
import pandas as pd
import pytest
import xlsxwriter
from openpyxl.utils import column_index_from_string
from python_calamine import CalamineWorkbook
from support.excel_issues import issue_frame
from support.excel_strategies import HOSTILE
from support.excel_templates import issues_frame, issues_table
from support.excel_zoo import TOP, zoo
from support.office import converted
from support.workbook_corpus import frame_for, targets, workbooks

from schedkit import excel
from schedkit.errors import SchedkitError
from schedkit.jira import diff

THOROUGH = bool(os.environ.get("SCHEDKIT_THOROUGH"))
FEW = (
    "BasicTable",
    "CFDataBar",
    "EditingComments",
    "PivotTables",
    "TableWithCustomTheme",
    "LoadFileWithCustom",
    "charts",
)


def rows_of(path: Path, sheet: str) -> list[list[Any]]:
    return CalamineWorkbook.from_path(str(path)).get_sheet_by_name(sheet).to_python(skip_empty_area=False)


def same(ours: Any, theirs: Any) -> bool:
    if ours == "" or isinstance(theirs, dt.datetime | dt.date | dt.time | dt.timedelta) or ours == theirs:
        # A formula without a value; a number whose format only one of the two takes for a date's.
        return True
    if isinstance(ours, float) and isinstance(theirs, float):
        return abs(ours - theirs) <= 1e-6 * max(1.0, abs(ours))
    return str(ours) == str(theirs)


def pivot_columns(path: Path) -> set[int]:
    """Return the columns of pivot tables from 0: LibreOffice draws these anew, in its own words."""
    found: set[int] = set()
    with zipfile.ZipFile(path) as package:
        for name in package.namelist():
            if re.fullmatch(r"xl/pivotTables/[^/]+\.xml", name):
                part = package.read(name).decode()
                ref = re.search(r'<(?:\w+:)?location [^>]*ref="([A-Z]+)[0-9]+(?::([A-Z]+))?', part)
                assert ref is not None, (path, name)
                left, right = (column_index_from_string(each) for each in (ref[1], ref[2] or ref[1]))
                found.update(range(left - 1, right))
    return found


def test_times_keep_their_zone_when_libreoffice_saves_them(tmp_path: Path) -> None:
    when = pd.to_datetime(["2026-07-01T10:00:00Z", "2026-01-01T10:00:00Z"], utc=True)
    frame = pd.DataFrame({"Key": ["A-1", "A-2"], "When": when})
    path = excel.write(frame, tmp_path / "a.xlsx", tz="America/New_York").path
    (saved,) = converted([path], tmp_path)
    back = excel.read(saved)["When"]
    assert str(back.dt.tz) == "America/New_York"
    assert back.tolist() == when.tolist()


@pytest.mark.xdist_group("office")
@pytest.mark.filterwarnings("ignore")
def test_real_workbooks_open_with_what_was_written(shared_data: Path, tmp_path: Path) -> None:
    filled: list[tuple[Path, str]] = []
    for path in workbooks(shared_data / "excel"):
        if not THOROUGH and not path.stem.startswith(FEW):
            continue
        for target, headers, rows in targets(path):
            for count in (0, rows + 4) if THOROUGH else (rows + 4,):
                out = tmp_path / f"{len(filled)}.xlsx"
                try:
                    made = excel.write(frame_for(headers, count), out, template=path, sheet=target)
                except SchedkitError:
                    continue
                filled.append((made.path, made.sheets[0]))
    assert len(filled) > (150 if THOROUGH else 6)
    for (ours, sheet), theirs in zip(filled, converted([path for path, _ in filled], tmp_path), strict=True):
        expected, found, pivots = rows_of(ours, sheet), rows_of(theirs, sheet), pivot_columns(ours)
        for row, values in enumerate(expected):
            for column, value in enumerate(values):
                if column in pivots:
                    continue
                other = found[row][column] if row < len(found) and column < len(found[row]) else ""
                assert same(value, other), (ours, sheet, row, column)


@pytest.mark.xdist_group("office")
def test_what_depends_on_new_rows_is_calculated_from_them(tmp_path: Path) -> None:
    def extra(book: xlsxwriter.Workbook, sheet: Any) -> None:
        dash = book.add_worksheet("Dash")
        for row, formula in enumerate(("=SUM(Data!B2:B3)", "=SUM(Issues[Points])", "=A1*2", "=SUM(Scores)")):
            dash.write_formula(row, 0, formula, None, 99)
        book.define_name("Scores", "=Data!$B$2:$B$3")

    formula = "=Issues[[#This Row],[Points]]*2"
    columns = [{"header": "Key"}, {"header": "Points"}, {"header": "Twice", "formula": formula}]
    template = issues_table(tmp_path / "t.xlsx", extra, columns=columns)
    table = excel.write(issues_frame(10), tmp_path / "table.xlsx", template=template).path
    book = openpyxl.Workbook()
    for row in (["Key", "Points", "Run"], ["x", 1, "=B2"], ["y", 2, "=C2+B3"], ["Total", "=SUM(B2:B3)"]):
        book.active.append(row)
    book.save(tmp_path / "p.xlsx")
    frame = pd.DataFrame({"Key": list("abc"), "Points": [1, 2, 3]})
    plain = excel.write(frame, tmp_path / "plain.xlsx", template=tmp_path / "p.xlsx").path
    first, second = converted([table, plain], tmp_path)
    assert [row[0] for row in rows_of(first, "Dash")] == [45, 45, 90, 45]
    assert [row[2] for row in rows_of(first, "Data")[1:]] == [2.0 * n for n in range(10)]
    assert rows_of(second, "Sheet")[1:] == [["a", 1, 1], ["b", 2, 3], ["c", 3, 6], ["Total", 6, ""]]


@pytest.mark.xdist_group("office")
def test_every_cell_survives_libreoffice(tmp_path: Path) -> None:
    frame = issue_frame(300)
    # It keeps hundredths of a second.
    frame["Created"], frame["Resolved"] = frame["Created"].dt.floor("s"), frame["Resolved"].dt.floor("s")
    # What LibreOffice itself drops: noncharacters, and control characters below a blank.
    texts = [text for text in HOSTILE if not any(char in text for char in "\ufffe\uffff\x01\x07\x0b\r")]
    frame["Hostile"] = [texts[row % len(texts)] for row in range(len(frame))]
    written = excel.write(
        frame, tmp_path / "issues.xlsx", tz="UTC", totals=True, summary=True, sheet="Issues"
    )
    (saved,) = converted([written.path], tmp_path)
    ours = CalamineWorkbook.from_path(str(written.path)).get_sheet_by_name("Issues").to_python()
    theirs = CalamineWorkbook.from_path(str(saved)).get_sheet_by_name("Issues").to_python()
    assert len(ours) == 302
    assert [row[: len(frame.columns)] for row in theirs[:302]] == ours


@pytest.mark.xdist_group("office")
def test_a_filled_template_calculates(tmp_path: Path) -> None:
    template = zoo(tmp_path / "zoo.xlsx")
    frame = pd.DataFrame({"Key": [f"A-{n}" for n in range(40)], "Points": range(40)})
    written = excel.write(frame, tmp_path / "filled.xlsx", template=template)
    (saved,) = converted([written.path], tmp_path)
    rows = CalamineWorkbook.from_path(str(saved)).get_sheet_by_name("Data").to_python()
    points = sum(range(40))
    assert rows[1][3] == points + 2, "the formula above the table covers all rows"
    assert [row[5] for row in rows[TOP : TOP + 40]] == [2.0 * n for n in range(40)]
    assert rows[TOP + 40][1] == "Total"
    assert rows[TOP + 40][4] == points
    assert [row[8] for row in rows[TOP : TOP + 2]] == [0.0, ""]


@pytest.mark.xdist_group("office")
def test_the_summary_is_a_picture_with_charts(tmp_path: Path) -> None:
    if shutil.which("pdftoppm") is None:
        pytest.skip("pdftoppm (poppler-utils) is not installed")
    written = excel.write(
        issue_frame(400), tmp_path / "issues.xlsx", tz="UTC", summary=True, title="Open bugs"
    )
    (pdf,) = converted([written.path], tmp_path, "pdf")
    text = subprocess.run(
        ["pdftotext", "-l", "1", str(pdf), "-"], check=True, capture_output=True, text=True
    ).stdout
    for told in (
        "Open bugs",
        "Issues by status",
        "Created and resolved per",
        "Cumulative flow",
        "Burn-up in",
    ):
        assert told in text
    subprocess.run(["pdftoppm", "-r", "50", "-l", "1", "-png", str(pdf), str(tmp_path / "page")], check=True)
    (picture,) = tmp_path.glob("page*.png")
    pixels = matplotlib.image.imread(picture)[..., :3]
    flat = (pixels.reshape(-1, 3) * 255).round().astype(int)
    shown = {f"{red:02X}{green:02X}{blue:02X}" for red, green, blue in flat}
    # The title's band and the charts' own colours are there: the page is drawn, not only told.
    assert {"1F3A5F", "2684FF", "36B37E", "8993A4"} <= shown


@pytest.mark.xdist_group("office")
def test_headers_of_levels_outlines_changes_and_pictures_open(shared_data: Path, tmp_path: Path) -> None:
    frame = issue_frame(40)
    pivot = frame.pivot_table(
        index=["Type", "Status"],
        columns="Priority",
        values="Story Points",
        aggfunc=["count", "sum"],
        observed=True,
    )
    tree = frame[["Key", "Summary"]].assign(Level=[0, *[1, 2, 3] * 13])
    changes = diff(frame.head(30), frame.tail(30).assign(Assignee="Ada"))
    image = Path(matplotlib.get_data_path()) / "images" / "matplotlib.png"
    ours = tmp_path / "ours.xlsx"
    excel.write(
        {"Pivot": pivot, "Tree": tree},
        ours,
        totals={"sum": "sum"},
        outline=True,
        collapse=1,
        changes=changes,
        images={"Tree!E2": image},
        properties={"author": "Ada"},
    )
    filled = tmp_path / "filled.xlsx"
    template = shared_data / "excel" / "closedxml" / "LoadImageWithoutTransform2D.xlsx"
    sheet = openpyxl.load_workbook(template).sheetnames[0]
    excel.write(
        frame, filled, template=template, sheet=f"{sheet}!A60", images={"N60": image}, changes=changes
    )
    theirs, also = converted([ours, filled], tmp_path)
    for name in ("Pivot", "Tree", "Changes"):
        assert rows_of(theirs, name) == rows_of(ours, name)
    book = openpyxl.load_workbook(theirs)

    assert {"C1:F1", "G1:J1"} <= {str(area) for area in book["Pivot"].merged_cells.ranges}
    assert [book["Tree"].row_dimensions[row].outlineLevel for row in (2, 3, 4, 5)] == [0, 1, 2, 3]
    assert [book["Tree"].row_dimensions[row].hidden for row in (2, 3, 4, 5)] == [False, False, True, True]
    assert len(book["Tree"]._images) == 1
    assert book.properties.creator == "Ada"
    formats = [
        rule.dxf.numFmt.formatCode
        for area in book["Pivot"].conditional_formatting
        for rule in area.rules
        if rule.dxf and rule.dxf.numFmt
    ]
    assert ';;;"Low"' in formats
    assert len(openpyxl.load_workbook(also)[sheet]._images) == 2
    assert rows_of(also, "Changes") == rows_of(filled, "Changes")
