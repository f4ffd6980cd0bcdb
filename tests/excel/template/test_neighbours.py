"""What lies below a region is never overwritten, and is named."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.excel_templates import issues_frame, issues_table, patched
from support.excel_zoo import OFFICE, PIVOT_TABLE

from schedkit import excel
from schedkit.errors import WorkbookError


def with_pivot(path: Path, area: str) -> Path:
    """Put a pivot table on the sheet of the table."""
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.pivotTable+xml"
    name = "xl/pivotTables/pivotTable1.xml"
    relation = f'<Relationship Id="rIdP" Type="{OFFICE}/pivotTable" Target="../pivotTables/pivotTable1.xml"/>'
    return patched(
        issues_table(path),
        {
            name: PIVOT_TABLE.replace("A3:B5", area).encode(),
            "xl/worksheets/_rels/sheet1.xml.rels": ("</Relationships>", f"{relation}</Relationships>"),
            "[Content_Types].xml": (
                "</Types>",
                f'<Override PartName="/{name}" ContentType="{kind}"/></Types>',
            ),
        },
    )


@pytest.mark.parametrize(
    ("area", "rows", "refused"), [("A6:B9", 5, True), ("A6:B9", 4, False), ("D6:E9", 9, False)]
)
def test_a_pivot_below_is_refused_by_its_name(area: str, rows: int, refused: bool, tmp_path: Path) -> None:
    template = with_pivot(tmp_path / "t.xlsx", area)
    if refused:
        with pytest.raises(
            WorkbookError, match=r"table 'Issues' of t\.xlsx would grow over the pivot table 'Pivot1'"
        ):
            excel.write(issues_frame(rows), tmp_path / "f.xlsx", template=template)
        assert not (tmp_path / "f.xlsx").exists()
    else:
        assert excel.write(issues_frame(rows), tmp_path / "f.xlsx", template=template).rows == rows


@pytest.mark.parametrize("area", ["A1:B3", 'B5:C9" rowPageCount="2'])
def test_rows_are_not_written_into_a_pivot_or_its_filters(area: str, tmp_path: Path) -> None:
    template = with_pivot(tmp_path / "t.xlsx", area)
    message = r"table 'Issues' of t\.xlsx lies in the pivot table 'Pivot1', which would overwrite the rows"
    with pytest.raises(WorkbookError, match=message):
        excel.write(issues_frame(1), tmp_path / "f.xlsx", template=template)
