"""Deliveries to files: workbooks, CSV and Parquet."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from schedkit.errors import SettingsError, UsageError
from schedkit.report.changes import changes_since
from schedkit.report.destination import Destination, Zone, file_of, path_to, present_file
from schedkit.report.models import Names, Share, SomeNames, Strict
from schedkit.report.tools import ReportInfo, Tools
from schedkit.values.extraction import incomplete
from schedkit.values.text import did_you_mean, safe_repr

if TYPE_CHECKING:
    import pandas as pd

    from schedkit.excel import Picture

__all__ = ["CsvDelivery", "NativeChart", "ParquetDelivery", "PictureOption", "WorkbookDelivery"]


class PictureOption(Strict):
    """A picture with its alternative text and its width in pixels, as `schedkit.excel.Picture`."""

    path: str
    alt: str | None = None
    width: float | None = None


class NativeChart(Strict):
    """A native chart of a new workbook's rows, as `schedkit.excel.Chart`."""

    kind: Literal["columns", "bars", "areas", "lines"]
    names: str
    """The column of names or dates."""
    values: SomeNames
    """The columns of numbers, a series each."""
    title: str = ""
    number_format: str = "#,##0"
    """Of the numbers at the axis."""


class WorkbookDelivery(Destination):
    """Write a workbook; the options are those of `schedkit.excel.write`."""

    is_file: ClassVar[bool] = True

    path: Annotated[str, path_to(".xlsx", ".xlsm")]
    """The file; {name} is the report's name, {date:%Y-%m-%d} the time of the run."""
    sheet: str | None = None
    """The sheet's name; with a template, the table, range, sheet or cell to fill."""
    sheets: dict[str, str] | None = Field(default=None, min_length=1)
    """Several sheets: the sheet's name, and the name of the frame in it."""
    template: str | None = None
    """A workbook of the project to fill."""
    mode: Literal["replace", "append", "upsert"] = "replace"
    """What happens to existing rows: replaced, kept above the new ones, or updated by key."""
    key: Names | None = None
    """The columns that tell rows apart."""
    missing: Literal["keep", "mark", "delete"] = "keep"
    """With upsert, what happens to rows whose key is not in the frame."""
    max_drop: Share | None = 0.5
    """The share of the rows that may be missing at most."""
    at: str | None = None
    """The cell in which the header begins, such as B4."""
    title: str | None = None
    """What the workbook is about; by default the report's description."""
    totals: bool | dict[str, str] = False
    """A totals row: true, or column: function."""
    formats: dict[str, str | dict[str, str]] | None = None
    """Column: number format, bar, or colours by value."""
    links: bool | dict[str, str] = True
    """Whether issue keys are links; or column: address with {}."""
    outline: bool | str = False
    """Group the rows by their level: true, or the column of the level."""
    collapse: int | None = Field(default=None, ge=0)
    """The last level of the outline whose rows are shown."""
    summary: bool = False
    """A sheet with figures and charts first."""
    changes: bool = False
    """A sheet that tells what differs from the workbook of the last run."""
    images: dict[str, str | PictureOption] | None = None
    """Cell: picture of the project."""
    charts: dict[str, NativeChart] | None = None
    """Cell: chart of the rows."""
    properties: dict[str, str | list[str]] | None = None
    """Properties of the document, such as author."""
    tz: Zone | None = None
    """The zone of moments; by default the project's."""
    inf: Literal["text", "omit", "error"] = "text"
    """How infinite numbers are written."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.mode == "upsert" and not self.key:
            raise UsageError("mode: upsert needs a key", hint="e.g. key: Key")
        if self.mode == "append" and self.key:
            raise UsageError("mode: append has no key", hint="to update rows, write mode: upsert")
        if self.missing != "keep" and self.mode != "upsert":
            raise UsageError(
                f"missing: {self.missing} needs mode: upsert", hint="e.g. mode: upsert, key: Key"
            )
        if self.charts and (self.template is not None or self.at is not None or self.mode != "replace"):
            raise UsageError("charts besides template, at or mode", hint="charts are drawn in a new workbook")
        if self.sheets is not None and (self.sheet is not None or self.frame is not None or self.changes):
            raise UsageError("sheets besides sheet, frame or changes", hint="name each frame under sheets:")
        return self

    def check(self, report: ReportInfo, tools: Tools) -> None:
        """Refuse a template or a picture that is not there."""
        file_of(self.path, report, tools)
        if self.template is not None:
            present_file(self.template, tools, "template")
        for cell, image in (self.images or {}).items():
            present_file(image if isinstance(image, str) else image.path, tools, f"images.{cell}")

    def __call__(self, frame: pd.DataFrame, report: ReportInfo, tools: Tools) -> Callable[[], object]:
        from schedkit import excel

        where = file_of(self.path, report, tools)
        sheet = self.sheet or (None if self.template or self.sheets else report.name)
        write = functools.partial(
            excel.write,
            self._frames(frame, tools),
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
            charts={cell: excel.Chart(**each.model_dump()) for cell, each in (self.charts or {}).items()},
            properties=self.properties,
            tz=self.tz or tools.tz,
            inf=self.inf,
        )
        gone = self.mode == "replace" or self.missing != "keep"

        def apply() -> None:
            changes = changes_since(where, sheet, frame, report_removed=gone) if self.changes else None
            tools.written[where] = write(changes=changes).path

        tools.written[where] = where
        return apply

    def _frames(self, frame: pd.DataFrame, tools: Tools) -> pd.DataFrame | dict[str, pd.DataFrame]:
        if self.sheets is None:
            return frame
        for name in self.sheets.values():
            if name not in tools.frames:
                raise SettingsError(
                    f"deliver.excel: there is no frame {safe_repr(name)}",
                    hint=did_you_mean(name, tools.frames, otherwise="save one with a step save:"),
                )
        return {title: tools.frames[name] for title, name in self.sheets.items()}

    def _images(self, tools: Tools) -> dict[str, Picture]:
        from schedkit.excel import Picture

        given = {
            cell: PictureOption(path=image) if isinstance(image, str) else image
            for cell, image in (self.images or {}).items()
        }
        return {cell: Picture(tools.root / each.path, each.alt, each.width) for cell, each in given.items()}


class _FlatDelivery(Destination):
    is_file: ClassVar[bool] = True

    tz: Zone | None = None
    """The zone of moments; by default the project's."""
    inf: Literal["text", "omit", "error"] = "text"
    """How infinite numbers are written."""

    def check(self, report: ReportInfo, tools: Tools) -> None:
        """Refuse a path that cannot be formed."""
        file_of(self._path, report, tools)

    @property
    def _path(self) -> str:
        path: Any = getattr(self, "path", "")
        return str(path)

    def __call__(self, frame: pd.DataFrame, report: ReportInfo, tools: Tools) -> Callable[[], object]:
        from schedkit import excel

        where = file_of(self._path, report, tools)

        def apply() -> None:
            written = excel.write(frame, where, tz=self.tz or tools.tz, inf=self.inf)
            tools.written[where] = written.path

        tools.written[where] = where
        return apply


class CsvDelivery(_FlatDelivery):
    """Write a CSV file in UTF-8, in which no cell is run as a formula."""

    path: Annotated[str, path_to(".csv")]
    """The file; {name} is the report's name, {date:%Y-%m-%d} the time of the run."""


class ParquetDelivery(_FlatDelivery):
    """Write a Parquet file, with the types of the columns."""

    path: Annotated[str, path_to(".parquet")]
    """The file; {name} is the report's name, {date:%Y-%m-%d} the time of the run."""
