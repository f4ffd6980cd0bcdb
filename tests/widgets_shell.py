"""An IPython shell of this process and what it displayed."""

from __future__ import annotations

from typing import Any

from IPython.core.interactiveshell import InteractiveShell


class Shell:
    """The shell, and what was displayed: dicts with data, transient and update."""

    def __init__(self, shell: InteractiveShell) -> None:
        self.shell = shell
        self.outputs: list[dict[str, Any]] = shell.display_pub.outputs

    def run(self, code: str) -> Any:
        result = self.shell.run_cell(code)
        result.raise_error()
        return result.result
