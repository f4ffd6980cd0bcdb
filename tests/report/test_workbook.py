"""Deliveries to files: what each option needs is asked for where it is written."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from schedkit import excel
from schedkit.errors import FileError, SettingsError
from schedkit.report import Report, Tools
from schedkit.report.deliver import deliverer
from schedkit.report.tools import ReportInfo

FRAME = pd.DataFrame({"Key": ["A-1", "A-2"], "Points": [1.5, float("inf")]})
REPORT: ReportInfo = Report.of(
    {"name": "bugs", "extract": {"file": "a.csv"}, "deliver": [{"csv": {"path": "a.csv"}}]}
)


@pytest.fixture
def tools(tmp_path: Path) -> Tools:
    return Tools(
        site=lambda name: None,
        root=tmp_path,
        clock=lambda: datetime(2026, 3, 1, tzinfo=UTC),
        frames={"all": FRAME, "few": FRAME.head(1)},
    )


def test_csv_and_parquet(tools: Tools) -> None:
    for name in ("csv", "parquet"):
        where = tools.root / "out" / f"bugs-2026.{name}"
        deliver = deliverer(name, {"path": f"out/{{name}}-{{date:%Y}}.{name}", "inf": "omit"})(
            FRAME, REPORT, tools
        )
        assert not where.exists()
        deliver()
        read = pd.read_csv(where, encoding="utf-8-sig") if name == "csv" else pd.read_parquet(where)
        assert read["Key"].tolist() == ["A-1", "A-2"]
        assert tools.written[where] == where


def test_several_frames_in_one_workbook(tools: Tools) -> None:
    options = {"path": "pack.xlsx", "sheets": {"Bugs": "all", "First": "few"}, "inf": "omit"}
    deliverer("excel", options)(FRAME, REPORT, tools)()
    read = excel.read_all(tools.root / "pack.xlsx")
    assert {name: len(frame) for name, frame in read.items()} == {"Bugs": 2, "First": 1}
    with pytest.raises(SettingsError, match=r"deliver.excel: there is no frame 'fw' .did you mean 'few'"):
        deliverer("excel", {**options, "sheets": {"First": "fw"}})(FRAME, REPORT, tools)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("excel", {"path": "a.xls"}, r"unsupported file extension in 'a.xls' .use .xlsx or .xlsm"),
        ("excel", {"path": ""}, "path='' .write a path"),
        ("csv", {"path": "a.xlsx"}, "unsupported file extension"),
        ("excel", {"path": "{today}.xlsx"}, "unknown placeholder: 'today'"),
        ("excel", {"path": "{.xlsx"}, "unknown placeholder"),
        ("excel", {"path": "{date.__class__}.xlsx"}, "unknown placeholder: 'date.__class__'"),
        ("excel", {"path": "{date!r}.xlsx"}, "unknown placeholder: 'date!r'"),
        ("excel", {"path": "{date:{name}}.xlsx"}, "unknown placeholder: 'date:{name}'"),
        ("csv", {"path": "{name:>9999999}.csv"}, "unknown placeholder: 'name:>9999999'"),
        ("csv", {"path": "../out/{name}.csv"}, "leaves its folder .name another folder from its root"),
        ("parquet", {"path": "{date:%Y/../..}/x.parquet"}, "leaves its folder"),
        ("excel", {"path": "a.xlsx", "mode": "upsert"}, "mode: upsert needs a key"),
        ("excel", {"path": "a.xlsx", "mode": "append", "key": "Key"}, "mode: append has no key"),
        ("excel", {"path": "a.xlsx", "missing": "mark"}, "missing: mark needs mode: upsert"),
        ("excel", {"path": "a.xlsx", "sheets": {"A": "all"}, "sheet": "B"}, "sheets besides sheet"),
        ("excel", {"path": "a.xlsx", "tz": "Europe"}, "unknown time zone 'Europe'"),
        ("excel", {"path": "a.xlsx", "max_drop": "half"}, "max_drop='half'"),
        ("csv", {"path": "a.csv", "sheet": "x"}, "unknown option 'sheet'"),
    ],
)
def test_what_is_wrong_is_told_where_it_is_written(name: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        deliverer(name, options)


def test_what_is_not_there_is_told_before_the_run(tools: Tools) -> None:
    for options, message in [
        ({"template": "absent.xlsx"}, "template: there is no file .*absent.xlsx"),
        ({"images": {"H2": "absent.png"}}, "images.H2: there is no file .*absent.png"),
        ({"images": {"H2": {"path": "absent.png"}}}, "images.H2: there is no file"),
    ]:
        found: Any = deliverer("excel", {"path": "a.xlsx", **options})
        with pytest.raises(FileError, match=message):
            found.check(REPORT, tools)
    good: Any = deliverer("excel", {"path": "{date:%Y}.xlsx"})
    good.check(REPORT, tools)
    flat: Any = deliverer("csv", {"path": "{date:%Y}.csv"})
    flat.check(REPORT, tools)
