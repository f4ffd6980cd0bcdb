"""Lock files that Excel and LibreOffice write beside an open workbook.

Windows refuses to replace an open workbook; on other systems these files are the only sign.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

from schedkit.values.text import one_line

__all__ = ["opened_by"]

_MOST_BYTES = 1024


def opened_by(path: Path) -> str | None:
    """Return the program that has `path` open, with its user if the owner file names one; else None."""
    for name, program, owner in (
        (f"~${path.name}", "Excel", _excel_owner),
        (f".~lock.{path.name}#", "LibreOffice", _office_owner),
    ):
        file = path.with_name(name)
        with contextlib.suppress(OSError):
            if not file.is_file():
                continue
            content = b""
            # Excel on Windows denies reading its owner file.
            with contextlib.suppress(OSError), file.open("rb") as opened:
                content = opened.read(_MOST_BYTES)
            person = one_line(owner(content), 60)
            return f"{program} ({person})" if person else program
    return None


def _excel_owner(content: bytes) -> str:
    # One byte says how long the name behind it is; the same in UTF-16 follows at a fixed place.
    length = content[0] if content else 0
    wide = content[57 : 57 + 2 * length] if len(content) >= 57 + 2 * length else b""
    text = wide.decode("utf-16-le", "replace") or content[1 : 1 + length].decode("latin-1")
    return text.strip("\0 ")


def _office_owner(content: bytes) -> str:
    name, user, *_ = [*content.decode("utf-8", "replace").lstrip().split(","), "", ""]
    return name.strip() or user.strip()
