"""``schedkit service``: a schedule that survives a reboot, kept by the systemd of the user."""

from __future__ import annotations

import getpass
import os
import platform
import re
import shlex
import subprocess
from pathlib import Path

from schedkit.app import App, app
from schedkit.commands.declare import check_file
from schedkit.commands.output import print_block, print_json, print_line, print_table
from schedkit.commands.units import Kept, launchd_agent, systemd_unit, windows_task
from schedkit.errors import NotRunningError, SchedkitError, UsageError
from schedkit.values.files import replacing
from schedkit.values.paths import SETTINGS_VARIABLE
from schedkit.values.text import one_line

__all__ = [
    "install_service",
    "kept_command",
    "named_variables",
    "remove_service",
    "service_name",
    "service_status",
]

# What systemd tells of a unit, by what it is called here.
_SHOWN = {
    "installed": "UnitFileState",
    "state": "ActiveState",
    "since": "ActiveEnterTimestamp",
    "pid": "MainPID",
    "restarts": "NRestarts",
}
_VARIABLE = re.compile(r"\$\{(\w+)\}")


def install_service(files: list[Path], *, name: str | None, port: int | None, ledger: str | None) -> None:
    """Have the tasks of files, or those of the settings, run from the start of the machine on.

    Raises
    ------
    UsageError
        There is nothing to run, or another project has a service of this name.
    """
    project = app()
    kept = kept_command(project, files, name=name, port=port, ledger=ledger)
    if platform.system() == "Linux":
        _install_unit(kept)
    else:
        _print_how_to(kept)
    _tell_missing_variables(project, kept)


def kept_command(
    project: App, files: list[Path], *, name: str | None, port: int | None = None, ledger: str | None = None
) -> Kept:
    """Return the command that runs files, or serves them on a port, as a service is to run it."""
    if not (files or project.settings.tasks or port is not None):
        raise UsageError("nothing to run", hint="name report files, task modules or notebooks")
    for path in files:
        check_file(path)
    given = os.environ.get(SETTINGS_VARIABLE)
    arguments = [*(["--settings", str(project.file)] if given else [])]
    arguments += ["run"] if port is None else ["serve", "--port", str(port)]
    arguments += [str(_from_root(project, path)) for path in files]
    arguments += [] if ledger is None else ["--ledger", ledger]
    return Kept(service_name(project, name), project.root, arguments)


def service_name(project: App, name: str | None) -> str:
    """Return the name of the unit, made of the project's folder where none is given.

    Raises
    ------
    UsageError
        It cannot be that of a unit.
    """
    if name is None:
        name = re.sub(r"[^A-Za-z0-9_-]+", "-", project.root.name).strip("-") or "project"
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,100}", name):
        raise UsageError(f"{name!r} is not a valid name of a service", hint="use letters, digits, - and _")
    return f"schedkit-{name}"


def _from_root(project: App, path: Path) -> Path:
    whole = path.absolute()
    return whole.relative_to(project.root) if whole.is_relative_to(project.root) else whole


def _install_unit(kept: Kept) -> None:
    _ask_systemd("show", "--property=Version")  # whether it answers, before anything is written
    path = _unit_path(kept.name)
    if path.exists() and f"\nWorkingDirectory={kept.root}\n" not in path.read_text(encoding="utf-8"):
        raise UsageError(f"{path} is the service of another project", hint="choose another --name")
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as new:
        new.file.write(systemd_unit(kept).encode())
    _ask_systemd("daemon-reload")
    _ask_systemd("enable", path.name)
    _ask_systemd("restart", path.name)
    print_line(f"installed {kept.name}: schedkit {shlex.join(kept.arguments)}")
    print_line(f"its log: journalctl --user -u {kept.name}")
    _tell_linger()


def _tell_linger() -> None:
    if not _lingers():
        print_line(
            "it runs while you are logged in; from the start of the machine on, and after you log out, with: "
            "loginctl enable-linger"
        )


def _lingers() -> bool:
    return (
        _output("loginctl", "show-user", getpass.getuser(), "--property=Linger", "--value").strip() == "yes"
    )


def service_status(*, name: str | None, as_json: bool) -> None:
    """Print whether the service is installed and runs.

    Raises
    ------
    NotRunningError
        It does not run.
    """
    unit = service_name(app(), name)
    if platform.system() != "Linux":
        raise _not_here(unit)
    told = _ask_systemd("show", f"{unit}.service", f"--property={','.join(_SHOWN.values())}")
    known = dict(line.split("=", 1) for line in told.splitlines() if "=" in line)
    row = {"service": unit, **{shown: known.get(name, "") for shown, name in _SHOWN.items()}}
    row |= {"installed": row["installed"] or "no", "without a log-in": "yes" if _lingers() else "no"}
    if as_json:
        print_json(row)
    else:
        print_table(tuple(row), [row])
    if row["state"] != "active":
        hint = "`schedkit service install` installs it; journalctl --user -u " + unit
        raise NotRunningError(f"{unit} is {row['state'] or 'not installed'}", hint=hint)


def remove_service(*, name: str | None) -> None:
    """End the service, and have it start no more.

    Raises
    ------
    UsageError
        There is none.
    """
    unit = service_name(app(), name)
    if platform.system() != "Linux":
        raise _not_here(unit)
    path = _unit_path(unit)
    if not path.exists():
        raise UsageError(f"{unit} is not installed: there is no {path}")
    _ask_systemd("disable", "--now", path.name)
    path.unlink()
    _ask_systemd("daemon-reload")
    print_line(f"removed {unit}")


def _unit_path(name: str) -> Path:
    home = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(home) / "systemd" / "user" / f"{name}.service"


def _ask_systemd(*words: str) -> str:
    """Return what the systemd of the user answers.

    Raises
    ------
    SchedkitError
        It is not there, or refuses.
    """
    command = ["systemctl", "--user", *words]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        hint = "`schedkit new docker` writes what a container needs; cron's @reboot can start `schedkit run`"
        raise UsageError(f"systemd is not here: systemctl: {error.strerror}", hint=hint) from None
    if done.returncode:
        told = one_line(done.stderr or done.stdout)
        hint = "it is there for a user who has logged in, not for one of su or cron"
        raise SchedkitError(f"{shlex.join(command)}: {told}", hint=hint)
    return done.stdout


def _output(*command: str) -> str:
    """Return what a command prints; nothing where it is not there."""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout
    except OSError:
        return ""


def _tell_missing_variables(project: App, kept: Kept) -> None:
    """Say which variables of the settings the service does not have: it knows nothing of a shell's."""
    wanted = named_variables(project.file)
    given = {line.partition("=")[0].strip() for line in _text(kept.environment_file).splitlines()}
    if missing := [name for name in wanted if name not in given]:
        print_line(
            f"the settings name {', '.join(missing)}: a service has no variables of your shell; "
            f"write {'them' if len(missing) > 1 else 'it'} to {kept.environment_file} as NAME=value"
        )


def named_variables(settings: Path) -> list[str]:
    """Return the variables that a settings file names as ``${NAME}``."""
    return sorted(set(_VARIABLE.findall(_text(settings))))


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""


def _print_how_to(kept: Kept) -> None:
    """Print what is to be done on a system whose services are not installed from here."""
    if platform.system() == "Darwin":
        path = f"~/Library/LaunchAgents/{kept.name}.plist"
        print_block(f"# Write this to {path}, then: launchctl bootstrap gui/$(id -u) {path}")
        print_block(launchd_agent(kept).rstrip("\n"))
    else:
        print_block("# Run this in PowerShell:")
        print_block(windows_task(kept).rstrip("\n"))


def _not_here(unit: str) -> UsageError:
    if platform.system() == "Darwin":
        look, remove = f"launchctl print gui/$(id -u)/{unit}", f"launchctl bootout gui/$(id -u)/{unit}"
    else:
        look, remove = f"Get-ScheduledTaskInfo {unit}", f"Unregister-ScheduledTask {unit}"
    hint = f"status: {look}; removal: {remove}"
    return UsageError("only services of systemd are handled from here", hint=hint)
