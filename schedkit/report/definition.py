"""What a report is: frozen values, the same whether they came from YAML or Python."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Self, TypeAlias

from pydantic import (
    Field,
    ModelWrapValidatorHandler,
    PrivateAttr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from schedkit.core.tasks.options import TASK_OPTIONS
from schedkit.core.triggers.base import Trigger
from schedkit.errors import UsageError
from schedkit.report.check import Check
from schedkit.report.deliver import Deliver
from schedkit.report.models import Strict
from schedkit.report.params import ForEach, Param, Params, combinations, read_declared, read_params
from schedkit.report.placeholders import filled, has_placeholder
from schedkit.report.schedule import Schedule
from schedkit.report.sources import ISSUES, Extracts
from schedkit.report.steps import Shape
from schedkit.values.parsers import Reads, duration, invalid, optional
from schedkit.values.text import safe_repr
from schedkit.values.yaml import explain

__all__ = ["NotebookReport", "Report", "ReportTask"]

Place = tuple[str | int, ...]


def _name(value: Any, what: str) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"\w[\w. -]*", value):
        raise invalid(what, value, "letters, digits, spaces, dots, dashes and underscores, a letter first")
    return value


class _ReportTask(Strict):
    """How the report runs: the options of a task."""

    @property
    def options(self) -> dict[str, Any]:
        """The options that are set, parsed."""
        return {name: getattr(self, name) for name in TASK_OPTIONS if name in self.model_fields_set}


if TYPE_CHECKING:
    ReportTask: TypeAlias = _ReportTask
else:
    # A report has its own name and description, and its own way to declare parameters.
    ReportTask = TASK_OPTIONS.model(_ReportTask, exclude=["name", "description", "params"])


class Scheduled(Strict):
    """What reports and notebooks have in common: a name, parameters, a schedule, and how they run."""

    name: Annotated[str, Reads(_name, {"type": "string"})]
    """The name of the task; with for_each, also its placeholders."""
    description: str = ""
    """One line for people."""
    params: Params = Field(default_factory=dict)
    """Parameters, for {{ name }} in other texts: name: default, or name: {type, default, choices}."""
    for_each: ForEach | None = None
    """Make one report for each value of a parameter, or for each combination of several."""
    schedule: Schedule | None = None
    """When it runs; without one, only when it is submitted."""
    task: ReportTask = ReportTask()
    """Options of the task: timeout, retry, priority, tags …"""
    _file: str = PrivateAttr("")
    _document: dict[Any, Any] = PrivateAttr(default_factory=dict)
    _values: dict[str, Any] = PrivateAttr(default_factory=dict)

    @model_validator(mode="wrap")
    @classmethod
    def _with_values(cls, data: Any, handler: ModelWrapValidatorHandler[Self], info: ValidationInfo) -> Self:
        declared = read_declared(data) if isinstance(data, Mapping) else None
        if declared is None:
            return handler(data)
        params, first = declared
        _check_each(data.get("for_each") or {}, params)
        given = (info.context or {}).get("values")
        values = {name: param.sample for name, param in params.items()} | first if given is None else given
        made = handler(filled(data, values, _refused))
        made._document = dict(data)
        made._values = dict(values)
        return made

    @property
    def trigger(self) -> Trigger | None:
        """When it runs; None without a schedule."""
        return None if self.schedule is None else self.schedule.trigger

    def task_options(self, scheduled: bool) -> dict[str, Any]:
        """Return the options of the task that runs it, on its schedule or only when submitted."""
        options: dict[str, Any] = {"name": self.name, "description": self.description, **self.task.options}
        if scheduled and self.schedule is not None and self.schedule.jitter is not None:
            options["jitter"] = self.schedule.jitter
        return options

    @property
    def values(self) -> Mapping[str, Any]:
        """The values of its parameters."""
        return self._values

    @property
    def code(self) -> str:
        """What tells whether another process has the same report: what was written, variables not put in."""
        return json.dumps(self._document, sort_keys=True, default=str)

    @property
    def file(self) -> str:
        """The whole path of the file it was read from; empty for one composed elsewhere."""
        return self._file

    def of_file(self, path: str | Path) -> Self:
        """Return the same report, read from a file."""
        made = self.model_copy()
        made._file = str(Path(path).resolve())
        return made

    def bound(self, given: Mapping[str, Any]) -> Self:
        """Return the report with values for its parameters; those not given have their defaults.

        Raises
        ------
        ParameterError
            If there is no such parameter, a value does not fit, or one is missing.
        SettingsError
            If the report is not valid with these values.
        """
        values = read_params(self.params, given, f"report {self.name!r}")
        if values == self._values:
            return self
        return self._made(self._document, {"values": values})

    def each(self) -> list[Self]:
        """Return one report for each combination of `for_each`; itself without one."""
        declared = read_declared(self._document)
        if self.for_each is None or declared is None:
            return [self]
        params, _ = declared
        made = []
        for values in combinations(self.for_each):
            document = {key: value for key, value in self._document.items() if key != "for_each"}
            chosen = {
                name: params[name].model_copy(update={"default": params[name].read(value, name)})
                for name, value in values.items()
            }
            document["params"] = {**(document.get("params") or {}), **chosen}
            if not has_placeholder(document.get("name")):
                document["name"] = "-".join([str(document.get("name")), *map(_as_name, values.values())])
            made.append(self._made(document))
        return made

    @classmethod
    def of(cls, document: Mapping[str, Any], context: dict[str, Any] | None = None) -> Self:
        """Return the report that a document, such as YAML holds, declares.

        Raises
        ------
        SettingsError
            It holds a key or value that is not understood.
        """
        try:
            return cls.model_validate(document, context=context)
        except ValidationError as error:
            raise explain(error, lambda _: f"report {safe_repr(document.get('name'))}", cls) from None

    def _made(self, document: dict[Any, Any], context: dict[str, Any] | None = None) -> Self:
        made = self.of(document, context)
        made._file = self._file
        return made


def _check_each(for_each: Mapping[str, Any], params: Mapping[str, Param]) -> None:
    for name, values in for_each.items():
        for number, value in enumerate(values):
            try:
                params[name].read(value, name)
            except UsageError as error:
                raise _refused(("for_each", name, number), error) from None


def _as_name(value: Any) -> str:
    return re.sub(r"[^\w. -]", "-", str(value))


def _refused(place: Place, error: UsageError) -> ValidationError:
    problem = PydanticCustomError("value_error", "{reason}", {"reason": str(error), "error": error})
    details = InitErrorDetails(type=problem, loc=place, input=None)
    return ValidationError.from_exception_data("Report", [details])


class Report(Scheduled):
    """A report: where its rows come from, what happens to them, what must hold, and where they go.

    Examples
    --------
    >>> report = Report.of(
    ...     {
    ...         "name": "bugs",
    ...         "extract": {"site": "demo", "jql": "type = Bug"},
    ...         "deliver": [{"excel": {"path": "bugs.xlsx"}}],
    ...     }
    ... )
    >>> report.deliver[0].to
    'excel'
    """

    extract: Extracts
    """Where the rows come from: one source, a list put below each other, or several by name."""
    shape: tuple[Shape, ...] = ()
    """Steps that change the rows, in this order."""
    check: tuple[Check, ...] = ()
    """Conditions on the rows; if one does not hold, nothing is delivered."""
    deliver: tuple[Deliver, ...] = Field(json_schema_extra={"minItems": 1})
    """Where the rows go."""

    @field_validator("deliver")
    @classmethod
    def _goes_somewhere(cls, value: tuple[Deliver, ...]) -> tuple[Deliver, ...]:
        # Not min_length: pydantic counts an item that is wrong as one that is not there.
        if not value:
            raise ValueError("the report has no output: write at least one, e.g. - excel: {path: out.xlsx}")
        return value

    @property
    def together(self) -> bool:
        """Whether the rows of its extractions are put below each other."""
        return not isinstance(self._document.get("extract"), Mapping)

    @property
    def sites(self) -> list[tuple[Place, str, str]]:
        """The sites it uses: where it names each, its name, and of which kind it has to be."""
        found: list[tuple[Place, str, str]] = []
        for number, (name, what) in enumerate(self.extract.items()):
            found += [((*self._place(name, number), "site"), site, "jira") for site in what.site]
        for number, item in enumerate(self.deliver):
            site = item.options.get("site")
            if item.to in Deliver.model_fields and site is not None:
                found.append((("deliver", number, item.to, "site"), str(site), "confluence"))
        return found

    def _place(self, name: str, number: int) -> Place:
        """Return where an extraction stands in the document."""
        written = self._document.get("extract")
        if list(self.extract) == [ISSUES] and isinstance(written, Mapping) and ISSUES not in written:
            return ("extract",)
        return ("extract", number if self.together else name)

    def places(self) -> list[Place]:
        """Return where each extraction stands in the document."""
        return [self._place(name, number) for number, name in enumerate(self.extract)]


def _notebook(value: Any, what: str) -> str:
    if not isinstance(value, str) or not value.endswith(".ipynb"):
        raise invalid(what, value, "the path of a notebook, e.g. notebooks/weekly.ipynb")
    return value


class NotebookReport(Scheduled):
    """A notebook that runs as a task; each run's executed copy is kept."""

    notebook: Annotated[str, Reads(_notebook, {"type": "string"})]
    """The notebook of the project (.ipynb); its cell tagged parameters has the defaults."""
    kernel: str | None = None
    """The name of the kernel; by default what the notebook says."""
    cell_timeout: Annotated[
        float | None, Reads(optional(duration(above=True)), {"type": ["string", "number"]})
    ] = None
    """How long one cell may take; by default as long as the run."""
