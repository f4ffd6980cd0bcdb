"""The version is written in one place, and the command line prints it."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import schedkit
from schedkit.cli import main

ROOT = Path(__file__).parents[1]


def test_the_command_line_prints_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"schedkit {schedkit.__version__}\n"


def test_it_is_printed_wherever_it_stands() -> None:
    command = [sys.executable, "-m", "schedkit", "--version", "run", "nowhere.yaml"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"schedkit {schedkit.__version__}\n", "")


def test_it_is_written_once() -> None:
    """The build reads it from the package."""
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert "version" not in pyproject["project"]
    assert pyproject["project"]["dynamic"] == ["version"]
    source = (ROOT / pyproject["tool"]["hatch"]["version"]["path"]).read_text(encoding="utf-8")
    assert re.findall(r'^__version__ = "(.+)"$', source, re.MULTILINE) == [schedkit.__version__]
