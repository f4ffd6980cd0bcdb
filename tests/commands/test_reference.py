"""The reference is what the definitions say, whole and up to date."""

from __future__ import annotations

from pathlib import Path

import typer.core
import typer.main

from schedkit.commands.line import cli
from schedkit.commands.reference import reference
from schedkit.core.api.options import SCHEDULER_OPTIONS
from schedkit.core.tasks.options import TASK_OPTIONS
from schedkit.report import Report
from schedkit.settings import Settings, SiteSettings

PAGE = Path(__file__).parents[2] / "notebooks" / "reference.md"


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == reference(), (
        "write it anew: python -m schedkit.commands.reference > notebooks/reference.md"
    )


def test_every_command_option_setting_and_key_is_in_it() -> None:
    page = reference()
    group = typer.main.get_command(cli)
    assert isinstance(group, typer.core.TyperGroup)
    for name in group.commands:
        assert f"`schedkit {name}" in page
    for key in (*Settings.model_fields, *SiteSettings.model_fields, *Report.model_fields):
        assert f"| `{key}` |" in page, key
    for option in (*SCHEDULER_OPTIONS, *TASK_OPTIONS):
        assert f"| `{option}`" in page, option


def test_everything_in_it_is_described() -> None:
    """No row of a command, a setting or an option is without words."""
    described = reference().partition("\n## Reports\n")[0]
    rows = [line for line in described.splitlines() if line.startswith("| `")]
    assert len(rows) > 100
    assert [row for row in rows if row.rstrip("| ").endswith("|") or row.endswith("|  |")] == []
