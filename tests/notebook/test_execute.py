"""A notebook is executed in this process, cell by cell; the first that fails is named."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.notebook_shell import Shell
from support.notebooks import write_notebook

from schedkit.errors import FileError, UsageError
from schedkit.notebook.execute import execute


def test_the_code_cells_run_but_for_those_left_out(tmp_path: Path, shell: Shell) -> None:
    execute(write_notebook(tmp_path / "fine.ipynb", "first = 1", "second = first + 1"))
    assert shell.shell.user_ns["second"] == 2


@pytest.mark.parametrize("cell", ["def", "1 / 0"])
def test_the_first_cell_that_fails_is_named(tmp_path: Path, shell: Shell, cell: str) -> None:
    notebook = write_notebook(tmp_path / "broken.ipynb", "x = 1", cell, "x = 2")
    with pytest.raises(UsageError, match=r"broken.ipynb, cell 2: (SyntaxError|ZeroDivisionError)"):
        execute(notebook)
    assert shell.shell.user_ns["x"] == 1


@pytest.mark.filterwarnings("ignore::nbformat.warnings.MissingIDFieldWarning")
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b"\xff\xfe",
        b"print(1)",
        b'{"nbformat": 4}',
        b'{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [1]}',
        b'{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": 3}',
        b"[" * 100_000,
    ],
)
def test_a_file_that_is_no_notebook_is_refused_in_one_line(
    tmp_path: Path, shell: Shell, content: bytes
) -> None:
    path = tmp_path / "damaged.ipynb"
    path.write_bytes(content)
    with pytest.raises(FileError, match=r"cannot read .*damaged\.ipynb: ") as refused:
        execute(path)
    assert "\n" not in str(refused.value)
