"""Every workbook that a test writes is judged as it is written."""

from __future__ import annotations

import functools
import io
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, Any

from support.workbook_validator import violations

# Larger ones are tests of size; judging them takes longer than writing them.
_MOST_BYTES = 5_000_000

# The modules that rewrite workbooks, each by a name of its own.
WRITERS = [
    "schedkit.excel.fill",
    *(f"schedkit.excel.template.{name}" for name in ("copy_sheets", "pictures", "properties")),
]
_judging = True


@contextmanager
def unjudged() -> Iterator[None]:
    """Write without being judged: what was damaged before may be unfit still."""
    global _judging
    _judging = False
    try:
        yield
    finally:
        _judging = True


def judge_what_is_written() -> None:
    """Let the writer, if it is loaded, refuse a workbook that Excel would have to repair."""
    for name in WRITERS:
        module = sys.modules.get(name)
        if module is not None and not hasattr(module.rewrite, "__wrapped__"):
            module.rewrite = _judged(module.rewrite)


def _judged(rewrite: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(rewrite)
    def judged(package: Any, changes: Any, file: IO[bytes]) -> None:
        start = file.tell()
        rewrite(package, changes, file)
        if _judging and file.tell() - start < _MOST_BYTES:
            file.seek(start)
            # What a template suffers from already is not the writer's.
            before = set() if package.name == "the new workbook" else violations(package.data)
            found = violations(file.read()) - before
            assert not found, f"{package.name}: {sorted(found)}"
        file.seek(0, io.SEEK_END)

    return judged
