"""``schedkit service``: what it asks systemd, and what it says where there is none.

No systemd of a user runs where tests run: a program of its name writes down what it is asked, and answers.
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Callable
from pathlib import Path

import pytest

from schedkit.cli import main

Output = pytest.CaptureFixture[str]
Systemd = Callable[[], list[str]]

SYSTEMCTL = """#!/bin/sh
echo "$@" >> "$ASKED"
case "$*" in
  *ActiveState*) cat "$ASKED.state" ;;
  *"$REFUSED"*) echo "Failed to connect to bus: No medium found" >&2; exit 1 ;;
esac
"""
LOGINCTL = """#!/bin/sh
echo "$LINGER"
"""
ACTIVE = (
    "UnitFileState=enabled\nActiveState=active\nActiveEnterTimestamp=Mon 2026-03-02\nMainPID=7\nNRestarts=0\n"
)
GONE = "UnitFileState=\nActiveState=inactive\nActiveEnterTimestamp=\nMainPID=0\nNRestarts=0\n"


@pytest.fixture
def systemd(project: Path, monkeypatch: pytest.MonkeyPatch) -> Systemd:
    """Return what is asked of systemd, but for whether it answers."""
    programs, asked = project / "programs", project / "asked"
    programs.mkdir()
    for name, text in (("systemctl", SYSTEMCTL), ("loginctl", LOGINCTL)):
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    (project / "asked.state").write_text(ACTIVE)
    for name, value in {
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "ASKED": str(asked),
        "REFUSED": "nothing is",
        "LINGER": "no",
        "XDG_CONFIG_HOME": str(project / "config"),
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(platform, "system", lambda: "Linux")

    def told() -> list[str]:
        lines = asked.read_text().splitlines() if asked.exists() else []
        return [line.removeprefix("--user ") for line in lines if "Version" not in line]

    return told


def unit(project: Path, name: str) -> Path:
    return project / "config" / "systemd" / "user" / f"{name}.service"


def test_installed_it_runs_from_now_on(project: Path, systemd: Systemd, capsys: Output) -> None:
    assert main(["service", "install", "reports/demo.yaml", "--name", "weekly"]) == 0
    text = unit(project, "schedkit-weekly").read_text()
    assert f"\nWorkingDirectory={project}\n" in text
    assert '"-m" "schedkit" "run" "reports/demo.yaml"\n' in text
    name = "schedkit-weekly.service"
    assert systemd() == ["daemon-reload", f"enable {name}", f"restart {name}"]
    told = capsys.readouterr().out
    assert "installed schedkit-weekly: schedkit run reports/demo.yaml" in told
    assert "loginctl enable-linger" in told


def test_who_stays_logged_in_is_told_nothing(
    project: Path, systemd: Systemd, capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LINGER", "yes")
    assert main(["service", "install", "--port", "8000", "--ledger", "other.db"]) == 0
    assert "enable-linger" not in capsys.readouterr().out
    (path,) = (project / "config").rglob("*.service")
    assert path.name == f"schedkit-{project.name}.service"
    assert '"serve" "--port" "8000" "--ledger" "other.db"\n' in path.read_text()


def test_installed_again_it_is_replaced_and_another_projects_is_not(
    project: Path, systemd: Systemd, capsys: Output
) -> None:
    assert main(["service", "install", "reports/demo.yaml", "--name", "x"]) == 0
    assert main(["service", "install", "--port", "8000", "--name", "x"]) == 0
    path = unit(project, "schedkit-x")
    text = path.read_text()
    assert '"serve"' in text
    path.write_text(text.replace(f"WorkingDirectory={project}", "WorkingDirectory=/elsewhere"))
    assert main(["service", "install", "--port", "8000", "--name", "x"]) == 2
    assert "is the service of another project (choose another --name)" in capsys.readouterr().err


def test_variables_that_the_service_lacks_are_named(
    project: Path, systemd: Systemd, capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JIRA_TOKEN", "x")
    monkeypatch.setenv("WIKI_TOKEN", "x")
    (project / "schedkit.yaml").write_text(
        "sites:\n"
        "  jira: {url: 'https://jira.example.org', token: '${JIRA_TOKEN}'}\n"
        "  wiki: {kind: confluence, url: 'https://wiki.example.org', token: '${WIKI_TOKEN}'}\n"
    )
    (project / ".schedkit").mkdir()
    (project / ".schedkit" / "service.env").write_text("WIKI_TOKEN=secret\n")
    assert main(["service", "install", "reports/demo.yaml"]) == 0
    told = capsys.readouterr().out
    assert "the settings name JIRA_TOKEN: a service has no variables of your shell" in told
    assert "WIKI_TOKEN" not in told


def test_a_settings_file_that_was_named_is_named_again(project: Path, systemd: Systemd) -> None:
    other = project / "other.yaml"
    other.write_text("")
    assert main(["--settings", str(other), "service", "install", "reports/demo.yaml", "--name", "x"]) == 0
    assert f'"--settings" "{other}" "run"' in unit(project, "schedkit-x").read_text()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["install"], "nothing to run"),
        (["install", "absent.yaml"], "absent.yaml"),
        (["install", "--port", "8000", "--name", "a b"], "not a valid name of a service"),
        (["remove"], "is not installed"),
    ],
)
def test_what_cannot_be_is_refused(
    project: Path, systemd: Systemd, capsys: Output, words: list[str], told: str
) -> None:
    assert main(["service", *words]) == 2
    assert told in capsys.readouterr().err
    assert systemd() == []


def test_without_an_answer_nothing_is_written(
    project: Path, systemd: Systemd, capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REFUSED", "Version")
    assert main(["service", "install", "reports/demo.yaml"]) == 1
    assert "Failed to connect to bus: No medium found" in capsys.readouterr().err
    assert not (project / "config").exists()


def test_without_systemd_it_says_what_else_there_is(
    project: Path, systemd: Systemd, capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(project))
    assert main(["service", "install", "reports/demo.yaml"]) == 2
    assert "systemd is not here" in capsys.readouterr().err


def test_status_and_removal(project: Path, systemd: Systemd, capsys: Output) -> None:
    assert main(["service", "install", "reports/demo.yaml", "--name", "x"]) == 0
    capsys.readouterr()
    assert main(["service", "status", "--name", "x", "--json"]) == 0
    row = json.loads(capsys.readouterr().out)
    assert (row["service"], row["state"], row["installed"], row["pid"]) == (
        "schedkit-x",
        "active",
        "enabled",
        "7",
    )
    assert row["without a log-in"] == "no"
    assert main(["service", "remove", "--name", "x"]) == 0
    assert systemd()[-2:] == ["disable --now schedkit-x.service", "daemon-reload"]
    assert not unit(project, "schedkit-x").exists()


def test_one_that_does_not_run_is_a_failure(project: Path, systemd: Systemd, capsys: Output) -> None:
    (project / "asked.state").write_text(GONE)
    assert main(["service", "status", "--name", "x"]) == 1
    shown = capsys.readouterr()
    assert "schedkit-x is inactive" in shown.err
    assert "no" in shown.out


@pytest.mark.usefixtures("systemd")
@pytest.mark.parametrize(
    ("system", "told", "looks"),
    [
        ("Darwin", "<key>KeepAlive</key>", "launchctl print"),
        ("Windows", "Register-ScheduledTask", "Get-Scheduled"),
    ],
)
def test_elsewhere_it_says_what_to_do(
    project: Path, capsys: Output, monkeypatch: pytest.MonkeyPatch, system: str, told: str, looks: str
) -> None:
    monkeypatch.setattr(platform, "system", lambda: system)
    assert main(["service", "install", "reports/demo.yaml", "--name", "x"]) == 0
    assert told in capsys.readouterr().out
    for words in (["status"], ["remove"]):
        assert main(["service", *words, "--name", "x"]) == 2
        assert looks in capsys.readouterr().err
