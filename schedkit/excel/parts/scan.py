"""A fast reader for the cells of a worksheet, which finds tags with numpy, a block of whole rows at a time.

It reads sheets as spreadsheet programs write them: each tag and its successor are checked, and
`IrregularSheetError` is raised at anything else, which is then read by an XML parser.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol
from xml.sax.saxutils import unescape

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schedkit.excel.text import excel_unescape

Numbers = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]

# Enough rows that numpy's cost per call vanishes, few enough that a block needs little memory: 12 times its
# size. Few columns cost few calls.
_BLOCK, _BLOCK_OF_FEW = 1 << 22, 1 << 20
_PAD = b"\0" * 16
_STRING = pa.large_string()

_TAGS = "ROW ROW_EMPTY ROW_END C C_EMPTY C_END V V_EMPTY V_END F F_EMPTY F_END IS IS_END T T_EMPTY T_END"
(
    _ROW, _ROW_EMPTY, _ROW_END, _C, _C_EMPTY, _C_END, _V, _V_EMPTY, _V_END,
    _F, _F_EMPTY, _F_END, _IS, _IS_END, _T, _T_EMPTY, _T_END,
) = range(1, 18)  # fmt: skip
# By the first two characters of a tag; 0 is any other tag. An element that closes itself has the next code.
_CODES = {
    b"ro": _ROW, b"/r": _ROW_END, b"c ": _C, b"/c": _C_END, b"is": _IS, b"/i": _IS_END,
    b"v>": _V, b"v ": _V, b"v/": _V, b"/v": _V_END, b"f>": _F, b"f ": _F, b"f/": _F, b"/f": _F_END,
    b"t>": _T, b"t ": _T, b"t/": _T, b"/t": _T_END,
}  # fmt: skip
_CLOSABLE = (_ROW, _C, _V, _F, _T)
_AFTER_FORMULA = (_V, _V_EMPTY, _C_END)
_AFTER_CELL = (_C, _C_EMPTY, _ROW_END)
_NEXT = {
    _ROW: _AFTER_CELL, _ROW_EMPTY: (_ROW, _ROW_EMPTY), _ROW_END: (_ROW, _ROW_EMPTY),
    _C: (_V, _V_EMPTY, _F, _F_EMPTY, _IS, _C_END), _C_EMPTY: _AFTER_CELL, _C_END: _AFTER_CELL,
    _V: (_V_END,), _V_EMPTY: (_C_END,), _V_END: (_C_END,),
    _F: (_F_END,), _F_EMPTY: _AFTER_FORMULA, _F_END: _AFTER_FORMULA,
    _IS: (_T, _T_EMPTY, _IS_END), _IS_END: (_C_END,),
    _T: (_T_END,), _T_EMPTY: (_IS_END,), _T_END: (_IS_END,),
}  # fmt: skip
_CODE_OF = np.zeros(1 << 16, np.uint8)
for _text, _code in _CODES.items():
    _CODE_OF[_text[0] << 8 | _text[1]] = _code
_ALLOWED = np.zeros((18, 18), bool)
for _code, _following in _NEXT.items():
    _ALLOWED[_code, list(_following)] = True

_START = re.compile(rb"<([A-Za-z0-9]+:)?sheetData\s*(/?)>")
_ATTRIBUTES = re.compile(rb'(?:\s+[a-z]+="[^"<&]*")*\s*')
_ATTRIBUTE = re.compile(rb'\s([a-z]+)="([^"]*)"')
_ENTITIES = {"&quot;": '"', "&apos;": "'"}
_REFERENCE = re.compile(r"&#(?:x([0-9A-Fa-f]{1,6})|([0-9]{1,7}));")


class Readable(Protocol):
    """What a part is read from, a piece at a time."""

    def read(self, size: int = -1, /) -> bytes: ...


class IrregularSheetError(Exception):
    """A sheet that is not written as this module expects."""


@dataclass(frozen=True)
class Block:
    """The cells of one column in a block of rows; `values` are null where a cell has none."""

    column: int
    rows: Numbers
    kinds: Bytes
    values: pa.Array


@dataclass(frozen=True)
class Meaning:
    """What the attributes of cells mean: shared strings, and the kind of number of each cell format."""

    strings: pa.Array
    formats: list[str]

    def kind(self, attributes: bytes) -> str:
        """Return the letter of a cell's kind; S for a shared string, I for an inline one.

        Raises
        ------
        IrregularSheetError
            If the attributes are not plain ones.
        """
        if not _ATTRIBUTES.fullmatch(attributes):
            raise IrregularSheetError
        named = dict(_ATTRIBUTE.findall(attributes))
        style = int(named.get(b"s", b"0"))
        number = self.formats[style] if style < len(self.formats) else "n"
        known = {b"n": number, b"s": "S", b"str": "s", b"inlineStr": "I", b"b": "b", b"e": "e", b"d": "i"}
        return known[named.get(b"t", b"n")]


def scan(file: Readable, meaning: Meaning, only: set[int] | None = None) -> Iterator[Block]:
    """Yield the non-blank cells of a worksheet part, row block by row block, column by column.

    Parameters
    ----------
    only : set of int, optional
        The 1-based columns that are asked for; all by default.

    Raises
    ------
    IrregularSheetError
        If the sheet is written in a way that this module does not read.
    """
    for block in _row_blocks(file, _BLOCK if only is None else _BLOCK_OF_FEW):
        try:
            yield from _cells(block, meaning, only)
        except (ValueError, KeyError, pa.ArrowException) as error:
            raise IrregularSheetError from error


def _row_blocks(file: Readable, size: int) -> Iterable[bytes]:
    """Yield what stands within sheetData, cut between rows."""
    rest = file.read(size)
    if b"encoding=" in rest[:200] and not re.search(rb"encoding=[\"'](?i:utf-8)[\"']", rest[:200]):
        raise IrregularSheetError
    start = _START.search(rest)
    if start is None:
        raise IrregularSheetError
    rest, prefix = rest[start.end() :], start[1] or b""
    opening, closing = b"<" + prefix, b"</" + prefix
    row_end = closing + b"row>"
    while not start[2]:
        end = rest.find(closing + b"sheetData>")
        cut = end if end >= 0 else rest.rfind(row_end) + len(row_end)
        if end >= 0 or cut >= len(row_end):
            rows, rest = rest[:cut], rest[cut:]
            # Text cannot contain "<", so that only tags lose their prefix.
            yield rows.replace(opening, b"<").replace(closing, b"</") if prefix else rows
        if end >= 0:
            return
        more = file.read(size)
        if not more:
            raise IrregularSheetError
        rest += more


def _cells(block: bytes, meaning: Meaning, only: set[int] | None) -> Iterator[Block]:
    data = np.frombuffer(block + _PAD, np.uint8)
    opens, closes, codes = _tags(data)
    cells = np.flatnonzero(codes == _C)
    if not len(cells):
        return
    columns, rows, after = _addresses(data, opens[cells])
    if only is not None:
        asked = np.isin(columns, list(only))
        if not asked.any():
            return
        cells, columns, rows, after = cells[asked], columns[asked], rows[asked], after[asked]
    letters = _kinds(block, after, closes[cells], meaning)
    following = codes[cells + 1]
    formula = (following == _F) | (following == _F_EMPTY)
    place = cells + 1 + 2 * (following == _F) + (following == _F_EMPTY) + (following == _IS)
    filled = (codes[place] == _V) | (codes[place] == _T)
    start = np.where(filled, closes[place] + 1, 0)
    stop = np.where(filled, opens[np.minimum(place + 1, len(opens) - 1)], 0)
    filled &= stop > start
    # A value without content is a text's, or of a formula that the program has not calculated.
    letters[formula & ~filled & ((codes[place] == _C_END) | (letters != ord("s")))] = ord("f")
    kept = filled | (letters == ord("f")) | (letters == ord("I"))
    start, stop = np.where(filled, start, 0), np.where(filled, stop, 0)
    marked = b"&" in block or b"_x" in block or b"\r" in block
    for column in np.unique(columns[kept]).tolist():
        own = np.flatnonzero(kept & (columns == column))
        kinds = letters[own]
        values = _values(block, start[own], stop[own], kinds, meaning, marked)
        kinds = np.where((kinds == ord("S")) | (kinds == ord("I")), ord("s"), kinds).astype(np.uint8)
        yield Block(column, rows[own], kinds, values)


def _tags(data: Bytes) -> tuple[Numbers, Numbers, Bytes]:
    """Return where each tag begins and ends, and what it is."""
    opens, closes = np.flatnonzero(data == ord("<")), np.flatnonzero(data == ord(">"))
    if len(closes) != len(opens):
        # Text may contain ">".
        places = np.searchsorted(closes, opens)
        if len(opens) and (not len(closes) or places[-1] >= len(closes)):
            raise IrregularSheetError
        closes = closes[places]
    if (closes < opens).any() or (closes[:-1] > opens[1:]).any():
        raise IrregularSheetError
    codes = _CODE_OF[data[opens + 1].astype(np.uint16) << 8 | data[opens + 2]]
    closed = (data[closes - 1] == ord("/")) & np.isin(codes, _CLOSABLE)
    codes = codes + closed.astype(np.uint8)
    if len(codes) and (codes[0] not in (_ROW, _ROW_EMPTY) or codes[-1] not in (_ROW_END, _ROW_EMPTY)):
        raise IrregularSheetError
    if not _ALLOWED[codes[:-1], codes[1:]].all() or (codes == 0).any():
        raise IrregularSheetError
    return opens, closes, codes


def _addresses(data: Bytes, opens: Numbers) -> tuple[Numbers, Numbers, Numbers]:
    """Return column and row of cells that begin so: ``<c r="A1"``, and where that ends."""
    for offset, char in enumerate(b' r="', 2):
        if (data[opens + offset] != char).any():
            raise IrregularSheetError
    at = opens + 6
    columns, rows = np.zeros(len(opens), np.int64), np.zeros(len(opens), np.int64)
    for _ in range(3):
        letter = data[at]
        found = (letter >= ord("A")) & (letter <= ord("Z"))
        columns = np.where(found, columns * 26 + letter - 64, columns)
        at = at + found
    for _ in range(7):
        digit = data[at] - np.uint8(ord("0"))
        found = digit < 10
        rows = np.where(found, rows * 10 + digit, rows)
        at = at + found
    if (data[at] != ord('"')).any() or not columns.all() or not rows.all():
        raise IrregularSheetError
    return columns, rows, at + 1


def _kinds(block: bytes, start: Numbers, stop: Numbers, meaning: Meaning) -> Bytes:
    """Return the kind of each cell by the text after its address, of which there are few."""
    found = _slices(block, start, stop).dictionary_encode()
    letters = np.array([ord(meaning.kind(text)) for text in found.dictionary.to_pylist()], np.uint8)
    kinds: Bytes = letters[found.indices.to_numpy()]
    return kinds


def _slices(block: bytes, start: Numbers, stop: Numbers) -> pa.Array:
    """Return pieces of a block, in its order."""
    offsets = np.empty(2 * len(start), np.int64)
    offsets[0::2], offsets[1::2] = start, stop
    # A cell without a value has the place 0, out of order; its piece is blank wherever it lies.
    offsets = np.maximum.accumulate(offsets)
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(block)]
    pieces = pa.Array.from_buffers(pa.large_binary(), len(offsets) - 1, buffers)
    return pieces.take(pa.array(np.arange(0, len(offsets), 2)))


def _values(
    block: bytes, start: Numbers, stop: Numbers, kinds: Bytes, meaning: Meaning, marked: bool
) -> pa.Array:
    """Return the values of one column as text."""
    raw = _slices(block, start, stop).cast(_STRING)
    shared = kinds == ord("S")
    if shared.any():
        indices = pc.if_else(pa.array(shared), raw, pa.scalar(None, _STRING)).cast(pa.int64())
        found = meaning.strings.take(indices)
        if shared.all():
            return found
    text = (kinds == ord("I")) | (kinds == ord("s"))
    if marked and text.any():
        raw = _decoded(raw, text)
    if shared.any():
        raw = pc.if_else(pa.array(shared), found, raw)
    absent = (kinds == ord("f")) | ((stop <= start) & (kinds != ord("I")))
    return pc.if_else(pa.array(absent), pa.scalar(None, _STRING), raw) if absent.any() else raw


def _decoded(raw: pa.Array, text: npt.NDArray[np.bool_]) -> pa.Array:
    """Return texts with what XML and Excel escape as it was."""
    suspect = pc.match_substring_regex(raw, r"[&\r]|_x[0-9A-Fa-f]{4}_").to_numpy(zero_copy_only=False) & text
    places = np.flatnonzero(suspect)
    if not len(places):
        return raw
    texts = [_plain(value) for value in raw.take(pa.array(places)).to_pylist()]
    return pc.replace_with_mask(raw, pa.array(suspect), pa.array(texts, _STRING))


def _plain(value: str) -> str:
    value = value.replace("\r\n", "\n").replace("\r", "\n")
    if "&" in value:
        # Pieces between character references: the result of a reference is not expanded again.
        pieces = _REFERENCE.split(value)
        plain = [unescape(piece, _ENTITIES) for piece in pieces[0::3]]
        for place in range(1, len(pieces), 3):
            code = int(pieces[place], 16) if pieces[place] else int(pieces[place + 1])
            plain[place // 3] += chr(code)
        value = "".join(plain)
    return excel_unescape(value)


def joined(blocks: list[Block]) -> tuple[Numbers, Bytes, Any]:
    """Return the blocks of one column as one."""
    if len(blocks) == 1:
        return blocks[0].rows, blocks[0].kinds, blocks[0].values
    return (
        np.concatenate([block.rows for block in blocks]),
        np.concatenate([block.kinds for block in blocks]),
        pa.concat_arrays([block.values for block in blocks]),
    )
