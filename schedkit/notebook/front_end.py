"""What core calls in a notebook. Each part is imported at its first use: most need widgets or a shell."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from schedkit import context
from schedkit.core.api.front_end import set_front_end
from schedkit.errors import SchedkitError
from schedkit.notebook.last_started import note_started
from schedkit.notebook.offer_magics import offer_magics
from schedkit.notebook.shell import in_kernel, running_shell
from schedkit.notebook.stream_capture import capture_streams
from schedkit.notebook.tracebacks import full_cell_name, rendered, short_interrupts
from schedkit.notebook.track_declarations import current_cell, track_declaration
from schedkit.values.own_code import name_files

__all__ = ["NotebookFrontEnd", "connect"]


class NotebookFrontEnd:
    """The front end of a process that runs IPython."""

    @property
    def kind(self) -> str:
        """The kind of this process: a kernel, or a script that runs in IPython without one."""
        return "kernel" if in_kernel() else "script"

    def display(self, thing: Any) -> None:
        """Show a scheduler, a task or a run in the current cell."""
        from schedkit.notebook.display import display

        display(thing)

    def panel(self, thing: Any, kind: str) -> Any:
        """Return a widget that shows `thing`."""
        from schedkit.notebook.display import panel

        return panel(thing, kind)

    def task_declared(
        self, ledger: str, task: str, present: Callable[[], Container[str]], changed: bool
    ) -> None:
        """Note which cell declared `task`."""
        track_declaration(ledger, task, present, changed)

    def scheduler_started(self, scheduler: Any) -> None:
        """Keep the output of our threads out of the cells, and the scheduler for cells that name none."""
        capture_streams()
        note_started(scheduler)

    def cell(self) -> tuple[str, str]:
        """Return the ids of the running cell and of its execution."""
        return current_cell()


def connect() -> None:
    """Let schedkit show objects, errors and progress in the cells of this process."""
    set_front_end(NotebookFrontEnd())
    context.set_default(_cell_surroundings)
    SchedkitError._render_traceback_ = rendered
    name_files(full_cell_name)
    if (shell := running_shell()) is not None:
        offer_magics(shell)


@contextmanager
def _cell_surroundings() -> Iterator[context.ExecutionContext]:
    with short_interrupts(), _progress_shown() as surroundings:
        yield surroundings


def _progress_shown() -> AbstractContextManager[context.ExecutionContext]:
    if not in_kernel():
        return nullcontext(context.current())
    from schedkit.notebook.bar import cell_bar

    return cell_bar()
