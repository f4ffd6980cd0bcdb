"""Pictures and properties as options of `write`: new, continued and filled workbooks."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pytest
from matplotlib.figure import Figure
from PIL import Image
from support.excel_issues import issue_frame

from schedkit import excel
from schedkit.errors import WorkbookError


def picture(color: str = "navy") -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (40, 20), color).save(file, "png")
    return file.getvalue()


def pictures(path: Path) -> dict[str, list[tuple[int, int]]]:
    """Return row and column of the pictures by sheet, both from 1."""
    return {
        sheet.title: [(each.anchor._from.row + 1, each.anchor._from.col + 1) for each in sheet._images]
        for sheet in openpyxl.load_workbook(path)
        if sheet._images
    }


def test_pictures_in_a_new_workbook(tmp_path: Path) -> None:
    figure = Figure()
    figure.subplots().set_title("Burn-up")
    frames = {"Bugs": issue_frame(5), "a/b": issue_frame(3)}
    path = tmp_path / "bugs.xlsx"
    excel.write(
        frames, path, summary=True, images={"N2": picture(), "Summary!P3": figure, "a/b!A9": picture()}
    )
    assert pictures(path) == {"Bugs": [(2, 14)], "Summary": [(3, 16)], "a b": [(9, 1)]}
    assert len(excel.read(path, "Bugs")) == 5


def test_a_picture_stays_and_is_drawn_anew_when_rows_are_added(tmp_path: Path) -> None:
    path = tmp_path / "bugs.xlsx"
    options: dict[str, Any] = {"mode": "append", "summary": True}
    images = {"A12": picture(), "Summary!P3": picture("red")}
    excel.write(issue_frame(5), path, images=images, **options)
    # Without saying so again they stay: one moves down with the rows, the Summary is drawn anew.
    excel.write(issue_frame(10), path, **options)
    assert pictures(path) == {"bugs": [(22, 1)], "Summary": [(3, 16)]}
    excel.write(issue_frame(2), path, images=images, **options)
    assert pictures(path) == {"bugs": [(22, 1)], "Summary": [(3, 16)]}
    excel.write(issue_frame(2), path, **options)
    assert pictures(path) == {"bugs": [(22, 1)], "Summary": [(3, 16)]}


def test_a_picture_below_what_is_printed_is_printed_too(tmp_path: Path) -> None:
    path = tmp_path / "bugs.xlsx"
    excel.write(issue_frame(5), path, mode="append", summary=True)
    before = openpyxl.load_workbook(path)["Summary"].print_area
    last = int(before.rpartition("$")[2])
    images = {f"Summary!B{last + 3}": excel.Picture(picture(), width=400), "Summary!T2": picture()}
    excel.write(issue_frame(5), path, mode="append", images=images)
    # 200 pixels are ten rows of 20.
    expected = before.replace(f"${last}", f"${last + 13}")
    assert openpyxl.load_workbook(path)["Summary"].print_area == expected
    excel.write(issue_frame(5), path, mode="append")
    assert openpyxl.load_workbook(path)["Summary"].print_area == expected


def test_an_upsert_and_a_sheet_of_its_own_keep_pictures(tmp_path: Path) -> None:
    path = tmp_path / "bugs.xlsx"
    images = {"N2": picture()}
    excel.write(issue_frame(5), path, mode="upsert", key="Key", images=images)
    excel.write(issue_frame(6), path, mode="upsert", key="Key", images=images)
    excel.write(issue_frame(6), path, sheet="2026", mode="append", images={"2026!N2": picture("red")})
    assert pictures(path) == {"bugs": [(2, 14)], "2026": [(2, 14)]}


def test_at_a_cell_of_a_new_workbook(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    excel.write(
        pd.DataFrame({"a": [1]}), path, at="B4", images={"D1": picture()}, properties={"author": "Ada"}
    )
    assert pictures(path) == {"a": [(1, 4)]}
    assert openpyxl.load_workbook(path).properties.creator == "Ada"


@pytest.mark.parametrize(
    "name", ["closedxml/BasicTable.xlsx", "openxlsx/pandas.xlsx", "closedxml/SortExample.xlsx"]
)
def test_templates_of_other_programs(shared_data: Path, name: str, tmp_path: Path) -> None:
    template = shared_data / "excel" / name
    frame = excel.read(template)
    path = tmp_path / "filled.xlsx"
    excel.write(frame, path, template=template, title="Filled", images={"Z2": picture()})
    (found,) = pictures(path).values()
    assert (2, 26) in found
    pd.testing.assert_frame_equal(excel.read(path), frame, check_dtype=False)


def test_properties_and_title(tmp_path: Path) -> None:
    path = tmp_path / "bugs.xlsx"
    given = {"author": "Team Web", "keywords": ["bugs", "weekly"], "subject": "Open bugs"}
    excel.write(issue_frame(3), path, mode="append", title="Bugs", properties=given)
    excel.write(issue_frame(3), path, mode="append")
    found = openpyxl.load_workbook(path).properties
    assert (found.title, found.creator, found.keywords, found.subject) == (
        "Bugs",
        "Team Web",
        "bugs, weekly",
        "Open bugs",
    )
    excel.write(issue_frame(3), path, mode="append", title="All bugs", properties={"author": "Ada"})
    found = openpyxl.load_workbook(path).properties
    assert (found.title, found.creator, found.keywords) == ("All bugs", "Ada", "bugs, weekly")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"images": {"Sumary!H2": b""}}, "picture at Sumary!H2 is not a PNG, JPEG or GIF"),
        ({"images": {"Bug!H2": picture()}}, "no sheet 'Bug' for a picture .did you mean 'bugs'"),
        ({"properties": {"creator": "x"}}, "no property 'creator'"),
        ({"formats": {"Statos": "0"}}, "no column 'Statos' to format"),
        ({"links": {"Keys": "https://x/{}"}}, "no column 'Keys' to link"),
        ({"totals": {"Nope": "sum"}}, "no column 'Nope' to total"),
        ({"totals": "sum"}, r"totals='sum' is not a mapping of columns .e\.g\. totals="),
        ({"formats": "0.0"}, r"formats='0\.0' is not a mapping of columns"),
        ({"formats": True}, "formats=True is not a mapping of columns"),
        ({"formats": {"Status": {"x" * 256: "#FFFFFF"}}}, "cannot colour column 'Status' by a text of 256"),
        ({"links": ["Key"]}, r"links=\['Key'\] is not a mapping of columns"),
        ({"outline": ["Level"]}, r"outline=\['Level'\] is not a column"),
        ({"images": "logo.png"}, "images='logo.png' does not map cells to pictures"),
        ({"properties": ["Ada"]}, r"properties=\['Ada'\] is not a mapping of names to texts"),
    ],
)
def test_misuse_is_one_sentence_and_writes_nothing(
    options: dict[str, Any], told: str, tmp_path: Path
) -> None:
    path = tmp_path / "bugs.xlsx"
    with pytest.raises(WorkbookError, match=told):
        excel.write(issue_frame(3), path, **options)
    assert not path.exists()


@pytest.mark.parametrize("options", [{"images": {"A1": picture()}}, {"changes": pd.DataFrame()}])
def test_plain_files_have_no_place_for_them(options: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(WorkbookError, match=r"a \.csv file has no place for images, charts or changes"):
        excel.write(issue_frame(3), tmp_path / "bugs.csv", **options)


def test_options_that_are_about_one_of_several_frames(tmp_path: Path) -> None:
    frames = {"A": pd.DataFrame({"Key": ["A-1"], "n": [1.5]}), "B": pd.DataFrame({"m": [2.5]})}
    path = tmp_path / "two.xlsx"
    options: dict[str, Any] = {
        "formats": {"n": "0.000"},
        "totals": {"m": "sum"},
        "links": {"Key": "https://x.example.org/{}"},
    }
    excel.write(frames, path, mode="append", **options)
    book = openpyxl.load_workbook(path)
    assert book["A"]["B2"].number_format == "0.000"
    assert book["A"].tables["A"].totalsRowCount is None
    assert book["B"].tables["B"].totalsRowCount == 1
    # A later run that adds a sheet means the same.
    excel.write({**frames, "Third": frames["B"]}, path, mode="append", **options)
    assert openpyxl.load_workbook(path)["Third"].tables["Third"].totalsRowCount == 1


class Frame:
    """A frame of another library."""

    def to_pandas(self) -> pd.DataFrame:
        return pd.DataFrame({"a": [1]})


class Lazy:
    """A frame that is not computed yet."""

    def compute(self) -> pd.DataFrame:
        return pd.DataFrame({"a": [1]})


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (pd.Series([1]), r"cannot write a Series .write series\.reset_index\(\), or series\.to_frame"),
        ({"a": pd.Series([1])}, "cannot write a Series"),
        (Frame(), r"cannot write a Frame .write the frame's to_pandas\(\)"),
        (Lazy(), r"cannot write a Lazy .write the lazy's compute\(\)"),
        ([1], "cannot write a list .give a DataFrame, or several by sheet"),
    ],
)
def test_what_is_no_frame_is_refused_with_what_to_write(data: Any, told: str, tmp_path: Path) -> None:
    with pytest.raises(WorkbookError, match=told):
        excel.write(data, tmp_path / "a.xlsx")
