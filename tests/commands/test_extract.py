"""`schedkit extract`: issues into a file or a pipe, without a report."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from schedkit import excel
from schedkit.cli import main
from schedkit.commands.lab import lab_environment
from schedkit.demo import DemoSite

Output = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def site() -> Iterator[DemoSite]:
    with DemoSite(issues=120) as site:
        yield site


@pytest.fixture(autouse=True)
def _sites(project: Path, site: DemoSite, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in lab_environment(site).items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize("suffix", [".xlsx", ".csv", ".parquet"])
def test_to_a_file(project: Path, capsys: Output, suffix: str) -> None:
    path = project / f"bugs{suffix}"
    jql = "project = DEMO AND type = Bug"
    assert main(["extract", jql, "-o", str(path), "--site", "demo", "--field", "Summary"]) == 0
    out, err = capsys.readouterr()
    assert out == ""
    read = {".xlsx": excel.read, ".csv": pd.read_csv, ".parquet": pd.read_parquet}[suffix]
    frame = read(path)
    assert list(frame.columns) == ["Key", "Summary"]
    assert f"{len(frame)} rows in {path}" in err


def test_to_a_pipe(capsys: Output) -> None:
    assert main(["extract", "project = DEMO", "--site", "demo", "--limit", "7"]) == 0
    assert len(pd.read_csv(io.StringIO(capsys.readouterr().out))) == 7


def test_a_terminal_is_not_steered(site: DemoSite, capsys: Output, monkeypatch: pytest.MonkeyPatch) -> None:
    made = site.store.create("DEMO", "\x1b]0;owned\x07 \x9b2J summary")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    assert main(["extract", f"key = {made.key}", "--site", "demo"]) == 0
    out = capsys.readouterr().out
    assert "owned" in out
    assert not {char for char in out if not char.isprintable() and char != "\n"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["project = DEMO"], "several sites are configured (name one: --site demo or --site demo-dc)"),
        (["project = DEMO", "--site", "dem"], "there is no site 'dem' (did you mean 'demo'?)"),
        (["nonsense ~~", "--site", "demo"], "JQL"),
        (["project = DEMO", "--site", "demo", "-o", "a.doc"], "unsupported file extension"),
    ],
)
def test_mistakes(capsys: Output, arguments: list[str], message: str) -> None:
    assert main(["extract", *arguments]) == 2
    err = capsys.readouterr().err
    assert message in [line for line in err.splitlines() if line.startswith("schedkit: ")][-1]


def test_without_a_site(capsys: Output, monkeypatch: pytest.MonkeyPatch, site: DemoSite) -> None:
    for name in lab_environment(site):
        monkeypatch.delenv(name)
    assert main(["extract", "project = DEMO"]) == 2
    assert "no Jira is configured (`schedkit connect URL`" in capsys.readouterr().err
