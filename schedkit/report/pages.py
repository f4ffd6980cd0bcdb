"""Pages of their own for a report: one for the whole frame, or one for each value of a column."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainValidator

from schedkit.errors import SettingsError
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
    stands on the page of each. `missing_pages` says what becomes of the pages of values that have no rows any
    more, as for `Confluence.publish_each`; `min_rows` and `max_drop` guard them, too. The other options are
    those of `Table.replace`.
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
    missing_pages: Literal["keep", "mark", "empty"] | None = None
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

        def values(value: str, part: pd.DataFrame) -> dict[str, Any]:
            known = self._known(value, part, tools)
            unknown = [name for name in wanted if name not in known]
            if unknown:
                raise SettingsError(
                    f"deliver.pages: unknown placeholder {unknown[0]!r}",
                    hint=did_you_mean(unknown[0], known),
                )
            return {name: known[name] for name in wanted}

        page = {
            "parent": self.parent,
            "template": source,
            "labels": list(self.labels),
            "message": self.message,
        }
        if self.by is None:
            plan = wiki.publish(self.title, values=values("", frame), **page)
        else:
            plan = wiki.publish_each(
                frame,
                by=self.by,
                title=self.title,
                values=values,
                missing_pages=self.missing_pages,
                min_rows=self.min_rows,
                max_drop=self.max_drop,
                **page,
            )
        made: Callable[[], object] = plan.apply
        return made

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
