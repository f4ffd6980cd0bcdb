"""What an optional package is needed for ends, without it, in one line that names the extra to install."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import schedkit
from schedkit.errors import MissingExtraError
from schedkit.values.extras import check_package, requires_extra

Without = Callable[[list[str], list[list[str] | str], Path], list[tuple[int, str]]]

ROOT = Path(schedkit.__file__).parent
SITE = [["demo", "--issues", "10"], ["demo-site", "--issues", "10"], ["lab"]]
LEDGER = "postgresql://nobody@127.0.0.1:9/none"
CHART = "ChartOptions(alt='x', count_by='A').draw(pd.DataFrame({'A': [1]}), None)"
PANELS = ["import schedkit.notebook.live_panel", "import schedkit.notebook.display"]

SERVER = ["import schedkit.server"]

# Hidden package → (the extra that installs it, what needs it: commands, or statements).
NEEDED: dict[str, tuple[str, list[list[str] | str]]] = {
    "starlette": ("demo", [*SITE, "import schedkit.demo"]),
    "uvicorn": ("demo", [*SITE, "from schedkit.demo import DemoSite"]),
    "httptools": ("demo", [*SITE, "from schedkit.demo import serve"]),
    "python_multipart": ("demo", [*SITE, "import schedkit.demo.site"]),
    "fastapi": ("server", [["serve"], *SERVER]),
    "jupyterlab": ("notebook", [["lab"]]),
    "nbformat": ("notebook", [["run", "tasks.ipynb", "--once"]]),
    "nbclient": ("notebook", [["run", "notebook.yaml", "--once"]]),
    "nbconvert": ("notebook", [["run", "notebook.yaml", "--once"]]),
    "IPython": (
        "notebook",
        [["run", "tasks.ipynb"], *PANELS, "import schedkit.notebook.bar", "import schedkit.notebook.builder"],
    ),
    "anywidget": ("notebook", [*PANELS]),
    "traitlets": ("notebook", [*PANELS]),
    "jupyter_server": ("notebook", ["import schedkit.notebook.sidebar"]),
    "tornado": ("notebook", ["import schedkit.notebook.sidebar"]),
    "ipywidgets": ("notebook", ["import schedkit.notebook.builder", *PANELS]),
    "matplotlib": (
        "notebook",
        [f"import pandas as pd; from schedkit.report.chart import ChartOptions; {CHART}"],
    ),
    "distributed": ("cluster", [["worker", "tasks.py"]]),
    "fsspec": ("cluster", ["from schedkit import Scheduler; Scheduler('l.db', results='s3://bucket')"]),
    "apprise": ("notify", ["from schedkit.app import app; app().scheduler()", ["run", "tasks.py", "--once"]]),
    "psycopg": (
        "postgres",
        [
            *([command, "--ledger", LEDGER] for command in ("tasks", "history")),
            ["run", "tasks.py", "--once", "--ledger", LEDGER],
            f"from schedkit import Scheduler; Scheduler({LEDGER!r})",
        ],
    ),
}
# What a second extra installs too, for its own modules.
SHARED = {"server": {"uvicorn", "httptools"}}
# What is used where it is installed: a keyring.
ELSEWHERE = {"keyring": "values/secrets.py"}
IMPORT_NAMES = {"python-multipart": "python_multipart", "prometheus-client": "prometheus_client"}

# What every use needs is imported once, and a fork hides the rest.
PROGRAM = """
import contextlib, io, json, os, sys
import apscheduler, atlassian, openpyxl, pandas, pyarrow, pydantic_settings, rich.console, sqlalchemy, typer

def ends_of(uses):
    from schedkit.cli import main
    from schedkit.errors import MissingExtraError
    for use in uses:
        err = io.StringIO()
        with contextlib.redirect_stderr(err), contextlib.redirect_stdout(io.StringIO()):
            if isinstance(use, list):
                code = main(use)
            else:
                try:
                    exec(use, {})
                    code = 0
                except MissingExtraError as error:
                    code = 2
                    print(error, file=sys.stderr)
        yield code, err.getvalue()

for line in sys.stdin:
    hidden, uses, folder = json.loads(line)
    early = sorted(name for name in sys.modules if name.partition(".")[0] in {"schedkit", *hidden})
    if early:
        sys.exit(f"imported before it was hidden: {early}")
    ends, end = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(ends)
        os.chdir(folder)
        sys.modules |= dict.fromkeys(hidden)
        with open(end, "w") as told:
            json.dump(list(ends_of(uses)), told)
        os._exit(0)
    os.close(end)
    with open(ends) as told:
        print(told.read(), flush=True)
    os.waitpid(child, 0)
"""


@pytest.fixture(scope="module")
def forker() -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", PROGRAM]
    environment = {**os.environ, "TEAM_CHAT_URL": "json://127.0.0.1:9/"}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        yield process


@pytest.fixture
def without(forker: subprocess.Popen[str]) -> Without:
    """Return the exit code and standard error of each use in a process that cannot import what is hidden."""

    def asked(hidden: list[str], uses: list[list[str] | str], folder: Path) -> list[tuple[int, str]]:
        assert forker.stdin is not None
        assert forker.stdout is not None
        print(json.dumps([hidden, uses, str(folder)]), file=forker.stdin, flush=True)
        return [(code, err) for code, err in json.loads(forker.stdout.readline())]

    return asked


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "schedkit.yaml").write_text("")
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "reports").mkdir()
    report = (ROOT.parent / "reports" / "demo.yaml").read_text(encoding="utf-8")
    (tmp_path / "reports" / "demo.yaml").write_text(report, encoding="utf-8")
    (tmp_path / "tasks.ipynb").write_text('{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}')
    (tmp_path / "notebook.yaml").write_text("name: n\nnotebook: tasks.ipynb\n")
    (tmp_path / "tasks.py").write_text("def run(): return 1\n")
    return tmp_path


@pytest.mark.parametrize("package", NEEDED)
def test_a_missing_package_is_one_line_that_names_its_extra(
    project: Path, package: str, without: Without
) -> None:
    extra, uses = NEEDED[package]
    if package == "apprise":
        (project / "schedkit.yaml").write_text("notify: {channels: [{env: TEAM_CHAT_URL}]}\n")
    for use, (code, err) in zip(uses, without([package], uses, project), strict=True):
        assert code == 2, (use, err)
        (line,) = err.splitlines()
        assert line.endswith(f" need the package {package} (pip install 'schedkit[{extra}]')"), use


def test_without_any_extra_every_module_can_be_imported_or_says_what_is_missing(
    tmp_path: Path, without: Without
) -> None:
    names = (
        ".".join(path.relative_to(ROOT.parent).with_suffix("").parts) for path in sorted(ROOT.rglob("*.py"))
    )
    uses: list[list[str] | str] = [f"import {name.removesuffix('.__init__')}" for name in names]
    ends = dict(zip(map(str, uses), without([*NEEDED, *ELSEWHERE], uses, tmp_path), strict=True))
    missing = {use.removeprefix("import schedkit."): err for use, (code, err) in ends.items() if code}
    rooms = {name if name.startswith("commands.") else name.partition(".")[0] for name in missing}
    commands = {"commands.serve", "commands.serve_beside", "commands.server_process"}
    assert rooms == {*commands, "demo", "notebook", "server"}
    assert all(err.count("\n") == 1 and "pip install 'schedkit[" in err for err in missing.values())
    # These are imported where nothing is installed, by `schedkit run` and by a background process.
    assert not {"notebook", "notebook.execute", "notebook.handover", "notebook.front_end"} & set(missing)


def test_every_optional_package_is_tried_above() -> None:
    """What the extras install is in `NEEDED`, or schedkit imports it nowhere else than said."""
    project = tomllib.loads((ROOT.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    installed = {
        name: {_import_name(text) for text in extras[name]} for name in extras if name not in ("dev", "bench")
    }
    for extra, packages in installed.items():
        own = {package for package in NEEDED if NEEDED[package][0] == extra}
        assert packages <= {*ELSEWHERE, *own, *SHARED.get(extra, ())}
        assert SHARED.get(extra, set()) <= NEEDED.keys()
    for package, place in ELSEWHERE.items():
        users = [
            path.relative_to(ROOT).as_posix() for path in ROOT.rglob("*.py") if package in _imported(path)
        ]
        assert users == [place]


def _import_name(requirement: str) -> str:
    name = requirement.split(";")[0].split("[")[0].split(">")[0].strip()
    return IMPORT_NAMES.get(name, name)


def _imported(path: Path) -> set[str]:
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    members = {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom) and not node.level}
    return {name.partition(".")[0] for name in plain | members}


def test_a_missing_module_of_ours_is_no_missing_package() -> None:
    with pytest.raises(ModuleNotFoundError, match=r"schedkit\.nowhere"), requires_extra("demo", "sites"):
        __import__("schedkit.nowhere")


def test_it_is_an_import_error_too() -> None:
    with pytest.raises(ImportError, match="sites need the package nowhere_at_all"):
        check_package("nowhere_at_all", "demo", "sites")
    check_package("json", "demo", "sites")
    assert issubclass(MissingExtraError, ValueError)
