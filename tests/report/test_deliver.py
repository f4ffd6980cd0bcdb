"""A frame reaches its files; wrong options are refused before anything is written."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pytest
from PIL import Image
from pydantic import BaseModel, ConfigDict
from python_calamine import CalamineWorkbook

from schedkit import excel
from schedkit.demo import DemoSite
from schedkit.errors import SettingsError
from schedkit.jira import Jira
from schedkit.report import Deliver, Extract, Report, Tools
from schedkit.report import deliver as rooms
from schedkit.report.deliver import deliverer
from schedkit.report.workbook import WorkbookDelivery

FRAME = pd.DataFrame({"Key": ["A-1", "A-2"], "Summary": ["=cmd()", "plain"]})


def report() -> Report:
    return Report(
        name="bugs",
        extract={"issues": Extract(site="x", jql="a = b")},
        deliver=[Deliver(excel={"path": "bugs.xlsx"})],
    )


def tools(root: Path) -> Tools:
    return Tools(site=lambda name: None, root=root, clock=lambda: datetime(2026, 3, 1, tzinfo=UTC))


def test_a_workbook_is_written_where_the_path_says(tmp_path: Path) -> None:
    write = deliverer("excel", {"path": "out/{name}-{date:%Y-%m-%d}.xlsx", "sheet": "Bugs"})
    write(FRAME, report(), tools(tmp_path))()
    book = CalamineWorkbook.from_path(tmp_path / "out" / "bugs-2026-03-01.xlsx")
    assert book.get_sheet_by_name("Bugs").to_python()[1] == ["A-1", "=cmd()"]


def test_options_of_the_workbook_reach_it(tmp_path: Path) -> None:
    options = {"path": "r.xlsx", "mode": "upsert", "key": ["Key"], "missing": "delete", "max_drop": 0.2}
    write = deliverer("excel", {**options, "formats": {"Key": {"A-1": "#FFEBE6"}}})
    write(FRAME, report(), tools(tmp_path))()
    write(FRAME.tail(1), report(), tools(tmp_path))()
    book = openpyxl.load_workbook(tmp_path / "r.xlsx")
    assert [cell.value for cell in book["bugs"]["A"]] == ["Key", "A-2"]
    (rules,) = book["bugs"].conditional_formatting
    assert rules.rules[0].dxf.fill.bgColor.rgb == "00FFEBE6"
    placed = deliverer("excel", {"path": "p.xlsx", "sheet": "Report", "at": "C3"})
    placed(FRAME, report(), tools(tmp_path))()
    assert openpyxl.load_workbook(tmp_path / "p.xlsx")["Report"]["C4"].value == "A-1"


def test_a_report_knows_every_option_of_the_workbook() -> None:
    known = inspect.signature(excel.write).parameters
    # The frame and a history of status changes are not of YAML.
    told = set(known) - {"data", "history"}
    # Which frames go where is of reports only.
    assert set(WorkbookDelivery.model_fields) - {"frame", "sheets"} == told
    fields = WorkbookDelivery.model_fields
    usual = {name: known[name].default for name in told - {"path", "changes"}}
    assert {name: fields[name].default for name in usual} == usual


def test_pictures_properties_and_an_outline(tmp_path: Path) -> None:
    Image.new("RGB", (40, 20)).save(tmp_path / "logo.png")
    images = {"H2": "logo.png", "H9": {"path": "logo.png", "alt": "Logo", "width": 80}}
    options = {"images": images, "properties": {"author": "Ada"}, "outline": True, "collapse": 0}
    frame = FRAME.assign(Level=[0, 1])
    deliverer("excel", {"path": "r.xlsx", **options})(frame, report(), tools(tmp_path))()
    book = openpyxl.load_workbook(tmp_path / "r.xlsx")
    assert [each.anchor.ext.cx // 9525 for each in book["bugs"]._images] == [40, 80]
    assert book["bugs"].row_dimensions[3].hidden
    assert book.properties.creator == "Ada"


@pytest.mark.parametrize(
    ("options", "gone"),
    [
        ({}, ["Gone"]),
        ({"mode": "upsert", "key": "Key", "missing": "delete", "max_drop": 1.0}, ["Gone"]),
        ({"mode": "upsert", "key": "Key", "missing": "mark", "max_drop": 1.0}, ["Gone"]),
        ({"mode": "upsert", "key": "Key"}, []),
    ],
)
def test_what_changed_since_the_last_run(options: dict[str, Any], gone: list[str], tmp_path: Path) -> None:
    write = deliverer("excel", {"path": "r.xlsx", "changes": True, **options})
    write(FRAME, report(), tools(tmp_path))()
    path = tmp_path / "r.xlsx"
    assert openpyxl.load_workbook(path).sheetnames == ["bugs"]
    new = pd.DataFrame({"Key": ["A-1", "A-3"], "Summary": ["=cmd()", "new"]})
    write(new, report(), tools(tmp_path))()
    found = excel.read(path, "Changes")
    assert found["Change"].tolist() == ["New", *gone]
    # What was told is not told again.
    write(new, report(), tools(tmp_path))()
    assert len(excel.read(path, "Changes")) == 0


def test_every_field_of_a_site_changes_nothing(demo_site: DemoSite, tmp_path: Path) -> None:
    jira = Jira(demo_site.jira_cloud.url, user=demo_site.jira_cloud.user, token=demo_site.jira_cloud.token)
    frame = jira.search("project is not EMPTY ORDER BY key", fields=["*all"])
    # One of the descriptions is longer than a cell.
    assert frame["Description"].str.len().max() > 32_767
    write = deliverer("excel", {"path": "r.xlsx", "changes": True, "tz": "Europe/Berlin"})
    for _ in range(2):
        write(frame, report(), tools(tmp_path))()
    assert len(excel.read(tmp_path / "r.xlsx", "Changes")) == 0


def test_what_an_incomplete_extraction_lacks_is_not_gone(tmp_path: Path) -> None:
    write = deliverer("excel", {"path": "r.xlsx", "changes": True})
    write(FRAME, report(), tools(tmp_path))()
    part = FRAME.tail(1).copy()
    part.attrs["extraction"] = {"complete": False, "missing_sites": {"ops": "got no answer"}}
    write(part, report(), tools(tmp_path))()
    assert len(excel.read(tmp_path / "r.xlsx", "Changes")) == 0


def test_changes_of_a_sheet_that_is_new(tmp_path: Path) -> None:
    excel.write({"Other": FRAME}, tmp_path / "r.xlsx")
    write = deliverer("excel", {"path": "r.xlsx", "changes": True, "mode": "upsert", "key": "Key"})
    write(FRAME, report(), tools(tmp_path))()
    assert openpyxl.load_workbook(tmp_path / "r.xlsx").sheetnames == ["Other", "bugs"]


def test_changes_need_a_key(tmp_path: Path) -> None:
    write = deliverer("excel", {"path": "r.xlsx", "changes": True, "mode": "append"})
    write(FRAME, report(), tools(tmp_path))()
    write(FRAME, report(), tools(tmp_path))()
    with pytest.raises(SettingsError, match=r"cannot compare with r\.xlsx: the old frame holds A-1 twice"):
        write(FRAME, report(), tools(tmp_path))()


@pytest.mark.parametrize("placeholder", ["nam", "date.year", "name.__class__", "date[0]", "0"])
def test_an_unknown_placeholder_is_refused(placeholder: str) -> None:
    with pytest.raises(SettingsError, match=rf"placeholder: '{re.escape(placeholder)}' \(\{{name\}} and"):
        deliverer("excel", {"path": f"{{{placeholder}}}.xlsx"})


def test_entry_points_add_deliverers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    point = EntryPoint(name="shout", value=f"{__name__}:Shout", group=rooms.ENTRY_POINTS)
    monkeypatch.setattr(rooms, "entry_points", lambda group: [point] if group == point.group else [])
    monkeypatch.setattr(EntryPoint, "load", lambda self: Shout)
    deliverer("shout", {"words": ["a"]})(FRAME, report(), tools(tmp_path))()
    assert Shout.heard == [["a"]]
    with pytest.raises(
        SettingsError,
        match=r"no deliverer 'whisper' \(known: attachment, .*fill, metrics, notify, .*shout\)",
    ):
        deliverer("whisper", {})


class Whisper(BaseModel):
    """A deliverer that checks its options as ours do."""

    model_config = ConfigDict(extra="forbid")

    words: str

    def __call__(self, frame: pd.DataFrame, report: Report, tools: Tools) -> Callable[[], None]:
        return lambda: None


@pytest.mark.parametrize(
    ("made", "options", "message"),
    [
        ("Whisper", {"wrods": "x"}, r"deliver.whisper: unknown option 'wrods'.* .did you mean 'words'"),
        ("Shout", {"wrods": "x"}, r"deliver.whisper: .*unexpected keyword argument 'wrods'"),
    ],
)
def test_options_of_deliverers_of_other_packages(
    made: str, options: dict[str, Any], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    point = EntryPoint(name="whisper", value=f"{__name__}:{made}", group=rooms.ENTRY_POINTS)
    monkeypatch.setattr(rooms, "entry_points", lambda group: [point])
    monkeypatch.setattr(EntryPoint, "load", lambda self: globals()[made])
    with pytest.raises(SettingsError, match=message):
        deliverer("whisper", options)
    with pytest.raises(SettingsError, match="whisper: write its options as a mapping"):
        Report.of({"name": "r", "extract": {"file": "a.csv"}, "deliver": [{"whisper": "x"}]})
    framed = Report.of(
        {"name": "r", "extract": {"file": "a.csv"}, "deliver": [{"whisper": {"words": "x", "frame": "all"}}]}
    )
    assert framed.deliver[0].frame == "all"


class Shout:
    heard: list[list[str]] = []  # noqa: RUF012 - what the test reads

    def __init__(self, words: list[str]) -> None:
        self.words = words

    def __call__(self, frame: pd.DataFrame, report: Report, tools: Tools) -> Callable[[], None]:
        return lambda: self.heard.append(self.words)
