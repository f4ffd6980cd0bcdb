"""The weekly pack as a workbook: the sheets hold the figures, each with its chart or picture."""

from __future__ import annotations

import zipfile
from pathlib import Path

import openpyxl
from support.flow_frames import issues, moves

from schedkit.flow import pack
from schedkit.report import write_pack


def pictures(path: Path) -> int:
    with zipfile.ZipFile(path) as file:
        return sum(name.startswith("xl/media/") for name in file.namelist())


def test_a_sheet_for_each_figure(tmp_path: Path) -> None:
    table = issues(("A-1", "2026-03-02", "Done"), ("=A-2", "2026-03-02", "Doing"))
    changes = moves(
        ("A-1", "2026-03-03", "Open", "Doing"),
        ("A-1", "2026-03-05", "Doing", "Done"),
        ("=A-2", "2026-03-04", "Open", "Doing"),
    )
    found = pack(table, changes, until="2026-03-16T00:00Z", weeks=2)
    write_pack(found, tmp_path / "metrics.xlsx")
    book = openpyxl.load_workbook(tmp_path / "metrics.xlsx")
    shown = {name for name in found if len(found[name])}
    assert {name.replace(":", " –") for name in map(found.title, shown)} <= set(book.sheetnames)
    ages = book["Ageing work in progress"]
    cells = [cell for row in ages.iter_rows() for cell in row if cell.value is not None]
    assert ["=A-2", "s"] in [[cell.value, cell.data_type] for cell in cells], "text, not a formula"
    assert 12 in [cell.value for cell in cells], "days"
    native = {name: len(book[name]._charts) for name in book.sheetnames}
    assert native["Throughput"] == native["Cumulative flow"] == native["Work in progress"] == 1
    assert native["Control chart"] == native["Index"] == 0
    (chart,) = book["Throughput"]._charts
    rows = len(found["throughput"])
    assert chart.series[0].val.numRef.f == f"'Throughput'!$B$2:$B${rows + 1}"
    (areas,) = book["Cumulative flow"]._charts
    named = [book["Cumulative flow"][series.tx.strRef.f.split("!")[1]].value for series in areas.series]
    assert named == list(found["cumulative_flow"])[::-1], "what is done at the bottom"
    assert pictures(tmp_path / "metrics.xlsx") == len(shown) - sum(native.values())
    write_pack(found, tmp_path / "images.xlsx", charts=False)
    assert pictures(tmp_path / "images.xlsx") == len(shown)
    write_pack(found, tmp_path / "bare.xlsx", charts=False, pictures=False)
    assert pictures(tmp_path / "bare.xlsx") == 0


def test_bars_that_cannot_be_read_are_not_drawn(tmp_path: Path) -> None:
    for count, charts in ((60, 1), (61, 0)):
        keys = [f"A-{n}" for n in range(count)]
        steps = [("03", "Open", "Done"), ("04", "Done", "Doing")]
        changes = moves(*((key, f"2026-03-{day}", was, now) for key in keys for day, was, now in steps))
        found = pack(issues(*((key, "2026-03-02", "Doing") for key in keys)), changes, until="2026-03-16")
        write_pack(found, tmp_path / "many.xlsx", pictures=False)
        assert len(openpyxl.load_workbook(tmp_path / "many.xlsx")["Returns"]._charts) == charts
