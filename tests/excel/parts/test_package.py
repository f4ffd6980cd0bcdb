"""Zips beyond four gigabytes, judged by Python's own zipfile."""

from __future__ import annotations

import zipfile
from pathlib import Path

from schedkit.excel.parts.package import Package, Writer


def test_a_part_beyond_four_gigabytes(tmp_path: Path) -> None:
    chunk = memoryview(bytes(1 << 26))
    with (tmp_path / "large.zip").open("xb+") as file, Writer(file) as writer:
        writer.add("first", [b"one"])
        writer.add("large", (chunk for _ in range(70)), large=True)
        writer.add("last", [b"three"])
    with zipfile.ZipFile(tmp_path / "large.zip") as package:
        assert [(info.filename, info.file_size) for info in package.infolist()] == [
            ("first", 3),
            ("large", 70 << 26),
            ("last", 5),
        ]
        assert package.read("last") == b"three"
        with package.open("large") as large:
            assert large.read(1 << 20) == bytes(1 << 20)


def test_parts_that_lie_beyond_four_gigabytes(tmp_path: Path) -> None:
    path = tmp_path / "sparse.zip"
    with path.open("xb+") as file:
        # A hole stands for what was written before: it takes no room on the disk.
        file.seek(5 << 30)
        with Writer(file) as writer:
            writer.add("one", [b"first part"])
            writer.add("two", [b"second ", memoryview(b"part")], large=True)
    with zipfile.ZipFile(path) as package:
        assert package.testzip() is None
        assert package.read("one") == b"first part"
        assert package.read("two") == b"second part"
        assert package.getinfo("one").header_offset == 5 << 30


def test_parts_are_copied_as_they_lie(tmp_path: Path) -> None:
    source = tmp_path / "source.zip"
    with zipfile.ZipFile(source, "w") as package:
        package.writestr("[Content_Types].xml", b"types")
        package.writestr(zipfile.ZipInfo("st\u00f6red", (2024, 2, 29, 12, 34, 56)), b"as it is")
        package.writestr("packed", b"x" * 5000, zipfile.ZIP_DEFLATED, 9)
    old = Package(source.read_bytes(), "source.zip")
    with (tmp_path / "copy.zip").open("xb+") as file, Writer(file) as writer:
        for name in old.names():
            writer.copy(old, name)
    new = Package((tmp_path / "copy.zip").read_bytes(), "copy.zip")
    for name in old.names():
        (before, raw_before), (after, raw_after) = old.raw(name), new.raw(name)
        assert bytes(raw_before) == bytes(raw_after)
        assert before.date_time == after.date_time
        assert before.CRC == after.CRC
        assert new.read(name) == old.read(name)
