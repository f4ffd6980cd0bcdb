"""What keeps a schedule running, as text: units of systemd, an agent of launchd, a task of Windows."""

from __future__ import annotations

import plistlib
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from schedkit.errors import UsageError
from schedkit.values.text import safe_repr

__all__ = ["STOP_SECONDS", "Kept", "launchd_agent", "systemd_unit", "windows_task"]

# A scheduler that is told to end lets runs continue for 30 s and then records what is left; it is killed only
# after this.
STOP_SECONDS = 45
RESTART_SECONDS = 10


@dataclass(frozen=True)
class Kept:
    """A command that is to run from the start of the machine on.

    Parameters
    ----------
    name : str
        The service's.
    root : Path
        The project, its working folder.
    arguments : sequence of str
        What follows `schedkit`.
    python : str
        The interpreter that has schedkit.
    """

    name: str
    root: Path
    arguments: Sequence[str]
    python: str = sys.executable

    def __post_init__(self) -> None:
        for text in (str(self.root), self.python, *self.arguments):
            if not text.isprintable():
                raise UsageError(
                    f"{safe_repr(text)} has characters that no unit can hold",
                    hint="rename the file or folder",
                )

    @property
    def command(self) -> list[str]:
        """The whole command."""
        return [self.python, "-m", "schedkit", *self.arguments]

    @property
    def environment_file(self) -> Path:
        """Where variables are written that it is to have; it need not exist."""
        return self.root / ".schedkit" / "service.env"


def systemd_unit(kept: Kept, *, account: str = "") -> str:
    """Return a unit of systemd.

    Parameters
    ----------
    account : str
        The user as whom it runs, for a unit of the system; empty: a unit of the user's own systemd.
    """
    program, *arguments = kept.command
    command = " ".join([_quoted(program), *(_quoted(each).replace("$", "$$") for each in arguments)])
    after = ["Wants=network-online.target", "After=network-online.target"] if account else []
    lines = [
        "[Unit]",
        f"Description=schedkit, the tasks of {_plain(kept.root)}",
        *after,
        "",
        "[Service]",
        "Type=exec",
        *([f"User={account}"] if account else []),
        f"WorkingDirectory={_plain(kept.root)}",
        f"EnvironmentFile=-{_plain(kept.environment_file)}",
        f"ExecStart={command}",
        # Only the scheduler itself is told: its processes are its own to end.
        "KillMode=mixed",
        f"TimeoutStopSec={STOP_SECONDS}",
        "Restart=on-failure",
        f"RestartSec={RESTART_SECONDS}",
        "UMask=0077",
        *(["NoNewPrivileges=yes", "PrivateTmp=yes", "ProtectSystem=full"] if account else []),
        "",
        "[Install]",
        f"WantedBy={'multi-user.target' if account else 'default.target'}",
    ]
    return "\n".join(lines) + "\n"


def _plain(path: Path) -> str:
    """Return a path as the value of a setting; `%` begins a specifier there."""
    return str(path).replace("%", "%%")


def _quoted(text: str) -> str:
    """Return a word of a command line of systemd."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{escaped}"'


def launchd_agent(kept: Kept) -> str:
    """Return a property list of launchd; `launchctl bootstrap` takes it."""
    log = str(kept.root / ".schedkit" / "service.log")
    return plistlib.dumps(
        {
            "Label": kept.name,
            "ProgramArguments": kept.command,
            "WorkingDirectory": str(kept.root),
            "RunAtLoad": True,
            "KeepAlive": {"SuccessfulExit": False},
            "ThrottleInterval": RESTART_SECONDS,
            "ExitTimeOut": STOP_SECONDS,
            "ProcessType": "Background",
            "StandardOutPath": log,
            "StandardErrorPath": log,
        }
    ).decode()


def windows_task(kept: Kept) -> str:
    """Return commands of PowerShell that register a task which runs from each log-on on."""
    program, *arguments = kept.command
    joined = " ".join(f'"{each}"' for each in arguments)
    return f"""\
$action = New-ScheduledTaskAction -Execute {_literal(program)} `
  -Argument {_literal(joined)} -WorkingDirectory {_literal(str(kept.root))}
$trigger = New-ScheduledTaskTrigger -AtLogOn -User $env:USERNAME
$settings = New-ScheduledTaskSettingsSet -ExecutionTimeLimit 0 -RestartCount 99 `
  -RestartInterval (New-TimeSpan -Minutes 1) -AllowStartIfOnBatteries -DontStopIfGoingOnBatteries
Register-ScheduledTask -TaskName {_literal(kept.name)} -Action $action -Trigger $trigger -Settings $settings
Start-ScheduledTask -TaskName {_literal(kept.name)}
"""


def _literal(text: str) -> str:
    """Return a text in which PowerShell expands nothing."""
    return "'" + text.replace("'", "''") + "'"
