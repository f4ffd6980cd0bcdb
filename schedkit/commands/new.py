"""``schedkit new``: write the files that a project, a report or a task begins with."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import typer

from schedkit.app import App, app
from schedkit.atlassian.credentials import normalised
from schedkit.atlassian.login import is_cloud
from schedkit.commands.connect import token_reference
from schedkit.commands.output import print_line
from schedkit.core.tasks.parsers import parse_name
from schedkit.errors import UsageError
from schedkit.report import loads_reports
from schedkit.settings import FILE_NAME
from schedkit.values.files import replacing

__all__ = ["new_project", "new_report", "new_task"]

TEMPLATES = Path(__file__).parent / "templates"
SCHEMA = "report.schema.json"
DEMO_JQL = "type = Bug AND statusCategory != Done"
REPORT = "open-bugs"


def new_project(folder: Path, *, url: str | None, user: str | None) -> None:
    """Write the settings, a report and a `.gitignore`; print the two commands that come next.

    Without an address the report is of the built-in demo site.

    Raises
    ------
    UsageError
        There is a project in the folder.
    """
    settings = folder / FILE_NAME
    if settings.exists():
        raise UsageError(f"{settings} exists already", hint="`schedkit new report NAME` adds a report")
    url = _ask("Address of your Jira (empty: the built-in demo site)", url, "")
    url = normalised(url) if url else ""
    if url and is_cloud(url):
        user = _ask("Your e-mail address there", user, "")
    site = "jira" if url else "demo"
    report = folder / "reports" / f"{REPORT}.yaml"
    _write(settings, "settings.yaml" if url else "settings-demo.yaml", url=url, **_login(url, user))
    _write(report, "report.yaml", name=REPORT, site=site, jql=DEMO_JQL)
    _write_schema(report.parent)
    if not (folder / ".gitignore").exists():
        _write(folder / ".gitignore", "gitignore")
    print_line("now:")
    if folder != Path():
        print_line(f"cd {shlex.quote(str(folder))}", before="  ")
    shown = f"reports/{REPORT}.yaml"
    if url:
        print_line(f"schedkit connect {shlex.quote(url)}", before="  ")
        print_line(f"schedkit run {shown} --once", before="  ")
    else:
        print_line(f"schedkit demo --report {shown}", before="  ")
        print_line("schedkit history --ledger reports/out/demo.db", before="  ")


def _login(url: str, user: str | None) -> dict[str, str]:
    if not url:
        return {}
    line = f"\n    user: {json.dumps(user)}" if user else ""
    return {"token": token_reference(url), "user_line": line}


def new_report(name: str | None, *, site: str | None, jql: str | None, opens: bool) -> None:
    """Write a report of one query, and open it in an editor.

    Raises
    ------
    UsageError
        There is a report of that name.
    """
    project = app()
    name = _name(_ask("Name of the report", name, "report"))
    site = _ask("Site", site, _first_site(project))
    jql = _ask("JQL", jql, DEMO_JQL)
    path = project.root / "reports" / f"{name}.yaml"
    _write(path, "report.yaml", name=name, site=site, jql=jql)
    _write_schema(path.parent)
    shown = path.relative_to(project.root)
    print_line(f"try it: schedkit check {shown}; schedkit run {shown} --once")
    _open(path, wanted=opens)


def new_task(name: str | None, *, opens: bool) -> None:
    """Write a module with a task, and open it in an editor.

    Raises
    ------
    UsageError
        There is a module of that name, or the name is none of Python's.
    """
    project = app()
    name = _name(_ask("Name of the task", name, "task"))
    if not name.isidentifier():
        raise UsageError(f"{name!r} is no name of a Python module", hint="use letters, digits and _")
    path = project.root / "tasks" / f"{name}.py"
    _write(path, "task.txt", name=name)
    shown = path.relative_to(project.root)
    print_line(f"try it: schedkit run {shown} --once")
    _open(path, wanted=opens)


def _ask(question: str, given: str | None, default: str) -> str:
    """Return what was given, what is typed, or the default where there is no terminal."""
    if given is not None:
        return given
    if not sys.stdin.isatty():
        return default
    answer: str = typer.prompt(question, default=default, show_default=bool(default), err=True)
    return answer.strip()


def _name(text: str) -> str:
    name = parse_name(text, "name") or ""
    if "/" in name or "\\" in name or name.startswith("."):
        raise UsageError(f"the name {name!r} cannot be that of a file", hint="leave / and a leading . out")
    return name


def _first_site(project: App) -> str:
    names = [name for name, site in project.settings.sites.items() if site.kind == "jira"]
    return names[0] if names else "demo"


def _write(path: Path, template: str, **values: str) -> None:
    if path.exists():
        raise UsageError(f"{path} exists already", hint="choose another name")
    text = (TEMPLATES / template).read_text(encoding="utf-8")
    for name, value in values.items():
        text = text.replace(f"<<{name}>>", value).replace(f"<<{name}|quoted>>", json.dumps(value))
    if template == "report.yaml":
        loads_reports(text, path.name)  # nothing is written that is refused later
    with replacing(path) as new:
        new.file.write(text.encode())
    print_line(f"wrote {path}")


def _write_schema(folder: Path) -> None:
    """Write the schema by which editors complete and check reports, if it is not there."""
    from schedkit.commands.schema import schema_text

    if not (folder / SCHEMA).exists():
        with replacing(folder / SCHEMA) as new:
            new.file.write(schema_text().encode())


def _open(path: Path, *, wanted: bool) -> None:
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR")
    if wanted and editor and sys.stdin.isatty():
        subprocess.run([*shlex.split(editor), str(path)], check=False)
