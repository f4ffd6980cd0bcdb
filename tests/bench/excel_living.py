"""One step in the life of a workbook, in a process of its own: prints seconds and extra memory as JSON.

Run as ``python -m bench.excel_living STEP ROWS FOLDER``; "write" makes the workbook that the others continue
or read.
"""

from __future__ import annotations

import json
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from bench.excel_writers import Watch, issue_like
from schedkit import excel

FEW = 10
LIVING = "living.xlsx"


def issues(rows: int) -> pd.DataFrame:
    """Return `rows` issues with 31 columns."""
    frame = issue_like(rows)
    frame["Team"] = frame["Status"].astype("str")
    return frame


def write(path: Path, frame: pd.DataFrame) -> None:
    excel.write(frame, path, tz="UTC")


def append(path: Path, frame: pd.DataFrame) -> None:
    written = excel.write(frame, path, tz="UTC", mode="append")
    assert written.added == FEW


def upsert(path: Path, frame: pd.DataFrame) -> None:
    written = excel.write(frame, path, tz="UTC", mode="upsert", key="Key")
    assert written.updated == FEW


def read(path: Path, frame: pd.DataFrame) -> None:
    assert excel.read(path).dtypes["Created"] == frame.dtypes["Created"]


def calamine(path: Path, frame: pd.DataFrame) -> None:
    assert list(pd.read_excel(path, engine="calamine").columns) == list(frame.columns)


STEPS: dict[str, Callable[[Path, pd.DataFrame], None]] = {
    "write": write,
    "append": append,
    "upsert": upsert,
    "read": read,
    "calamine + pandas": calamine,
}


def main(step: str, rows: int, folder: Path) -> None:
    work = STEPS[step]
    few = issues(FEW)
    # Imports and first-use tables are not what a step costs.
    warm = folder / "warm.xlsx"
    write(warm, few)
    work(warm, few)
    path, frame = folder / LIVING, few
    if step == "write":
        frame = issues(rows)
    elif step in ("append", "upsert"):
        path = Path(shutil.copy(path, folder / f"{step}.xlsx"))
    with Watch() as watch:
        started = time.perf_counter()
        work(path, frame)
        seconds = time.perf_counter() - started
    print(json.dumps({"seconds": seconds, "extra_mb": watch.peak - watch.start}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))
