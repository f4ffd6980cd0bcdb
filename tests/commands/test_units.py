"""Units are what systemd, launchd and PowerShell understand, whatever paths hold."""

from __future__ import annotations

import inspect
import os
import plistlib
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from schedkit.commands.units import STOP_SECONDS, Kept, launchd_agent, systemd_unit, windows_task
from schedkit.core.api.aio import AsyncScheduler
from schedkit.errors import UsageError
from schedkit.values.durations import parse_duration

HOSTILE = 'a "b" 100% $HOME \\ ;ü'

needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")


def kept(root: Path, *arguments: str) -> Kept:
    return Kept("schedkit-x", root, ["run", *arguments], sys.executable)


def verified(text: str, folder: Path, *scope: str) -> str:
    """Return what systemd has to say against a unit."""
    path = folder / "schedkit-x.service"
    path.write_text(text, encoding="utf-8")
    done = subprocess.run(
        ["systemd-analyze", *scope, "--man=no", "verify", str(path)],
        env={**os.environ, "XDG_RUNTIME_DIR": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    told = [line for line in done.stderr.splitlines() if path.name in line]
    return "\n".join(told) + ("" if done.returncode == 0 or told else done.stderr)


@needs_systemd
@pytest.mark.parametrize(("account", "scope"), [("", ["--user"]), ("root", [])])
@pytest.mark.parametrize("name", ["project", HOSTILE])
def test_systemd_has_nothing_against_it(tmp_path: Path, name: str, account: str, scope: list[str]) -> None:
    root = tmp_path / name
    root.mkdir()
    unit = systemd_unit(kept(root, "reports/a b.yaml", HOSTILE), account=account)
    assert verified(unit, tmp_path, *scope) == ""


@needs_systemd
def test_systemd_does_object_to_a_mistake(tmp_path: Path) -> None:
    unit = systemd_unit(kept(tmp_path)).replace("ExecStart=", "ExecStrt=")
    assert "ExecStrt" in verified(unit, tmp_path, "--user")


def test_a_unit_says_what_a_drain_needs(tmp_path: Path) -> None:
    lines = systemd_unit(kept(tmp_path)).splitlines()
    assert f"TimeoutStopSec={STOP_SECONDS}" in lines
    assert "KillMode=mixed" in lines
    assert "Restart=on-failure" in lines
    assert f"WorkingDirectory={tmp_path}" in lines
    assert f'ExecStart="{sys.executable}" "-m" "schedkit" "run"' in lines
    assert "WantedBy=default.target" in lines


def test_a_kill_comes_later_than_the_end_of_a_drain() -> None:
    deadline = inspect.signature(AsyncScheduler.stop).parameters["deadline"].default
    assert parse_duration(deadline, "deadline") + 10 < STOP_SECONDS


def test_words_reach_the_command_as_they_are(tmp_path: Path) -> None:
    (line,) = [
        line for line in systemd_unit(kept(tmp_path, HOSTILE)).splitlines() if line.startswith("ExecStart=")
    ]
    assert line.endswith(r'"a \"b\" 100%% $$HOME \\ ;ü"')


def test_a_newline_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="has characters that no unit can hold"):
        kept(tmp_path, "a\nExecStartPre=x")


def test_launchd_reads_its_agent(tmp_path: Path) -> None:
    agent = plistlib.loads(launchd_agent(kept(tmp_path, HOSTILE, "<&>")).encode())
    assert agent["ProgramArguments"] == [sys.executable, "-m", "schedkit", "run", HOSTILE, "<&>"]
    assert (agent["Label"], agent["WorkingDirectory"]) == ("schedkit-x", str(tmp_path))
    assert agent["ExitTimeOut"] == STOP_SECONDS
    assert agent["RunAtLoad"]


def test_powershell_expands_nothing(tmp_path: Path) -> None:
    text = windows_task(
        Kept("schedkit-x", tmp_path / "it's $env:X", ["run", "a b.yaml"], "C:\\Py\\python.exe")
    )
    assert f"-WorkingDirectory '{tmp_path}/it''s $env:X'" in text
    assert """-Argument '"-m" "schedkit" "run" "a b.yaml"'""" in text
    assert "Register-ScheduledTask -TaskName 'schedkit-x'" in text
