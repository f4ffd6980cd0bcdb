"""A template with everything an analyst may put into one, drawn by XlsxWriter and completed by hand.

What XlsxWriter cannot draw (a pivot table, a slicer) is added as the parts Excel itself would write.
"""

from __future__ import annotations

import base64
import datetime as dt
import io
import zipfile
from pathlib import Path

import xlsxwriter

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
MICROSOFT = "http://schemas.microsoft.com/office/2007/relationships"
X14 = "http://schemas.microsoft.com/office/spreadsheetml/2009/9/main"
HEADER = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'

# The table "Issues" begins here; its body has three rows.
TOP, ROWS = 5, 3
# Parts that a fill may touch; every other one stays byte for byte.
MAY_CHANGE = {
    "xl/worksheets/sheet1.xml",
    "xl/worksheets/_rels/sheet1.xml.rels",
    "xl/tables/table1.xml",
    "xl/workbook.xml",
    "xl/charts/chart1.xml",
    "xl/pivotCache/pivotCacheDefinition1.xml",
}


def zoo(path: Path, *, totals: bool = True) -> Path:
    """Write the template; returns `path`."""
    book = xlsxwriter.Workbook(str(path))
    _data_sheet(book, totals)
    _chart_sheet(book)
    hidden = book.add_worksheet("Lookup")
    hidden.write_column("A1", ["Open", "Done"])
    hidden.hide()
    terms = book.add_worksheet("Terms & 'more' <1>")
    terms.write("A1", "Do not touch")
    terms.protect("secret")
    book.add_worksheet("Pivot").write("A1", "Pivot of the points")
    last = TOP + ROWS
    book.define_name("Points", f"=Data!$E${TOP + 1}:$E${last}")
    book.define_name("Whole", f"=Data!$B${TOP}:$G${last}")
    book.define_name("Elsewhere", "=Lookup!$A$1:$A$2")
    if path.suffix == ".xlsm":
        book.add_vba_project(io.BytesIO(b"\xd0\xcf\x11\xe0 a VBA project"), is_stream=True)
    book.close()
    _complete(path)
    return path


def _data_sheet(book: xlsxwriter.Workbook, totals: bool) -> None:
    sheet = book.add_worksheet("Data")
    day = book.add_format({"num_format": "dd.mm.yyyy", "bg_color": "#FFF2CC"})
    bold = book.add_format({"bold": True, "font_color": "#C00000"})
    boxed = book.add_format({"border": 1, "italic": True})
    last = TOP + ROWS
    sheet.write("A1", "Issues of the week", bold)
    sheet.write_formula("C2", f'=COUNTIF(B{TOP + 1}:B{last},"*B6:B8*")', None, 0)
    sheet.write_formula("D2", f"=SUM(E{TOP + 1}:E{last})+LOG10(100)+SUM(Lookup!A1:A2)", None, 11)
    columns = [
        {"header": "Key", "total_string": "Total"},
        {"header": "Summary"},
        {"header": "Created", "format": day},
        {"header": "Points", "total_function": "sum", "format": bold},
        {"header": "Double", "formula": "=Issues[[#This Row],[Points]]*2"},
        {"header": "Comment", "format": boxed},
    ]
    rows = [
        [f"OLD-{n}", f"old summary {n}", dt.datetime(2024, 1, n), n, None, f"typed {n}"] for n in (1, 2, 3)
    ]
    options = {
        "name": "Issues",
        "columns": columns,
        "data": rows,
        "total_row": totals,
        "style": "Table Style Medium 4",
    }
    sheet.add_table(TOP - 1, 1, last - 1 + totals, 6, options)
    if totals:
        # XlsxWriter leaves out the table's name, Excel writes it.
        sheet.write_formula(last, 4, "=SUBTOTAL(109,Issues[Points])", bold, 6)
    # Cells beside the table, one of them a formula on its own row and on the table.
    sheet.write_formula(f"I{TOP + 1}", f"=E{TOP + 1}*10", None, 10)
    sheet.write(f"A{TOP + 2}", "beside")
    sheet.write(f"I{last + 12}", "below, beside")
    sheet.add_table(TOP - 1, 10, TOP + 1, 11, {"name": "Team", "data": [["Ada", 1], ["Zoë", 2]]})
    sheet.conditional_format(f"E{TOP + 1}:E{last}", {"type": "data_bar", "data_bar_2010": True})
    sheet.conditional_format(
        f"C{TOP + 1}:C{last}", {"type": "cell", "criteria": "==", "value": '"x"', "format": bold}
    )
    sheet.data_validation(f"G{TOP + 1}:G{last}", {"validate": "list", "source": "=Lookup!$A$1:$A$2"})
    sheet.add_sparkline("I2", {"range": f"Data!E{TOP + 1}:E{last}"})
    sheet.write_url("A2", "https://example.org/keep", string="keep this link")
    sheet.write_url(f"B{TOP + 1}", "https://example.org/old", string="OLD-1")
    sheet.write_comment("A1", "a note")
    sheet.insert_textbox("N2", "a text box")
    sheet.insert_image("N10", "dot.png", {"image_data": io.BytesIO(PNG)})
    sheet.print_area(0, 0, last - 1 + totals, 8)
    sheet.merge_range("A3:C3", "merged", bold)


def _chart_sheet(book: xlsxwriter.Workbook) -> None:
    sheet = book.add_worksheet("Charts")
    chart = book.add_chart({"type": "column"})
    last = TOP + ROWS
    chart.add_series(
        {
            "name": f"=Data!$E${TOP}",
            "categories": f"=Data!$B${TOP + 1}:$B${last}",
            "values": f"=Data!$E${TOP + 1}:$E${last}",
        }
    )
    sheet.insert_chart("B2", chart)
    other = book.add_chart({"type": "line"})
    other.add_series({"values": "=Lookup!$A$1:$A$2"})
    sheet.insert_chart("B20", other)


PIVOT_CACHE = (
    f'{HEADER}<pivotCacheDefinition xmlns="{MAIN}" xmlns:r="{OFFICE}" r:id="rId1" recordCount="3">'
    '<cacheSource type="worksheet"><worksheetSource {source}/></cacheSource>'
    '<cacheFields count="2"><cacheField name="Key" numFmtId="0"><sharedItems count="1"><s v="OLD-1"/>'
    '</sharedItems></cacheField><cacheField name="Points" numFmtId="0"><sharedItems containsNumber="1"/>'
    "</cacheField>"
    "</cacheFields></pivotCacheDefinition>"
)
PIVOT_TABLE = (
    f'{HEADER}<pivotTableDefinition xmlns="{MAIN}" name="Pivot1" cacheId="7" dataCaption="Values">'
    '<location ref="A3:B5" firstHeaderRow="1" firstDataRow="1" firstDataCol="1"/></pivotTableDefinition>'
)
SLICER = (
    f'{HEADER}<slicers xmlns="{X14}">'
    '<slicer name="Key" cache="Slicer_Key" caption="Key" rowHeight="241300"/></slicers>'
)
SLICER_CACHE = f'{HEADER}<slicerCacheDefinition xmlns="{X14}" name="Slicer_Key" sourceName="Key"/>'


def _relations(*found: tuple[str, str, str]) -> str:
    inner = "".join(f'<Relationship Id="{i}" Type="{kind}" Target="{target}"/>' for i, kind, target in found)
    return f'{HEADER}<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{inner}</Relationships>'


def _complete(path: Path) -> None:
    """Add a pivot table with its cache, a slicer, and a calculation chain."""
    with zipfile.ZipFile(path) as package:
        parts = {name: package.read(name) for name in package.namelist()}
    types = []
    spreadsheet = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    for part, content, kind in (
        (
            "xl/pivotCache/pivotCacheDefinition1.xml",
            PIVOT_CACHE.format(source='name="Issues"'),
            f"{spreadsheet}.pivotCacheDefinition+xml",
        ),
        (
            "xl/pivotCache/pivotCacheRecords1.xml",
            f'{HEADER}<pivotCacheRecords xmlns="{MAIN}" count="0"/>',
            f"{spreadsheet}.pivotCacheRecords+xml",
        ),
        ("xl/pivotTables/pivotTable1.xml", PIVOT_TABLE, f"{spreadsheet}.pivotTable+xml"),
        ("xl/slicers/slicer1.xml", SLICER, "application/vnd.ms-excel.slicer+xml"),
        ("xl/slicerCaches/slicerCache1.xml", SLICER_CACHE, "application/vnd.ms-excel.slicerCache+xml"),
    ):
        parts[part] = content.encode()
        types.append(f'<Override PartName="/{part}" ContentType="{kind}"/>')
    parts["xl/pivotCache/_rels/pivotCacheDefinition1.xml.rels"] = _relations(
        ("rId1", f"{OFFICE}/pivotCacheRecords", "pivotCacheRecords1.xml")
    ).encode()
    parts["xl/pivotTables/_rels/pivotTable1.xml.rels"] = _relations(
        ("rId1", f"{OFFICE}/pivotCacheDefinition", "../pivotCache/pivotCacheDefinition1.xml")
    ).encode()
    parts["xl/worksheets/_rels/sheet5.xml.rels"] = _relations(
        ("rId1", f"{OFFICE}/pivotTable", "../pivotTables/pivotTable1.xml")
    ).encode()
    workbook_relations = (
        f'<Relationship Id="rIdP" Type="{OFFICE}/pivotCacheDefinition"'
        ' Target="pivotCache/pivotCacheDefinition1.xml"/>'
        f'<Relationship Id="rIdS" Type="{MICROSOFT}/slicerCache"'
        ' Target="slicerCaches/slicerCache1.xml"/></Relationships>'
    )
    _insert(parts, "xl/_rels/workbook.xml.rels", "</Relationships>", workbook_relations)
    _insert(
        parts,
        "xl/workbook.xml",
        "</workbook>",
        '<pivotCaches><pivotCache cacheId="7" r:id="rIdP"/></pivotCaches></workbook>',
    )
    _insert(parts, "[Content_Types].xml", "</Types>", "".join(types) + "</Types>")
    slicer = (
        f'<Relationship Id="rIdS" Type="{MICROSOFT}/slicer" Target="../slicers/slicer1.xml"/></Relationships>'
    )
    _insert(parts, "xl/worksheets/_rels/sheet1.xml.rels", "</Relationships>", slicer)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as package:
        for name, content in parts.items():
            package.writestr(name, content)


def _insert(parts: dict[str, bytes], part: str, at: str, text: str) -> None:
    before = parts[part].decode()
    assert before.count(at) == 1
    parts[part] = before.replace(at, text).encode()


def parts_of(path: Path) -> dict[str, bytes]:
    """Return every part of a workbook."""
    with zipfile.ZipFile(path) as package:
        assert package.testzip() is None
        return {name: package.read(name) for name in package.namelist()}
