"""``schedkit settings``: what is in force, and where it comes from."""

from __future__ import annotations

import dataclasses

from schedkit.commands.output import print_json, print_line, print_table
from schedkit.settings import find_project, read_settings
from schedkit.settings.in_force import in_force

__all__ = ["show_settings"]


def show_settings(*, everything: bool, as_json: bool) -> None:
    """Print each setting with its value and its source; secrets are masked."""
    project = find_project()
    loaded = read_settings(project.file)
    settings = [each for each in in_force(loaded) if everything or as_json or each.source != "default"]
    warnings = [warning for warning in (project.warning, *loaded.warnings) if warning]
    if as_json:
        facts = {each.name: {"value": each.value, "source": each.source} for each in settings}
        print_json({"file": str(project.file), "settings": facts, "warnings": warnings})
        return
    print_line(f"root {project.root}")
    print_line(f"file {project.file}" + ("" if project.file.exists() else " (does not exist)"))
    print_table(("setting", "value", "source"), map(dataclasses.astuple, settings))
    if not everything:
        print_line("the rest has its default: --all lists it")
    for warning in warnings:
        print_line(f"warning: {warning}")
