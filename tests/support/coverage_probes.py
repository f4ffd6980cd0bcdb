"""How much of `schedkit` the tests reach: its lines and branches, counted by probes in its code.

What coverage.py has on Python 3.11 is a trace function: it made pure Python three to six times as slow, that
of other libraries too, in every thread. Probes are in the code of `schedkit` alone.

``SCHEDKIT_COVERAGE=95 pytest tests`` fails below 95 per cent.
"""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import slipcover

PACKAGE = "schedkit"
NOT_COUNTED = ["if TYPE_CHECKING:", "@overload", "raise AssertionError", r"\.\.\.$"]
# A probe that is hit so often would be taken out again, by a walk through the variables of all threads.
NEVER = 2**31 - 1


class Coverage:
    """What this process has reached; the process that begins the workers adds theirs up."""

    def __init__(self, least: float, worker: str) -> None:
        self.least = least
        # One process is enough to add the files that nothing has imported.
        source = [PACKAGE] if worker in ("", "gw0") else None
        self._probes = slipcover.Slipcover(
            branch=True, source=source, d_miss_threshold=NEVER, exclude_lines=NOT_COUNTED
        )
        self._imports = slipcover.ImportManager(self._probes, slipcover.FileMatcher(sources=[PACKAGE]))
        self._imports.__enter__()
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
        self._imports.__exit__()


def begin() -> Coverage:
    """Put probes into what is imported from now on."""
    early = [name for name in sys.modules if name.partition(".")[0] == PACKAGE]
    assert not early, f"imported before the probes are there: {early}"
    return Coverage(float(os.environ["SCHEDKIT_COVERAGE"]), os.environ.get("PYTEST_XDIST_WORKER", ""))
