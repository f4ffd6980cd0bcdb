"""Pages of their own for a report: one for the whole frame, or one for each value of a column."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from schedkit.errors import SettingsError
from schedkit.report.destination import Id, present_file
from schedkit.report.models import Names
from schedkit.report.page import TableOptions
from schedkit.report.tools import ReportInfo, Tools
from schedkit.values.files import file_error
from schedkit.values.text import did_you_mean

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["PagesDelivery"]

_PLACEHOLDER = re.compile(r"\{\{\s*([A-Za-z][A-Za-z0-9_-]*)\s*\}\}")
_FILE = (".xhtml", ".html", ".xml")
# What every page may show.
_KNOWN = ("value", "count", "day", "table")


class PagesDelivery(TableOptions):
    """Create pages from a template, or fill those that are there.

    `title` and `template` may hold ``{{ value }}`` (of the column `by`), ``{{ count }}`` (rows),
    ``{{ table }}`` (the rows), ``{{ chart }}`` (of the rows, as `chart` says), ``{{ day }}`` (of the run),
    the names of `values` and the parameters of the report. With `by`, each of its values has a page of its
    own, which is found again by that value and the `title` written here, whatever people call the page. A row
    with several values, as of sprints, stands on the page of each.
    """

    site: str
    """The configured site."""
    parent: Id | None = None
    """The page above, on Cloud also a folder, by id or URL; by default the site's main_page_id."""
    title: str
    """The title of the page, unique in its space."""
    template: Id
    """Storage format, a file of the project (.xhtml), or the id or URL of a page."""
    by: str | None = None
    """The column whose values have a page each."""
    page_key: str | None = None
    """What the one page is for: it is found again by it, whatever its title has become."""
    values: dict[str, str] = Field(default_factory=dict)
    """Placeholder: text."""
    labels: Names = ()
    """Labels of the pages."""
    key: Names | None = ("Key",)
    """The columns that tell rows apart."""
    missing_pages: Literal["keep", "mark", "empty"] | None = None
    """What happens to the pages of values without rows."""
    message: str = "Update the page"
    """The version's comment."""

    def check(self, report: ReportInfo, tools: Tools) -> None:
        """Refuse a template that is not there, and a placeholder that nothing fills."""
        super().check(report, tools)
        texts = [self.title]
        if self._is_file():
            texts.append(_text(present_file(self.template, tools, "template")))
        elif "<" in self.template:
            texts.append(self.template)
        known = (*_KNOWN, *(["chart"] if self.chart else []), *self.values, *report.values)
        for text in texts:
            _refuse_unknown(_PLACEHOLDER.findall(text), known)

    def _is_file(self) -> bool:
        return "<" not in self.template and self.template.endswith(_FILE)

    def __call__(self, frame: pd.DataFrame, report: ReportInfo, tools: Tools) -> Callable[[], object]:
        wiki = tools.site(self.site)
        template = self._template(wiki, tools)
        source = template if isinstance(template, str) else template.source()
        wanted = list(dict.fromkeys(_PLACEHOLDER.findall(source) + _PLACEHOLDER.findall(self.title)))

        def values(value: str, part: pd.DataFrame) -> dict[str, Any]:
            known = self._known(value, part, report, tools)
            _refuse_unknown(wanted, known)
            return {name: known[name] for name in wanted}

        page = {
            "parent": self.parent,
            "template": source,
            "labels": list(self.labels),
            "message": self.message,
        }
        if self.by is None:
            plan = wiki.publish(self.title, values=values("", frame), key=self.page_key, **page)
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

    def _known(self, value: str, part: pd.DataFrame, report: ReportInfo, tools: Tools) -> dict[str, Any]:
        return {
            **{name: _shown(each) for name, each in report.values.items()},
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
        return _text(tools.root / self.template) if self._is_file() else wiki.page(self.template)

    def _table(self, part: pd.DataFrame, tools: Tools) -> Any:
        from schedkit.confluence import Look, Managed

        return Managed(part, **self.rows(self.key), look=Look(**self.look(tools)))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise file_error(error, path, "read") from None


def _shown(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _refuse_unknown(wanted: Iterable[str], known: Iterable[str]) -> None:
    for name in wanted:
        if name not in known:
            raise SettingsError(
                f"deliver.pages: unknown placeholder {name!r}", hint=did_you_mean(name, known)
            )
