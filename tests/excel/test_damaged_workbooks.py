"""Damaged and hostile workbooks: each is still filled, or one error of one line; nothing half-written."""

from __future__ import annotations

import contextlib
import io
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path

import matplotlib
import pytest
from support.excel_templates import issues_frame
from support.excel_zoo import parts_of, zoo
from support.workbook_checks import unjudged
from support.workbook_damage import damaged_workbook

from schedkit import excel
from schedkit.errors import SchedkitError, WorkbookError

# In ordinary tests a part of what `make thorough` tries.
SEEDS = 3000 if os.environ.get("SCHEDKIT_THOROUGH") else 200
REAL = ("CellValues", "PivotTables", "EditingComments", "BasicTable", "ArrayFormula", "3d-reference")
MODES = ("replace", "append", "upsert")
SHEET = "xl/worksheets/sheet1.xml"


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory, shared_data: Path) -> list[bytes]:
    """Workbooks of ours and of other programs."""
    folder = tmp_path_factory.mktemp("good")
    own = excel.write(issues_frame(20), folder / "own.xlsx", summary=True, totals=True).path
    real = [(shared_data / "excel/closedxml" / f"{name}.xlsx").read_bytes() for name in REAL]
    return [own.read_bytes(), zoo(folder / "zoo.xlsx").read_bytes(), *real]


@pytest.mark.parametrize("fifth", range(5))
def test_a_damaged_template_is_filled_or_told(fifth: int, good: list[bytes], tmp_path: Path) -> None:
    told = []
    for seed in range(fifth, SEEDS, 5):
        path = tmp_path / "bad.xlsx"
        path.write_bytes(damaged_workbook(good[seed % len(good)], seed))
        mode = MODES[seed % 3]
        key = "Key" if mode == "upsert" else None
        with contextlib.ExitStack() as stack:
            stack.enter_context(unjudged())
            refused = stack.enter_context(told_in_one_line(seed))
            excel.write(issues_frame(3), tmp_path / "out.xlsx", template=path, mode=mode, key=key)
        told += refused
        (tmp_path / "out.xlsx").unlink(missing_ok=True)
        left = {file.name for file in tmp_path.iterdir() if not file.name.endswith(".lock")}
        assert left == {"bad.xlsx"}, seed
    assert len(told) > SEEDS // 20


def test_a_damaged_workbook_is_read_or_told(good: list[bytes], tmp_path: Path) -> None:
    told = []
    for seed in range(SEEDS):
        path = tmp_path / "bad.xlsx"
        path.write_bytes(damaged_workbook(good[seed % len(good)], seed))
        with told_in_one_line(seed) as refused:
            excel.read_all(path)
        told += refused
    assert SEEDS // 20 < len(told) < SEEDS


def test_a_damaged_workbook_is_continued_or_told(good: list[bytes], tmp_path: Path) -> None:
    told = []
    image = Path(matplotlib.get_data_path()) / "images" / "matplotlib.png"
    options = (
        {"mode": "append", "summary": True},
        {"mode": "upsert", "key": "Key", "missing": "mark"},
        {"mode": "append", "sheet": "New", "images": {"New!H2": image}},
        {"sheet": "New", "at": "B4", "properties": {"author": "Ada"}},
    )
    for seed in range(SEEDS):
        path = tmp_path / "bad.xlsx"
        # Ours is the only one that is always continued; half of the damaged ones are.
        path.write_bytes(damaged_workbook(good[seed % len(good) * (seed // len(good) % 2)], seed))
        with unjudged(), told_in_one_line(seed) as refused:
            excel.write(issues_frame(3), path, **options[seed % len(options)])
        told += refused
    assert SEEDS // 20 < len(told) < SEEDS


@contextlib.contextmanager
def told_in_one_line(seed: int) -> Iterator[list[str]]:
    """Let the block end well or with an error of ours; give the messages."""
    messages: list[str] = []
    with contextlib.suppress(SchedkitError):
        try:
            yield messages
        except SchedkitError as error:
            messages.append(str(error))
            raise
    assert all("\n" not in message and len(message) < 1000 for message in messages), (seed, messages)


def rezipped(path: Path, changes: dict[str, bytes]) -> Path:
    parts = {**parts_of(path), **changes}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as package:
        for name, content in parts.items():
            package.writestr(name, content)
    return path


def test_a_part_that_unpacks_without_bounds_is_refused(tmp_path: Path) -> None:
    template = rezipped(zoo(tmp_path / "t.xlsx"), {"xl/media/image1.png": bytes(60_000_000)})
    with pytest.raises(
        WorkbookError, match=r"image1\.png of t\.xlsx unpacks from [0-9,]+ to 60,000,000 bytes"
    ):
        excel.write(issues_frame(1), tmp_path / "f.xlsx", template=template, sheet="Issues")
    sheet = parts_of(template)[SHEET] + b" " * 60_000_000
    rezipped(zoo(tmp_path / "t.xlsx"), {SHEET: sheet})
    with pytest.raises(WorkbookError, match="which is more than is accepted"):
        excel.write(issues_frame(1), tmp_path / "f.xlsx", template=template, sheet="Issues")


def test_entities_are_refused(tmp_path: Path) -> None:
    laughs = (
        b'<!DOCTYPE a [<!ENTITY a "'
        + b"x" * 99
        + b'">'
        + b"".join(b'<!ENTITY a%d "%s">' % (n, b"&a;" * 9) for n in range(9))
        + b"]>"
    )
    for part in (
        SHEET,
        "xl/workbook.xml",
        "xl/styles.xml",
        "xl/tables/table1.xml",
        "xl/_rels/workbook.xml.rels",
    ):
        path = zoo(tmp_path / "t.xlsx")
        head, tail = parts_of(path)[part].split(b"?>", 1)
        rezipped(path, {part: head + b"?>" + laughs + tail})
        with pytest.raises(WorkbookError, match="it has a document type declaration"):
            excel.write(issues_frame(1), tmp_path / "f.xlsx", template=path)


def test_a_part_that_is_copied_is_judged_too(tmp_path: Path) -> None:
    data = bytearray(zoo(tmp_path / "t.xlsx").read_bytes())
    with zipfile.ZipFile(io.BytesIO(data)) as package:
        info = package.getinfo("xl/media/image1.png")
    data[info.header_offset + 30 + len(info.filename) + 5] ^= 0xFF
    (tmp_path / "t.xlsx").write_bytes(data)
    with pytest.raises(WorkbookError, match=r"cannot read the part xl/media/image1\.png of t\.xlsx"):
        excel.write(issues_frame(1), tmp_path / "f.xlsx", template=tmp_path / "t.xlsx")


def test_encrypted_and_unknown_compression_are_told(tmp_path: Path) -> None:
    for offset, value in ((6, 1), (8, 99)):
        data = bytearray(zoo(tmp_path / "t.xlsx").read_bytes())
        start = data.index(b"PK\x01\x02")
        while start >= 0:  # the flags, or the method, of each entry of the directory
            data[start + offset + 2] = value
            start = data.find(b"PK\x01\x02", start + 4)
        (tmp_path / "t.xlsx").write_bytes(data)
        with pytest.raises(WorkbookError, match="cannot read the part"):
            excel.write(issues_frame(1), tmp_path / "f.xlsx", template=tmp_path / "t.xlsx")
