"""`schedkit check`: every mistake with its place, and nothing is run."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from schedkit.cli import main

Output = pytest.CaptureFixture[str]

REPORT = """
name: bugs
schedule: {every: 1h}
extract: {site: demo, jql: type = Bug}
deliver: [{excel: {path: bugs.xlsx}}]
"""


@pytest.fixture(autouse=True)
def _site(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCHEDKIT_SITES__DEMO__URL", "http://127.0.0.1:9")
    monkeypatch.setattr(sys, "path", list(sys.path))


def test_a_good_file(project: Path, capsys: Output) -> None:
    (project / "bugs.yaml").write_text(REPORT)
    assert main(["check", "bugs.yaml"]) == 0
    assert capsys.readouterr().out == "bugs.yaml: good\n"
    assert not (project / ".schedkit").exists()


def test_every_mistake_is_told_with_its_place(project: Path, capsys: Output) -> None:
    wrong = REPORT.replace("every: 1h", "evry: 1h").replace("jql: type = Bug", "jqll: x")
    (project / "bugs.yaml").write_text(wrong + "---\n" + REPORT.replace("name: bugs", "nam: bugs"))
    (project / "good.yaml").write_text(REPORT)
    assert main(["check", "bugs.yaml", "good.yaml", "--json"]) == 2
    out, err = capsys.readouterr()
    found = json.loads(out)
    assert found["good.yaml"] == []
    told = "\n".join(found["bugs.yaml"])
    assert "bugs.yaml:3:12: schedule: unknown option 'evry' (did you mean 'every'?)" in told
    assert "unknown option 'jqll' (did you mean 'jql'?)" in told
    assert "unknown option 'nam' (did you mean 'name'?)" in told
    assert err == f"schedkit: {len(found['bugs.yaml'])} mistakes in 2 files\n"


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("a.yaml", REPORT.replace("site: demo", "site: dmo"), "a.yaml:4:"),
        ("a.yaml", REPORT.replace("every: 1h", "every: never"), "a.yaml:3:"),
        ("a.yaml", "tasks: {nowhere: {trigger: interval}}", "there is no module tasks.nowhere"),
        ("a.yaml", "name: &a [*a]", "a.yaml:1:"),
        ("a.yaml", "", "a.yaml contains no report"),
        ("m.py", "1/0\n", "m.py:1: ZeroDivisionError"),
        ("m.py", "def (:\n", "m.py:1: SyntaxError"),
        ("m.py", "from schedkit import task\n@task('99 * * * *')\ndef a(): ...\n", "99"),
        ("gone.yaml", None, "cannot read gone.yaml: no such file"),
        ("a.txt", "x", "unsupported file type: a.txt"),
    ],
)  # fmt: skip
def test_a_mistake_of_any_kind(project: Path, capsys: Output, name: str, text: str | None, told: str) -> None:
    if text is not None:
        (project / name).write_text(text)
    assert main(["check", name]) == 2
    out, err = capsys.readouterr()
    assert told in out
    assert err == "schedkit: 1 mistake in 1 file\n"
    sys.modules.pop("m", None)


def test_nothing_runs(project: Path, capsys: Output) -> None:
    (project / "m.py").write_text(
        "from schedkit import task\n@task('* * * * *')\ndef touch(): open('touched', 'w')\n"
    )
    assert main(["check", "m.py"]) == 0
    assert sorted(path.name for path in project.iterdir() if not path.name.startswith("__")) == [
        "m.py",
        "reports",
        "schedkit.yaml",
    ]
    sys.modules.pop("m", None)
