"""A workbook as what it is: a zip of parts. Untouched parts are copied compressed, byte for byte."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

from isal import isal_zlib

from schedkit.errors import SchedkitError, WorkbookError
from schedkit.values.failures import reason, translated
from schedkit.values.limits import MAX_ZIP_MEMBER_BYTES, unpacked_limit
from schedkit.values.text import one_line

# What zipfile raises for damaged or encrypted entries besides its own BadZipFile.
_DAMAGE = (NotImplementedError, RuntimeError, ValueError, OSError, struct.error, OverflowError, IndexError)
_LOCAL = struct.Struct("<4s5H3L2H")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_END = struct.Struct("<4s4H2LH")
_END64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR = struct.Struct("<4sLQL")
_DEFLATED = 8
_UTF8_NAME = 0x800
_DESCRIPTOR_FOLLOWS = 0x8
_ENCRYPTED = 0x1
_HUGE = 0xFFFFFFFF
# So much is compressed in one go: other threads wait no longer than that takes.
_BITE = 1 << 20
# 1980-01-01, the first day a zip can tell, as every spreadsheet program writes it.
_NO_TIME, _NO_DATE = 0, 33


class Package:
    """The parts of a workbook, read from its bytes.

    Raises
    ------
    WorkbookError
        If the bytes are not a workbook, or are damaged. So does every read of a part.
    """

    def __init__(self, data: bytes, name: str) -> None:
        self.name = name
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(data))
            self._zip.getinfo("[Content_Types].xml")
        except (zipfile.BadZipFile, KeyError, *_DAMAGE):
            raise WorkbookError(
                f"{name} is not an .xlsx or .xlsm workbook",
                hint="an .xls, .xlsb or password-protected file must first be saved as .xlsx",
            ) from None
        self.data = data
        # The names of parts do not depend on their case (ECMA-376 part 2, 6.2.2.3).
        self._names = {each.casefold(): each for each in self._zip.namelist() if not each.endswith("/")}

    def __contains__(self, part: str) -> bool:
        return part.casefold() in self._names

    def names(self) -> list[str]:
        """Return the names of the parts, in the order of the file."""
        return list(self._names.values())

    def named(self, part: str) -> str:
        """Return the name of a part as the file has it."""
        return self._names.get(part.casefold(), part)

    def read(self, part: str) -> bytes:
        """Return the content of a part."""
        with self._guarded(part) as info:
            if info.compress_type != zipfile.ZIP_DEFLATED or info.flag_bits & _ENCRYPTED:
                return self._zip.read(info)
            # As zipfile does it, in a third of the time.
            inflate = isal_zlib.decompressobj(-15)
            content: bytes = inflate.decompress(self._packed(info), info.file_size + 1)
            if len(content) != info.file_size or isal_zlib.crc32(content) != info.CRC:
                raise zipfile.BadZipFile(f"bad CRC-32 of {info.filename}")
            return content

    def open(self, part: str) -> PartFile:
        """Open the content of a part as a stream."""
        with self._guarded(part) as info:
            return PartFile(self._zip.open(info), f"the part {part} of {self.name}")

    def raw(self, part: str) -> tuple[zipfile.ZipInfo, memoryview]:
        """Return a part as it lies in the file, compressed, once its content is known to be whole."""
        with self.open(part) as file:
            while file.read(_BITE):
                pass
        with self._guarded(part) as info:
            return info, self._packed(info)

    def _packed(self, info: zipfile.ZipInfo) -> memoryview:
        name_length, extra_length = struct.unpack_from("<2H", self.data, info.header_offset + 26)
        start = info.header_offset + 30 + name_length + extra_length
        return memoryview(self.data)[start : start + info.compress_size]

    @contextmanager
    def _guarded(self, part: str) -> Iterator[zipfile.ZipInfo]:
        """Give a part's entry; what reading it raises becomes an error of ours."""
        info = self._zip.getinfo(self.named(part))
        if info.file_size > unpacked_limit(info.compress_size, MAX_ZIP_MEMBER_BYTES):
            raise WorkbookError(
                f"the part {part} of {self.name} unpacks from {info.compress_size:,} to"
                f" {info.file_size:,} bytes, which is more than is accepted",
                hint="get the workbook from a source that you trust",
            )
        with damage_told(f"the part {part} of {self.name}"):
            yield info


@contextmanager
def damage_told(what: str) -> Iterator[None]:
    """Raise a `WorkbookError` for whatever reading damaged data raises in the ``with`` block.

    Only for blocks that read: a `ValueError` in any other one would be misread.
    """
    with translated(what, WorkbookError):
        try:
            yield
        except SchedkitError:
            raise
        except (LookupError, *_DAMAGE) as error:
            if reason(error) is not None:
                raise
            told = one_line(str(error), 100)
            raise WorkbookError(
                f"cannot read {what}: it is damaged: {told}", hint="get an undamaged copy of it"
            ) from None


class PartFile:
    """The content of a part as a stream; reading a damaged one raises an error of ours."""

    def __init__(self, file: IO[bytes], what: str) -> None:
        self._file, self._what = file, what

    def __enter__(self) -> PartFile:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def read(self, size: int = -1) -> bytes:
        """Return up to `size` bytes, or all that is left."""
        with damage_told(self._what):
            return self._file.read(size)


@dataclass(frozen=True)
class _Entry:
    name: bytes
    flags: int
    method: int
    time: int
    date: int
    crc: int
    packed: int
    size: int
    offset: int


class Writer:
    """Writes a zip to a seekable file, part after part."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._entries: list[_Entry] = []

    def copy(self, package: Package, part: str) -> None:
        """Copy a part of another workbook without unpacking it."""
        info, packed = package.raw(part)
        year, month, day, hour, minute, second = info.date_time
        entry = _Entry(
            name=part.encode(),
            # Sizes are in the header here, so no descriptor follows.
            flags=(info.flag_bits & ~_DESCRIPTOR_FOLLOWS) | _UTF8_NAME,
            method=info.compress_type,
            time=hour << 11 | minute << 5 | second // 2,
            date=(year - 1980) << 9 | month << 5 | day,
            crc=info.CRC,
            packed=info.compress_size,
            size=info.file_size,
            offset=self._file.tell(),
        )
        self._file.write(_local(entry, large=info.file_size >= _HUGE))
        self._file.write(packed)
        self._entries.append(entry)

    def add(self, part: str, chunks: Iterable[bytes | memoryview], *, large: bool = False) -> None:
        """Compress a part, chunk after chunk; `large` if it may exceed 4 GB."""
        offset = self._file.tell()
        blank = _Entry(part.encode(), _UTF8_NAME, _DEFLATED, _NO_TIME, _NO_DATE, 0, 0, 0, offset)
        self._file.write(_local(blank, large=large))
        deflate = isal_zlib.compressobj(1, isal_zlib.DEFLATED, -15)
        crc = size = packed = 0

        def press(chunk: bytes | memoryview) -> None:
            nonlocal crc, size, packed
            whole = memoryview(chunk)
            size += len(whole)
            for start in range(0, len(whole), _BITE):
                bite = whole[start : start + _BITE]
                crc = isal_zlib.crc32(bite, crc)
                packed += self._file.write(deflate.compress(bite))

        # One chunk is compressed while the next is rendered: both sides leave the GIL to each other.
        with ThreadPoolExecutor(1) as presser:
            pressing = presser.submit(press, b"")
            for chunk in chunks:
                pressing.result()
                pressing = presser.submit(press, chunk)
            pressing.result()
        packed += self._file.write(deflate.flush())
        end = self._file.tell()
        entry = _Entry(part.encode(), _UTF8_NAME, _DEFLATED, _NO_TIME, _NO_DATE, crc, packed, size, offset)
        self._file.seek(offset)
        self._file.write(_local(entry, large=large))
        self._file.seek(end)
        self._entries.append(entry)

    def close(self) -> None:
        """Write the directory; the file itself stays open."""
        start = self._file.tell()
        for entry in self._entries:
            self._file.write(_central(entry))
        size = self._file.tell() - start
        count = len(self._entries)
        if start + size >= _HUGE:
            end64 = self._file.tell()
            self._file.write(_END64.pack(b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, size, start))
            self._file.write(_LOCATOR.pack(b"PK\x06\x07", 0, end64, 1))
        self._file.write(_END.pack(b"PK\x05\x06", 0, 0, count, count, min(size, _HUGE), min(start, _HUGE), 0))


def _local(entry: _Entry, *, large: bool) -> bytes:
    extra = struct.pack("<2H2Q", 1, 16, entry.size, entry.packed) if large else b""
    sizes = (_HUGE, _HUGE) if large else (entry.packed, entry.size)
    header = _LOCAL.pack(
        b"PK\x03\x04",
        45 if large else 20,
        entry.flags,
        entry.method,
        entry.time,
        entry.date,
        entry.crc,
        *sizes,
        len(entry.name),
        len(extra),
    )
    return header + entry.name + extra


def _central(entry: _Entry) -> bytes:
    numbers = (entry.size, entry.packed, entry.offset)
    large = [number for number in numbers if number >= _HUGE]
    extra = struct.pack(f"<2H{len(large)}Q", 1, 8 * len(large), *large) if large else b""
    version = 45 if large else 20
    header = _CENTRAL.pack(
        b"PK\x01\x02",
        version,
        version,
        entry.flags,
        entry.method,
        entry.time,
        entry.date,
        entry.crc,
        min(entry.packed, _HUGE),
        min(entry.size, _HUGE),
        len(entry.name),
        len(extra),
        0,
        0,
        0,
        0,
        min(entry.offset, _HUGE),
    )
    return header + entry.name + extra
