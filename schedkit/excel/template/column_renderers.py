"""Renderers for the columns of a template's sheet."""

from __future__ import annotations

import logging
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schedkit import context
from schedkit.excel.column_types import Column, Kind
from schedkit.excel.conversion_report import ConversionReport
from schedkit.excel.frames.cells import Blank, Calculated, ColumnRenderer, Data, Kept, Pieces, SheetOutput
from schedkit.excel.limits import MAX_LINKS
from schedkit.excel.links import LinkOf
from schedkit.excel.names import letters
from schedkit.excel.parts import sheet_cells
from schedkit.excel.parts.range_growth import RangeGrowth
from schedkit.excel.parts.references import moved
from schedkit.excel.parts.sheet import Sheet
from schedkit.excel.template.formats import Formats
from schedkit.excel.template.hyperlinks import count_staying
from schedkit.excel.template.neighbours import Overwritten
from schedkit.excel.template.operands import Value, written
from schedkit.excel.template.region import Region
from schedkit.excel.template.template_row import column_formula
from schedkit.excel.template.upsert import Match

_FORMULA, _END = "><f", "</c>"


# How many rows are searched for the format of a column.
_ASKED_ROWS = 200


@dataclass(frozen=True)
class FirstRow:
    """A column whose first cell has another formula than the rest."""

    first: ColumnRenderer
    rest: ColumnRenderer

    @property
    def position(self) -> int:
        return self.rest.position

    def render(self, low: int, high: int, numbers: pa.Array, output: SheetOutput) -> Pieces:
        if low:
            return self.rest.render(low, high, numbers, output)
        first = _one(self.first.render(0, 1, numbers.slice(0, 1), output))
        rest = self.rest.render(1, high, numbers.slice(1), output) if high > 1 else []
        return [pa.concat_arrays([first, _one(rest)]) if rest else first]


def _one(pieces: Pieces) -> pa.Array:
    (array,) = pieces
    return array


@dataclass(frozen=True)
class Computed:
    """Formulas with the values that `values` returns for some rows, as far as it knows them.

    Values that it does not know are None, and counted.
    """

    formulas: ColumnRenderer
    values: Callable[[int, int], list[Value]]

    @property
    def position(self) -> int:
        return self.formulas.position

    def render(self, low: int, high: int, numbers: pa.Array, output: SheetOutput) -> Pieces:
        cells = _one(self.formulas.render(low, high, numbers, output))
        kinds, texts = written(self.values(low, high))
        output.report.add("uncalculated", texts.null_count)
        # The type comes before the formula, the value after it.
        halves = pc.split_pattern(pc.utf8_slice_codeunits(cells, 0, -len(_END)), _FORMULA, max_splits=1)
        head, tail = (pc.list_element(halves, place) for place in (0, 1))
        pieces = (head, kinds, _FORMULA, tail, "<v>", texts, f"</v>{_END}", "")
        arrays = [pa.scalar(p, pa.large_string()) if isinstance(p, str) else p for p in pieces]
        return [pc.coalesce(pc.binary_join_element_wise(*arrays), cells)]


class OldCells:
    """The cells that rows of a sheet have when rendering begins.

    Those of the columns `written` are not needed, and take most of the memory.
    """

    def __init__(self, sheet: Sheet, numbers: npt.NDArray[np.int64], written: Container[int]) -> None:
        self._sheet, self._written, self.numbers = sheet, written, numbers.tolist()
        self._rows: dict[int, dict[int, str]] = {}

    def row(self, number: int) -> dict[int, str]:
        """Return the cells of a row by column."""
        if number not in self._rows:
            self._rows[number] = self._sheet.cells(number, self._written)
        return self._rows[number]

    def columns(self) -> set[int]:
        """Return the columns in which one of the rows `numbers` has a cell."""
        return {column for number in self.numbers for column in self.row(number)}

    def column(self, position: int) -> pa.Array:
        """Return the cells of one column in the rows `numbers`, null where there is none."""
        for number in self._sheet.changed_rows & self._rows.keys():
            del self._rows[number]
        return pa.array([self.row(number).get(position) for number in self.numbers], pa.large_string())


@dataclass
class Keeping:
    """Old cells where `covers` says so, over what another renderer would write."""

    old: OldCells
    position: int
    covers: pa.Array
    under: ColumnRenderer | None
    _kept: Kept | None = None

    def render(self, low: int, high: int, numbers: pa.Array, output: SheetOutput) -> Pieces:
        # Their formulas may change between planning and writing.
        if self._kept is None:
            self._kept = Kept(self.position, self.old.column(self.position), self.covers, self.under)
        return self._kept.render(low, high, numbers, output)


class RendererChooser:
    """Chooses the renderers of a filling."""

    def __init__(
        self,
        sheet: Sheet,
        region: Region,
        growth: RangeGrowth,
        match: Match | None,
        numbers: npt.NDArray[np.int64],
        overwritten: Overwritten,
        positions: Mapping[int, int],
        formats: Formats,
        report: ConversionReport,
        continues: Mapping[int, int] | None = None,
    ) -> None:
        self._sheet, self._region, self._growth = sheet, region, growth
        self._match, self._positions = match, positions
        self._formats, self._report = formats, report
        self._numbers = numbers
        self._old = OldCells(sheet, numbers, positions)
        self._continues = continues or {}
        # Links of other cells of the sheet count too.
        self._room = max(MAX_LINKS - count_staying(sheet, overwritten), 0)

    def all(self, columns: tuple[Column, ...], links: Mapping[int, LinkOf]) -> list[ColumnRenderer]:
        """Return the renderers: the region's own columns between those beside it."""
        own = range(self._region.body.left, self._region.body.right + 1)
        beside = self._old.columns().difference(own)
        everywhere = np.ones(len(self._numbers), bool)
        renderers: list[ColumnRenderer | None] = []
        for position in sorted(beside.union(own)):
            if position in beside:
                renderers.append(self._kept(position, everywhere, None))
                continue
            renderer = self._own(position, columns, links)
            if self._match is not None and position not in self._positions:
                # The frame does not have this column: old rows keep what people typed.
                old = self._numbers <= self._region.body.bottom
                renderer = self._kept(position, old, renderer)
            if self._continues and position not in self._positions:
                renderer = self._carried(position, renderer)
            renderers.append(renderer)
        return [renderer for renderer in renderers if renderer is not None]

    @cached_property
    def _first_rows(self) -> list[dict[int, str]]:
        body = self._region.body
        last = min(body.bottom, body.top + _ASKED_ROWS - 1)
        return [self._sheet.row(number).cells for number in self._sheet.numbers(body.top, last)]

    def _first_cell(self, position: int) -> str | None:
        """Return the first cell of a column, whose format is used for new cells."""
        first = self._sheet.row(self._region.body.top).cells.get(position)
        if first is not None:
            return first
        return next((cells[position] for cells in self._first_rows if position in cells), None)

    def _own(
        self, position: int, columns: tuple[Column, ...], links: Mapping[int, LinkOf]
    ) -> ColumnRenderer | None:
        style = sheet_cells.style_of(self._first_cell(position))
        place = self._positions.get(position)
        if place is not None and columns:
            return self._data(position, columns[place], style, links.get(place + 1))
        told = column_formula(self._sheet, self._region, self._growth, position)
        if told.formula is not None:
            rest = Calculated(position, told.formula, style)
            begins = told.first is not None and self._numbers[:1].tolist() == [self._region.body.top]
            return FirstRow(Calculated(position, told.first, style), rest) if told.first and begins else rest
        if told.differs:
            self._report.add("formulas_left_out", len(self._numbers))
            context.log(
                f"the formulas of column {letters(position)} differ from row to row and are not continued",
                logging.WARNING,
            )
        return None if style is None else Blank(position, style)

    def _data(self, position: int, column: Column, style: int | None, link: LinkOf | None) -> Data:
        if style is None:
            style = self._sheet.column_style(position)
        fitting = self._formats.for_column(style, column)
        room = self._room
        if link is not None:
            self._room = max(self._room - len(self._numbers), 0)
        return Data(
            position,
            column,
            fitting,
            link,
            fitting,
            self._formats.for_kind(style, Kind.DATETIME) if column.kind is Kind.MIXED else None,
            self._formats.for_kind(style, Kind.DURATION) if column.kind is Kind.MIXED else None,
            link_room=room,
            keep_blank=True,
        )

    def _kept(self, position: int, covers: npt.NDArray[np.bool_], under: ColumnRenderer | None) -> Keeping:
        return Keeping(self._old, position, pa.array(covers), under)

    def _carried(self, position: int, under: ColumnRenderer | None) -> Kept:
        """Return the cells that people typed, each in the new place of its row."""
        calculated = isinstance(under, Calculated | FirstRow)
        cells: list[str | None] = []
        covers = []
        for number in self._numbers.tolist():
            old = self._continues.get(number)
            cell = None if old is None else self._old.row(old).get(position)
            if old is None or cell is None:
                cells.append(None)
                covers.append(old is not None and not calculated)
                continue
            follows = calculated and self._sheet.formula(cell, position, old) is not None
            cells.append(None if follows else self._moved(cell, position, old, number))
            covers.append(not follows)
        return Kept(position, pa.array(cells, pa.large_string()), pa.array(covers, pa.bool_()), under)

    def _moved(self, cell: str, position: int, old: int, number: int) -> str | None:
        """Return a cell in another row; an array formula cannot be moved."""
        formula = self._sheet.formula(cell, position, old)
        if formula is None:
            return sheet_cells.at(cell, position, number)
        if formula.kind not in ("", "shared"):
            return None
        cell = sheet_cells.unshared(cell, moved(formula.text, 0, number - old))
        return sheet_cells.at(sheet_cells.without_value(cell), position, number)
