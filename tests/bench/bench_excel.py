"""Workbooks: speed and memory against every installable peer, templates, a million rows, gaps of our loop."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import xlsxwriter

from bench.common import Row, median
from bench.excel_writers import PEERS, issue_like
from schedkit import excel
from schedkit.loop import service

ROWS, MANY = 100_000, 1_000_000
RUNS = 3
GAP_RUNS = 5
GAP_LIMIT_MS = 50.0
MEMORY_LIMIT_MB = 120.0
# How many times faster, where the task names a figure; faster at all everywhere else.
TARGETS = {"pandas + openpyxl": 30.0, "xlsxwriter constant_memory": 8.0}
MODULES = {"fastxlsx": "fastxlsx", "wolfxl": "wolfxl", "rustpy-xlsxwriter": "rustpy_xlsxwriter"}


def rows() -> Iterator[Row]:
    """Every figure of the table."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ours = [measure("schedkit", ROWS, folder) for _ in range(RUNS)]
        seconds, memory = median(r["seconds"] for r in ours), max(r["extra_mb"] for r in ours)
        yield ceiling("excel: extra memory, 100,000 x 30", memory, MEMORY_LIMIT_MB, "MB")
        draw_template(folder / "template.xlsx")
        filled = median(measure("template", ROWS, folder)["seconds"] for _ in range(RUNS))
        yield Row(
            "excel: a template filled, 100,000 x 30",
            filled,
            seconds,
            "plain write",
            "s",
            filled / seconds,
            1.3,
            "<=",
        )
        yield from gaps(folder)
        many = measure("schedkit", MANY, folder)
        yield Row(
            "excel: extra memory, 1,000,000 x 30",
            many["extra_mb"],
            memory,
            "100,000 x 30",
            "MB",
            many["extra_mb"] / memory,
            1.25,
            "<=",
        )
        yield Row(
            "excel: 1,000,000 x 30",
            many["seconds"],
            seconds,
            "100,000 x 30",
            "s",
            many["seconds"] / seconds,
            None,
            "<=",
        )
        for peer in PEERS:
            if peer in MODULES and importlib.util.find_spec(MODULES[peer]) is None:
                print(f"{peer} is not installed")
                continue
            theirs = measure(peer, ROWS, folder)
            yield Row(
                "excel: 100,000 x 30",
                seconds,
                theirs["seconds"],
                f"{peer} ({theirs['extra_mb']:.0f} MB extra, {theirs['file_mb']:.0f} MB file)",
                "s",
                theirs["seconds"] / seconds,
                TARGETS.get(peer, 1.0),
            )


def measure(name: str, count: int, folder: Path) -> dict[str, float]:
    """Run one writer in a process of its own."""
    command = [sys.executable, "-m", "bench.excel_writers", name, str(count), str(folder)]
    told = subprocess.run(command, check=True, capture_output=True, text=True)
    measured: dict[str, float] = json.loads(told.stdout.splitlines()[-1])
    return measured


def ceiling(name: str, value: float, limit: float, unit: str) -> Row:
    return Row(name, value, limit, "the limit", unit, value / limit, 1.0, "<=")


def draw_template(path: Path) -> None:
    """Write a template with a table of the frame's headers and one formatted row."""
    book = xlsxwriter.Workbook(str(path))
    date = book.add_format({"num_format": "yyyy-mm-dd hh:mm"})
    frame = issue_like(1)
    columns = [
        {"header": name, "format": date if frame[name].dtype.kind == "M" else None} for name in frame.columns
    ]
    sheet = book.add_worksheet("Issues")
    sheet.add_table(0, 0, 1, len(columns) - 1, {"columns": columns, "name": "Issues", "data": [["x"] * 30]})
    book.close()


def gaps(folder: Path) -> Iterator[Row]:
    """How long our loop waits for its turn while a thread writes a workbook."""
    frame = issue_like(ROWS)
    path = folder / "gap.xlsx"
    excel.write(frame, path, tz="UTC")
    busy, idle = [], []
    for _ in range(GAP_RUNS):
        started = time.perf_counter()
        busy.append(longest_gap(lambda: excel.write(frame, path, tz="UTC")))
        lasted = time.perf_counter() - started
        # The same span with nothing to do: what the machine itself takes.
        idle.append(longest_gap(lambda: threading.Event().wait(lasted)))  # noqa: B023 (called at once)
    gap = 1000 * (median(busy) - median(idle))
    yield ceiling("excel: gap of our loop beside an export, less idle", max(gap, 0.0), GAP_LIMIT_MS, "ms")


def longest_gap(work: Callable[[], object]) -> float:
    """Seconds of the longest pause between two turns of our loop while `work` runs in a thread."""
    over = threading.Event()

    async def watch() -> float:
        longest, last = 0.0, time.perf_counter()
        while not over.is_set():
            await asyncio.sleep(0.001)
            now = time.perf_counter()
            longest, last = max(longest, now - last), now
        return longest

    watching = service().portal().start_task_soon(watch)
    try:
        work()
    finally:
        over.set()
    return watching.result(10)
