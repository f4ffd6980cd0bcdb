"""What a report is: frozen values, the same whether they came from YAML or Python."""

from __future__ import annotations

import re
from datetime import datetime, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PrivateAttr, model_validator

from schedkit.core.tasks.options import TASK_OPTIONS
from schedkit.core.triggers import constructors
from schedkit.values.parsers import Reads, duration, invalid, optional, text, timezone

__all__ = ["Check", "Deliver", "Extract", "Report", "ReportTask", "Schedule", "Shape"]


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


Names = Annotated[tuple[str, ...], BeforeValidator(_listed)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _OneOf(_Strict):
    """A value with exactly one of its keys set."""

    @property
    def chosen(self) -> str:
        """The name of the key that is set."""
        return next(iter(self.model_fields_set))

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if len(self.model_fields_set) != 1:
            known = ", ".join(type(self).model_fields)
            raise ValueError(f"write exactly one of: {known}")
        return self


SOURCES = ("jql", "project", "root", "keys", "filter", "link")


class Extract(_Strict):
    """Which issues, from where: exactly one of jql, project, root, keys, filter and link.

    A report fails if a site or an issue of its extraction is missing; with ``partial: allow`` it delivers
    what there is, and its outputs tell what is missing.
    """

    site: Names
    jql: str | None = None
    project: Names | None = None
    root: str | None = None
    keys: Names | None = None
    filter: int | None = None
    link: str | None = None
    fields: Names | None = None
    limit: int | None = Field(default=None, ge=1)
    links_depth: int = Field(default=0, ge=0)
    partial: Literal["refuse", "allow"] = "refuse"

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if len([name for name in SOURCES if getattr(self, name) is not None]) != 1:
            raise ValueError(f"write exactly one of: {', '.join(SOURCES)}")
        return self

    @property
    def source(self) -> str:
        """The name of the source that is set."""
        return next(name for name in SOURCES if getattr(self, name) is not None)


class Shape(_OneOf):
    """One step from frame to frame.

    ``select`` and ``drop`` columns, ``rename`` them, ``sort`` (a leading ``-`` sorts downwards), ``where``
    and ``derive`` in pandas' expression language, ``top`` rows, ``explode`` lists to rows,
    ``count_by`` columns, or ``call`` a ``module:function`` of your own.
    """

    select: Names | None = None
    drop: Names | None = None
    rename: dict[str, str] | None = None
    sort: Names | None = None
    where: str | None = None
    derive: dict[str, str] | None = None
    top: Annotated[int, Field(ge=1)] | None = None
    explode: str | None = None
    count_by: Names | None = None
    call: str | None = None


class Check(_OneOf):
    """One thing that must hold before anything is delivered."""

    min_rows: Annotated[int, Field(ge=0)] | None = None
    max_rows: Annotated[int, Field(ge=0)] | None = None
    unique: Names | None = None
    filled: Names | None = None
    complete: Literal[True] | None = None


class Deliver(BaseModel):
    """One destination: the name of a deliverer, and its options as it knows them."""

    model_config = ConfigDict(extra="allow", frozen=True)

    @property
    def to(self) -> str:
        """The deliverer's name."""
        return next(iter(self.options_by_name))

    @property
    def options(self) -> dict[str, Any]:
        """The deliverer's options."""
        options: dict[str, Any] = self.options_by_name[self.to]
        return options

    @property
    def options_by_name(self) -> dict[str, Any]:
        return dict(self.model_extra or {})

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if len(self.options_by_name) != 1 or not isinstance(self.options, dict):
            raise ValueError("write one deliverer with its options, e.g. `excel: {path: out.xlsx}`")
        return self


def _name(value: Any, what: str) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"\w[\w. -]*", value):
        raise invalid(what, value, "letters, digits, spaces, dots, dashes and underscores, a letter first")
    return value


def _cron(value: Any, what: str) -> str:
    found: str = text(value, what)
    constructors.cron(found)
    return found


class Schedule(_Strict):
    """When: exactly one of a crontab line, an interval and a moment."""

    cron: Annotated[str | None, Reads(optional(_cron))] = None
    every: Annotated[float | None, Reads(optional(duration(above=True)))] = None
    at: Annotated[datetime | None, Reads(optional(constructors.moment_of))] = None
    tz: Annotated[tzinfo | None, Reads(optional(timezone))] = None
    jitter: Annotated[float | None, Reads(optional(duration()))] = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if len([value for value in (self.cron, self.every, self.at) if value is not None]) != 1:
            raise ValueError("write exactly one of: cron, every, at")
        return self


class _ReportTask(_Strict):
    """How the report runs: the options of a task."""

    @property
    def options(self) -> dict[str, Any]:
        """The options that are set, parsed."""
        return {name: getattr(self, name) for name in TASK_OPTIONS if name in self.model_fields_set}


if TYPE_CHECKING:
    ReportTask: TypeAlias = _ReportTask
else:
    # A report has its own name and description, and takes no parameters.
    ReportTask = TASK_OPTIONS.model(_ReportTask, exclude=["name", "description", "params"])


class Report(_Strict):
    """A report: where its rows come from, what happens to them, what must hold, and where they go.

    Examples
    --------
    >>> report = Report(
    ...     name="bugs",
    ...     extract=Extract(site="demo", jql="type = Bug"),
    ...     deliver=[Deliver(excel={"path": "bugs.xlsx"})],
    ... )
    >>> report.deliver[0].to
    'excel'
    """

    name: Annotated[str, Reads(_name)]
    description: str = ""
    schedule: Schedule | None = None
    task: ReportTask = ReportTask()
    extract: Extract
    shape: tuple[Shape, ...] = ()
    check: tuple[Check, ...] = ()
    deliver: tuple[Deliver, ...] = Field(min_length=1)
    _file: str = PrivateAttr("")

    @property
    def sites(self) -> list[tuple[tuple[str | int, ...], str, str]]:
        """The sites it uses: where it names each, its name, and of which kind it has to be."""
        found: list[tuple[tuple[str | int, ...], str, str]]
        found = [(("extract", "site"), name, "jira") for name in self.extract.site]
        for number, item in enumerate(self.deliver):
            if item.to in ("confluence", "pages") and "site" in item.options:
                place = ("deliver", number, item.to, "site")
                found.append((place, str(item.options["site"]), "confluence"))
        return found

    @property
    def file(self) -> str:
        """The whole path of the file it was read from; empty for one composed elsewhere."""
        return self._file

    def of_file(self, path: str | Path) -> Report:
        """Return the same report, read from a file."""
        made = self.model_copy()
        made._file = str(Path(path).resolve())
        return made
