"""Cells that link to issues and addresses."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pytest

from schedkit import excel
from schedkit.errors import WorkbookError
from schedkit.excel.limits import MAX_LINKS

Cells = Callable[..., list[list[Any]]]


def test_links(tmp_path: Path) -> None:
    long = "https://example.org/" + "x" * 2_080
    frame = pd.DataFrame(
        {
            "Key": ["A-1", "not a key", None, "B_2-22"],
            "URL": ['https://example.org/?a=1&b="<2>"', "text", long, "mailto:a@example.org"],
            "Build": ["7", "8", None, "9"],
        }
    )
    frame.attrs["site"] = "https://jira.example.org/"
    written = excel.write(frame, tmp_path / "l.xlsx", links={"Build": "https://ci.example.org/{}/log"})
    sheet = openpyxl.load_workbook(written.path).active
    found = {
        cell.coordinate: cell.hyperlink.target for row in sheet.iter_rows() for cell in row if cell.hyperlink
    }
    assert found == {
        "A2": "https://jira.example.org/browse/A-1",
        "A5": "https://jira.example.org/browse/B_2-22",
        "B2": "https://example.org/?a=1&b=%22%3C2%3E%22",
        "B5": "mailto:a@example.org",
        "C2": "https://ci.example.org/7/log",
        "C3": "https://ci.example.org/8/log",
        "C5": "https://ci.example.org/9/log",
    }
    assert written.altered == {"links_as_text": 1}
    assert sheet["A2"].font.underline == "single"
    assert sheet["A3"].font.underline is None
    assert sheet["B4"].value == long


def test_no_links_unless_wanted(tmp_path: Path) -> None:
    frame = pd.DataFrame({"Key": ["A-1"]})
    frame.attrs["site"] = "https://jira.example.org"
    sheet = openpyxl.load_workbook(excel.write(frame, tmp_path / "l.xlsx", links=False).path).active
    assert sheet["A2"].hyperlink is None


@pytest.mark.parametrize(
    ("links", "message"),
    [
        ({"Nope": "https://x/{}"}, "no column 'Nope' to link"),
        ({"Key": "https://x"}, "needs exactly one {}"),
        *(
            ({"Key": address}, "is not an address of the web")
            for address in (
                "javascript:{}",
                "file:///{}",
                "data:text/html,{}",
                " https://x/{}",
                "java\tscript:{}",
            )
        ),
    ],
)
def test_bad_links_are_refused(links: dict[str, str], message: str, tmp_path: Path) -> None:
    with pytest.raises(WorkbookError, match=message):
        excel.write(pd.DataFrame({"Key": ["A-1"]}), tmp_path / "l.xlsx", links=links)


def test_cells_are_addresses_of_pages_and_mailboxes_only(tmp_path: Path) -> None:
    hostile = ["javascript:alert(1)", "file:///etc/passwd", "ftp://x", "//x"]
    good = ["https://x.example/a", "HTTP://x.example/b", "mailto:ann@example.org"]
    frame = pd.DataFrame({"Key": [f"A-{n}" for n in range(7)], "Page": hostile + good})
    frame.attrs["site"] = "javascript:alert(1)//"
    for links in (True, {"Page": "{}"}):
        sheet = openpyxl.load_workbook(excel.write(frame, tmp_path / "l.xlsx", links=links).path).active
        found = [cell.hyperlink.target for row in sheet.iter_rows() for cell in row if cell.hyperlink]
        assert found == good, links


@pytest.mark.parametrize("extra", [0, 1])
def test_links_at_the_limit(extra: int, tmp_path: Path, cells: Cells) -> None:
    rows = MAX_LINKS + extra
    frame = pd.DataFrame({"Key": [f"A-{n}" for n in range(rows)], "Parent": ["A-1"] * rows})
    frame.attrs["site"] = "https://jira.example.org"
    written = excel.write(frame, tmp_path / "many.xlsx")
    assert written.altered == {"links_as_text": rows + extra}
    assert cells(written.path)[-1] == [f"A-{rows - 1}", "A-1"]
