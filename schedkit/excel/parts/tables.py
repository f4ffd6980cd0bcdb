"""The Excel tables of a worksheet."""

from __future__ import annotations

from dataclasses import dataclass, field

from schedkit.excel.parts.area import Area
from schedkit.excel.parts.workbook import MAIN, Workbook, parse, relations
from schedkit.excel.text import excel_unescape


@dataclass(frozen=True)
class TableXml:
    """A table as its part describes it.

    `area` includes header and totals; `formulas` are those that columns are defined to calculate, by place.
    """

    part: str
    name: str
    area: Area
    header_rows: int
    totals_rows: int
    columns: tuple[str, ...]
    formulas: dict[int, str] = field(default_factory=dict)

    @property
    def body(self) -> Area:
        """The table without header and totals."""
        area = self.area
        return Area(area.top + self.header_rows, area.left, area.bottom - self.totals_rows, area.right)


def tables_of(book: Workbook, sheet_part: str) -> list[TableXml]:
    """Return the tables of a worksheet part."""
    found = []
    for relation in relations(book.package, sheet_part, "table"):
        if relation.target not in book.package:
            continue
        root = parse(book.package.read(relation.target), relation.target)
        area = Area.parse(root.get("ref", ""))
        if area is None:
            continue
        columns = list(root.iter(f"{{{MAIN}}}tableColumn"))
        formulas = {
            place: (node.findtext(f"{{{MAIN}}}calculatedColumnFormula") or "").strip()
            for place, node in enumerate(columns)
        }
        found.append(
            TableXml(
                relation.target,
                root.get("displayName", ""),
                area,
                _count(root.get("headerRowCount", "1")),
                _count(root.get("totalsRowCount", "0")),
                tuple(excel_unescape(node.get("name", "")) for node in columns),
                {place: text for place, text in formulas.items() if text},
            )
        )
    return found


def _count(text: str) -> int:
    return int(text) if text.isdecimal() else 1
