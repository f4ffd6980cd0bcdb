"""Deliveries to a Confluence page that is there: a table, placeholders, a file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from schedkit.errors import SettingsError
from schedkit.report.chart import ChartOptions
from schedkit.report.destination import Destination, PageName, Zone, file_of, path_to, put_words, words
from schedkit.report.models import Names, Share, Strict
from schedkit.report.tools import ReportInfo, Tools
from schedkit.values.extraction import incomplete
from schedkit.values.text import clip

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["AttachmentDelivery", "FillDelivery", "PageDelivery", "TableOptions", "TemplatePage"]


class TableOptions(Destination):
    """How a table of a page shows and keeps its rows; the options are those of `Table.replace`."""

    keep: Names = ()
    """Columns that people own."""
    drop: Names = ()
    """Columns to take off the page."""
    columns: Literal["all"] | Names | None = None
    """The columns to show; by default those that the table has, and all of a new one."""
    missing: Literal["keep", "mark", "archive", "delete"] | None = None
    """What happens to rows whose key is no longer in the frame."""
    cap: int | None = Field(default=500, ge=1)
    """The most rows that are shown; the others are counted."""
    min_rows: int = Field(default=1, ge=0)
    """A frame of fewer rows is refused."""
    max_drop: Share | None = 0.5
    """The share of the rows that may leave at once, judged from 10 rows up."""
    chart: ChartOptions | None = None
    """A chart behind the table."""
    links: dict[str, str] = Field(default_factory=dict)
    """Column: address with {}."""
    lozenges: dict[str, dict[str, str] | str] = Field(default_factory=dict)
    """Column: colours by value, or one colour."""
    mentions: dict[str, str] = Field(default_factory=dict)
    """Column of people: column of their ids."""
    dates: Names = ()
    """Columns of moments of which only the day is shown."""
    tz: Zone | None = None
    """The zone of moments; by default the project's."""
    show_zone: bool = True
    """Whether the zone is written behind each moment."""
    max_chars: int = Field(default=1000, ge=1)
    """Longer text is cut."""

    def check(self, report: ReportInfo, tools: Tools) -> None:
        """Refuse a chart whose image or function is not there."""
        if self.chart is not None:
            self.chart.check(tools)

    def look(self, tools: Tools) -> dict[str, Any]:
        """Return how cells are shown, as keyword arguments of `Table.replace` and `Look`."""
        return {
            "links": self.links,
            "lozenges": self.lozenges,
            "mentions": self.mentions,
            "dates": list(self.dates),
            "tz": self.tz or tools.tz,
            "show_zone": self.show_zone,
            "max_chars": self.max_chars,
        }

    def rows(self, key: Names | None) -> dict[str, Any]:
        """Return which rows and columns are shown and kept, as keyword arguments."""
        return {
            "key": None if key is None else list(key),
            "keep": list(self.keep),
            "drop": list(self.drop),
            "columns": list(self.columns) if isinstance(self.columns, tuple) else self.columns,
            "missing": self.missing,
            "cap": self.cap,
            "min_rows": self.min_rows,
            "max_drop": self.max_drop,
        }


class TemplatePage(Strict):
    """A page that has the region."""

    page: PageName
    """The page's id, any of its URLs, or {title: Open bugs, space: DEMO}."""


class PageDelivery(TableOptions):
    """Update one table of a Confluence page.

    `attach` puts the report's file on the page and links it from a capped table. It and the chart are one
    attachment each: a new version is made when its content has changed.
    """

    site: str
    """The configured site."""
    page: PageName
    """The page's id, any of its URLs, or {title: Open bugs, space: DEMO}."""
    region: str
    """The table: anchor:NAME, heading:TEXT, nth:1, local-id:ID."""
    key: Names | None = ("Key",)
    """The columns that tell rows apart; null: rows are matched by position."""
    create: str | TemplatePage | None = None
    """Where a page without the region gets one: end, start, heading:TEXT; or {page: ID} of a template."""
    attach: bool = False
    """Attach the report's file to the page."""
    message: str | None = None
    """The version's comment."""

    def __call__(self, frame: pd.DataFrame, report: ReportInfo, tools: Tools) -> Callable[[], object]:
        client = tools.site(self.site)
        page = client.page(**self.page)
        workbook = _first_file(tools, "confluence") if self.attach else None
        plan = page.table(self.region).replace(
            frame,
            **self.rows(self.key),
            **self.look(tools),
            create=client.page(**self.create.page) if isinstance(self.create, TemplatePage) else self.create,
            chart=None if self.chart is None else self.chart.draw(frame, tools),
            workbook=None if workbook is None else workbook.name,
            message=_message(self.message, frame) or None,
        )

        def apply() -> object:
            if workbook is not None:
                page.attach(tools.written.get(workbook, workbook), name=workbook.name)
            return plan.apply()

        return apply


class FillDelivery(TableOptions):
    """Put values into the placeholders of a page that was made from a template.

    `values` are texts by placeholder, in which {count}, {day} and {name} stand for the rows, the day of the
    run and the report. The placeholder `table` shows the rows, `chart` the chart.
    """

    site: str
    """The configured site."""
    page: PageName
    """The page's id, any of its URLs, or {title: Open bugs, space: DEMO}."""
    values: dict[str, Annotated[str, words("count", "day", "name")]] = Field(default_factory=dict)
    """Placeholder: text."""
    table: str | None = None
    """The placeholder that shows the rows."""
    key: Names | None = ("Key",)
    """The columns that tell rows apart."""
    message: str | None = None
    """The version's comment."""

    def __call__(self, frame: pd.DataFrame, report: ReportInfo, tools: Tools) -> Callable[[], object]:
        from schedkit.confluence import Look, Managed

        known = {"count": len(frame), "day": tools.clock().date(), "name": report.name}
        values: dict[str, Any] = {name: put_words(text, known) for name, text in self.values.items()}
        if self.table is not None:
            values[self.table] = Managed(frame, **self.rows(self.key), look=Look(**self.look(tools)))
        if self.chart is not None:
            values["chart"] = self.chart.draw(frame, tools)
        page = tools.site(self.site).page(**self.page)
        message = _message(self.message, frame)
        plan = page.fill(values, **({"message": message} if message else {}))
        made: Callable[[], object] = plan.apply
        return made


class AttachmentDelivery(Destination):
    """Attach a file to a Confluence page; a new version is made when its content has changed."""

    site: str
    """The configured site."""
    page: PageName
    """The page's id, any of its URLs, or {title: Open bugs, space: DEMO}."""
    file: Annotated[str, path_to(".xlsx", ".xlsm", ".csv", ".parquet", ".png", ".pdf", ".html")] | None = None
    """The file; by default the first one that the report writes."""
    name: str | None = None
    """What it is called on the page."""
    message: str = ""
    """The version's comment."""

    def __call__(self, frame: pd.DataFrame, report: ReportInfo, tools: Tools) -> Callable[[], object]:
        page = tools.site(self.site).page(**self.page)
        file = _first_file(tools, "attachment") if self.file is None else file_of(self.file, report, tools)
        # A page that is not there is found before anything is written.
        _ = page.id

        def apply() -> None:
            page.attach(tools.written.get(file, file), name=self.name or file.name, message=self.message)

        return apply


def _first_file(tools: Tools, what: str) -> Path:
    """Return the first file that the report writes."""
    for wanted in tools.written:
        return wanted
    raise SettingsError(f"deliver.{what}: there is no workbook to attach", hint="deliver to excel: too")


def _message(own: str | None, frame: pd.DataFrame) -> str:
    """Return what the page's history says of the version: what is missing, too."""
    parts = [own or "", clip(incomplete(frame.attrs), 200)]
    return "; ".join(part for part in parts if part)
