"""Execute a notebook as a program: its code cells in order, in this process, without a kernel."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from schedkit.errors import FileError, UsageError
from schedkit.notebook.offer_magics import offer_magics
from schedkit.values.extras import requires_extra
from schedkit.values.failures import translate
from schedkit.values.text import one_line

__all__ = ["LEFT_OUT", "execute"]

# Cells with this tag are for a person at the notebook: a demonstration, a panel, a long wait.
LEFT_OUT = "no-background"


def execute(notebook: Path) -> None:
    """Execute the code cells of a notebook in this process, except those tagged ``no-background``.

    Raises
    ------
    FileError
        If the file cannot be read, or is not a notebook.
    UsageError
        If a cell fails; the message names it.
    """
    with requires_extra("notebook", "notebooks"):
        from IPython.core.interactiveshell import InteractiveShell

    shell: Any = InteractiveShell.instance()
    offer_magics(shell)
    for number, source in _code_cells(notebook):
        result = shell.run_cell(source, store_history=False)
        error = result.error_before_exec or result.error_in_exec
        if error is not None:
            raise UsageError(
                f"{notebook.name}, cell {number}: {one_line(f'{type(error).__name__}: {error}')}",
                hint=f"correct the cell, or tag it {LEFT_OUT}, and save the notebook",
            )


def _code_cells(notebook: Path) -> list[tuple[int, str]]:
    """Return the number and the source of each cell to execute."""
    with requires_extra("notebook", "notebooks"):
        import nbformat
    try:
        text = notebook.read_text(encoding="utf-8")
        cells = nbformat.reads(text, as_version=4).cells  # type: ignore[no-untyped-call]  # nbformat has no types
        return [
            (number, str(cell.source))
            for number, cell in enumerate(cells, 1)
            if cell.cell_type == "code" and LEFT_OUT not in cell.metadata.get("tags", ())
        ]
    except Exception as problem:  # nbformat raises whatever its code meets in a damaged file
        raise translate(problem, notebook) or FileError(
            f"cannot read {notebook}: it is not a notebook", hint="give an .ipynb file"
        ) from None
