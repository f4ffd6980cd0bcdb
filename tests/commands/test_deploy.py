"""``schedkit new docker`` and ``new systemd``: the files keep the rules of their kind, their commands run."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.postgres_server import postgres_server
from support.ready_processes import COMMAND_LINE, ReadyProcess

from schedkit.cli import main
from schedkit.commands.units import STOP_SECONDS

Output = pytest.CaptureFixture[str]
Instruction = tuple[str, str]
TASKS = """
from schedkit import task

@task("0 7 * * *")
def nightly() -> str:
    return "done"
"""


@pytest.fixture
def docker(project: Path, capsys: Output) -> Path:
    """A project with a task, for which the files were written."""
    (project / "tasks").mkdir()
    (project / "tasks" / "nightly.py").write_text(TASKS)
    (project / "reports" / "demo.yaml").unlink()
    (project / "schedkit.yaml").write_text(
        "sites: {jira: {url: 'https://jira.example.org', token: '${JIRA_TOKEN}'}}\n"
    )
    os.environ["JIRA_TOKEN"] = "x"
    try:
        assert main(["new", "docker"]) == 0, capsys.readouterr().err
    finally:
        del os.environ["JIRA_TOKEN"]
    return project


def instructions(text: str) -> list[Instruction]:
    """Return the instructions of a Dockerfile with what follows each."""
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    return [(line.split(None, 1)[0], line.split(None, 1)[1]) for line in joined.splitlines()]


def compose(project: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((project / "compose.yaml").read_text())
    return found


def value(found: list[Instruction], name: str) -> str:
    (one,) = [rest for word, rest in found if word == name]
    return one


def test_the_image_keeps_the_rules_of_images(docker: Path) -> None:
    found = instructions((docker / "Dockerfile").read_text())
    images = [rest.split()[0] for word, rest in found if word == "FROM"]
    assert set(images) == {f"python:{sys.version_info.major}.{sys.version_info.minor}-slim"}, (
        "a tag, not the latest"
    )
    assert len(images) == 2, "what builds is not in the image"
    assert value(found, "USER") == "schedkit"
    assert not [rest for word, rest in found if word in ("ADD", "MAINTAINER") or "sudo" in rest]
    assert all("--no-cache-dir" in rest for _, rest in found if "pip install" in rest)
    assert value(found, "WORKDIR").startswith("/")
    assert all(isinstance(json.loads(value(found, word)), list) for word in ("ENTRYPOINT", "CMD"))
    assert found.index(("USER", "schedkit")) > max(i for i, (word, _) in enumerate(found) if word == "RUN")
    assert value(found, "ARG") == f"UID={os.getuid() or 10001}"
    assert "<<" not in (docker / "Dockerfile").read_text()


def test_shell_lines_are_shell(docker: Path) -> None:
    for word, rest in instructions((docker / "Dockerfile").read_text()):
        if word == "RUN":
            subprocess.run(["sh", "-n", "-c", rest], check=True)
            assert shlex.split(rest)


def test_the_services_keep_the_rules_of_compose(docker: Path) -> None:
    told = compose(docker)
    assert told.keys() == {"services", "volumes"}
    ours, ledger = told["services"]["schedkit"], told["services"]["ledger"]
    assert ours["stop_grace_period"] == f"{STOP_SECONDS}s"
    assert ours["depends_on"] == {"ledger": {"condition": "service_healthy"}}
    assert ledger["healthcheck"]["test"][:2] == ["CMD", "pg_isready"]
    assert re.fullmatch(r"postgres:\d+", ledger["image"])
    assert ours["ports"] == ["127.0.0.1:8000:8000"], "of this machine only"
    mounted = [volume.split(":")[0] for service in (ours, ledger) for volume in service["volumes"]]
    assert {name for name in mounted if not name.startswith(".")} == set(told["volumes"])
    assert all(service["restart"] == "unless-stopped" for service in (ours, ledger))


def test_a_second_file_adds_what_a_cluster_has(project: Path, capsys: Output) -> None:
    assert main(["new", "docker", "reports/demo.yaml", "--cluster"]) == 0
    assert "docker compose -f compose.yaml -f compose.cluster.yaml up" in capsys.readouterr().out
    assert "'schedkit[cluster," in (project / "Dockerfile").read_text()
    one, more = compose(project), yaml.safe_load((project / "compose.cluster.yaml").read_text())
    both = {**more["services"], "schedkit": {**one["services"]["schedkit"], **more["services"]["schedkit"]}}
    assert both.keys() == {"schedkit", "node", "dask", "worker"}
    ours = {name: both[name] for name in ("schedkit", "node", "worker")}
    for service in ours.values():
        assert service["environment"]["SCHEDKIT_SCHEDULER__DASK"] == "tcp://dask:8786"
        assert service["stop_grace_period"] == f"{STOP_SECONDS}s"
        assert service["env_file"] == ".env"
        assert service["volumes"] == one["services"]["schedkit"]["volumes"], "all see the results"
    # Dask's port runs whatever reaches it.
    assert [name for name, service in both.items() if "ports" in service] == ["schedkit"]
    assert both["dask"]["networks"] == ["cluster"]
    assert "cluster" not in one["services"]["ledger"].get("networks", [])
    assert both["worker"]["command"] == ["worker", "--dask", "tcp://dask:8786", "reports/demo.yaml"]
    assert both["node"]["command"] == ["run", "reports/demo.yaml"]
    assert both["worker"]["deploy"] == {"replicas": 2}
    assert "<<" not in (project / "compose.cluster.yaml").read_text().replace("<<: ", "")


def test_the_secrets_are_in_a_file_of_their_own(docker: Path) -> None:
    path = docker / ".env"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    (password,) = re.findall(r"^POSTGRES_PASSWORD=([\w-]{32})$", path.read_text(), re.MULTILINE)
    assert "# SCHEDKIT_SITES__JIRA__TOKEN=\n# JIRA_TOKEN=\n" in path.read_text()
    assert password not in (docker / "compose.yaml").read_text() + (docker / "Dockerfile").read_text()
    for name in (".dockerignore", ".gitignore"):
        assert ".env" in (docker / name).read_text().split()


def test_nothing_is_written_over_a_file(docker: Path, capsys: Output) -> None:
    (docker / ".env").unlink()
    (docker / "Dockerfile").unlink()
    before = (docker / "compose.yaml").read_text()
    assert main(["new", "docker", "tasks/nightly.py"]) == 2
    assert "compose.yaml exists already (move it away)" in capsys.readouterr().err
    assert (docker / "compose.yaml").read_text() == before
    assert not (docker / ".env").exists()


def test_packages_of_the_project_are_installed(project: Path) -> None:
    (project / "requirements.txt").write_text("pandas\n")
    (project / ".gitignore").write_text("*.pyc\n")
    assert main(["new", "docker", "reports/demo.yaml"]) == 0
    found = instructions((project / "Dockerfile").read_text())
    assert ("RUN", "pip install --no-cache-dir -r requirements.txt") in found
    assert value(found, "CMD") == '["serve", "--host", "0.0.0.0", "reports/demo.yaml"]'


def test_a_repository_that_would_keep_the_password_is_told(project: Path, capsys: Output) -> None:
    (project / ".gitignore").write_text("*.pyc\n")
    assert main(["new", "docker"]) == 0
    assert f"add .env to {project / '.gitignore'}" in capsys.readouterr().out
    assert (project / ".gitignore").read_text() == "*.pyc\n"


def test_what_an_image_does_not_have_is_refused(project: Path, tmp_path_factory: Any, capsys: Output) -> None:
    outside = tmp_path_factory.mktemp("outside") / "x.yaml"
    assert main(["new", "docker", str(outside)]) == 2
    assert "is not in the project" in capsys.readouterr().err
    (project / "reports" / "demo.yaml").unlink()
    assert main(["new", "docker"]) == 2
    assert "nothing to run" in capsys.readouterr().err


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.thorough)])
def ledger(request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of a ledger."""
    if request.param == "sqlite":
        yield ".schedkit/ledger.db"
        return
    with postgres_server() as server:
        yield server.get_uri()


def test_the_container_s_command_serves(docker: Path, ledger: str) -> None:
    """The command, its health check and its end are those of the files; only the port is a free one."""
    found = instructions((docker / "Dockerfile").read_text())
    entry, command = (json.loads(value(found, word)) for word in ("ENTRYPOINT", "CMD"))
    assert entry == ["schedkit"]
    (name,) = compose(docker)["services"]["schedkit"]["environment"]
    environment = {**os.environ, name: ledger, "JIRA_TOKEN": "x"}
    told, telling = os.pipe()
    with open(told, encoding="utf-8") as lines, open(os.devnull, "r+b") as nothing:
        streams = (nothing.fileno(), nothing.fileno(), telling)
        words = [*command, "--port", "0"]
        with ReadyProcess(COMMAND_LINE, words, docker, streams, environment=environment) as running:
            os.close(telling)
            line = lines.readline()
            (port,) = re.findall(r"serving http://0\.0\.0\.0:(\d+) ", line)
            check = re.fullmatch(r".* CMD (\[.*\])", value(found, "HEALTHCHECK"))
            assert check is not None
            program = json.loads(check[1])[2].replace(":8000/", f":{port}/")
            subprocess.run([sys.executable, "-c", program], check=True)
            running.send_signal(signal.SIGTERM)
            assert running.wait() == 0


def test_a_unit_for_a_server(project: Path, capsys: Output) -> None:
    assert main(["new", "systemd", "reports/demo.yaml", "--name", "x", "--port", "8000"]) == 0
    text = (project / "schedkit-x.service").read_text()
    assert '"-m" "schedkit" "serve" "--port" "8000" "reports/demo.yaml"\n' in text
    assert "WantedBy=multi-user.target" in text
    assert re.search(r"^User=\S+$", text, re.MULTILINE)
    assert "sudo cp schedkit-x.service /etc/systemd/system/" in capsys.readouterr().out
    assert main(["new", "systemd", "reports/demo.yaml", "--name", "x"]) == 2
