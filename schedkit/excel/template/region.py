"""Which cells of a template a frame fills: a table, a named range, or a header found by its cells."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from schedkit.errors import WorkbookError
from schedkit.excel.names import header_key
from schedkit.excel.parts.area import Area
from schedkit.excel.parts.cell_values import CellColumn, cells, format_kinds, shared_strings
from schedkit.excel.parts.package import damage_as_error
from schedkit.excel.parts.tables import TableXml, tables_of
from schedkit.excel.parts.workbook import MAIN, Workbook
from schedkit.excel.template.total_rows import totals_below

_CELL = re.compile(r"(?:'((?:[^']|'')+)'|([^!']+))!(\$?[A-Z]{1,3}\$?[0-9]+(?::\$?[A-Z]{1,3}\$?[0-9]+)?)")
# How many rows of a sheet are searched for a header that was not named.
_SEARCHED_ROWS = 50


@dataclass(frozen=True)
class Region:
    """A header row and the body below it.

    `headers` are the texts of the header row from `body.left` on; `blank` says that the body holds nothing
    yet, `new` that there is no header either.
    """

    sheet: str
    part: str
    body: Area
    headers: tuple[str, ...]
    table: TableXml | None = None
    totals: int = 0
    blank: bool = False
    new: bool = False

    @property
    def header_row(self) -> int:
        return self.body.top - 1

    @property
    def place(self) -> str:
        """What identifies the region when rows are inserted above it: its table, or else its sheet."""
        return self.table.name if self.table else self.sheet

    def positions(self) -> dict[str, int]:
        """Return the sheet's column of each header, by what headers have in common."""
        return {header_key(text): self.body.left + place for place, text in enumerate(self.headers) if text}

    def __str__(self) -> str:
        return f"table {self.table.name!r}" if self.table else f"{self.sheet!r} row {self.header_row}"


class Locator:
    """Finds regions of one template, called `name`."""

    def __init__(self, book: Workbook, name: str) -> None:
        self._book = book
        self.name = name
        with damage_as_error(f"the texts and formats of {name}"):
            self._strings = shared_strings(book)
            self._kinds = format_kinds(book)
        self._found: dict[str, dict[int, CellColumn]] = {}
        self._tables = {
            sheet: tables_of(book, part) for sheet, part in book.sheets.items() if "/worksheets/" in part
        }

    def find(self, target: str | None, wanted: Sequence[str]) -> Region:
        """Return the region called `target`, or the one whose headers fit `wanted` best.

        Parameters
        ----------
        target : str or None
            A table, a named range, a sheet, or a cell such as ``Data!B4``.
        wanted : sequence of str
            The frame's headers.

        Raises
        ------
        WorkbookError
            If there is no such place, or several fit equally well.
        """
        if target is None:
            return self._best(self._tables, wanted)
        folded = target.casefold()
        for sheet, tables in self._tables.items():
            for table in tables:
                if table.name.casefold() == folded:
                    return self._of_table(sheet, table)
        for name, formula in self._names():
            if name.casefold() == folded:
                return self._of_area(target, formula, wanted)
        for sheet in self._tables:
            if sheet.casefold() == folded:
                return self._best([sheet], wanted)
        if _CELL.fullmatch(target):
            return self._of_area(target, target, wanted)
        raise WorkbookError(f"the template {self.name} has no {target!r}", hint=f"it has {self._offer()}")

    def has(self, target: str) -> bool:
        """Tell whether there is a table, name or sheet called `target`, or a sheet for such a cell."""
        folded = target.casefold()
        tables = {table.name.casefold() for tables in self._tables.values() for table in tables}
        names = {name.casefold() for name, _ in self._names()}
        sheets = {sheet.casefold() for sheet in self._tables}
        found = _CELL.fullmatch(target)
        sheet = (found[1].replace("''", "'") if found[1] else found[2]) if found else target
        return folded in tables | names or sheet.casefold() in sheets

    def cells(self, region: Region, position: int) -> CellColumn | None:
        """Return the cells of one column of a region's sheet."""
        if region.part in self._found:
            return self._found[region.part].get(position)
        return cells(self._book, region.part, self._strings, self._kinds, {position}).get(position)

    def _names(self) -> Iterable[tuple[str, str]]:
        for node in self._book.root.iter(f"{{{MAIN}}}definedName"):
            yield node.get("name", ""), (node.text or "").strip()

    def _offer(self) -> str:
        tables = [f"table {table.name}" for tables in self._tables.values() for table in tables]
        names = [f"name {name}" for name, _ in self._names() if not name.startswith("_xlnm.")]
        return ", ".join([*tables, *names, *(f"sheet {sheet!r}" for sheet in self._tables)])

    def _best(self, sheets: Iterable[str], wanted: Sequence[str]) -> Region:
        sheets = list(sheets)
        regions = [self._of_table(sheet, table) for sheet in sheets for table in self._tables[sheet]]
        if not regions:
            regions = [region for sheet in sheets if (region := self._searched(sheet, wanted))]
        if not regions and len(sheets) == 1 and not self._of_sheet(sheets[0]):
            return self._new(sheets[0], 1, 1, len(wanted))
        fits = sorted(regions, key=lambda region: -_fits(region, wanted))
        scores = [_fits(region, wanted) for region in fits]
        if not scores or scores[0] == 0:
            raise WorkbookError(
                f"the template {self.name} has no header of the frame's columns",
                hint=f"columns are {', '.join(wanted)}; the template has {self._offer()}",
            )
        if len(scores) > 1 and scores[0] == scores[1]:
            raise WorkbookError(
                f"{fits[0]} and {fits[1]} of {self.name} fit equally well", hint="name the one with sheet="
            )
        return fits[0]

    def _of_sheet(self, sheet: str) -> dict[int, CellColumn]:
        part = self._book.sheets[sheet]
        if part not in self._found:
            with damage_as_error(f"the part {part} of {self.name}"):
                self._found[part] = cells(self._book, part, self._strings, self._kinds)
        return self._found[part]

    def _of_table(self, sheet: str, table: TableXml) -> Region:
        if table.header_rows != 1:
            raise WorkbookError(
                f"the table {table.name!r} of {self.name} has no header row", hint="switch it on in Excel"
            )
        return Region(
            sheet,
            self._book.sheets[sheet],
            table.body,
            table.columns,
            table,
            table.totals_rows,
            blank=self._is_blank(sheet, table.body),
        )

    def _of_area(self, target: str, formula: str, wanted: Sequence[str]) -> Region:
        found = _CELL.fullmatch(formula.lstrip("="))
        sheet = (found[1].replace("''", "'") if found[1] else found[2]) if found else ""
        sheet = next((name for name in self._tables if name.casefold() == sheet.casefold()), "")
        area = Area.parse(found[3]) if found else None
        if area is None or not sheet:
            raise WorkbookError(
                f"{target!r} of {self.name} is not one area of a worksheet",
                hint="name a table, a range or a cell like Data!B4",
            )
        for table in self._tables[sheet]:
            if area.top in (table.area.top, table.body.top) and table.area.left == area.left:
                return self._of_table(sheet, table)
        region = self._below_header(sheet, area)
        if area.height > 1 and not _fits(region, wanted):
            # A name may cover the rows alone; its header is then above it.
            above = self._below_header(sheet, replace(area, top=area.top - 1))
            return above if _fits(above, wanted) else region
        return region

    def _below_header(self, sheet: str, area: Area) -> Region:
        """Return the region whose header begins at the corner of `area`."""
        columns = self._of_sheet(sheet)
        headers = []
        single = area.height == 1 and area.left == area.right
        place = area.left
        while (single or place <= area.right) and (text := _text_at(columns.get(place), area.top)):
            headers.append(text)
            place += 1
        if not headers:
            return self._new(sheet, area.top, area.left, area.right - area.left + 1 if not single else 0)
        right = area.left + len(headers) - 1
        bottom = area.bottom if area.height > 1 else self._last_row(columns, area.top, area.left, right)
        body = Area(area.top + 1, area.left, max(bottom, area.top + 1), right)
        totals = totals_below(self._book.sheet(sheet), body)
        end = body.bottom
        if totals is not None:
            body, end = body.to_row(totals.first - 1), max(end, totals.last)
        return Region(
            sheet,
            self._book.sheets[sheet],
            body,
            tuple(headers),
            totals=end - body.bottom,
            blank=self._is_blank(sheet, body),
        )

    def _new(self, sheet: str, row: int, left: int, width: int) -> Region:
        body = Area(row + 1, left, row + 1, left + max(width, 1) - 1)
        return Region(sheet, self._book.sheets[sheet], body, (), blank=True, new=True)

    def _last_row(self, columns: dict[int, CellColumn], top: int, left: int, right: int) -> int:
        """Return the last row before the first that is blank in all the region's columns."""
        filled = {row for place in range(left, right + 1) if place in columns for row in columns[place].rows}
        row = top
        while row + 1 in filled:
            row += 1
        return row

    def _is_blank(self, sheet: str, body: Area) -> bool:
        return self._book.sheet(sheet).first_filled(body) is None

    def _searched(self, sheet: str, wanted: Sequence[str]) -> Region | None:
        """Return the region below the row of a sheet that has most of the frame's headers."""
        keys = {header_key(header) for header in wanted}
        hits: dict[int, list[int]] = {}
        for place, column in self._of_sheet(sheet).items():
            for row, value in zip(column.rows, column.values, strict=True):
                if row > _SEARCHED_ROWS:
                    break
                if isinstance(value, str) and header_key(value) in keys:
                    hits.setdefault(row, []).append(place)
        if not hits:
            return None
        row = max(hits, key=lambda row: len(hits[row]))
        left = min(hits[row])
        columns = self._of_sheet(sheet)
        while _text_at(columns.get(left - 1), row):
            left -= 1
        return self._below_header(sheet, Area(row, left, row, left))


def _fits(region: Region, wanted: Sequence[str]) -> int:
    """Return how many of the wanted headers a region has."""
    return len({header_key(header) for header in wanted} & set(region.positions()))


def _text_at(column: CellColumn | None, row: int) -> str:
    value = None if column is None else column.at(row)
    return "" if value is None else str(value)
