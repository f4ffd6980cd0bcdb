"""Where the rows of a report go: the destinations, and what entry points add (``schedkit.deliverers``)."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from schedkit.errors import SettingsError, UsageError
from schedkit.report.destination import Deliverer
from schedkit.report.message import MessageDelivery
from schedkit.report.metrics_delivery import MetricsDelivery
from schedkit.report.models import OneOf
from schedkit.report.page import AttachmentDelivery, FillDelivery, PageDelivery
from schedkit.report.pages import PagesDelivery
from schedkit.report.workbook import CsvDelivery, ParquetDelivery, WorkbookDelivery
from schedkit.values.text import did_you_mean, safe_repr
from schedkit.values.yaml import explain

__all__ = ["ENTRY_POINTS", "Deliver", "deliverer"]

ENTRY_POINTS = "schedkit.deliverers"


class Deliver(OneOf):
    """One destination: the name of a deliverer, and its options."""

    model_config = ConfigDict(extra="allow")

    excel: WorkbookDelivery | None = None
    csv: CsvDelivery | None = None
    parquet: ParquetDelivery | None = None
    confluence: PageDelivery | None = None
    pages: PagesDelivery | None = None
    fill: FillDelivery | None = None
    attachment: AttachmentDelivery | None = None
    metrics: MetricsDelivery | None = None
    notify: MessageDelivery | None = None

    @model_validator(mode="after")
    def _known(self) -> Self:
        for name, options in (self.model_extra or {}).items():
            if not isinstance(options, dict):
                raise UsageError(f"{name}: write its options as a mapping", hint=f"e.g. {name}: {{}}")
            _ = _added(name, options)
        return self

    @property
    def to(self) -> str:
        """The deliverer's name."""
        return self.chosen

    @property
    def options(self) -> dict[str, Any]:
        """The deliverer's options, as they were given."""
        value = self.value
        return value.model_dump(exclude_unset=True) if isinstance(value, BaseModel) else dict(value)

    @property
    def frame(self) -> str | None:
        """The name of the frame that is delivered; None: what the last step made."""
        found = self.value.get("frame") if isinstance(self.value, dict) else self.value.frame
        return None if found is None else str(found)

    @property
    def deliverer(self) -> Deliverer:
        """What delivers."""
        value = self.value
        if isinstance(value, dict):
            return _added(self.to, value)
        destination: Deliverer = value
        return destination


def deliverer(name: str, options: dict[str, Any]) -> Deliverer:
    """Return the deliverer `name` with its options checked.

    Raises
    ------
    SettingsError
        No such deliverer, or an option it does not know.
    """
    if name not in Deliver.model_fields:
        return _added(name, options)
    try:
        return Deliver.model_validate({name: options}).deliverer
    except ValidationError as error:
        raise explain(error, lambda _: "deliver", Deliver) from None


def _added(name: str, options: dict[str, Any]) -> Deliverer:
    """Return a deliverer that another package adds."""
    found = {point.name: point for point in entry_points(group=ENTRY_POINTS)}
    if name not in found:
        known = sorted({*Deliver.model_fields, *found})
        raise SettingsError(f"there is no deliverer {safe_repr(name)}", hint=did_you_mean(name, known))
    made: Any = found[name].load()
    given = {key: value for key, value in options.items() if key != "frame"}
    try:
        made_deliverer: Deliverer = made(**given)
    except ValidationError as error:
        model = made if isinstance(made, type) and issubclass(made, BaseModel) else BaseModel
        raise explain(error, lambda _: f"deliver.{name}", model) from None
    except TypeError as error:
        raise SettingsError(
            f"deliver.{name}: {error}", hint="look at the options of that deliverer"
        ) from None
    return made_deliverer
