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
# Rows of a workbook that people keep for long, and what continuing it may cost.
LIVING_ROWS, LIVING_MEMORY_MB = 20_000, 300.0
RUNS = 3
# A peer slower than this is run once.
SLOW_SECONDS = 10.0
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
        memory = max(run["extra_mb"] for run in ours)
        yield ceiling("excel: extra memory, 100,000 x 30", memory, MEMORY_LIMIT_MB, "MB")
        draw_template(folder / "template.xlsx")
        yield against("excel: a template filled, 100,000 x 30", "template", "schedkit", folder, 1.3)
        yield from living(folder)
        yield from gaps(folder)
        many = measure("schedkit", MANY, folder)
        told = "excel: extra memory, 1,000,000 x 30"
        more = many["extra_mb"]
        yield Row(told, more, memory, "100,000 x 30", "MB", more / memory, 1.25, "<=")
        once, lasted = median(run["seconds"] for run in ours), many["seconds"]
        yield Row("excel: 1,000,000 x 30", lasted, once, "100,000 x 30", "s", lasted / once, None, "<=")
        for peer in PEERS:
            if peer in MODULES and importlib.util.find_spec(MODULES[peer]) is None:
                print(f"{peer} is not installed")
                continue
            yield against("excel: 100,000 x 30", "schedkit", peer, folder, TARGETS.get(peer, 1.0))


def against(name: str, ours: str, peer: str, folder: Path, target: float) -> Row:
    """Measure two writers in turns, so that whatever else the machine does meets both."""
    mine, theirs = [], []
    for _ in range(RUNS):
        mine.append(measure(ours, ROWS, folder)["seconds"])
        theirs.append(measure(peer, ROWS, folder))
        if theirs[-1]["seconds"] > SLOW_SECONDS:
            # Once is enough to tell; one more of ours shows whether the machine was busy.
            mine.append(measure(ours, ROWS, folder)["seconds"])
            break
    seconds, other = median(mine), median(run["seconds"] for run in theirs)
    label = f"{peer} ({theirs[0]['extra_mb']:.0f} MB extra, {theirs[0]['file_mb']:.0f} MB file)"
    if peer == "schedkit":
        return Row(name, seconds, other, "plain write", "s", seconds / other, target, "<=")
    return Row(name, seconds, other, label, "s", other / seconds, target)


def living(folder: Path) -> Iterator[Row]:
    """What it costs to continue a workbook with a few rows, and to read it."""
    size = f"{LIVING_ROWS:,} x 31"
    step("write", LIVING_ROWS, folder)
    for name, ours, peer, target in (
        (f"excel: append 10 rows to {size}", "append", "write", 3.0),
        (f"excel: upsert 10 rows of {size}", "upsert", "write", 5.0),
        (f"excel: read {size} with its types", "read", "calamine + pandas", 1.5),
    ):
        turns = [(step(ours, LIVING_ROWS, folder), step(peer, LIVING_ROWS, folder)) for _ in range(RUNS)]
        mine, theirs = (median(run["seconds"] for run in runs) for runs in zip(*turns, strict=True))
        label = "plain write" if peer == "write" else peer
        yield Row(name, mine, theirs, label, "s", mine / theirs, target, "<=")
    step("write", ROWS, folder)
    for ours in ("append", "upsert"):
        memory = step(ours, ROWS, folder)["extra_mb"]
        yield ceiling(f"excel: extra memory, {ours} to {ROWS:,} x 31", memory, LIVING_MEMORY_MB, "MB")


def step(name: str, count: int, folder: Path) -> dict[str, float]:
    """Run one step of a workbook's life in a process of its own."""
    return child("bench.excel_living", name, count, folder)


def measure(name: str, count: int, folder: Path) -> dict[str, float]:
    """Run one writer in a process of its own."""
    return child("bench.excel_writers", name, count, folder)


def child(module: str, name: str, count: int, folder: Path) -> dict[str, float]:
    """Run a module in a process of its own; return what its last line tells."""
    command = [sys.executable, "-m", module, name, str(count), str(folder)]
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
