"""Deliveries of the weekly pack: one step makes the workbook and the page."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self

from pydantic import AfterValidator, Field, model_validator

from schedkit.errors import UsageError
from schedkit.report.destination import Destination, Id, Zone, file_of, path_to
from schedkit.report.metrics_page import publish_pack
from schedkit.report.metrics_workbook import write_pack
from schedkit.report.models import Names
from schedkit.report.schedule import next_time
from schedkit.report.tools import ReportInfo, Tools
from schedkit.values.text import did_you_mean, safe_repr

if TYPE_CHECKING:
    import pandas as pd

    from schedkit.flow import Pack

__all__ = ["MetricsDelivery"]


def _calendar(options: dict[str, Any] | None) -> dict[str, Any] | None:
    """Refuse options of which no calendar can be made."""
    from schedkit.flow import WorkingHours

    if options is not None:
        WorkingHours(**options)
    return options


def _workflow(options: dict[str, Any] | None) -> dict[str, Any] | None:
    """Refuse options of which no workflow can be made."""
    from schedkit.flow import Workflow

    Workflow.of(options)
    return options


class MetricsDelivery(Destination):
    """Deliver the figures of issues of the last weeks (`schedkit.flow.pack`): a workbook, a page, or both.

    The frame holds the issues; `changes` and `sprints` name frames that were extracted beside them.
    """

    is_file: ClassVar[bool] = True

    changes: str
    """The frame of the issues' changelog."""
    path: Annotated[str, path_to(".xlsx")] | None = None
    """The workbook; {name} is the report's name, {date:%Y-%m-%d} the time of the run."""
    site: str | None = None
    """The configured site of the page."""
    title: str | None = None
    """The title of the page, unique in its space, and of the workbook."""
    parent: Id | None = None
    """The page above, on Cloud also a folder, by id or URL; by default the site's main_page_id."""
    labels: Names = ()
    """Labels of the page."""
    weeks: int = Field(default=12, ge=1)
    """How many weeks the period has."""
    until: str | None = None
    """The end of the period; by default the time of the run."""
    by: str | None = None
    """A column of the issues, such as Type, for whose values the figures are split."""
    sprints: str | None = None
    """The frame of the sprints."""
    sprint: int | str | None = None
    """The sprint of the sprint report and the burndown; by default the last one."""
    points: str | None = "board"
    """The column of the estimates; null: issues are counted."""
    waiting: Names | None = None
    """Statuses in progress in which issues only wait."""
    flag: str = "Flagged"
    """The field that is set while an issue is blocked."""
    n: int | None = Field(default=None, ge=1)
    """For how many issues it is forecast when they are finished; by default those in progress."""
    days: int = Field(default=14, ge=1)
    """For how many days it is forecast how many issues are finished."""
    seed: int = 1
    """Of the forecasts."""
    calendar: Annotated[dict[str, Any] | None, AfterValidator(_calendar)] = None
    """The working hours that count, as of `flow.WorkingHours`: days, start, end, tz, holidays, blocks."""
    workflow: Annotated[dict[str, Any] | None, AfterValidator(_workflow)] = None
    """What is started and finished, as of `flow.Workflow`: start, done, begin, categories, order."""
    tz: Zone | None = None
    """The zone whose days count; by default the project's."""

    @model_validator(mode="after")
    def _somewhere(self) -> Self:
        if self.path is None and self.site is None:
            raise UsageError(
                "metrics: there is nowhere to deliver to", hint="write path:, or site: and title:"
            )
        if self.site is not None and self.title is None:
            raise UsageError("metrics: a page needs a title", hint="write title:")
        return self

    def check(self, report: ReportInfo, tools: Tools) -> None:
        """Refuse a path that cannot be formed."""
        if self.path is not None:
            file_of(self.path, report, tools)

    def __call__(self, frame: pd.DataFrame, report: ReportInfo, tools: Tools) -> Callable[[], object]:
        pack = self._pack(frame, tools)
        where = None if self.path is None else file_of(self.path, report, tools)
        plan = None
        if self.site is not None and self.title is not None:
            wiki = tools.site(self.site)
            renewed = next_time(report.trigger, tools.clock(), tools.tz)
            plan = publish_pack(
                pack, wiki, self.title, parent=self.parent, labels=self.labels, renewed=renewed
            )

        def apply() -> object:
            if where is not None:
                written = write_pack(pack, where, title=self.title or report.description or report.name)
                tools.written[where] = written.path
            return None if plan is None else plan.apply()

        if where is not None:
            tools.written[where] = where
        return apply

    def _pack(self, frame: pd.DataFrame, tools: Tools) -> Pack:
        from schedkit import flow

        calendar = None if self.calendar is None else flow.WorkingHours(**self.calendar)
        return flow.pack(
            frame,
            _frame(self.changes, "changes", tools),
            sprints=None if self.sprints is None else _frame(self.sprints, "sprints", tools),
            weeks=self.weeks,
            until=self.until,
            by=self.by,
            sprint=self.sprint,
            points=self.points,
            waiting=self.waiting,
            flag=self.flag,
            n=self.n,
            days=self.days,
            seed=self.seed,
            calendar=calendar,
            workflow=self.workflow,
            tz=self.tz or tools.tz,
        )


def _frame(name: str, what: str, tools: Tools) -> Any:
    if name not in tools.frames:
        raise UsageError(
            f"deliver.metrics: {what}: there is no frame {safe_repr(name)}",
            hint=did_you_mean(name, tools.frames, otherwise="extract it beside the issues"),
        )
    return tools.frames[name]
