"""Pages of their own for a report: one for the whole frame, or one for each value of a column."""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, time
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainValidator

from schedkit import context
from schedkit.errors import SettingsError, UnknownFieldError
from schedkit.report.chart import ChartOptions
from schedkit.report.definition import Names, Report
from schedkit.report.tools import Tools
from schedkit.values.files import file_error
from schedkit.values.text import did_you_mean

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["PageName", "PagesDelivery"]

_PLACEHOLDER = re.compile(r"\{\{\s*([A-Za-z][A-Za-z0-9_-]*)\s*\}\}")
_FILE = (".xhtml", ".html", ".xml")


def _page_name(value: Any) -> dict[str, str]:
    """Return how a page is named, as arguments of `Confluence.page`."""
    if isinstance(value, str | int) and not isinstance(value, bool):
        return {"page": str(value)}
    if isinstance(value, dict) and set(value) == {"title", "space"}:
        return {name: str(each) for name, each in value.items()}
    raise ValueError("write the page's id or URL, or {title: Open bugs, space: DEMO}")


PageName = Annotated[dict[str, str], PlainValidator(_page_name)]
# In YAML an id is a number where it stands without quotes.
_Id = Annotated[str, Field(coerce_numbers_to_str=True)]


class PagesDelivery(BaseModel):
    """Create pages from a template, or fill those that are there.

    `title` and `template` may hold ``{{ value }}`` (of the column `by`), ``{{ count }}`` (rows),
    ``{{ table }}`` (the rows), ``{{ chart }}`` (of the rows, as `chart` says), ``{{ day }}`` (of the run) and
    the names of `values`. `template` is storage format, a file (``.xhtml``), or the id or URL of a page.
    `parent` is the id or URL of the page (on Cloud also of the folder) above, by default the site's
    `main_page_id`. With `by`, each of its values has a page of its own, which is found again by that value
    and the `title` written here, whatever people call the page. A row with several values, as of sprints,
    stands on the page of each. The other options are those of `Table.replace`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    site: str
    parent: _Id | None = None
    title: str
    template: _Id
    by: str | None = None
    values: dict[str, str] = Field(default_factory=dict)
    chart: ChartOptions | None = None
    labels: Names = ()
    key: Names | None = ("Key",)
    keep: Names = ()
    drop: Names = ()
    columns: Literal["all"] | Names | None = None
    missing: Literal["keep", "mark", "archive", "delete"] | None = None
    cap: int = Field(default=500, ge=1)
    min_rows: int = Field(default=1, ge=0)
    max_drop: float | None = Field(default=0.5, ge=0, le=1)
    links: dict[str, str] = Field(default_factory=dict)
    lozenges: dict[str, dict[str, str] | str] = Field(default_factory=dict)
    mentions: dict[str, str] = Field(default_factory=dict)
    dates: Names = ()
    tz: str | None = None
    show_zone: bool | None = None
    max_chars: int = Field(default=1000, ge=1)
    message: str = "Update the page"

    def __call__(self, frame: pd.DataFrame, report: Report, tools: Tools) -> Callable[[], object]:
        wiki = tools.site(self.site)
        template = self._template(wiki, tools)
        source = template if isinstance(template, str) else template.source()
        wanted = list(dict.fromkeys(_PLACEHOLDER.findall(source) + _PLACEHOLDER.findall(self.title)))
        plans = []
        for value, part in self._parts(frame):
            known = self._known(value or "", part, tools)
            unknown = [name for name in wanted if name not in known]
            if unknown:
                raise SettingsError(
                    f"deliver.pages: unknown placeholder {unknown[0]!r}",
                    hint=did_you_mean(unknown[0], known),
                )
            plan = wiki.publish(
                self.title,
                parent=self.parent,
                template=source,
                values={name: known[name] for name in wanted},
                key=None if value is None else f"{self.title}: {value}",
                labels=list(self.labels),
                message=self.message,
            )
            plans.append(plan)
        _check_titles([plan.title for plan in plans])

        def apply() -> None:
            for plan in plans:
                plan.apply()

        return apply

    def _known(self, value: str, part: pd.DataFrame, tools: Tools) -> dict[str, Any]:
        return {
            "value": value,
            "count": len(part),
            "day": tools.clock().date(),
            "table": self._table(part, tools),
            **({} if self.chart is None else {"chart": self.chart.draw(part, tools)}),
            **self.values,
        }

    def _template(self, wiki: Any, tools: Tools) -> Any:
        if "<" in self.template:
            return self.template
        if not self.template.endswith(_FILE):
            return wiki.page(self.template)
        path = tools.root / self.template
        try:
            return path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise file_error(error, path, "read") from None

    def _parts(self, frame: pd.DataFrame) -> Iterator[tuple[str | None, pd.DataFrame]]:
        if self.by is None:
            yield None, frame
            return
        if self.by not in frame.columns:
            raise UnknownFieldError(
                f"deliver.pages: the frame has no column {self.by!r}",
                hint=did_you_mean(self.by, frame.columns),
            )
        values = frame[self.by].reset_index(drop=True).explode()
        absent = int(values.isna().sum())
        if absent:
            rows = "1 row has" if absent == 1 else f"{absent} rows have"
            context.log(f"deliver.pages: {rows} no {self.by}, and no page", logging.WARNING)
        for value, those in values.groupby(values, sort=True, observed=True):
            part = frame.iloc[those.index.unique()]
            part.attrs = frame.attrs
            yield _value_text(value), part

    def _table(self, part: pd.DataFrame, tools: Tools) -> Any:
        from schedkit.confluence import Look, Managed

        look = Look(
            self.links,
            self.lozenges,
            self.mentions,
            list(self.dates),
            self.tz or tools.tz,
            tools.shows_zone(self.tz, self.show_zone),
            self.max_chars,
        )
        return Managed(
            part,
            key=None if self.key is None else list(self.key),
            keep=list(self.keep),
            drop=list(self.drop),
            columns=list(self.columns) if isinstance(self.columns, tuple) else self.columns,
            missing=self.missing,
            cap=self.cap,
            min_rows=self.min_rows,
            max_drop=self.max_drop,
            look=look,
        )


def _value_text(value: object) -> str:
    """Return what a page is called after: a date without its midnight."""
    if isinstance(value, datetime) and value.time() == time():
        return value.date().isoformat()
    return str(value)


def _check_titles(titles: Sequence[str]) -> None:
    (title, count) = next(iter(Counter(titles).most_common(1)), ("", 0))
    if count > 1:
        raise SettingsError(
            f"deliver.pages: {count} pages have the title {title!r}", hint="write {{ value }} in title:"
        )
