"""The names of the commands' processes."""

from __future__ import annotations

from pathlib import Path

import pytest

from schedkit.commands.process_names import process_name


@pytest.mark.parametrize(
    ("files", "name"),
    [
        ([], "schedkit serve"),
        (["a/b/weekly.yaml"], "schedkit serve weekly.yaml"),
        (["x.py", "y.ipynb", "z.yaml"], "schedkit serve x.py and 2 more"),
    ],
)
def test_a_process_is_called_after_its_command_and_files(files: list[str], name: str) -> None:
    assert process_name("serve", [Path(file) for file in files]) == name
