"""The README and the page of other schedulers are true: commands exist, settings parse, files are there."""

from __future__ import annotations

import ast
import importlib.util
import re
import runpy
import tomllib
from pathlib import Path

import pytest
import typer.core
import typer.main
from support.projects import project

import schedkit
from schedkit import excel
from schedkit.cli import cli
from schedkit.demo import DemoSite
from schedkit.report import loads_reports
from schedkit.settings import SchedulerSettings, load_settings

__all__ = ["project"]

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
OTHERS = (ROOT / "notebooks" / "other-schedulers.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def commands() -> dict[str, object]:
    group = typer.main.get_command(cli)
    assert isinstance(group, typer.core.TyperGroup)
    return dict(group.commands)


@pytest.mark.parametrize("name", sorted(commands()))
def test_every_command_stands_in_it(name: str) -> None:
    assert [line for line in README.splitlines() if re.match(rf"\| `schedkit {name}[ `]", line)]


def test_the_commands_in_it_exist() -> None:
    assert set(re.findall(r"^\| `schedkit ([a-z-]+)", README, re.MULTILINE)) == set(commands())


def test_it_links_the_reference() -> None:
    assert "](notebooks/reference.md)" in README
    assert (ROOT / "notebooks" / "reference.md").is_file()


def test_its_python_is_python() -> None:
    assert blocks("python")
    for block in blocks("python"):
        ast.parse(block)


def test_its_python_runs_with_eight_lines_to_the_first_workbook(project: Path) -> None:
    first, *rest = blocks("python")
    assert len([line for line in first.splitlines() if line.strip()]) <= 8
    with DemoSite(issues=100) as site:
        mine = f"Jira({site.jira_dc.url!r}, token={site.jira_dc.token!r})"
        code = "\n".join([first, *rest]).replace('Jira.connect("https://issues.example.org")', mine)
        (project / "first.py").write_text(code.replace("project = KAFKA", "project = DEMO"))
        names = runpy.run_path("first.py")
    written = excel.read(project / "open-bugs.xlsx")
    assert list(names["open_bugs"].latest()["Key"]) == list(written["Key"]) == list(names["df"]["Key"])
    assert len(written) > 3
    assert len(names["open_bugs"].history()) == 1


def test_its_names_can_be_imported() -> None:
    words = r"`schedkit\.([A-Za-z_]+)"
    names = {*re.findall(words, README), *re.findall(words, OTHERS)} - {
        "yaml",
        "tasks",
    }  # a file; entry points
    assert {"BaseTask", "RetryableError", "errors"} <= names
    for name in names:
        assert hasattr(schedkit, name) or importlib.util.find_spec(f"schedkit.{name}"), name


def test_its_yaml_is_understood(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    report, settings = blocks("yaml")
    assert loads_reports(report)[0].name == "open-bugs"
    for variable in ("APACHE_TOKEN", "WIKI_TOKEN"):
        monkeypatch.setenv(variable, "secret")
    (tmp_path / "schedkit.yaml").write_text(settings, encoding="utf-8")
    assert set(load_settings(tmp_path).sites) == {"apache", "wiki"}


def test_every_extra_stands_in_it() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    section = README.partition("\n## Install\n")[2].partition("\n## ")[0]
    for extra in set(extras["optional-dependencies"]) - {"dev", "bench"}:
        assert f"`{extra}`" in section, extra


def test_its_make_targets_and_pictures_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"(?:`|^\$ )make ([a-z]+)", README, re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
    for picture in re.findall(r"!\[[^]]*\]\(([^)]+)\)", README):
        assert (ROOT / picture).is_file(), picture


def test_every_notebook_stands_in_it() -> None:
    there = {f"notebooks/{path.name}" for path in (ROOT / "notebooks").glob("*.ipynb")}
    assert set(re.findall(r"\]\((notebooks/[^)]+\.ipynb)\)", README)) == there


def test_what_other_schedulers_words_are_here_is_there() -> None:
    assert "](notebooks/other-schedulers.md)" in README
    assert set(re.findall(r"`schedkit ([a-z]+)", OTHERS)) <= set(commands())
    for path in re.findall(r"`(tests/[\w/.]+)`", OTHERS):
        assert (ROOT / path).exists(), path
    named = set(re.findall(r"`scheduler\.([a-z_]+)`", OTHERS.partition("\n## Settings\n")[2]))
    older = {"timezone", "max_workers", "job_store_url", "executors", "coalesce", "poll_interval"}
    assert older < named
    assert named - older <= set(SchedulerSettings.model_fields)
