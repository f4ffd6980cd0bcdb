"""JupyterLab beside the demo site: it knows the sites, its end is the command's, and it ends with it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from schedkit.cli import main
from schedkit.commands import lab

TELLS = "import json, os, sys; json.dump([sys.argv[1:], dict(os.environ)], open('told', 'w')); sys.exit(3)"
# Ends only when it is told to; says on standard output that it runs.
WAITS = """
import signal, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
print("up", flush=True)
signal.pause()
"""
LAB = """
import sys
from schedkit.cli import main
from schedkit.commands import lab
lab.JUPYTERLAB = (sys.executable, "-c", sys.argv[1])
raise SystemExit(main(["lab", "--issues", "20"]))
"""


@pytest.mark.parametrize("folder", ["notebooks", "."])
def test_it_knows_the_sites_and_its_exit_code_is_the_commands(
    project: Path, monkeypatch: pytest.MonkeyPatch, folder: str
) -> None:
    (project / folder).mkdir(exist_ok=True)
    (project / folder / "mine.ipynb").write_text("")
    monkeypatch.setattr(lab, "JUPYTERLAB", (sys.executable, "-c", TELLS))
    assert main(["lab", "--issues", "50", "--no-browser"]) == 3
    arguments, environment = json.loads((project / "told").read_text())
    assert arguments == ["--ip=127.0.0.1", f"--notebook-dir={folder}", "--no-browser"]
    assert environment["SCHEDKIT_SITES__DEMO__URL"].startswith("http://127.0.0.1:")
    assert environment["SCHEDKIT_SITES__DEMO-WIKI__KIND"] == "confluence"
    assert [path.name for path in project.rglob("*.ipynb")] == ["mine.ipynb"]


def test_where_no_notebook_is_the_ones_of_schedkit_are_copied(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(lab, "JUPYTERLAB", (sys.executable, "-c", TELLS))
    assert main(["lab", "--issues", "20"]) == 3
    assert "--notebook-dir=notebooks" in json.loads((project / "told").read_text())[0]
    assert (project / "notebooks" / "01-tour.ipynb").is_file()
    assert f"files to {project / 'notebooks'}" in capsys.readouterr().out


@pytest.mark.skipif(not hasattr(signal, "pause"), reason="no signals to wait for here")
def test_jupyterlab_ends_with_the_command(project: Path) -> None:
    (project / "notebooks").mkdir()
    command = [sys.executable, "-c", LAB, WAITS]
    with subprocess.Popen(command, cwd=project, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        assert program.stdout.readline() == "up\n"
        os.kill(program.pid, signal.SIGTERM)
        assert program.wait(60) == 7
