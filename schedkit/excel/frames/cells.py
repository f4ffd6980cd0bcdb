"""Columns rendered as the XML of rows, some thousand rows at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schedkit.excel.column_types import Column
from schedkit.excel.conversion_report import ConversionReport
from schedkit.excel.links import LinkOf, LinkParts, within
from schedkit.excel.names import letters
from schedkit.excel.parts.formula import Formula
from schedkit.excel.text import has_edge_blanks, xml_texts

# Large enough to make Arrow's cost per call negligible, small enough to need little memory.
CHUNK_ROWS = 8192

_STRING = pa.large_string()
# What a row is joined from: text that is the same in every row, and one string per row.
Pieces = list[str | pa.Array]
_NOTHING = pa.scalar("", _STRING)


@dataclass
class SheetOutput:
    """What rendering produces besides rows: links, and counts of altered values."""

    report: ConversionReport
    links: LinkParts = field(default_factory=LinkParts)


class ColumnRenderer(Protocol):
    """What fills one column of the sheet, the one at `position`."""

    @property
    def position(self) -> int: ...

    def render(self, low: int, high: int, numbers: pa.Array, output: SheetOutput) -> Pieces:
        """Return cells for the rows `low` to `high`, whose numbers in the sheet are `numbers`.

        An array is null where there is no cell; text between arrays is for every row.
        """
        ...


@dataclass
class Data:
    """A frame's column.

    The styles are indices into the workbook's cell formats; None is the default one. `moment_style` and
    `duration_style` are for dates and durations in a mixed column. At most `link_room` cells become links.
    With `keep_blank`, a missing value leaves a cell that has only its style.
    """

    position: int
    column: Column
    style: int | None = None
    link: LinkOf | None = None
    link_style: int | None = None
    moment_style: int | None = None
    duration_style: int | None = None
    link_room: int = 0
    keep_blank: bool = False

    def render(self, low: int, high: int, numbers: pa.Array, output: SheetOutput) -> Pieces:
        cells = self.column.cells(low, high, output.report)
        layers = [
            _Layer(f"{_style(style)}><v>", values, "</v></c>")
            for values, style in (
                (cells.numbers, self.style),
                (cells.moments, self.moment_style),
                (cells.durations, self.duration_style),
            )
            if values is not None
        ]
        if cells.booleans is not None:
            digits = pc.if_else(cells.booleans, pa.scalar("1", _STRING), pa.scalar("0", _STRING))
            layers.append(_Layer(f'{_style(self.style)} t="b"><v>', digits, "</v></c>"))
        if cells.texts is not None:
            layers += self._texts(cells.texts, numbers, output)
        opening = f'<c r="{letters(self.position)}'
        if self.keep_blank and self.style is not None:
            blank = pa.scalar(f"{_style(self.style)}/>", _STRING)
            return [opening, numbers, '"', pc.coalesce(*(layer.joined() for layer in layers), blank)]
        return [piece for layer in layers for piece in layer.cells(opening, numbers)]

    def _texts(self, texts: pa.Array, numbers: pa.Array, output: SheetOutput) -> list[_Layer]:
        if self.link is None:
            return [_text(self.style, texts, output.report)]
        addresses = within(self.link.addresses(texts), self.link_room, output.report)
        linked = addresses.is_valid()
        self.link_room -= len(addresses) - addresses.null_count
        places = pc.indices_nonzero(linked)
        if len(places):
            output.links.add(_join(letters(self.position), numbers.take(places)), addresses.take(places))
        return [
            _text(self.link_style, _only(texts, linked), output.report),
            _text(self.style, _only(texts, pc.invert(linked)), output.report),
        ]


@dataclass(frozen=True)
class _Layer:
    """Cells with the same markup before and after each value; null where another layer has the cell."""

    opening: str
    values: pa.Array
    closing: str

    def joined(self) -> pa.Array:
        """Return the cells without their beginning, which names the place."""
        return _join(self.opening, self.values, self.closing)

    def cells(self, place: str, numbers: pa.Array) -> Pieces:
        """Return the cells; null ones are left out when the row is joined."""
        pieces: Pieces = [place, numbers, f'"{self.opening}', self.values, self.closing]
        if self.values.null_count == 0:
            # Joined with the whole row, which saves a copy.
            return pieces
        return [] if self.values.null_count == len(self.values) else [_join(*pieces)]


@dataclass(frozen=True)
class Calculated:
    """A formula carried down; `style` as in `Data`."""

    position: int
    formula: Formula
    style: int | None = None

    def render(self, low: int, high: int, numbers: pa.Array, output: SheetOutput) -> Pieces:
        name = letters(self.position)
        pieces: list[str | pa.Array] = []
        for piece in self.formula.pieces:
            pieces.append(
                piece if isinstance(piece, str) else pc.add(numbers.cast(pa.int64()), piece).cast(_STRING)
            )
        opening = f'"{_style(self.style)}><f>'
        if self.formula.array:
            return [
                _join(
                    f'<c r="{name}',
                    numbers,
                    f'"{_style(self.style)}><f t="array" ref="{name}',
                    numbers,
                    '">',
                    *pieces,
                    "</f></c>",
                )
            ]
        return [_join(f'<c r="{name}', numbers, opening, *pieces, "</f></c>")]


@dataclass(frozen=True)
class Blank:
    """Cells that have only a style, for people to type into."""

    position: int
    style: int

    def render(self, low: int, high: int, numbers: pa.Array, output: SheetOutput) -> Pieces:
        return [_join(f'<c r="{letters(self.position)}', numbers, f'" s="{self.style}"/>')]


@dataclass(frozen=True)
class Kept:
    """Cells that were there before, by row of the body, over what another renderer would write.

    `covers` tells for which rows the old cell (or its absence) stands; elsewhere `under` is rendered.
    """

    position: int
    cells: pa.Array
    covers: pa.Array
    under: ColumnRenderer | None = None

    def render(self, low: int, high: int, numbers: pa.Array, output: SheetOutput) -> Pieces:
        count = high - low
        kept, covers = self.cells.slice(low, count), self.covers.slice(low, count)
        if self.under is None:
            return [pc.if_else(covers, kept, pa.scalar(None, _STRING))]
        below = _arrays(self.under.render(low, high, numbers, output))
        return [pc.if_else(covers, kept, pc.coalesce(*below, pa.scalar(None, _STRING)))]


def rows(
    renderers: Sequence[ColumnRenderer],
    start: int,
    stop: int,
    first_row: int,
    output: SheetOutput,
    attributes: pa.Array | str = "",
) -> Iterator[tuple[memoryview, int]]:
    """Render the rows `start` to `stop` of a frame as chunks of XML, each with its number of rows.

    Parameters
    ----------
    renderers : sequence of ColumnRenderer
        In the order of the sheet's columns.
    first_row : int
        The sheet's row that takes the frame's row `start`.
    attributes : Array or str
        What each row's element carries besides its number, per row of the body or for all.
    """
    for low in range(start, stop, CHUNK_ROWS):
        high = min(low + CHUNK_ROWS, stop)
        numbers = pa.array(np.arange(low, high) - start + first_row).cast(_STRING)
        pieces = [piece for renderer in renderers for piece in renderer.render(low, high, numbers, output)]
        carried = attributes if isinstance(attributes, str) else attributes.slice(low, high - low)
        text = _join('<row r="', numbers, '"', carried, ">", *pieces, "</row>", nulls="replace")
        end = np.frombuffer(text.buffers()[1], np.int64)[len(text)]
        yield memoryview(text.buffers()[2])[:end], high - low


def _only(texts: pa.Array, which: pa.Array) -> pa.Array:
    return pc.if_else(which, texts, pa.scalar(None, texts.type))


def _text(style: int | None, texts: pa.Array, report: ConversionReport) -> _Layer:
    space = ' xml:space="preserve"' if has_edge_blanks(texts) else ""
    opening = f'{_style(style)} t="inlineStr"><is><t{space}>'
    return _Layer(opening, xml_texts(texts, report), "</t></is></c>")


def _arrays(pieces: Pieces) -> list[pa.Array]:
    """Return pieces as arrays of whole cells."""
    if any(isinstance(piece, str) for piece in pieces):
        return [_join(*pieces)]
    return list(pieces)


def _style(style: int | None) -> str:
    return "" if style is None else f' s="{style}"'


def _join(*pieces: str | pa.Array, nulls: str = "emit_null") -> pa.Array:
    arrays = [pa.scalar(piece, _STRING) if isinstance(piece, str) else piece for piece in pieces]
    return pc.binary_join_element_wise(*arrays, _NOTHING, null_handling=nulls)
