"""The documents of a YAML file as tasks: one report for each value, notebooks, mistakes with their place."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import nbformat
import pandas as pd
import pytest

from schedkit.app import app
from schedkit.cli import main
from schedkit.commands.declare import Declared
from schedkit.core.api.scheduler import Scheduler
from schedkit.errors import SettingsError, UsageError

REPORTS = f"""\
name: rows
params: {{project: A}}
for_each: {{project: [A, B]}}
schedule: {{cron: "0 7 * * *"}}
extract: {{call: '{__name__}:rows', arguments: {{project: '{{{{ project }}}}'}}}}
deliver: [{{csv: {{path: 'out/{{name}}.csv'}}}}]
---
name: weekly
notebook: weekly.ipynb
schedule: {{every: 1h}}
task: {{tags: [notebooks]}}
"""


def rows(project: str) -> pd.DataFrame:
    return pd.DataFrame({"Key": [f"{project}-1"]})


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "schedkit.yaml").write_text("", encoding="utf-8")
    (tmp_path / "reports.yaml").write_text(REPORTS, encoding="utf-8")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("print(6 * 7)")])
    nbformat.write(notebook, tmp_path / "weekly.ipynb")
    yield tmp_path
    app().current = None


@pytest.fixture
def sched(folder: Path) -> Iterator[Scheduler]:
    with app().scheduler() as scheduler:
        yield scheduler


def declared(sched: Scheduler, *, scheduled: bool = True) -> Declared:
    found = Declared(app(), sched, scheduled=scheduled)
    found.file(Path("reports.yaml"))
    return found


def test_every_document_is_a_task_or_several(sched: Scheduler, folder: Path) -> None:
    assert list(declared(sched).names) == ["rows-A", "rows-B", "weekly"]
    assert sched.submit("rows-B").result("60s")["Key"].tolist() == ["B-1"]
    assert sched.submit("rows-B", project="C").result("60s")["Key"].tolist() == ["C-1"]
    assert (folder / "out" / "rows-B.csv").exists()
    assert sched.tasks["weekly"].next_run is not None
    assert sched.tasks["weekly"].task.tags == ("notebooks",)
    assert {path.name for path in sched.process.files().values()} == {"reports.yaml"}


def test_a_file_with_a_ledger_of_its_own_is_told_as_that(sched: Scheduler, folder: Path) -> None:
    code = "from schedkit import Scheduler\n@Scheduler('own.db').task()\ndef tick(): ...\n"
    (folder / "own.py").write_text(code, encoding="utf-8")
    told = rf"own.py declares its tasks \('tick'\) on a ledger of its own, {folder / 'own.db'}; this command"
    with pytest.raises(UsageError, match=told) as caught:
        Declared(app(), sched, scheduled=True).file(Path("own.py"))
    assert f"add --ledger {folder / 'own.db'}" in caught.value.hint
    (folder / "empty.py").write_text("", encoding="utf-8")
    with pytest.raises(UsageError, match=r"empty.py declares no task"):
        Declared(app(), sched, scheduled=True).file(Path("empty.py"))


def test_what_is_declared_to_run_once_has_no_schedule(sched: Scheduler) -> None:
    declared(sched, scheduled=False)
    assert [task.next_run for task in sched.tasks.values()] == [None, None, None]


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (("weekly.ipynb", "absent.ipynb"), Exception, "absent.ipynb"),
        (("name: weekly", "name: rows-B"), UsageError, "reports.yaml:8:1: the name 'rows-B' is already used"),
        (("out/{name}.csv", "x"), SettingsError, r"reports.yaml:6:18: .*unsupported file extension"),
        (
            ("notebook: weekly.ipynb", "notebook: weekly.py"),
            SettingsError,
            "reports.yaml:9:1: notebook='weekly.py'",
        ),
        (
            ("tags: [notebooks]", "tgs: [x]"),
            SettingsError,
            r"reports.yaml:11:8: task: unknown option 'tgs' .did you",
        ),
        (("call: '", "call: 'no"), SettingsError, r"reports.yaml:5:11: cannot find 'no"),
    ],
)
def test_a_mistake_has_its_place(
    change: tuple[str, str], error: type[Exception], message: str, sched: Scheduler, folder: Path
) -> None:
    (folder / "reports.yaml").write_text(REPORTS.replace(*change), encoding="utf-8")
    with pytest.raises(error, match=message):
        declared(sched)


@pytest.mark.parametrize("command", ["run", "serve", "check"])
@pytest.mark.parametrize(
    ("given", "near"),
    [
        ("report.yaml", "did you mean 'reports.yaml'?"),
        ("reports", "did you mean 'reports.yaml'?"),
        ("jobs/dayly.py", "did you mean 'jobs/daily.py'?"),
        ("jobs/weekly.yaml", "(give the path of a report"),
        ("jops/daily.py", "(give the path of a report"),
    ],
)
def test_a_misspelt_file_has_its_near_match(
    folder: Path, capsys: pytest.CaptureFixture[str], command: str, given: str, near: str
) -> None:
    (folder / "jobs").mkdir()
    (folder / "jobs" / "daily.py").write_text("", encoding="utf-8")
    assert main([command, given]) == 2
    out, err = capsys.readouterr()
    assert near in out + err
