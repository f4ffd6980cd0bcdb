"""``schedkit new docker`` and ``new systemd``: what a server needs to run a project's schedule."""

from __future__ import annotations

import getpass
import json
import os
import re
import secrets
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from schedkit import __version__
from schedkit.app import App, app
from schedkit.commands.output import print_line
from schedkit.commands.service import kept_command, named_variables
from schedkit.commands.units import STOP_SECONDS, systemd_unit
from schedkit.errors import UsageError
from schedkit.settings.environment import NESTED, PREFIX
from schedkit.values.files import replacing
from schedkit.values.private import PRIVATE
from schedkit.values.timezones import local_timezone, timezone_name

__all__ = ["new_docker", "new_systemd"]

TEMPLATES = Path(__file__).parent / "templates"
EXTRAS = "notebook,notify,postgres,server"
CLUSTER = "compose.cluster.yaml"
# The user of a container where the user here is root, or the system has no user ids.
OTHER_UID = 10001


def new_docker(files: list[Path], *, cluster: bool = False) -> None:
    """Write an image's Dockerfile and a compose file with PostgreSQL; the files are those that it serves.

    Parameters
    ----------
    cluster : bool
        Whether a second compose file adds another node, a Dask scheduler and workers.

    Raises
    ------
    UsageError
        One of the files is there already, or there is nothing to run.
    """
    project = app()
    paths = _within(project, files or _found(project))
    values = {
        "python": f"{sys.version_info.major}.{sys.version_info.minor}",
        "requirements": _requirements(project.root),
        "package": _package(__version__, f"cluster,{EXTRAS}" if cluster else EXTRAS),
        "zone": _zone(),
        "uid": str(_uid()),
        "command": json.dumps(["serve", "--host", "0.0.0.0", *map(str, paths)]),
        "stop": str(STOP_SECONDS),
        "run": json.dumps(["run", *map(str, paths)]),
        "worker": json.dumps(["worker", "--dask", "tcp://dask:8786", *map(str, paths)]),
    }
    texts = {
        "Dockerfile": _filled("Dockerfile", values),
        "compose.yaml": _filled("compose.yaml", values),
        ".dockerignore": _filled("dockerignore", values),
        ".env": _environment(project),
    }
    _write_new(project.root, {**texts, **({CLUSTER: _filled(CLUSTER, values)} if cluster else {})})
    (project.root / "reports" / "out").mkdir(parents=True, exist_ok=True)
    _see_to_gitignore(project.root)
    print_line(f"it serves {', '.join(map(str, paths))}")
    both = f" -f compose.yaml -f {CLUSTER}" if cluster else ""
    print_line(f"write the tokens of your sites to .env, then: docker compose{both} up --build --detach")


def new_systemd(files: list[Path], *, name: str | None, port: int | None, ledger: str | None) -> None:
    """Write a unit for the systemd of a server, where the tasks of the files are to run.

    Raises
    ------
    UsageError
        It is there already, or there is nothing to run.
    """
    project = app()
    kept = kept_command(project, files, name=name, port=port, ledger=ledger)
    file = f"{kept.name}.service"
    _write_new(project.root, {file: systemd_unit(kept, account=getpass.getuser())})
    print_line(f"variables of the settings are read from {kept.environment_file}, if it is there")
    print_line(f"now: sudo cp {file} /etc/systemd/system/ && sudo systemctl enable --now {kept.name}")


def _found(project: App) -> list[Path]:
    """Return the reports and task modules of a project."""
    found = [*(project.root / "reports").glob("*.yaml"), *(project.root / "tasks").glob("*.py")]
    if not found:
        raise UsageError("nothing to run", hint="name report files, task modules or notebooks")
    return sorted(path for path in found if path.name != "__init__.py")


def _within(project: App, files: Sequence[Path]) -> list[Path]:
    """Return paths as they are in an image, which has the project and nothing else."""
    outside = [path for path in files if not path.absolute().is_relative_to(project.root)]
    if outside:
        raise UsageError(f"{outside[0]} is not in the project {project.root}", hint="copy it there")
    return [path.absolute().relative_to(project.root) for path in files]


def _requirements(root: Path) -> str:
    if not (root / "requirements.txt").is_file():
        return ""
    return "COPY requirements.txt .\nRUN pip install --no-cache-dir -r requirements.txt\n"


def _package(version: str, extras: str) -> str:
    """Return what pip is to install; a version that is not released yet is in no index."""
    return f"'schedkit[{extras}]'" if "dev" in version else f"'schedkit[{extras}]=={version}'"


def _zone() -> str:
    name = timezone_name(local_timezone())
    return "UTC" if name.startswith(("+", "-")) else name


def _uid() -> int:
    return (os.getuid() if hasattr(os, "getuid") else 0) or OTHER_UID


def _environment(project: App) -> str:
    """Return the variables of the containers: the ledger's password, and those to be filled in."""
    lines = [f"POSTGRES_PASSWORD={secrets.token_urlsafe(24)}"]
    names = [f"{PREFIX}SITES{NESTED}{name.upper()}{NESTED}TOKEN" for name in project.settings.sites]
    names += named_variables(project.file)
    lines += [f"# {name}=" for name in names if re.fullmatch(r"\w+", name)]
    return "\n".join(lines) + "\n"


def _filled(template: str, values: Mapping[str, str]) -> str:
    text = (TEMPLATES / template).read_text(encoding="utf-8")
    return re.sub(r"<<(\w+)>>", lambda found: values[found[1]], text)


def _write_new(root: Path, files: Mapping[str, str]) -> None:
    """Write files, all or none: none in the place of one that is there."""
    for name in files:
        if (root / name).exists():
            raise UsageError(f"{root / name} exists already", hint="move it away")
    for name, text in files.items():
        with replacing(root / name, mode=PRIVATE if name == ".env" else None) as new:
            new.file.write(text.encode())
        print_line(f"wrote {root / name}")


def _see_to_gitignore(root: Path) -> None:
    path = root / ".gitignore"
    if not path.exists():
        with replacing(path) as new:
            new.file.write(b".env\n.schedkit/\nreports/out/\n")
    elif ".env" not in path.read_text(encoding="utf-8", errors="replace").split():
        print_line(f"add .env to {path}: it holds the password of the ledger")
