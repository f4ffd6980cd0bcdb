"""The reference is what the definitions say, whole and up to date."""

from __future__ import annotations

import importlib
import pkgutil
import re
from pathlib import Path

import pytest
import typer.core
import typer.main

import schedkit
from schedkit.cli import main
from schedkit.commands.line import cli
from schedkit.commands.python_names import PUBLIC_MODULES
from schedkit.commands.reference import reference
from schedkit.core.api.options import SCHEDULER_OPTIONS
from schedkit.core.tasks.options import TASK_OPTIONS
from schedkit.report import Report
from schedkit.settings import Settings, SiteSettings

PAGE = Path(__file__).parents[2] / "notebooks" / "reference.md"


@pytest.fixture(scope="module")
def group() -> typer.core.TyperGroup:
    group = typer.main.get_command(cli)
    assert isinstance(group, typer.core.TyperGroup)
    return group


@pytest.fixture(scope="module")
def page(group: typer.core.TyperGroup) -> str:
    return reference(group)


def test_the_page_is_up_to_date(page: str) -> None:
    assert PAGE.read_text(encoding="utf-8") == page, (
        "write it anew: schedkit reference > notebooks/reference.md"
    )


def test_the_command_prints_it(page: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reference"]) == 0
    assert capsys.readouterr().out == page


def test_every_command_option_setting_and_key_is_in_it(group: typer.core.TyperGroup, page: str) -> None:
    for name in group.commands:
        assert f"`schedkit {name}" in page
    for key in (*Settings.model_fields, *SiteSettings.model_fields, *Report.model_fields):
        assert f"| `{key}` |" in page, key
    for option in (*SCHEDULER_OPTIONS, *TASK_OPTIONS):
        assert f"| `{option}`" in page, option


def public_modules() -> set[str]:
    """Return the package, its rooms that export names, and the modules that it exports itself."""
    rooms = {module.name for module in pkgutil.iter_modules(schedkit.__path__, "schedkit.") if module.ispkg}
    exporting = {name for name in rooms if hasattr(importlib.import_module(name), "__all__")}
    exported = {name for name in ("context", "errors") if name in schedkit.__all__}
    return {"schedkit", *exporting, *(f"schedkit.{name}" for name in exported)}


def test_every_public_module_is_in_it() -> None:
    assert set(PUBLIC_MODULES) == public_modules()


@pytest.mark.parametrize("module", PUBLIC_MODULES)
def test_every_public_name_is_in_it(page: str, module: str) -> None:
    section = page.partition(f"\n### `{module}`\n")[2].partition("\n### ")[0]
    names = re.findall(r"^\| `(\w+)", section.partition("\n#### ")[0], re.MULTILINE)
    assert names == list(importlib.import_module(module).__all__)


def test_methods_are_in_it_with_their_parameters(page: str) -> None:
    of_jira = page.partition("\n#### `Jira`\n")[2].partition("\n#### ")[0]
    assert "| `search(jql, fields=None" in of_jira
    assert "self" not in re.findall(r"`(\w+)\((\w+)", page)
    handle = page.partition("\n#### `TaskHandle`\n")[2].partition("\n#### ")[0]
    assert {"submit", "latest", "pause"} <= set(re.findall(r"^\| `(\w+)", handle, re.MULTILINE))


def test_it_reads_the_same_in_every_process(page: str) -> None:
    assert re.search(r" at 0x|<function|<object", page) is None


def test_everything_in_it_is_described(page: str) -> None:
    """No row of a command, a setting, an option or a Python name is without words."""
    commands, _, behind = page.partition("\n## Reports\n")
    _, _, options = behind.partition("\n## Options of tasks\n")
    rows = [line for line in (commands + options).splitlines() if line.startswith("| `")]
    assert len(rows) > 100
    assert [row for row in rows if row.rstrip("| ").endswith("|") or row.endswith("|  |")] == []
