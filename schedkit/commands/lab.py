"""``schedkit lab``: JupyterLab on the notebooks, with the demo site up."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from schedkit.errors import UsageError
from schedkit.values.extras import check_package

__all__ = ["lab_environment", "open_lab"]


def open_lab(folder: Path, *, issues: int, options: list[str]) -> None:
    """Start the demo site and JupyterLab, and wait until JupyterLab ends.

    Raises
    ------
    MissingExtraError
        JupyterLab or the demo site's web server is not installed.
    UsageError
        The folder does not exist.
    """
    check_package("jupyterlab", "notebook", "notebooks")
    from schedkit.demo import DemoSite

    if not folder.is_dir():
        raise UsageError(f"there is no folder {folder}", hint="name the folder of the notebooks")
    with DemoSite(issues=issues) as site:
        command = [sys.executable, "-m", "jupyter", "lab", "--ip=127.0.0.1", f"--notebook-dir={folder}"]
        subprocess.run([*command, *options], env={**os.environ, **lab_environment(site)}, check=False)


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
