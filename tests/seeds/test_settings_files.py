"""Documents 001 and 003: their configuration, as written, as files."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from schedkit.cli import main
from schedkit.settings import read_settings
from schedkit.values.paths import SETTINGS_VARIABLE

from .conftest import Fences

SECTIONS_001 = ("confluence:\n  url", "jira:\n  url", "scheduler:\n  poll", "log:", "storage:", "reporting:")
TASKS_003 = ("data_sync", "daily_report", "system_cleanup", "health_check")


@pytest.fixture(autouse=True)
def _processes_own(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv(SETTINGS_VARIABLE, "")
    monkeypatch.delenv(SETTINGS_VARIABLE)
    monkeypatch.setattr(sys, "path", list(sys.path))
    kept: dict[str, object] = sys.__dict__.setdefault("_schedkit_live", {})
    before, modules = set(kept), set(sys.modules)
    yield
    for name in set(kept) - before - {"service"}:
        made = kept.pop(name)
        if name.startswith("scheduler "):
            made.stop()
    for name in set(sys.modules) - modules:
        if name.partition(".")[0] == "scheduler":
            del sys.modules[name]


def test_the_configuration_of_document_001(tmp_path: Path, fence: Fences) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("\n".join(fence("001", "yaml", section) for section in SECTIONS_001), encoding="utf-8")
    loaded = read_settings(file)
    settings = loaded.settings
    assert settings.sites["jira"].url == "https://jira.example.com"
    assert settings.sites["confluence"].main_page_id == "123456"
    assert settings.scheduler.options == {
        "concurrency": 5,
        "job_defaults": {"coalesce": False, "max_instances": 5},
    }
    assert settings.scheduler.results == "task_storage"
    assert settings.log is not None
    assert settings.log.model_dump() == {
        "level": "INFO",
        "filename": "logs/app.log",
        "max_bytes": 10485760,
        "backup_count": 5,
        "format": "%(asctime)s - %(name)s - %(levelname)s - %(message)s",
    }
    page = settings.standing_page
    assert page is not None
    assert (page.page, page.template, page.every) == ("789012", "task_results_template", 30)
    unused, plain = loaded.warnings
    assert "scheduler.poll_interval" in unused
    assert "mattermost" in unused
    assert "confluence.password, " in plain or "jira.password, " in plain


def test_the_configuration_of_document_003(
    tmp_path: Path, fence: Fences, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Both of its files in one: the scheduler and the tasks, whose modules lie beside it."""
    folder = tmp_path / "scheduler" / "tasks"
    folder.mkdir(parents=True)
    for package in (folder.parent, folder):
        (package / "__init__.py").write_text("")
    for name in TASKS_003:
        (folder / f"{name}.py").write_text(f"def run():\n    return {name!r}\n")
    text = fence("003", "yaml", "process_pool") + "\n" + fence("003", "yaml", "system_cleanup")
    (tmp_path / "env.yaml").write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert main(["--settings", "env.yaml", "run", "--once"]) == 0, capsys.readouterr().err
    settings = read_settings(tmp_path / "env.yaml").settings
    assert settings.scheduler.options == {
        "tz": ZoneInfo("Asia/Shanghai"),
        "threads": 20,
        "processes": 5,
        "job_defaults": {"coalesce": False, "max_instances": 3, "misfire_grace": 30},
    }
    capsys.readouterr()
    assert main(["--settings", "env.yaml", "history"]) == 0
    shown = capsys.readouterr().out
    assert all(f"{name} " in shown for name in TASKS_003)
    assert shown.count("DONE") == len(TASKS_003)


def test_the_tasks_of_document_003_in_its_own_folder(
    tmp_path: Path, fence: Fences, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``config/dev.yaml``: the modules lie beside the folder of the file."""
    folder = tmp_path / "scheduler" / "tasks"
    folder.mkdir(parents=True)
    for name in TASKS_003:
        (folder / f"{name}.py").write_text(f"def run():\n    return {name!r}\n")
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "dev.yaml").write_text(fence("003", "yaml", "system_cleanup"), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert main(["run", "config/dev.yaml", "--once", "--ledger", "a.db"]) == 0
