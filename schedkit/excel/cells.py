"""Columns rendered as the XML of rows, some thousand rows at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schedkit.excel.links import LinkOf, LinkParts, within
from schedkit.excel.model import Cells, Column
from schedkit.excel.names import letters
from schedkit.excel.tally import Tally
from schedkit.excel.text import xml_texts

# Large enough that Arrow's cost per call vanishes, small enough that a chunk needs little memory.
CHUNK_ROWS = 4096

_STRING = pa.large_string()
_NOTHING = pa.scalar("", _STRING)


@dataclass(frozen=True)
class Slot:
    """What fills one column of the target.

    The styles are indices into the workbook's cell formats; None is the default one. `moment_style` and
    `duration_style` are for dates and durations in a mixed column. At most `link_room` cells become links.
    """

    position: int
    column: Column
    style: int | None = None
    link: LinkOf | None = None
    link_style: int | None = None
    moment_style: int | None = None
    duration_style: int | None = None
    link_room: int = 0


def rows(
    slots: list[Slot], start: int, stop: int, first_row: int, links: LinkParts, tally: Tally
) -> Iterator[tuple[memoryview, int]]:
    """Render the rows `start` to `stop` of a frame as chunks of XML, each with its number of rows.

    Parameters
    ----------
    slots : list of Slot
        In the order of the sheet's columns.
    first_row : int
        The sheet's row that takes the frame's row `start`.
    links : LinkParts
        Takes the links met on the way.
    """
    room = {slot.position: slot.link_room for slot in slots}
    for low in range(start, stop, CHUNK_ROWS):
        high = min(low + CHUNK_ROWS, stop)
        numbers = pa.array(np.arange(low, high) - start + first_row).cast(_STRING)
        pieces = []
        for slot in slots:
            cells = slot.column.cells(low, high, tally)
            pieces += _pieces(slot, cells, numbers, room, links, tally)
        yield _joined('<row r="', numbers, '">', *pieces, "</row>"), high - low


def _pieces(
    slot: Slot, cells: Cells, numbers: pa.Array, room: dict[int, int], links: LinkParts, tally: Tally
) -> list[pa.Array]:
    name = letters(slot.position)
    pieces = []
    for values, style in (
        (cells.numbers, slot.style),
        (cells.moments, slot.moment_style),
        (cells.durations, slot.duration_style),
    ):
        if values is not None:
            pieces.append(_wrapped(name, style, numbers, "><v>", values, "</v></c>"))
    if cells.booleans is not None:
        digits = pc.if_else(cells.booleans, pa.scalar("1", _STRING), pa.scalar("0", _STRING))
        pieces.append(_wrapped(name, slot.style, numbers, ' t="b"><v>', digits, "</v></c>"))
    if cells.texts is not None:
        texts = cells.texts
        if slot.link is not None:
            addresses = within(slot.link.addresses(texts), room[slot.position], tally)
            linked = addresses.is_valid()
            room[slot.position] -= len(addresses) - addresses.null_count
            places = pc.indices_nonzero(linked)
            cell_names = (f"{name}{number}" for number in numbers.take(places).to_pylist())
            links.add(zip(cell_names, addresses.take(places).to_pylist(), strict=True))
            pieces.append(_text(name, slot.link_style, numbers, _only(texts, linked), tally))
            texts = _only(texts, pc.invert(linked))
        pieces.append(_text(name, slot.style, numbers, texts, tally))
    return pieces


def _only(texts: pa.Array, which: pa.Array) -> pa.Array:
    return pc.if_else(which, texts, pa.scalar(None, texts.type))


def _text(name: str, style: int | None, numbers: pa.Array, texts: pa.Array, tally: Tally) -> pa.Array:
    opening = ' t="inlineStr"><is><t xml:space="preserve">'
    return _wrapped(name, style, numbers, opening, xml_texts(texts, tally), "</t></is></c>")


def _wrapped(
    name: str, style: int | None, numbers: pa.Array, opening: str, values: pa.Array, closing: str
) -> pa.Array:
    # Null values make null cells, which vanish when the row is joined.
    attribute = '"' if style is None else f'" s="{style}"'
    return _join(f'<c r="{name}', numbers, attribute + opening, values, closing)


def _join(*pieces: str | pa.Array, nulls: str = "emit_null") -> pa.Array:
    arrays = [pa.scalar(piece, _STRING) if isinstance(piece, str) else piece for piece in pieces]
    return pc.binary_join_element_wise(*arrays, _NOTHING, null_handling=nulls)


def _joined(*pieces: str | pa.Array) -> memoryview:
    text = _join(*pieces, nulls="replace")
    return memoryview(text.buffers()[2])[: np.frombuffer(text.buffers()[1], np.int64)[len(text)]]
