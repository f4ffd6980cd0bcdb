"""LibreOffice opens what we write, calculates it and draws it."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from python_calamine import CalamineWorkbook
from support.excel_issues import issue_frame
from support.excel_strategies import HOSTILE
from support.excel_zoo import TOP, zoo

from schedkit import excel

Convert = Callable[[Path, str], Path]


@pytest.fixture(scope="module")
def convert(tmp_path_factory: pytest.TempPathFactory) -> Convert:
    """Convert a file with LibreOffice, in a profile of its own so that runs side by side do not meet."""
    office = shutil.which("soffice") or shutil.which("libreoffice")
    if office is None:
        pytest.skip("LibreOffice (soffice) is not installed")
    profile = tmp_path_factory.mktemp("profile")

    def run(path: Path, suffix: str) -> Path:
        out = path.parent / "converted"
        command = [office, f"-env:UserInstallation={profile.as_uri()}", "--headless", "--convert-to", suffix]
        subprocess.run(
            [*command, "--outdir", str(out), str(path)], check=True, capture_output=True, timeout=180
        )
        return out / f"{path.stem}.{suffix}"

    return run


@pytest.mark.xdist_group("office")
def test_every_cell_survives_libreoffice(convert: Convert, tmp_path: Path) -> None:
    frame = issue_frame(300)
    # It keeps hundredths of a second.
    frame["Created"], frame["Resolved"] = frame["Created"].dt.floor("s"), frame["Resolved"].dt.floor("s")
    # What LibreOffice itself drops: noncharacters, and control characters below a blank.
    texts = [text for text in HOSTILE if not any(char in text for char in "\ufffe\uffff\x01\x07\x0b\r")]
    frame["Hostile"] = [texts[row % len(texts)] for row in range(len(frame))]
    written = excel.write(
        frame, tmp_path / "issues.xlsx", tz="UTC", totals=True, summary=True, sheet="Issues"
    )
    saved = convert(written.path, "xlsx")
    ours = CalamineWorkbook.from_path(str(written.path)).get_sheet_by_name("Issues").to_python()
    theirs = CalamineWorkbook.from_path(str(saved)).get_sheet_by_name("Issues").to_python()
    assert len(ours) == 302
    assert [row[: len(frame.columns)] for row in theirs[:302]] == ours


@pytest.mark.xdist_group("office")
def test_a_filled_template_calculates(convert: Convert, tmp_path: Path) -> None:
    template = zoo(tmp_path / "zoo.xlsx")
    frame = pd.DataFrame({"Key": [f"A-{n}" for n in range(40)], "Points": range(40)})
    written = excel.write(frame, tmp_path / "filled.xlsx", template=template)
    rows = (
        CalamineWorkbook.from_path(str(convert(written.path, "xlsx"))).get_sheet_by_name("Data").to_python()
    )
    points = sum(range(40))
    assert rows[1][3] == points + 2, "the formula above the table covers all rows"
    assert [row[5] for row in rows[TOP : TOP + 40]] == [2.0 * n for n in range(40)]
    assert rows[TOP + 40][1] == "Total"
    assert rows[TOP + 40][4] == points
    assert [row[8] for row in rows[TOP : TOP + 2]] == [0.0, ""]


@pytest.mark.xdist_group("office")
def test_the_summary_is_a_picture_with_charts(convert: Convert, tmp_path: Path) -> None:
    if shutil.which("pdftoppm") is None:
        pytest.skip("pdftoppm (poppler-utils) is not installed")
    written = excel.write(
        issue_frame(400), tmp_path / "issues.xlsx", tz="UTC", summary=True, title="Open bugs"
    )
    pdf = convert(written.path, "pdf")
    text = subprocess.run(
        ["pdftotext", "-l", "1", str(pdf), "-"], check=True, capture_output=True, text=True
    ).stdout
    for told in (
        "Open bugs",
        "Issues by status",
        "Created and resolved per",
        "Cumulative flow",
        "Burn-up in",
    ):
        assert told in text
    subprocess.run(["pdftoppm", "-r", "50", "-l", "1", "-png", str(pdf), str(tmp_path / "page")], check=True)
    (picture,) = tmp_path.glob("page*.png")
    import matplotlib.image

    pixels = matplotlib.image.imread(picture)[..., :3]
    flat = (pixels.reshape(-1, 3) * 255).round().astype(int)
    shown = {f"{red:02X}{green:02X}{blue:02X}" for red, green, blue in flat}
    # The title's band and the charts' own colours are there: the page is drawn, not only told.
    assert {"1F3A5F", "2684FF", "36B37E", "8993A4"} <= shown
