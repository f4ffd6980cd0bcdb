"""What is built to be installed holds all that the package needs, and nothing else."""

from __future__ import annotations

import json
import os
import re
import signal
import site
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder

ROOT = Path(__file__).parents[1]
TEMPLATES = "schedkit/commands/templates"
ISSUES = "200"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout, built as `pip wheel .` does, but without a fresh environment for it."""
    (made,) = WheelBuilder(str(ROOT)).build(directory=str(tmp_path_factory.mktemp("dist")))
    return Path(made)


@pytest.fixture(scope="module")
def names(wheel: Path) -> set[str]:
    """The files in it, apart from its own metadata."""
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if ".dist-info/" not in name}


def test_it_holds_every_file_of_the_package(names: set[str]) -> None:
    files = {path for path in (ROOT / "schedkit").rglob("*") if path.is_file()}
    package = {path.relative_to(ROOT).as_posix() for path in files if "__pycache__" not in path.parts}
    assert {"schedkit/py.typed", "schedkit/web/board.js", f"{TEMPLATES}/settings.yaml"} <= package
    assert package - names == set()


def test_it_holds_the_notebooks_and_the_reports_and_nothing_else(names: set[str]) -> None:
    notebooks = ROOT / "notebooks"
    kept = [*notebooks.glob("*.ipynb"), *notebooks.glob("*.md"), *(notebooks / "images").iterdir()]
    reports = [path for kind in ("*.yaml", "*.yml") for path in (ROOT / "reports").rglob(kind)]
    kept += [path for path in reports if "out" not in path.parts]
    examples = {f"{TEMPLATES}/{path.relative_to(ROOT).as_posix()}" for path in kept}
    assert f"{TEMPLATES}/reports/demo.yaml" in examples
    assert {name for name in names if not (ROOT / name).is_file()} == examples


def test_its_facts_are_those_of_the_project(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (folder,) = {name.partition("/")[0] for name in archive.namelist() if ".dist-info/" in name}
        facts = archive.read(f"{folder}/METADATA").decode()
        assert b"schedkit = schedkit.cli:main" in archive.read(f"{folder}/entry_points.txt")
    assert {"notebook", "demo"} <= set(re.findall(r"^Provides-Extra: (.+)$", facts, re.MULTILINE))
    # Where the system has no time zones, as in small containers, they come from there.
    assert re.search(r"^Requires-Dist: tzdata>=[\d.]+$", facts, re.MULTILINE)


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command `schedkit` of an environment with the wheel; what it depends on is the tests' own."""
    home = tmp_path_factory.mktemp("installed")
    subprocess.run([sys.executable, "-m", "venv", str(home / "venv")], check=True)
    python = home / "venv" / ("Scripts" if os.name == "nt" else "bin") / Path(sys.executable).name
    install = [str(python), "-m", "pip", "install", "-q", "--no-deps", "--no-index", str(wheel)]
    subprocess.run(install, check=True)
    where = "import sysconfig; print(sysconfig.get_path('purelib'))"
    found = subprocess.run([str(python), "-c", where], check=True, capture_output=True, text=True)
    # A line of a .pth file adds a folder, but not what the .pth files in that folder say: this checkout.
    (Path(found.stdout.strip()) / "dependencies.pth").write_text("\n".join(site.getsitepackages()) + "\n")
    return python.parent / "schedkit"


def surroundings() -> dict[str, str]:
    """Return an environment that does not know this checkout, of a system without time zones."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | {"PYTHONTZPATH": ""}


def run(command: Path, folder: Path, *arguments: str) -> str:
    """Return what a command prints."""
    done = subprocess.run(
        [str(command), *arguments],
        cwd=folder,
        env=surroundings(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.thorough
def test_installed_the_demo_runs_in_an_empty_folder(installed: Path, tmp_path: Path) -> None:
    facts = json.loads(run(installed, tmp_path, "demo", "--issues", ISSUES, "--json"))
    assert facts["rows"] > 10
    assert (tmp_path / "reports" / "out" / "open-bugs.xlsx").is_file()


@pytest.mark.thorough
def test_installed_a_new_project_runs_by_the_two_commands_it_names(installed: Path, tmp_path: Path) -> None:
    said = run(installed, tmp_path, "new", "project", "--site", "")
    commands = [line.split()[1:] for line in said.splitlines() if line.startswith("  schedkit ")]
    assert [command[0] for command in commands] == ["demo", "history"]
    for command in commands:
        assert "open-bugs" in run(installed, tmp_path, *command)


@pytest.mark.thorough
@pytest.mark.skipif(not hasattr(signal, "pause"), reason="no signals to end it with here")
def test_installed_jupyterlab_opens_on_copies_of_the_notebooks(installed: Path, tmp_path: Path) -> None:
    command = [str(installed), "lab", "--issues", ISSUES, "--no-browser", "--allow-root", "--port=0"]
    with subprocess.Popen(
        command, cwd=tmp_path, env=surroundings(), stderr=subprocess.PIPE, text=True
    ) as lab:
        assert lab.stderr is not None
        assert any("http://127.0.0.1" in line for line in lab.stderr)
        assert {path.name for path in (tmp_path / "notebooks").glob("*.ipynb")} == {
            path.name for path in (ROOT / "notebooks").glob("*.ipynb")
        }
        lab.terminate()
        lab.communicate(timeout=60)
