"""One writer, one frame, one process of its own: prints seconds, extra memory and file size as JSON.

Run as ``python -m bench.excel_writers WRITER ROWS FOLDER``. Peers get their dates without a zone, as most
of them refuse one; ours gets them with their zone, and does everything it always does.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

COLUMNS = 30
_WORDS = ["export", "import", "login", "page", "crash", "board", "filter", "timeout", "sprint", "label"]


def issue_like(rows: int) -> pd.DataFrame:
    """Return `rows` issues with 30 columns: 12 of text, 4 categories, 6 times, 4 whole, 4 broken numbers."""
    chance = np.random.default_rng(7)
    words = np.array(_WORDS, dtype=object)
    picked = words[chance.integers(0, len(words), (rows, 6))]
    summaries = picked[:, 0] + " " + picked[:, 1] + " " + picked[:, 2] + " & " + picked[:, 3]
    numbers = np.arange(1, rows + 1).astype("U").astype(object)
    columns: dict[str, object] = {
        "Key": pd.Series("DEMO-" + numbers, dtype="str"),
        "Summary": pd.Series(summaries + " <" + picked[:, 4] + ">", dtype="str"),
    }
    for place in range(10):
        texts = pd.Series(picked[:, place % 6] + " " + numbers, dtype="str")
        columns[f"Text {place}"] = texts.where(chance.random(rows) < 0.8)
    for place, name in enumerate(("Status", "Status Category", "Priority", "Type")):
        columns[name] = pd.Categorical(words[chance.integers(0, 5 + place, rows)])
    for name in ("Created", "Updated", "Resolved", "Started", "Reviewed", "Released"):
        micros = chance.integers(1_600_000_000_000_000, 1_760_000_000_000_000, rows)
        times = pd.Series(micros.view("datetime64[us]")).dt.tz_localize("UTC")
        columns[name] = times if name in ("Created", "Updated") else times.where(chance.random(rows) < 0.6)
    for place in range(4):
        columns[f"Count {place}"] = pd.array(chance.integers(0, 10_000, rows), "Int64")
        columns[f"Ratio {place}"] = chance.random(rows) * 100
    frame = pd.DataFrame(columns)
    frame.attrs["site"] = "https://jira.example.org"
    assert frame.shape == (rows, COLUMNS)
    return frame


def naive(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the frame with its times as wall-clock times of UTC."""
    zoned = {name: frame[name].dt.tz_localize(None) for name in frame if frame[name].dtype.kind == "M"}
    return frame.assign(**zoned)


def records(frame: pd.DataFrame) -> list[list[object]]:
    """Return the rows as lists of Python values, None where one is missing."""
    columns = [
        [
            None if missing else value
            for value, missing in zip(frame[name].tolist(), frame[name].isna(), strict=True)
        ]
        for name in frame
    ]
    return [list(row) for row in zip(*columns, strict=True)]


def schedkit(frame: pd.DataFrame, path: Path) -> None:
    from schedkit import excel

    excel.write(frame, path, tz="UTC")


def template(frame: pd.DataFrame, path: Path) -> None:
    from schedkit import excel

    excel.write(frame, path, tz="UTC", template=path.with_name("template.xlsx"))


def pandas_openpyxl(frame: pd.DataFrame, path: Path) -> None:
    frame.to_excel(path, index=False, engine="openpyxl")


def pandas_xlsxwriter(frame: pd.DataFrame, path: Path) -> None:
    frame.to_excel(path, index=False, engine="xlsxwriter")


def openpyxl_write_only(frame: pd.DataFrame, path: Path) -> None:
    import openpyxl

    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet()
    sheet.append(list(frame.columns))
    for row in records(frame):
        sheet.append(row)
    book.save(path)


def xlsxwriter_constant_memory(frame: pd.DataFrame, path: Path) -> None:
    import xlsxwriter

    book = xlsxwriter.Workbook(
        str(path), {"constant_memory": True, "default_date_format": "yyyy-mm-dd hh:mm"}
    )
    sheet = book.add_worksheet()
    sheet.write_row(0, 0, list(frame.columns))
    for number, row in enumerate(records(frame), 1):
        sheet.write_row(number, 0, row)
    book.close()


def fastxlsx(frame: pd.DataFrame, path: Path) -> None:
    from fastxlsx import WriteOnlyWorkbook

    book = WriteOnlyWorkbook()
    sheet = book.create_sheet("Sheet1")
    sheet.write_row((0, 0), list(frame.columns))
    for place, column in enumerate(zip(*records(frame), strict=True)):
        sheet.write_column((1, place), list(column))
    book.save(str(path))


def wolfxl(frame: pd.DataFrame, path: Path) -> None:
    import wolfxl as library

    book = library.Workbook(write_only=True)
    sheet = book.create_sheet("Sheet1")
    sheet.append(list(frame.columns))
    for row in records(frame):
        sheet.append(row)
    book.save(str(path))


def rustpy_xlsxwriter(frame: pd.DataFrame, path: Path) -> None:
    from rustpy_xlsxwriter import write_worksheet

    write_worksheet(frame, str(path))


OURS = {"schedkit": schedkit, "template": template}
PEERS: dict[str, Callable[[pd.DataFrame, Path], None]] = {
    "pandas + openpyxl": pandas_openpyxl,
    "pandas + xlsxwriter": pandas_xlsxwriter,
    "openpyxl write_only": openpyxl_write_only,
    "xlsxwriter constant_memory": xlsxwriter_constant_memory,
    "fastxlsx": fastxlsx,
    "wolfxl": wolfxl,
    "rustpy-xlsxwriter": rustpy_xlsxwriter,
}


def resident_mb() -> float:
    """Resident memory of this process, MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 1e6


class Watch:
    """Takes the highest resident memory while it runs, looking every few milliseconds."""

    def __init__(self) -> None:
        self.start = self.peak = resident_mb()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def _look(self) -> None:
        while not self._over.wait(0.005):
            self.peak = max(self.peak, resident_mb())

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()
        self._thread.join()
        self.peak = max(self.peak, resident_mb())


def main(name: str, rows: int, folder: Path) -> None:
    writer = {**OURS, **PEERS}[name]
    frame = issue_like(rows)
    if name in PEERS:
        frame = naive(frame)
    # Imports and first-use tables are not what a writer costs.
    writer(frame.head(10), folder / "warm.xlsx")
    path = folder / "bench.xlsx"
    with Watch() as watch:
        started = time.perf_counter()
        writer(frame, path)
        seconds = time.perf_counter() - started
    told = {"seconds": seconds, "extra_mb": watch.peak - watch.start, "file_mb": path.stat().st_size / 1e6}
    print(json.dumps(told))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))
