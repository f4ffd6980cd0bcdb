"""Pictures for cells: their bytes, kind and natural size, from files, bytes and figures."""

from __future__ import annotations

import io
import os
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from schedkit.errors import WorkbookError
from schedkit.excel.limits import MAX_COLUMNS, MAX_ROWS
from schedkit.excel.names import column_number
from schedkit.values.files import file_error
from schedkit.values.keywords import check_keywords
from schedkit.values.paths import given_path
from schedkit.values.text import clip, one_line, safe_repr

__all__ = ["Picture", "PlacedPicture", "cell_of", "placed_pictures"]

# English metric units of a pixel at 96 per inch, and of an inch.
EMU_PIXEL, _EMU_INCH = 9525, 914_400
_CELL = re.compile(r"(?:(?:'((?:[^']|'')+)'|([^!']+))!)?\$?([A-Za-z]{1,3})\$?([0-9]{1,7})")
# Other resolutions are mistakes of the program that wrote the file: at 1 dpi a photo is 50 metres wide.
_LEAST_DPI, _MOST_DPI = 20.0, 5000.0
_USUAL_DPI = 96.0
_MOST_ALT = 1000
# Start of frame: the markers of a JPEG that hold its size (all but DHT, JPG and DAC).
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


@check_keywords
@dataclass(frozen=True)
class Picture:
    """A picture for a sheet, with its alternative text and its width.

    Attributes
    ----------
    image : path, bytes or figure
        A PNG, JPEG or GIF file, its bytes, a matplotlib figure or axes, or a Pillow image.
    alt : str, optional
        The alternative text for screen readers; by default the titles of a figure, or the file's name.
    width : float, optional
        In pixels of a screen at 100 %; the height follows. By default its natural size.

    Examples
    --------
    >>> Picture("burn-up.png", alt="Burn-up: 40 of 60 points done", width=480).alt
    'Burn-up: 40 of 60 points done'
    """

    image: Any
    alt: str | None = None
    width: float | None = None


@dataclass(frozen=True)
class PlacedPicture:
    """A picture as it goes into a workbook.

    `sheet` None means the first sheet with rows; `row` and `column` count from 1; `size` is width and height
    in English metric units, `scaled` whether the caller chose it, `name` what it is called if it has a name.
    """

    sheet: str | None
    row: int
    column: int
    content: bytes
    suffix: str
    size: tuple[int, int]
    alt: str
    scaled: bool = False
    name: str = ""


def placed_pictures(images: Mapping[str, Any]) -> list[PlacedPicture]:
    """Return pictures by the cells that they are given for.

    Raises
    ------
    WorkbookError
        If a key is not a cell, or a value not a picture.
    FileError
        If a file cannot be read.
    """
    if not isinstance(images, Mapping):
        raise WorkbookError(
            f"images={safe_repr(images)} does not map cells to pictures",
            hint='e.g. images={"Summary!H2": "burn-up.png"}',
        )
    return [_placed(str(where), image) for where, image in images.items()]


def cell_of(where: str) -> tuple[str | None, int, int] | None:
    """Return the sheet, if one is named, row and column of a cell; None if it is no cell."""
    found = _CELL.fullmatch(where)
    if found is None:
        return None
    row, column = int(found[4]), column_number(found[3])
    if not (1 <= row <= MAX_ROWS and column <= MAX_COLUMNS):
        return None
    return found[1].replace("''", "'") if found[1] else found[2], row, column


def _placed(where: str, image: Any) -> PlacedPicture:
    cell = cell_of(where)
    if cell is None:
        raise WorkbookError(
            f"images: {safe_repr(where)} is not a cell", hint='e.g. images={"Summary!H2": "burn-up.png"}'
        )
    sheet, row, column = cell
    picture = image if isinstance(image, Picture) else Picture(image)
    content = _content(picture.image, where)
    suffix, size = natural_size(content, where)
    if picture.width is not None:
        if not 1 <= picture.width <= 10_000:
            raise WorkbookError(
                f"images: the width {safe_repr(picture.width)} of the picture at {where} is not in pixels",
                hint="e.g. width=480",
            )
        width = round(picture.width * EMU_PIXEL)
        size = (width, max(round(width * size[1] / size[0]), 1))
    alt = one_line(picture.alt if picture.alt is not None else _described(picture.image), _MOST_ALT)
    return PlacedPicture(sheet, row, column, content, suffix, size, alt, picture.width is not None)


def _content(image: Any, where: str) -> bytes:
    if isinstance(image, bytes | bytearray | memoryview):
        return bytes(image)
    if isinstance(image, str | os.PathLike):
        path = given_path(image)
        try:
            return path.read_bytes()
        except OSError as error:
            raise file_error(error, f"the picture {path}", "read") from None
    # Figures and seaborn's grids have `savefig`, Pillow's images `save`; axes know their figure.
    drawn = image if hasattr(image, "savefig") else getattr(image, "figure", image)
    save = getattr(drawn, "savefig", None) or getattr(drawn, "save", None)
    if not callable(save) or isinstance(image, type):
        raise WorkbookError(
            f"images: cannot draw a {type(image).__name__} at {where}",
            hint="give a PNG, JPEG or GIF file, its bytes, or a matplotlib figure",
        )
    file = io.BytesIO()
    save(file, format="png")
    return file.getvalue()


def _described(image: Any) -> str:
    """Return the default alternative text: a file's name, or the titles of a figure."""
    if isinstance(image, str | os.PathLike):
        return Path(image).stem.replace("_", " ").replace("-", " ")
    figure: Any = image if hasattr(image, "savefig") else getattr(image, "figure", None)
    if not hasattr(figure, "get_suptitle"):
        return "Picture"
    titles = [figure.get_suptitle(), *(each.get_title() for each in figure.axes)]
    return clip("; ".join(filter(None, map(str, titles))), _MOST_ALT) or "Picture"


def natural_size(content: bytes, where: str) -> tuple[str, tuple[int, int]]:
    """Return the suffix of a picture's kind, and its size in English metric units.

    Raises
    ------
    WorkbookError
        If it is not a PNG, JPEG or GIF.
    """
    try:
        suffix, pixels, dpi = _header(content)
    except (struct.error, IndexError):
        suffix, pixels, dpi = "", (0, 0), (0.0, 0.0)
    if not suffix or min(pixels) < 1:
        raise WorkbookError(
            f"images: the picture at {where} is not a PNG, JPEG or GIF", hint="save it as PNG first"
        )
    width, height = (
        max(
            round(
                count * _EMU_INCH / (each if _LEAST_DPI <= min(dpi) <= max(dpi) <= _MOST_DPI else _USUAL_DPI)
            ),
            1,
        )
        for count, each in zip(pixels, dpi, strict=True)
    )
    return suffix, (width, height)


def _header(content: bytes) -> tuple[str, tuple[int, int], tuple[float, float]]:
    """Return the suffix, the size in pixels and the dots per inch from the header of a picture."""
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png", struct.unpack_from(">2L", content, 16), _png_dpi(content)
    if content.startswith((b"GIF87a", b"GIF89a")):
        return "gif", struct.unpack_from("<2H", content, 6), (_USUAL_DPI, _USUAL_DPI)
    if content.startswith(b"\xff\xd8\xff"):
        return "jpeg", *_jpeg(content)
    return "", (0, 0), (0.0, 0.0)


def _png_dpi(content: bytes) -> tuple[float, float]:
    place = 8
    while place + 8 <= len(content):
        length, kind = struct.unpack_from(">L4s", content, place)
        if kind == b"pHYs":
            across, down, metres = struct.unpack_from(">2LB", content, place + 8)
            return (across * 0.0254, down * 0.0254) if metres == 1 else (_USUAL_DPI, _USUAL_DPI)
        if kind == b"IDAT":
            break
        place += 12 + length
    return _USUAL_DPI, _USUAL_DPI


def _jpeg(content: bytes) -> tuple[tuple[int, int], tuple[float, float]]:
    dpi = (_USUAL_DPI, _USUAL_DPI)
    place = 2
    while True:
        mark, kind = struct.unpack_from(">2B", content, place)
        if mark != 0xFF:
            return (0, 0), dpi
        if kind == 0xFF:
            # Markers may be padded.
            place += 1
            continue
        (length,) = struct.unpack_from(">H", content, place + 2)
        if kind in _FRAMES:
            height, width = struct.unpack_from(">2H", content, place + 5)
            return (width, height), dpi
        if kind == 0xE0 and content[place + 4 : place + 9] == b"JFIF\0":
            unit, across, down = struct.unpack_from(">B2H", content, place + 11)
            # Per inch, per centimetre, or only the ratio of the sides of a pixel.
            inch = {1: 1.0, 2: 2.54}.get(unit, 0.0)
            dpi = (across * inch, down * inch)
        place += 2 + length
