"""Parameters of a notebook, by papermill's convention: a cell tagged ``parameters`` has the defaults."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from schedkit.errors import UsageError
from schedkit.report.params import Param, param_of

__all__ = ["DEFAULTS", "INJECTED", "notebook_params", "with_parameters"]

DEFAULTS = "parameters"
INJECTED = "injected-parameters"


def notebook_params(notebook: Any, path: Path) -> dict[str, Param]:
    """Return the parameters that the notebook's own cell declares: names assigned to plain values.

    Raises
    ------
    UsageError
        If the cell is not Python.
    """
    place = _tagged(notebook, DEFAULTS)
    if place is None:
        return {}
    try:
        statements = ast.parse(str(notebook.cells[place].source)).body
    except SyntaxError as error:
        raise UsageError(
            f"{path.name}, cell {place + 1}: the parameters are not Python: {error.msg}",
            hint="write one assignment a line: project = 'KAFKA'",
        ) from None
    found: dict[str, Param] = {}
    for statement in statements:
        for name, value in _assigned(statement):
            param = param_of(value)
            if param is not None:
                found[name] = param
    return found


def _assigned(statement: ast.stmt) -> list[tuple[str, Any]]:
    """Return the names that a statement assigns a plain value to."""
    if isinstance(statement, ast.Assign):
        targets: list[ast.expr] = statement.targets
    elif isinstance(statement, ast.AnnAssign) and statement.value is not None:
        targets = [statement.target]
    else:
        return []
    try:
        value = ast.literal_eval(statement.value)  # type: ignore[arg-type]  # asked above: not None
    except ValueError:
        return []
    return [(target.id, value) for target in targets if isinstance(target, ast.Name)]


def with_parameters(notebook: Any, values: Mapping[str, Any]) -> None:
    """Put a cell that sets the values behind the one with the defaults, or first where there is none."""
    import nbformat

    injected = _tagged(notebook, INJECTED)
    if injected is not None:
        del notebook.cells[injected]
    if not values:
        return
    source = "\n".join(f"{name} = {value!r}" for name, value in values.items())
    cell = nbformat.v4.new_code_cell(f"# Parameters\n{source}", metadata={"tags": [INJECTED]})  # type: ignore[no-untyped-call]  # nbformat has no types
    place = _tagged(notebook, DEFAULTS)
    notebook.cells.insert(0 if place is None else place + 1, cell)


def _tagged(notebook: Any, tag: str) -> int | None:
    for number, cell in enumerate(notebook.cells):
        if cell.cell_type == "code" and tag in cell.metadata.get("tags", ()):
            return number
    return None
