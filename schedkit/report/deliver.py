"""Where a frame goes: workbooks and pages, and what entry points add (``schedkit.deliverers``)."""

from __future__ import annotations

import functools
from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path
from string import Formatter
from typing import TYPE_CHECKING, Any, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from schedkit.errors import SettingsError
from schedkit.report.changes import changes_since
from schedkit.report.chart import ChartOptions
from schedkit.report.definition import Names, Report
from schedkit.report.pages import PageName, PagesDelivery
from schedkit.report.tools import Tools
from schedkit.values.extraction import incomplete
from schedkit.values.text import clip, did_you_mean, one_line, safe_repr
from schedkit.values.yaml import explain

if TYPE_CHECKING:
    import pandas as pd

    from schedkit.excel import Picture

__all__ = ["Deliverer", "deliverer"]

ENTRY_POINTS = "schedkit.deliverers"


class Deliverer(Protocol):
    """A destination whose options were understood."""

    def __call__(self, frame: pd.DataFrame, report: Report, tools: Tools) -> Callable[[], object]:
        """Look at the destination, refuse what cannot be done, and return what delivers.

        Every destination is looked at before the first is written to, so that a wrong page does not leave a
        new workbook behind. What the call returns may be an `Applied` of a page, or a list of them: one that
        is not confirmed makes the report's result incomplete.
        """
        ...


def deliverer(name: str, options: dict[str, Any]) -> Deliverer:
    """Return the deliverer `name` with its options checked.

    Raises
    ------
    SettingsError
        No such deliverer, or an option it does not know.
    """
    made: Callable[..., Deliverer] | None = _BUILT_IN.get(name)
    if made is None:
        found = {point.name: point for point in entry_points(group=ENTRY_POINTS)}
        if name not in found:
            known = sorted({*_BUILT_IN, *found})
            raise SettingsError(
                f"deliver: there is no deliverer {safe_repr(name)}", hint=did_you_mean(name, known)
            )
        made = found[name].load()
    try:
        return made(**options)
    except ValidationError as error:
        model = made if isinstance(made, type) and issubclass(made, BaseModel) else BaseModel
        raise explain(error, lambda _loc: f"deliver.{name}", model) from None


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PictureOption(_Strict):
    """A picture with its alternative text and its width in pixels, as `schedkit.excel.Picture`."""

    path: str
    alt: str | None = None
    width: float | None = None


class WorkbookDelivery(_Strict):
    """Write the frame to a file: ``.xlsx``, ``.csv`` or ``.parquet``.

    ``{name}`` and ``{date:%Y-%m-%d}`` in the path become the report's name and the time of the run. The
    other options are those of `schedkit.excel.write`; `tz` is the project's zone unless given. `images` are
    files of the project, and ``changes: true`` tells what differs from the workbook of the last run.
    """

    path: str
    sheet: str | None = None
    template: str | None = None
    mode: Literal["replace", "append", "upsert"] = "replace"
    key: Names | None = None
    missing: Literal["keep", "mark", "delete"] = "keep"
    max_drop: float = 0.5
    at: str | None = None
    title: str | None = None
    totals: bool | dict[str, str] = False
    formats: dict[str, str | dict[str, str]] | None = None
    links: bool | dict[str, str] = True
    outline: bool | str = False
    collapse: int | None = Field(default=None, ge=0)
    summary: bool = False
    changes: bool = False
    images: dict[str, str | PictureOption] | None = None
    properties: dict[str, str | list[str]] | None = None
    tz: str | None = None
    inf: Literal["text", "omit", "error"] = "text"

    def where(self, report: Report, tools: Tools) -> Path:
        """Return the file that this run writes."""
        try:
            _check_placeholders(self.path)
            return tools.root / self.path.format(name=report.name, date=tools.clock())
        except (KeyError, ValueError, IndexError) as error:
            raise SettingsError(
                f"deliver.excel: the path {safe_repr(self.path)} holds an unknown placeholder: "
                f"{one_line(str(error))}",
                hint="{name} and {date:%Y-%m-%d} are known",
            ) from None

    def __call__(self, frame: pd.DataFrame, report: Report, tools: Tools) -> Callable[[], object]:
        from schedkit import excel

        where = self.where(report, tools)
        sheet = self.sheet or (None if self.template else report.name)
        write = functools.partial(
            excel.write,
            frame,
            where,
            sheet=sheet,
            template=None if self.template is None else tools.root / self.template,
            mode=self.mode,
            key=None if self.key is None else list(self.key),
            # What is not known to be gone is not marked or deleted.
            missing="keep" if incomplete(frame.attrs) else self.missing,
            max_drop=self.max_drop,
            # A template has a title of its own.
            title=self.title or (None if self.template else report.description) or None,
            at=self.at,
            totals=self.totals,
            formats=self.formats,
            links=self.links,
            outline=self.outline,
            collapse=self.collapse,
            summary=self.summary,
            images=self._images(tools),
            properties=self.properties,
            tz=self.tz or tools.tz,
            inf=self.inf,
        )
        gone = self.mode == "replace" or self.missing != "keep"

        def apply() -> None:
            changes = changes_since(where, sheet, frame, report_removed=gone) if self.changes else None
            tools.written[where] = write(changes=changes).path

        return apply

    def _images(self, tools: Tools) -> dict[str, Picture]:
        from schedkit.excel import Picture

        given = {
            cell: PictureOption(path=image) if isinstance(image, str) else image
            for cell, image in (self.images or {}).items()
        }
        return {cell: Picture(tools.root / each.path, each.alt, each.width) for cell, each in given.items()}


def _check_placeholders(path: str) -> None:
    """Raise KeyError for a placeholder that reaches into what it names, as ``{date.year}`` does."""
    for _, name, _, _ in Formatter().parse(path):
        if name is not None and name not in ("name", "date"):
            raise KeyError(name)


class PageDelivery(_Strict):
    """Update one table of a Confluence page; the options are those of `Table.replace`.

    `page` is the page's id, any of its URLs, or ``{title: Open bugs, space: DEMO}``.
    `missing` says what becomes of rows whose key has left the frame, `create` where a page without the region
    gets one (``end``, ``start`` or ``heading:TEXT``); rows beyond `cap` are counted, not shown. `attach` puts
    the report's workbook on the page and links it from a capped table; `chart` shows a chart behind it.
    Each is one attachment: a new version of it is made when its content has changed.
    `tz` is the project's zone unless given, so that a workbook and a page of one report show the same times;
    another zone is written behind each moment.
    """

    site: str
    page: PageName
    region: str
    key: Names = ("Key",)
    keep: Names = ()
    drop: Names = ()
    columns: Literal["all"] | Names | None = None
    missing: Literal["keep", "mark", "archive", "delete"] | None = None
    cap: int = Field(default=500, ge=1)
    min_rows: int = Field(default=1, ge=0)
    max_drop: float | None = Field(default=0.5, ge=0, le=1)
    create: str | None = None
    chart: ChartOptions | None = None
    attach: bool = False
    links: dict[str, str] = Field(default_factory=dict)
    lozenges: dict[str, dict[str, str] | str] = Field(default_factory=dict)
    mentions: dict[str, str] = Field(default_factory=dict)
    dates: Names = ()
    tz: str | None = None
    show_zone: bool | None = None
    max_chars: int = Field(default=1000, ge=1)
    message: str | None = None

    def __call__(self, frame: pd.DataFrame, report: Report, tools: Tools) -> Callable[[], object]:
        page = tools.site(self.site).page(**self.page)
        workbook = _workbook(report, tools) if self.attach else None
        plan = page.table(self.region).replace(
            frame,
            key=list(self.key),
            keep=list(self.keep),
            drop=list(self.drop),
            columns=list(self.columns) if isinstance(self.columns, tuple) else self.columns,
            missing=self.missing,
            cap=self.cap,
            min_rows=self.min_rows,
            max_drop=self.max_drop,
            create=self.create,
            chart=None if self.chart is None else self.chart.draw(frame, tools),
            workbook=None if workbook is None else workbook.name,
            links=self.links,
            lozenges=self.lozenges,
            mentions=self.mentions,
            dates=list(self.dates),
            tz=self.tz or tools.tz,
            show_zone=tools.shows_zone(self.tz, self.show_zone),
            max_chars=self.max_chars,
            message=self._message(frame) or None,
        )

        def apply() -> object:
            if workbook is not None:
                page.attach(tools.written.get(workbook, workbook), name=workbook.name)
            return plan.apply()

        return apply

    def _message(self, frame: pd.DataFrame) -> str:
        """Return what the page's history says of the version: what is missing, too."""
        parts = [self.message or "", clip(incomplete(frame.attrs), 200)]
        return "; ".join(part for part in parts if part)


def _workbook(report: Report, tools: Tools) -> Path:
    """Return the first file that the report writes."""
    for item in report.deliver:
        if _BUILT_IN.get(item.to) is WorkbookDelivery:
            return WorkbookDelivery(**item.options).where(report, tools)
    raise SettingsError("deliver.confluence: there is no workbook to attach", hint="deliver to excel: too")


_BUILT_IN: dict[str, Callable[..., Deliverer]] = {
    "excel": WorkbookDelivery,
    "file": WorkbookDelivery,
    "confluence": PageDelivery,
    "pages": PagesDelivery,
}
