"""Pictures put on the sheets of workbooks: our own, and those of other programs."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import openpyxl
import pandas as pd
import pytest
from openpyxl.drawing.image import Image as SheetImage
from PIL import Image
from support.workbook_validator import violations

from schedkit import excel
from schedkit.errors import WorkbookError
from schedkit.excel.parts.package import Package
from schedkit.excel.parts.workbook import open_workbook
from schedkit.excel.picture import Picture, PlacedPicture, placed_pictures
from schedkit.excel.template.pictures import pictures_of, with_pictures

PIXEL = 9525


def picture(color: str = "navy", size: tuple[int, int] = (40, 20)) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size, color).save(file, "png")
    return file.getvalue()


def workbook(folder: Path) -> bytes:
    frames = {"Data": pd.DataFrame({"a": [1, 2]}), "Other": pd.DataFrame({"b": [3]})}
    return excel.write(frames, folder / "book.xlsx").path.read_bytes()


def put(data: bytes, images: dict[str, object], first: str = "Data") -> bytes:
    made = with_pictures(data, "book.xlsx", placed_pictures(images), first)
    assert violations(made) <= violations(data)
    return made


def shown(data: bytes, title: str) -> list[PlacedPicture]:
    return pictures_of(open_workbook(Package(data, "book.xlsx"), "book.xlsx"), title)


def media(data: bytes) -> list[str]:
    return [name for name in zipfile.ZipFile(io.BytesIO(data)).namelist() if "/media/" in name]


def test_pictures_are_where_they_were_meant_to_be(tmp_path: Path) -> None:
    made = put(workbook(tmp_path), {"H2": Picture(picture(), alt='"A" & <b>'), "other!C5": picture("red")})
    book = openpyxl.load_workbook(io.BytesIO(made))
    (first,), (second,) = (book[name]._images for name in ("Data", "Other"))
    assert (first.anchor._from.col, first.anchor._from.row) == (7, 1)
    assert (first.anchor.ext.cx, first.anchor.ext.cy) == (40 * PIXEL, 20 * PIXEL)
    assert first.anchor.pic.nvPicPr.cNvPr.descr == '"A" & <b>'
    assert (second.anchor._from.col, second.anchor._from.row) == (2, 4)
    assert [each.content for each in shown(made, "Other")] == [picture("red")]
    types = zipfile.ZipFile(io.BytesIO(made)).read("[Content_Types].xml").decode()
    assert '<Default Extension="png" ContentType="image/png"/>' in types


def test_a_picture_takes_the_place_of_the_one_that_was_put_there_before(tmp_path: Path) -> None:
    made = put(workbook(tmp_path), {"H2": picture(), "H9": picture("red")})
    again = put(made, {"H2": picture("green")})
    assert [each.content for each in shown(again, "Data")] == [picture("red"), picture("green")]
    assert len(media(again)) == 2


def test_a_picture_that_people_moved_and_enlarged_stays_so(tmp_path: Path) -> None:
    path = tmp_path / "moved.xlsx"
    made = put(workbook(tmp_path), {"H2": picture()})
    with zipfile.ZipFile(io.BytesIO(made)) as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name.endswith("drawing1.xml"):
                content = content.replace(b"<xdr:col>7<", b"<xdr:col>1<").replace(
                    b"<xdr:row>1<", b"<xdr:row>30<"
                )
                content = content.replace(b'cx="381000" cy="190500"', b'cx="762000" cy="381000"')
            new.writestr(name, content)
    again = put(path.read_bytes(), {"H2": picture("red", (60, 30))})
    (found,) = shown(again, "Data")
    assert (found.row, found.column, found.size) == (31, 2, (120 * PIXEL, 60 * PIXEL))
    # A width that the caller chose is the caller's.
    once_more = put(again, {"H2": Picture(picture("red", (60, 30)), width=30)})
    assert shown(once_more, "Data")[0].size == (30 * PIXEL, 15 * PIXEL)


def test_a_picture_that_is_shown_twice_is_kept_for_the_other_place(tmp_path: Path) -> None:
    book = openpyxl.load_workbook(io.BytesIO(workbook(tmp_path)))
    book["Data"].add_image(SheetImage(io.BytesIO(picture("red"))), "B9")
    path = tmp_path / "two.xlsx"
    book.save(path)
    made = put(path.read_bytes(), {"H2": picture()})
    assert len(shown(made, "Data")) == 2
    # Both show one file now.
    drawing = "xl/drawings/_rels/drawing1.xml.rels"
    with zipfile.ZipFile(io.BytesIO(made)) as old, zipfile.ZipFile(path, "w") as new:
        ours = next(name for name in old.namelist() if "/media/" in name and old.read(name) == picture())
        for name in old.namelist():
            content = old.read(name)
            if name == drawing:
                content = content.replace(b"/xl/media/image1.png", f"/{ours}".encode())
            new.writestr(name, content)
    again = put(path.read_bytes(), {"H2": picture("green")})
    assert [each.content for each in shown(again, "Data")] == [picture(), picture("green")]


def test_a_sheet_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(WorkbookError, match=r"there is no sheet 'Dato' for a picture .did you mean 'Data'"):
        put(workbook(tmp_path), {"Dato!H2": picture()})


@pytest.mark.parametrize(
    "name",
    [
        "closedxml/LoadImageWithoutTransform2D.xlsx",
        "closedxml/picture-webp.xlsx",
        "closedxml/cell-borders.xlsx",
        "closedxml/universal-content-strict.xlsx",
        "closedxml/CommentAndButton.xlsx",
        "openxlsx/charts.xlsx",
        "openxlsx/form_control.xlsx",
    ],
)
def test_workbooks_of_other_programs(shared_data: Path, name: str) -> None:
    data = (shared_data / "excel" / name).read_bytes()
    book = open_workbook(Package(data, name), name)
    title = book.worksheets[0]
    before = shown(data, title)
    made = put(data, {"B40": picture()}, title)
    assert [each.content for each in shown(made, title)] == [*(each.content for each in before), picture()]
    again = put(made, {"B40": picture("red")}, title)
    assert [each.content for each in shown(again, title)] == [
        *(each.content for each in before),
        picture("red"),
    ]
