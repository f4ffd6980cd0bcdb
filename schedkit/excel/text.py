"""Text of cells: escaped for XML, control characters escaped as Excel does it, cut to the limit of a cell.

Whole chunks of a column are checked at once by their bytes; only rows that need escaping are treated one by
one.
"""

from __future__ import annotations

import re
from xml.sax.saxutils import escape

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schedkit.excel.conversion_report import ConversionReport
from schedkit.excel.limits import MAX_CELL_UNITS, clip

# XML 1.0 cannot carry these, or (CR) its readers change them; ECMA-376 22.9.2.19 writes them _xHHHH_.
_FORBIDDEN = re.compile("[\x00-\x08\x0b-\x1f\ufffe\uffff]")
_LOOKS_ESCAPED = re.compile("_(?=x[0-9A-Fa-f]{4}_)")
# The two above in RE2's spelling.
_SUSPECT = r"[\x00-\x08\x0b-\x1f\x{fffe}\x{ffff}]|_x[0-9A-Fa-f]{4}_"
_ESCAPED = re.compile("_x([0-9A-Fa-f]{4})_")


def excel_escape(text: str) -> str:
    """Write what XML cannot carry, and what looks so written already, as ``_xHHHH_``.

    Half of a surrogate pair, which no encoding can carry, becomes U+FFFD.

    Examples
    --------
    >>> excel_escape("bell \\a, literal _x0041_")
    'bell _x0007_, literal _x005F_x0041_'
    """
    if not text.isascii():
        # XML cannot hold half a surrogate pair; two halves become one character.
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    text = _LOOKS_ESCAPED.sub("_x005F_", text)
    return _FORBIDDEN.sub(lambda match: f"_x{ord(match[0]):04X}_", text)


def excel_unescape(text: str) -> str:
    """Undo `excel_escape`.

    Examples
    --------
    >>> excel_unescape("_x005F_x0041_ _x0007_")
    '_x0041_ \\x07'
    """
    if "_x" not in text:
        return text
    return _ESCAPED.sub(lambda match: chr(int(match[1], 16)), text)


def xml_text(text: str) -> str:
    """Return one value as the content of an inline string."""
    return escape(excel_escape(clip(text, MAX_CELL_UNITS)))


def xml_texts(values: pa.Array, report: ConversionReport) -> pa.Array:
    """Return a large_string array as the contents of inline strings; nulls stay null."""
    offsets, data = _buffers(values)
    if not len(data):
        return values
    if int((offsets[1:] - offsets[:-1]).max()) > MAX_CELL_UNITS:
        values = _clipped(values, report)
        data = _buffers(values)[1]
    raw = data.tobytes()
    # Control characters are rare, line feeds and tabs are not: bytes below 32 only call for a closer look.
    if bool((data < 32).any()) or b"_x" in raw or b"\xef\xbf" in raw:
        values = _escaped(values, report)
    for char, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        if char.encode() in raw:
            values = pc.replace_substring(values, char, entity)
    return values


def has_edge_blanks(values: pa.Array) -> bool:
    """Tell whether a text begins or ends with a blank, or holds a line break: XML readers may drop those."""
    offsets, data = _buffers(values)
    starts, ends = offsets[:-1] - offsets[0], offsets[1:] - offsets[0]
    filled = starts < ends
    if not filled.any():
        return False
    edges = np.concatenate([data[starts[filled]], data[ends[filled] - 1]])
    return bool((edges <= 32).any() or (data < 32).any())


def _clipped(values: pa.Array, report: ConversionReport) -> pa.Array:
    # Bytes are an upper bound of UTF-16 units; the exact test is left to `clip`.
    long = _where(pc.greater(pc.binary_length(values), MAX_CELL_UNITS))
    before = values.take(long).to_pylist()
    after = [clip(text, MAX_CELL_UNITS) for text in before]
    report.add("truncated", sum(new != old for new, old in zip(after, before, strict=True)))
    return _replaced(values, long, after)


def _escaped(values: pa.Array, report: ConversionReport) -> pa.Array:
    suspects = _where(pc.match_substring_regex(values, _SUSPECT))
    if not len(suspects):
        return values
    before = values.take(suspects).to_pylist()
    # A literal _x0041_ reads back as it was; only what XML cannot carry counts as altered.
    report.add("escaped", sum(_FORBIDDEN.search(text) is not None for text in before))
    return _replaced(values, suspects, [excel_escape(text) for text in before])


def _where(mask: pa.Array) -> pa.Array:
    return pc.indices_nonzero(mask.fill_null(False))


def _replaced(values: pa.Array, places: pa.Array, texts: list[str]) -> pa.Array:
    mask = np.zeros(len(values), bool)
    mask[places.to_numpy()] = True
    return pc.replace_with_mask(values, pa.array(mask), pa.array(texts, values.type))


def _buffers(values: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    offsets = np.frombuffer(values.buffers()[1], np.int64)[values.offset : values.offset + len(values) + 1]
    buffer = values.buffers()[2]
    if buffer is None or not len(offsets):
        return offsets, np.empty(0, np.uint8)
    return offsets, np.frombuffer(buffer, np.uint8)[offsets[0] : offsets[-1]]
