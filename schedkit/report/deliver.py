"""Where a frame goes: workbooks and pages, and what entry points add (``schedkit.deliverers``)."""

from __future__ import annotations

import difflib
import functools
from collections.abc import Callable
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from schedkit.errors import SettingsError
from schedkit.report.definition import Names, Report
from schedkit.report.yamlfile import explain

if TYPE_CHECKING:
    import pandas as pd

    from schedkit.report.pipeline import Tools

__all__ = ["Deliverer", "deliverer"]

ENTRY_POINTS = "schedkit.deliverers"


class Deliverer(Protocol):
    """A destination whose options were understood."""

    def __call__(self, frame: pd.DataFrame, report: Report, tools: Tools) -> Callable[[], object]:
        """Look at the destination, refuse what cannot be done, and return what delivers.

        Every destination is looked at before the first is written to, so that a wrong page does not leave a
        new workbook behind.
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
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known)}"
            raise SettingsError(f"deliver: there is no deliverer {name!r}", hint=hint)
        made = found[name].load()
    try:
        return made(**options)
    except ValidationError as error:
        model = made if isinstance(made, type) and issubclass(made, BaseModel) else BaseModel
        raise SettingsError(*explain(error, lambda _loc: f"deliver.{name}", model)) from None


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class WorkbookDelivery(_Strict):
    """Write the frame to a file: ``.xlsx``, ``.csv`` or ``.parquet``.

    ``{name}`` and ``{date:%Y-%m-%d}`` in the path stand for the report's name and the moment of the run.
    """

    path: str
    sheet: str | None = None

    def __call__(self, frame: pd.DataFrame, report: Report, tools: Tools) -> Callable[[], object]:
        from schedkit import excel

        try:
            named = self.path.format(name=report.name, date=tools.clock())
        except (KeyError, ValueError, IndexError) as error:
            raise SettingsError(
                f"deliver.excel: the path {self.path!r} holds an unknown placeholder: {error}",
                hint="{name} and {date:%Y-%m-%d} are known",
            ) from None
        path = tools.root / named
        return functools.partial(excel.write, {self.sheet or report.name: frame}, path)


class PageDelivery(_Strict):
    """Replace one managed table of a Confluence page.

    `gone` says what becomes of rows whose key has left the frame, `create` where a page without the region
    gets one (``end``, ``start`` or ``heading:TEXT``); rows beyond `cap` are counted, not shown.
    """

    site: str
    page: str
    region: str
    key: str = "Key"
    keep: Names = ()
    columns: Names | None = None
    gone: Literal["commented", "archive", "drop"] = "commented"
    cap: int = Field(default=500, ge=1)
    create: str | None = None

    def __call__(self, frame: pd.DataFrame, report: Report, tools: Tools) -> Callable[[], object]:
        table = tools.site(self.site).page(self.page).table(self.region)
        plan = table.replace(
            frame,
            key=self.key,
            keep=list(self.keep),
            columns=None if self.columns is None else list(self.columns),
            gone=self.gone,
            cap=self.cap,
            create=self.create,
        )
        apply: Callable[[], object] = plan.apply
        return apply


_BUILT_IN: dict[str, Callable[..., Deliverer]] = {
    "excel": WorkbookDelivery,
    "file": WorkbookDelivery,
    "confluence": PageDelivery,
}
