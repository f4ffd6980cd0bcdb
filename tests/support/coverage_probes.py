"""How much of `schedkit` the tests reach: its lines and branches, counted by probes in its code.

What coverage.py has on Python 3.11 is a trace function: it made pure Python three to six times as slow, that
of other libraries too, in every thread. Probes are in the code of `schedkit` alone.

``SCHEDKIT_COVERAGE=95 pytest tests`` fails below 95 per cent.
"""

from __future__ import annotations

import ast
import io
import json
import os
import sys
from collections.abc import Iterator, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import CodeType, ModuleType
from typing import Any

import pytest
import slipcover
from slipcover.branch import preinstrument

PACKAGE = "schedkit"
NOT_COUNTED = ["if TYPE_CHECKING:", "@overload", "raise AssertionError", r"\.\.\.$"]
# A probe that is hit so often would be taken out again, by a walk through the variables of all threads.
NEVER = 2**31 - 1


class ProbedLoader(SourceFileLoader):
    """Load a module with probes; what is compiled before they are put in is kept beside other bytecode."""

    def __init__(self, name: str, path: str, probes: slipcover.Slipcover) -> None:
        super().__init__(name, path)
        self._probes = probes

    def source_to_code(self, data: Any, path: Any, *, _optimization: int = -1) -> CodeType:
        """Compile a source in which each branch is marked."""
        return super().source_to_code(preinstrument(ast.parse(data)), path)

    def get_data(self, path: str) -> bytes:
        """Read the source, or the bytecode of the marked one."""
        return super().get_data(_of_its_own(path))

    def set_data(self, path: str, data: bytes, *, _mode: int = 0o666) -> None:
        """Keep the bytecode of the marked source."""
        super().set_data(_of_its_own(path), data, _mode=_mode)

    def exec_module(self, module: ModuleType) -> None:
        """Run the module with its probes."""
        code = self.get_code(module.__name__)
        exec(self._probes.instrument(code), module.__dict__)


def _of_its_own(path: str) -> str:
    stem, dot, ending = path.rpartition(".")
    return f"{stem}.probes.pyc" if dot and ending == "pyc" else path


class ProbedImports(MetaPathFinder):
    """Find the modules of the package, with a loader that puts probes in."""

    def __init__(self, probes: slipcover.Slipcover) -> None:
        self._probes = probes

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Leave other modules to others."""
        if fullname.partition(".")[0] != PACKAGE:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and isinstance(spec.loader, SourceFileLoader):
            spec.loader = ProbedLoader(fullname, spec.loader.path, self._probes)
        return spec


class Coverage:
    """What this process has reached; the process that begins the workers adds theirs up."""

    def __init__(self, least: float, worker: str) -> None:
        self.least = least
        # One process is enough to add the files that nothing has imported.
        source = [PACKAGE] if worker in ("", "gw0") else None
        self._probes = slipcover.Slipcover(
            branch=True, source=source, d_miss_threshold=NEVER, exclude_lines=NOT_COUNTED
        )
        self._imports = ProbedImports(self._probes)
        sys.meta_path.insert(0, self._imports)
        self._reached: dict[str, Any] = {}

    @property
    def percent(self) -> float:
        """Return how much was reached."""
        return float(self._reached["summary"]["percent_covered"])

    def pytest_testnodedown(self, node: Any) -> None:
        """Add what a worker has reached, unless it died."""
        told = getattr(node, "workeroutput", {}).get("coverage")
        if told:
            reached = json.loads(told)
            self._reached = slipcover.merge_coverage(self._reached, reached) if self._reached else reached

    @pytest.hookimpl(wrapper=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Iterator[None]:
        """Tell it to the process that began this worker, or judge it."""
        output = getattr(session.config, "workeroutput", None)
        if output is not None:
            output["coverage"] = json.dumps(self._probes.get_coverage())
        result = yield
        if output is None:
            self._reached = self._reached or self._probes.get_coverage()
            if self.percent < self.least and session.exitstatus == pytest.ExitCode.OK:
                session.exitstatus = pytest.ExitCode.TESTS_FAILED
        return result

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Show the files that are not reached wholly, and the sum."""
        table = io.StringIO()
        slipcover.print_coverage(self._reached, outfile=table, skip_covered=True)
        terminalreporter.section("coverage")
        terminalreporter.write_line(table.getvalue())
        words = f"{self.percent:.2f} % of lines and branches, {self.least:g} % are required"
        terminalreporter.write_line(words, red=self.percent < self.least)

    def pytest_unconfigure(self) -> None:
        """Import without probes again."""
        sys.meta_path.remove(self._imports)


def begin() -> Coverage:
    """Put probes into what is imported from now on."""
    early = [name for name in sys.modules if name.partition(".")[0] == PACKAGE]
    assert not early, f"imported before the probes are there: {early}"
    return Coverage(float(os.environ["SCHEDKIT_COVERAGE"]), os.environ.get("PYTEST_XDIST_WORKER", ""))
