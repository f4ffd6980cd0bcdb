"""A notebook as a task, in real kernels: parameters, the kept copy, the cell that failed, a stop."""

from __future__ import annotations

import atexit
import json
import logging
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from support.waiting import wait_until

from schedkit import context
from schedkit.core.api.scheduler import Scheduler
from schedkit.errors import (
    CellError,
    FatalError,
    FileError,
    ParameterError,
    RetryableError,
    RunCancelledError,
    UsageError,
)
from schedkit.notebook.notebook_task import KEPT_COPIES, NotebookTask, add_notebook
from schedkit.report import NotebookReport, Param


def write(path: Path, *cells: str | tuple[str, str], kernel: str = "python3") -> Path:
    made: Any = nbformat.v4.new_notebook(metadata={"kernelspec": {"name": kernel, "display_name": kernel}})
    for cell in cells:
        source, tag = cell if isinstance(cell, tuple) else (cell, "")
        made.cells.append(nbformat.v4.new_code_cell(source, metadata={"tags": [tag] if tag else []}))
    nbformat.write(made, path)
    return path


class Heard(context.ExecutionContext):
    def __init__(self) -> None:
        self.artifacts: dict[str, Path] = {}
        self.lines: list[tuple[int, str]] = []
        self.stages: list[tuple[str, float, float | None]] = []

    def progress(self, stage: str, done: float, total: float | None) -> None:
        self.stages.append((stage, done, total))

    def log(self, level: int, message: str) -> None:
        self.lines.append((level, message))

    def artifact(self, path: Path, label: str) -> None:
        self.artifacts[label] = path

    def fact(self, kind: str, facts: Mapping[str, Any]) -> None:
        raise AssertionError(kind)


def outputs(path: Path) -> str:
    notebook: Any = nbformat.read(path, as_version=4)
    return "".join(output.get("text", "") for cell in notebook.cells for output in cell.get("outputs", ()))


def test_a_copy_is_kept_with_the_parameters(tmp_path: Path) -> None:
    source = write(
        tmp_path / "weekly.ipynb",
        ("project = 'KAFKA'\nleast = 3", "parameters"),
        "import os; print(project, least, os.path.basename(os.getcwd()))",
        ("1 / 0", "no-background"),
    )
    before = source.read_bytes()
    heard = Heard()
    with context.use(heard):
        result = NotebookTask(source, tmp_path / "copies", params={"team": Param(default="x")})(
            project="SPARK"
        )
    assert outputs(Path(result["notebook"])) == f"SPARK 3 {tmp_path.name}\n"
    assert "SPARK 3" in heard.artifacts["weekly.html"].read_text(encoding="utf-8")
    assert heard.artifacts["weekly.ipynb"] == Path(result["notebook"])
    assert heard.stages[-1] == ("cells", 4, 4)
    assert source.read_bytes() == before


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        ("KeyError('Prio')", CellError),
        ("ConnectionError('away')", RetryableError),
        ("FatalError('no')", FatalError),
    ],
)
def test_the_cell_that_failed_is_named(error: str, raised: type[Exception], tmp_path: Path) -> None:
    lines = f"from schedkit.errors import FatalError\n\ndf = {{}}\nraise {error}"
    source = write(tmp_path / "w.ipynb", "print('one')", lines, "print('never')")
    heard = Heard()
    name, _, value = error.partition("(")
    with (
        context.use(heard),
        pytest.raises(raised, match=rf"^w.ipynb, cell 2 .*FatalError\): {name}: ") as caught,
    ):
        NotebookTask(source, tmp_path / "copies")()
    assert value.strip("')") in str(caught.value)
    ((level, line),) = heard.lines
    assert level == logging.ERROR
    assert line.startswith("cell 2:\nfrom schedkit.errors")
    assert "\x1b" not in line
    # The copy has what the cells before have printed, and the error.
    assert "one" in outputs(heard.artifacts["w.ipynb"])
    assert name in heard.artifacts["w.html"].read_text(encoding="utf-8")


def test_a_cell_that_takes_too_long_and_a_kernel_that_dies(tmp_path: Path) -> None:
    slow = write(tmp_path / "slow.ipynb", "import time; time.sleep(60)")
    with pytest.raises(
        RetryableError, match=r"slow.ipynb, cell 1 .import time.*CellTimeoutError: it took longer than 1s"
    ):
        NotebookTask(slow, tmp_path / "copies", cell_timeout=1)()
    dies = write(tmp_path / "dies.ipynb", "import os; os._exit(1)")
    with pytest.raises(CellError, match=r"dies.ipynb, cell 1 .*DeadKernelError"):
        NotebookTask(dies, tmp_path / "copies")()


def test_what_is_no_notebook_task(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="no such file"):
        NotebookTask(tmp_path / "absent.ipynb", tmp_path)
    (tmp_path / "bad.ipynb").write_text("{}", encoding="utf-8")
    with pytest.raises(FileError, match="it is not a notebook"):
        NotebookTask(tmp_path / "bad.ipynb", tmp_path)
    task = NotebookTask(write(tmp_path / "w.ipynb", ("a = 1", "parameters")), tmp_path)
    with pytest.raises(ParameterError, match="unknown parameter 'b'"):
        task(b=1)
    with pytest.raises(ParameterError, match="a='x'"):
        task(a="x")
    strange = NotebookTask(write(tmp_path / "k.ipynb", "1", kernel="no-such-kernel"), tmp_path)
    with pytest.raises(UsageError, match="there is no kernel 'no-such-kernel'"):
        strange()


WHERE = """
import os
from ipykernel.kernelapp import IPKernelApp
app = IPKernelApp.instance()
print(app.transport, app.ip, sorted(os.listdir(os.path.dirname(app.ip))) if app.transport == "ipc" else "")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has ports only")
def test_a_kernel_has_sockets_that_no_other_process_can_take(tmp_path: Path) -> None:
    made = NotebookTask(write(tmp_path / "w.ipynb", WHERE), tmp_path / "copies")()
    transport, path, there = outputs(Path(made["notebook"])).split(" ", 2)
    assert transport == "ipc"
    assert there.count("kernel-") == 5  # one for each channel
    assert not Path(path).parent.exists()


def test_a_folder_with_a_long_name_has_no_room_for_sockets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = tmp_path / ("d" * 100)
    deep.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(deep))
    made = NotebookTask(write(tmp_path / "w.ipynb", WHERE), tmp_path / "copies")()
    assert outputs(Path(made["notebook"])).startswith("tcp 127.0.0.1")
    assert not list(deep.iterdir())


@pytest.mark.parametrize(
    ("command", "why"),
    [
        ([sys.executable, "-m", "no_such_kernel", "{connection_file}"], "No module named no_such_kernel"),
        ([sys.executable, "-c", "raise SystemExit(3)"], "Kernel died before replying"),
        (["/nowhere/python", "{connection_file}"], "/nowhere/python"),
    ],
)
def test_a_kernel_that_does_not_start_tells_why(
    command: list[str], why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = tmp_path / "kernels" / "gone" / "kernel.json"
    spec.parent.mkdir(parents=True)
    spec.write_text(json.dumps({"argv": command, "display_name": "Gone", "language": "python"}))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    kept: list[Any] = []
    register, unregister = atexit.register, atexit.unregister
    monkeypatch.setattr(atexit, "register", lambda call, *given: (kept.append(call), register(call, *given)))
    monkeypatch.setattr(
        atexit, "unregister", lambda call: (kept.remove(call) if call in kept else None, unregister(call))
    )
    task = NotebookTask(write(tmp_path / "w.ipynb", "1", kernel="gone"), tmp_path / "copies")
    with pytest.raises(
        RetryableError, match=rf"w.ipynb: the kernel 'gone' did not start: .*{why}.*jupyter run"
    ):
        task()
    # Else nbclient fails when the interpreter ends. What is imported here first may register calls, too.
    assert not [call for call in kept if isinstance(getattr(call, "__self__", None), NotebookClient)]


def test_old_copies_go(tmp_path: Path) -> None:
    folder = tmp_path / "copies" / "w"
    folder.mkdir(parents=True)
    for number in range(KEPT_COPIES + 5):
        (folder / f"old{number}-1.html").write_text("x", encoding="utf-8")
    NotebookTask(write(tmp_path / "w.ipynb", "1"), tmp_path / "copies")()
    assert len(list(folder.glob("*.html"))) == KEPT_COPIES
    assert len(list(folder.glob("*.ipynb"))) == 1


def test_runs_of_a_scheduler(tmp_path: Path) -> None:
    write(
        tmp_path / "w.ipynb",
        ("least = 1", "parameters"),
        "print(least)\nimport time\nif least > 5: time.sleep(60)",
    )
    report = NotebookReport.of(
        {"name": "weekly", "notebook": "w.ipynb", "params": {"least": 2}, "schedule": {"cron": "0 7 * * mon"}}
    )
    with Scheduler(tmp_path / "ledger.db") as sched:
        task = add_notebook(sched, report, tmp_path)
        assert task.next_run is not None
        run = task.submit()
        assert outputs(Path(run.result("60s")["notebook"])) == "2\n"
        labels = {each["label"]: each["path"] for each in sched.run(run.id).artifacts}
        assert set(labels) == {"w.ipynb", "w.html"}
        assert run.id in labels["w.html"]
        slow = task.submit(least=9)
        assert wait_until(lambda: slow.progress.get("cells", (0, None))[0] >= 2)
        slow.cancel()
        with pytest.raises(RunCancelledError):
            slow.result("60s")
        with pytest.raises(ParameterError, match="unknown parameter 'most'"):
            task.submit(most=1)
