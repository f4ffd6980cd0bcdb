"""Pictures: what files, bytes and figures are taken for, and which sentence refuses the rest."""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import Any

import matplotlib
import pandas as pd
import pytest
from matplotlib.figure import Figure
from PIL import Image

from schedkit.errors import FileError, WorkbookError
from schedkit.excel import Picture
from schedkit.excel.picture import natural_size, placed_pictures

# Made by matplotlib's authors.
OURS_NOT = Path(matplotlib.get_data_path()) / "images"
PIXEL = 9525


def drawn(suffix: str, size: tuple[int, int], **options: Any) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size, "navy").save(file, suffix, **options)
    return file.getvalue()


@pytest.mark.parametrize("name", ["matplotlib.png", "home_large.png", "qt4_editor_options.png"])
def test_files_have_the_size_that_pillow_reads(name: str) -> None:
    path = OURS_NOT / name
    with Image.open(path) as image:
        dpi = image.info.get("dpi", (96, 96))[0]
        expected = tuple(round(count * 96 / dpi) for count in image.size)
    suffix, size = natural_size(path.read_bytes(), "A1")
    assert suffix == "png"
    assert tuple(round(each / PIXEL) for each in size) == expected


@pytest.mark.parametrize(
    ("content", "suffix", "pixels"),
    [
        (drawn("png", (30, 20)), "png", (30, 20)),
        (drawn("png", (300, 150), dpi=(300, 300)), "png", (96, 48)),
        # A resolution that no screen has is a mistake of whoever wrote the file.
        (drawn("png", (300, 150), dpi=(1, 1)), "png", (300, 150)),
        (drawn("gif", (30, 20)), "gif", (30, 20)),
        (drawn("jpeg", (30, 20)), "jpeg", (30, 20)),
        (drawn("jpeg", (300, 150), dpi=(150, 150)), "jpeg", (192, 96)),
        (drawn("jpeg", (30, 20), progressive=True, comment=b"x" * 500), "jpeg", (30, 20)),
    ],
)
def test_sizes(content: bytes, suffix: str, pixels: tuple[int, int]) -> None:
    found, size = natural_size(content, "A1")
    assert found == suffix
    assert tuple(round(each / PIXEL) for each in size) == pixels


def test_a_jpeg_may_tell_dots_per_centimetre_and_pad_its_markers() -> None:
    jfif = b"JFIF\0\1\1\2" + struct.pack(">2H", 50, 50) + b"\0\0"
    head = b"\xff\xd8\xff\xe0" + struct.pack(">H", len(jfif) + 2) + jfif
    frame = b"\xff\xff\xc0" + struct.pack(">HB2HB", 11, 8, 127, 254, 1) + b"\0\0\0"
    _, size = natural_size(head + frame, "A1")
    assert tuple(round(each / 914_400, 2) for each in size) == (2.0, 1.0)


def test_a_png_may_tell_only_the_shape_of_its_pixels() -> None:
    png = drawn("png", (300, 150), dpi=(300, 300))
    place = png.index(b"pHYs") + 12
    _, size = natural_size(png[:place] + b"\0" + png[place + 1 :], "A1")
    assert round(size[0] / PIXEL) == 300


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"GIF89a",
        b"<svg/>",
        drawn("bmp", (3, 3)),
        drawn("png", (3, 3))[:20],
        drawn("jpeg", (30, 20))[:100],
        b"\xff\xd8\xff\xe0\x00\x04\0\0nonsense",
    ],
)
def test_what_is_no_picture_is_refused(content: bytes) -> None:
    with pytest.raises(WorkbookError, match=r"picture at H2 is not a PNG, JPEG or GIF .save it as PNG first"):
        placed_pictures({"H2": content})


def test_a_figure_is_drawn_and_its_titles_are_its_alternative_text() -> None:
    figure = Figure(figsize=(4, 3))
    left, right = figure.subplots(1, 2)
    left.set_title("Created")
    right.set_title("Resolved")
    figure.suptitle("Bugs")
    (placed,) = placed_pictures({"$B$3": figure})
    assert (placed.sheet, placed.row, placed.column, placed.suffix) == (None, 3, 2, "png")
    assert placed.alt == "Bugs; Created; Resolved"
    assert [round(each / 914_400, 2) for each in placed.size] == [4.0, 3.0]
    # Axes stand for the figure that they are part of.
    assert placed_pictures({"B3": left})[0].content == placed.content
    assert placed_pictures({"B3": Figure()})[0].alt == "Picture"


def test_pillow_images_bytes_and_paths(tmp_path: Path) -> None:
    path = tmp_path / "burn-up_web.png"
    Image.new("RGB", (8, 6)).save(path)
    placed = placed_pictures(
        {
            "A1": str(path),
            "'Web''s bugs'!H2": Picture(path.read_bytes(), alt="Two\nlines", width=80),
            "Summary!c4": Image.new("RGB", (8, 6)),
        }
    )
    assert [each.alt for each in placed] == ["burn up web", "Two lines", "Picture"]
    assert [each.sheet for each in placed] == [None, "Web's bugs", "Summary"]
    assert placed[1].size == (80 * PIXEL, 60 * PIXEL)
    assert (placed[2].row, placed[2].column) == (4, 3)


@pytest.mark.parametrize("where", ["", "H", "2", "H0", "ABCD2", "A1048577", "XFE1", "A1:B2", "Summary!"])
def test_a_key_that_is_no_cell(where: str) -> None:
    with pytest.raises(WorkbookError, match=r"is not a cell .e\.g\. images="):
        placed_pictures({where: drawn("png", (3, 3))})


@pytest.mark.parametrize("width", [0, -5, 20_000, float("nan")])
def test_a_width_in_pixels(width: float) -> None:
    with pytest.raises(WorkbookError, match="is not in pixels"):
        placed_pictures({"A1": Picture(drawn("png", (3, 3)), width=width)})


@pytest.mark.parametrize("image", [None, 5, pd.DataFrame(), Figure])
def test_what_draws_nothing(image: object) -> None:
    with pytest.raises(WorkbookError, match=r"cannot draw a .* at A1 .give a PNG"):
        placed_pictures({"A1": image})


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"none\.png"):
        placed_pictures({"A1": tmp_path / "none.png"})
