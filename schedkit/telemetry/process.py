"""What this process takes of its machine, under the names that all Prometheus clients use."""

from __future__ import annotations

import os
import time
from pathlib import Path

import msgspec

__all__ = ["ProcessFigures", "process_figures"]

# The files of this process that Linux keeps; elsewhere there are none.
_PROC = Path("/proc/self")
_START_FIELD = 19  # after the name of the program, which may hold blanks


class ProcessFigures(msgspec.Struct, frozen=True, kw_only=True):
    """CPU seconds of all threads and, where the system tells: memory, open files, start (since 1970)."""

    cpu_seconds: float
    resident_bytes: int | None = None
    open_files: int | None = None
    started: float | None = None


def process_figures(proc: Path = _PROC) -> ProcessFigures:
    """Return what this process takes now."""
    cpu = time.process_time()
    try:
        pages = int((proc / "statm").read_text().split()[1])
        return ProcessFigures(
            cpu_seconds=cpu,
            resident_bytes=pages * os.sysconf("SC_PAGE_SIZE"),
            open_files=len(os.listdir(proc / "fd")),
            started=_started(proc),
        )
    except OSError:
        return ProcessFigures(cpu_seconds=cpu)


def _started(proc: Path) -> float:
    """Return when the process started: so many ticks after the system did."""
    ticks = int((proc / "stat").read_text().rpartition(")")[2].split()[_START_FIELD])
    booted = (proc.parent / "stat").read_text().partition("btime ")[2].split()[0]
    return int(booted) + ticks / os.sysconf("SC_CLK_TCK")
