"""A file is replaced whole or not at all."""

from __future__ import annotations

import contextlib
import logging
import os
import platform
import secrets
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO

from schedkit import context
from schedkit.errors import WorkbookError
from schedkit.values.processes import alive

_SUFFIX = ".schedkit-part"
_DAY_SECONDS = 86_400


def replace_whole(
    path: Path, fill: Callable[[IO[bytes]], None], *, now: Callable[[], float] = time.time
) -> Path:
    """Let `fill` write a new file, then put it in the place of `path`; returns where it is.

    The new file grows under another name in the same folder and is flushed to the disk before it takes
    the place of the old one, so that whatever ends the process leaves either the old file or the new one.
    A target that may not be replaced (open in Excel on Windows) leaves the new file beside it.

    Raises
    ------
    WorkbookError
        If the folder cannot be written to.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        sweep(path, now())
        part = path.with_name(f".{path.name}.{_host()}-{os.getpid()}-{secrets.token_hex(4)}{_SUFFIX}")
        file = part.open("xb+")
    except OSError as error:
        raise WorkbookError(
            f"cannot write in the folder {path.parent}: {error.strerror or error}",
            hint="choose a folder you may write to",
        ) from None
    try:
        with file:
            fill(file)
            file.flush()
            os.fsync(file.fileno())
        return _put(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def _put(part: Path, path: Path) -> Path:
    target = path
    for attempt in range(2, 100):
        try:
            os.replace(part, target)
        except PermissionError:
            target = path.with_name(f"{path.stem} ({attempt}){path.suffix}")
            continue
        _flush_folder(path.parent)
        if target != path:
            context.log(
                f"{path.name} is open in another program; the new file is {target.name}", logging.WARNING
            )
        return target
    raise WorkbookError(
        f"{path} cannot be replaced, nor can a file be put beside it",
        hint="close it in Excel, or write to another name",
    )


def sweep(path: Path, now: float) -> list[Path]:
    """Remove what killed writers of `path` left behind: their process is gone, or a day has passed."""
    removed = []
    for stale in path.parent.glob(f".{_glob_escape(path.name)}.*{_SUFFIX}"):
        host, pid = stale.name.removesuffix(_SUFFIX).rsplit(".", 1)[1].split("-")[:2]
        with contextlib.suppress(OSError):
            # Where nothing tells, it is taken for dead: an open file cannot be removed there anyway.
            dead = host == _host() and not alive(int(pid), untold=False)
            if dead or now - stale.stat().st_mtime > _DAY_SECONDS:
                stale.unlink()
                removed.append(stale)
    return removed


def _glob_escape(name: str) -> str:
    return "".join(f"[{char}]" if char in "[*?" else char for char in name)


def _host() -> str:
    # Several machines may write into one shared folder; a process id means nothing to another machine.
    return f"{zlib.crc32(platform.node().encode()):08x}"


def _flush_folder(folder: Path) -> None:
    # The rename itself is durable only once the folder is; Windows cannot open folders.
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
