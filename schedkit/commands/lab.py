"""``schedkit lab``: JupyterLab on the notebooks, with the demo site up."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from schedkit.commands.examples import copy_notebooks
from schedkit.commands.output import print_line
from schedkit.errors import UsageError
from schedkit.values.extras import check_package

__all__ = ["lab_environment", "open_lab"]

NOTEBOOKS = Path("notebooks")
JUPYTERLAB = (sys.executable, "-m", "jupyterlab")  # `jupyter lab` needs its scripts on the PATH


def open_lab(folder: Path | None, *, issues: int, options: list[str]) -> int:
    """Start the demo site and JupyterLab, wait until JupyterLab ends, and return its exit code.

    Parameters
    ----------
    folder : Path, optional
        Whose notebooks are shown; by default ``notebooks``, or the working folder if it has notebooks. If
        neither is there, the notebooks that come with schedkit are copied to ``notebooks``.

    Raises
    ------
    MissingExtraError
        JupyterLab or the demo site's web server is not installed.
    UsageError
        The folder does not exist.
    """
    check_package("jupyterlab", "notebook", "notebooks")
    from schedkit.demo import DemoSite

    if folder is not None and str(folder).startswith("-"):  # the parser does not know JupyterLab's options
        folder, options = None, [str(folder), *options]
    if folder is None:
        folder = _notebooks()
    if not folder.is_dir():
        raise UsageError(f"there is no folder {folder}", hint="name the folder of the notebooks")
    with DemoSite(issues=issues) as site:
        command = [*JUPYTERLAB, "--ip=127.0.0.1", f"--notebook-dir={folder}", *options]
        return _wait(command, {**os.environ, **lab_environment(site)})


def _notebooks() -> Path:
    """Return the folder to open; where there is no notebook yet, the ones of schedkit are copied."""
    if not NOTEBOOKS.exists():
        if any(Path().glob("*.ipynb")):
            return Path()
        print_line(f"copied {copy_notebooks(NOTEBOOKS)} files to {NOTEBOOKS.resolve()}")
    return NOTEBOOKS


def _wait(command: list[str], environment: dict[str, str]) -> int:
    """Run a program that ends with this one; Ctrl-C is its own to answer, and so it asks before it ends."""
    with subprocess.Popen(command, env=environment) as program:
        before = {
            signal.SIGTERM: signal.signal(signal.SIGTERM, lambda *_: program.terminate()),
            signal.SIGINT: signal.signal(signal.SIGINT, lambda *_: None),
        }
        try:
            return program.wait()
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
            program.terminate()


def lab_environment(site: Any) -> dict[str, str]:
    """Return the variables by which `schedkit.site("demo")` finds the demo site in a kernel."""
    doors = {
        "DEMO": ("jira", site.jira_cloud),
        "DEMO-DC": ("jira", site.jira_dc),
        "DEMO-WIKI": ("confluence", site.confluence_cloud),
        "DEMO-WIKI-DC": ("confluence", site.confluence_dc),
    }
    variables: dict[str, str] = {}
    for name, (kind, door) in doors.items():
        prefix = f"SCHEDKIT_SITES__{name}__"
        variables |= {f"{prefix}KIND": kind, f"{prefix}URL": door.url, f"{prefix}TOKEN": door.token}
        if door.user:
            variables[f"{prefix}USER"] = door.user
    return variables
