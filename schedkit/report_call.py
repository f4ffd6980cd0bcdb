"""A report as the function of a task: it takes its parameters, and can be made again in another process."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

from schedkit.core.api.scheduler import Scheduler
from schedkit.core.states import State
from schedkit.report import Report, Tools, run_report
from schedkit.report.params import annotations_of, signature_of

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["GoodRuns", "ReportCall", "good_runs"]

# How many of the latest runs are searched for a good one.
_SEARCHED = 50
# Parameters and numbers of rows of runs.
GoodRuns = list[tuple[Mapping[str, Any], int]]


def good_runs(scheduler: Scheduler, name: str) -> GoodRuns:
    """Return the parameters and rows of the latest complete runs of a report, newest first."""
    found = []
    for run in scheduler.runs(name, limit=_SEARCHED):
        if run.state is State.DONE:
            facts = scheduler.run(run.id).facts
            if "report" in facts and "incomplete" not in facts:
                found.append((facts["report"].get("params", {}), int(facts["report"]["rows"])))
    return found


class HasTools(Protocol):
    """A project; see `schedkit.app.App`."""

    def tools(self) -> Tools: ...


class ReportCall:
    """Runs one report; knows the file that declares it, and takes its parameters.

    Parameters
    ----------
    good_runs : callable
        Returns the parameters and rows of its latest complete runs, newest first.
    """

    def __init__(self, report: Report, project: HasTools, good_runs: Callable[[], GoodRuns]) -> None:
        self.report, self.project, self._good_runs = report, project, good_runs
        self.declared_in = report.file
        self.code_told = report.code
        self.__signature__ = signature_of(report.params)
        self.__annotations__ = annotations_of(report.params)

    def __call__(self, **params: Any) -> pd.DataFrame:
        tools = replace(self.project.tools(), last_rows=self._last_rows)
        return run_report(self.report, tools, params)

    def _last_rows(self, name: str, values: Mapping[str, Any]) -> int | None:
        return next((rows for params, rows in self._good_runs() if params == values), None)

    def __reduce__(self) -> tuple[object, ...]:
        # Clients and the scheduler stay here; another process makes its own from its settings, and looks at
        # what the runs before have delivered as it is now.
        return _report_elsewhere, (self.report, self.project, self._good_runs())


def _report_elsewhere(report: Report, project: HasTools, good_runs: GoodRuns) -> ReportCall:
    return ReportCall(report, project, lambda: good_runs)
