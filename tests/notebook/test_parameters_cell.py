"""Parameters of a notebook, as papermill has them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
import pytest

from schedkit.errors import UsageError
from schedkit.notebook.parameters_cell import notebook_params, with_parameters


def notebook(*cells: tuple[str, list[str]]) -> Any:
    made: Any = nbformat.v4.new_notebook()
    made.cells = [nbformat.v4.new_code_cell(source, metadata={"tags": tags}) for source, tags in cells]
    return made


PARAMETERS = """\
# What to extract.
project = "KAFKA"
least: int = 3
share, kinds = 0.5, ["Bug"]
quiet = False
days = [1, 2]
other = project.lower()
nothing: str
"""


def test_plain_values_are_parameters_with_their_types() -> None:
    found = notebook_params(notebook(("1", []), (PARAMETERS, ["parameters"])), Path("a.ipynb"))
    assert {name: (param.type, param.default) for name, param in found.items()} == {
        "project": ("string", "KAFKA"),
        "least": ("integer", 3),
        "quiet": ("boolean", False),
    }
    assert notebook_params(notebook(("1", [])), Path("a.ipynb")) == {}


def test_a_cell_that_is_not_python() -> None:
    with pytest.raises(UsageError, match=r"a.ipynb, cell 1: the parameters are not Python"):
        notebook_params(notebook(("x = = 1", ["parameters"])), Path("a.ipynb"))


def test_values_come_behind_the_defaults() -> None:
    made = notebook(("import x", []), ("project = 'A'", ["parameters"]), ("project", []))
    with_parameters(made, {"project": "B'\n", "kinds": ["x"]})
    assert [cell.source for cell in made.cells][1:3] == [
        "project = 'A'",
        "# Parameters\nproject = \"B'\\n\"\nkinds = ['x']",
    ]
    with_parameters(made, {"project": "C"})
    assert [cell.metadata.tags for cell in made.cells] == [[], ["parameters"], ["injected-parameters"], []]
    assert made.cells[2].source == "# Parameters\nproject = 'C'"
    with_parameters(made, {})
    assert len(made.cells) == 3
    plain = notebook(("project", []))
    with_parameters(plain, {"project": "A"})
    assert plain.cells[0].metadata.tags == ["injected-parameters"]
    nbformat.validate(made)
