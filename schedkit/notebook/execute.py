"""Execute a notebook as a program: its code cells in order, in this process, without a kernel."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from schedkit.errors import UsageError
from schedkit.values.extras import requires_extra

__all__ = ["LEFT_OUT", "execute"]

# Cells with this tag are for a person at the notebook: a demonstration, a panel, a long wait.
LEFT_OUT = "no-background"


def execute(notebook: Path) -> None:
    """Execute the code cells of a notebook in this process, except those tagged ``no-background``.

    Raises
    ------
    UsageError
        If a cell fails; the message names it.
    """
    with requires_extra("notebook", "notebooks"):
        import nbformat
        from IPython.core.interactiveshell import InteractiveShell

    shell: Any = InteractiveShell.instance()
    text = notebook.read_text(encoding="utf-8")
    cells = nbformat.reads(text, as_version=4).cells  # type: ignore[no-untyped-call]  # nbformat has no types
    for number, cell in enumerate(cells, 1):
        if cell.cell_type != "code" or LEFT_OUT in cell.metadata.get("tags", ()):
            continue
        result = shell.run_cell(cell.source, store_history=False)
        error = result.error_before_exec or result.error_in_exec
        if error is not None:
            raise UsageError(f"{notebook.name}, cell {number}: {type(error).__name__}: {error}")
