"""Notebooks that tests write."""

from __future__ import annotations

from pathlib import Path

import nbformat

__all__ = ["write_notebook"]


def write_notebook(path: Path, *cells: str) -> Path:
    """Write code cells, one that `schedkit run` leaves out (it would fail), and a cell of text."""
    made = [nbformat.v4.new_code_cell(source) for source in cells]
    tags = {"tags": ["no-background"]}
    made.append(nbformat.v4.new_code_cell("raise SystemError('left out')", metadata=tags))
    made.append(nbformat.v4.new_markdown_cell("# words"))
    nbformat.write(nbformat.v4.new_notebook(cells=made), path)
    return path
