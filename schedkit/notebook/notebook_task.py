"""A notebook as a task: executed in a kernel of its own, with parameters; each run's copy is kept."""

from __future__ import annotations

import asyncio  # nbclient is written for it
import atexit
import contextvars
import logging
import re
import subprocess
import warnings
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from schedkit import context
from schedkit.core.model import WORTH_RETRYING
from schedkit.core.tasks.origin import declared_in
from schedkit.errors import CellError, FatalError, FileError, RetryableError, UsageError
from schedkit.notebook.execute import LEFT_OUT
from schedkit.notebook.own_kernel import OwnKernel, own_kernel
from schedkit.notebook.parameters_cell import notebook_params, with_parameters
from schedkit.report.params import Param, annotations_of, read_params, signature_of
from schedkit.values.durations import elapsed_text
from schedkit.values.extras import check_package, requires_extra
from schedkit.values.failures import translate
from schedkit.values.files import replacing
from schedkit.values.private import PRIVATE
from schedkit.values.text import clip, one_line

if TYPE_CHECKING:
    from schedkit.core.api.scheduler import Scheduler
    from schedkit.core.api.task_handle import TaskHandle
    from schedkit.report import NotebookReport

__all__ = ["NotebookTask", "add_notebook"]

# nbclient leaves out cells with this tag.
_SKIPPED = "skip-execution"
_ANSI = re.compile(r"\x1b\[[0-9;]*m")
# Executed copies of one task that are kept, of each kind.
KEPT_COPIES = 50


class NotebookTask:
    """Executes a notebook: what a scheduler calls for each run.

    Parameters
    ----------
    path : str or Path
        The notebook. The values of its cell tagged ``parameters`` are the defaults; those given are put into
        a cell behind it, as papermill does. Cells tagged ``no-background`` are left out.
    copies : str or Path
        The folder of executed copies: of each run a notebook and an HTML page, which are artifacts of it.
    params : mapping of str to Param, optional
        Parameters beside those that its cell declares.
    kernel : str, optional
        The kernel's name; by default what the notebook says.
    cell_timeout : float, optional
        Seconds that one cell may take.

    Examples
    --------
    >>> weekly = NotebookTask("weekly.ipynb", "reports/out/copies")         # doctest: +SKIP
    >>> sched.task("0 7 * * mon", name="weekly")(weekly)                    # doctest: +SKIP
    >>> sched.submit("weekly", project="SPARK").result()                    # doctest: +SKIP
    """

    def __init__(
        self,
        path: str | Path,
        copies: str | Path,
        *,
        params: Mapping[str, Param] | None = None,
        kernel: str | None = None,
        cell_timeout: float | None = None,
    ) -> None:
        for package in ("nbclient", "nbconvert"):
            check_package(package, "notebook", "notebooks")
        self.path, self.copies = Path(path).resolve(), Path(copies)
        self.kernel, self.cell_timeout = kernel, cell_timeout
        notebook = read_notebook(self.path)
        own, declared = notebook_params(notebook, self.path), dict(params or {})
        self.params = {**own, **declared}
        # What the notebook's own cell sets need not be set again.
        self._defaults = {name: param.sample for name, param in declared.items() if not param.required}
        self.code_told = "\n".join(str(cell.source) for cell in notebook.cells if cell.cell_type == "code")
        self.__signature__ = signature_of(self.params)
        self.__annotations__ = annotations_of(self.params)

    def __call__(self, **params: Any) -> dict[str, Any]:
        """Execute the notebook and return where its copy is.

        Raises
        ------
        CellError
            A cell fails; the message names it. What a retry may cure is a `RetryableError`.
        """
        read_params(self.params, params, f"notebook {self.path.name}")
        notebook = read_notebook(self.path)
        given = {**self._defaults, **params}
        with_parameters(
            notebook, {name: self.params[name].read(value, name) for name, value in given.items()}
        )
        for cell in notebook.cells:
            if LEFT_OUT in cell.metadata.get("tags", ()):
                cell.metadata["tags"] = [*cell.metadata["tags"], _SKIPPED]
        try:
            self._execute(notebook)
        finally:
            copy = self._keep(notebook)
        return {"notebook": str(copy), "cells": sum(cell.cell_type == "code" for cell in notebook.cells)}

    def _execute(self, notebook: Any) -> None:
        from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

        try:
            # The thread that calls may have a loop that runs, as a kernel's has.
            with ThreadPoolExecutor(1, "schedkit-notebook") as thread:
                work = contextvars.copy_context()
                thread.submit(work.run, asyncio.run, self._executed(notebook)).result()
        except (asyncio.CancelledError, CellExecutionError, CellTimeoutError, DeadKernelError) as error:
            context.checkpoint()  # it was told to stop: that is why
            raise self._failure(notebook, error) from None

    async def _executed(self, notebook: Any) -> None:
        count = len(notebook.cells)
        name = self.kernel or notebook.metadata.get("kernelspec", {}).get("name") or "python3"
        task, loop = asyncio.current_task(), asyncio.get_running_loop()
        assert task is not None
        undo = context.current().on_stop(lambda: loop.call_soon_threadsafe(task.cancel))
        try:
            with own_kernel() as kernel:
                await self._executed_by(kernel, notebook, name)
        finally:
            undo()
        # Cells that are left out are not told of.
        context.current().progress("cells", count, count)

    async def _executed_by(self, kernel: OwnKernel, notebook: Any, name: str) -> None:
        from jupyter_client.kernelspec import NoSuchKernel
        from nbclient import NotebookClient
        from traitlets.config import Config

        count, started = len(notebook.cells), asyncio.Event()
        client = NotebookClient(
            notebook,
            timeout=None if self.cell_timeout is None else max(1, round(self.cell_timeout)),
            kernel_name=name,
            skip_cells_with_tag=_SKIPPED,
            shutdown_kernel="immediate",
            resources={"metadata": {"path": str(self.path.parent)}},
            config=Config({"KernelManager": kernel.options}),
            on_notebook_start=lambda notebook: started.set(),
            on_cell_complete=lambda cell, cell_index: context.current().progress(
                "cells", cell_index + 1, count
            ),
        )
        try:
            # What a kernel prints past its own streams is not for the terminal of who runs the task.
            await client.async_execute(stdout=subprocess.DEVNULL, stderr=kernel.stderr)
        except NoSuchKernel:
            raise UsageError(
                f"notebook {self.path.name}: there is no kernel {name!r}",
                hint="see `jupyter kernelspec list`, and name one with kernel:",
            ) from None
        except (OSError, RuntimeError) as problem:
            if started.is_set():
                raise
            why = kernel.last_line() or clip(one_line(str(problem)), 500)
            raise RetryableError(
                f"notebook {self.path.name}: the kernel {name!r} did not start: {why}",
                hint=f"try `jupyter run --kernel {name}` in a terminal",
            ) from None
        finally:
            # Where a start fails, nbclient keeps it until the interpreter ends, and fails there (issue 126).
            atexit.unregister(client._cleanup_kernel)

    def _failure(self, notebook: Any, error: BaseException) -> Exception:
        """Return the error of the cell that failed; its source and traceback go to the run's log."""
        number, cell = _failed_cell(notebook)
        source = "" if cell is None else str(cell.source)
        name, value = getattr(error, "ename", type(error).__name__), getattr(error, "evalue", str(error))
        if isinstance(error, TimeoutError):
            value = f"it took longer than {elapsed_text(self.cell_timeout or 0)}"
        if cell is not None:
            trace = "\n".join(line for output in cell.outputs for line in output.get("traceback", ()))
            context.log(_ANSI.sub("", f"cell {number}:\n{source}\n\n{trace or error}"), logging.ERROR)
        line = one_line(next((each for each in source.splitlines() if each.strip()), ""), 60)
        where = f"{self.path.name}, cell {number}" + (f" ({line})" if line else "")
        message = f"{where}: {name}: {clip(one_line(str(value)), 500)}"
        if name == FatalError.__name__:
            return FatalError(message)
        if isinstance(error, TimeoutError) or name in {each.__name__ for each in WORTH_RETRYING}:
            return RetryableError(message)
        return CellError(message, hint="open the executed copy of the run to see the cell")

    def _keep(self, notebook: Any) -> Path:
        """Write the executed copy as a notebook and as a page, and make both artifacts of the run."""
        run, effects = context.run_id() or uuid4().hex, context.current()
        attempt = getattr(effects, "attempt", 1)
        folder = self.copies / re.sub(r"[^\w.-]", "-", self.path.stem)
        copy = folder / f"{run}-{attempt}.ipynb"
        for path, text in (
            (copy, _text(notebook)),
            (copy.with_suffix(".html"), _html(notebook, self.path.stem)),
        ):
            with replacing(path, mode=PRIVATE) as new:
                new.file.write(text.encode())
            effects.artifact(path, f"{self.path.stem}{path.suffix}")
        for suffix in (".ipynb", ".html"):
            old = sorted(folder.glob(f"*{suffix}"), key=lambda path: path.stat().st_mtime)[:-KEPT_COPIES]
            for path in old:
                path.unlink(missing_ok=True)
        return copy


def _text(notebook: Any) -> str:
    import nbformat

    return str(nbformat.writes(notebook))  # type: ignore[no-untyped-call]  # nbformat has no types


def _html(notebook: Any, title: str) -> str:
    from nbconvert import HTMLExporter

    with warnings.catch_warnings():
        # A picture without alternative text is the notebook's.
        warnings.simplefilter("ignore")
        exporter: Any = HTMLExporter
        text, _ = exporter().from_notebook_node(notebook, resources={"metadata": {"name": title}})
    return str(text)


def _failed_cell(notebook: Any) -> tuple[int, Any]:
    """Return the cell that failed and its number: the one with an error, else the last that was begun."""
    code = [(number, cell) for number, cell in enumerate(notebook.cells, 1) if cell.cell_type == "code"]
    for number, cell in code:
        if any(output.output_type == "error" for output in cell.outputs):
            return number, cell
    begun = [each for each in code if each[1].get("execution_count") or each[1].outputs]
    return begun[-1] if begun else code[0] if code else (0, None)


def read_notebook(path: Path) -> Any:
    """Return a notebook without the outputs that it was saved with.

    Raises
    ------
    FileError
        If it cannot be read, or is not a notebook.
    """
    with requires_extra("notebook", "notebooks"):
        import nbformat
    try:
        notebook: Any = nbformat.reads(path.read_text(encoding="utf-8"), as_version=4)  # type: ignore[no-untyped-call]  # nbformat has no types
        for cell in notebook.cells:
            if cell.cell_type == "code":
                cell.outputs, cell.execution_count = [], None
    except Exception as problem:  # nbformat raises whatever its code meets in a damaged file
        raise translate(problem, path) or FileError(
            f"cannot read {path}: it is not a notebook", hint="give an .ipynb file"
        ) from None
    return notebook


def add_notebook(
    scheduler: Scheduler, report: NotebookReport, root: Path, *, scheduled: bool = True
) -> TaskHandle[..., Any]:
    """Declare a notebook as a task; without `scheduled` it runs only when submitted.

    Parameters
    ----------
    root : Path
        The folder that the notebook's path starts from.
    """
    results = scheduler.process.results
    # Where results are at a URL, the copies are, too: a run's files are copied there.
    folder = results if isinstance(results, Path) else root / ".schedkit"
    call = NotebookTask(
        root / report.notebook,
        folder / "notebooks",
        params=report.params,
        kernel=report.kernel,
        cell_timeout=report.cell_timeout,
    )
    with declared_in(report.file) if report.file else nullcontext():
        return scheduler.task(report.trigger if scheduled else None, **report.task_options(scheduled))(call)
