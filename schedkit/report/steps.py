"""What happens to the rows of a report: one step from frame to frame each."""

from __future__ import annotations

import re
from importlib.metadata import entry_points
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, ConfigDict, Field, model_validator

from schedkit.errors import UsageError
from schedkit.report.models import Names, OneOf, SomeNames, Strict
from schedkit.values.parsers import Reads, invalid
from schedkit.values.text import did_you_mean, safe_repr

__all__ = ["AGGREGATES", "STEP_ENTRY_POINTS", "Call", "Group", "Join", "Metrics", "Pivot", "Shape"]

STEP_ENTRY_POINTS = "schedkit.steps"
AGGREGATES = ("count", "sum", "mean", "median", "min", "max", "first", "last", "nunique", "std")


def _aggregate(value: Any, what: str) -> str:
    if not isinstance(value, str) or (value not in AGGREGATES and not re.fullmatch("p[1-9][0-9]?", value)):
        raise invalid(what, value, f"one of {', '.join(AGGREGATES)}, or a percentile such as p85")
    return value


Aggregate = Annotated[str, Reads(_aggregate, {"type": "string"})]


class Group(Strict):
    """One row for each value of some columns."""

    by: SomeNames
    """The columns whose values have a row each."""
    values: dict[str, Aggregate | dict[str, Aggregate]] = Field(default_factory=dict)
    """Column: function, or new name: {column: function}; without it the rows are counted.

    Functions are count, sum, mean, median, min, max, first, last, nunique, std and percentiles such as p85.
    """


class Pivot(Strict):
    """A table of counts, or of another function, by the values of rows and columns."""

    rows: SomeNames
    """The columns whose values are the rows."""
    columns: str
    """The column whose values are the columns."""
    values: str | None = None
    """The column that is aggregated; without it rows are counted."""
    agg: Aggregate = "count"
    """The function: count, sum, mean, median, min, max, p85 …"""
    total: bool = False
    """Whether there is a row and a column Total."""

    @model_validator(mode="after")
    def _has_values(self) -> Self:
        if self.values is None and self.agg != "count":
            raise ValueError(f"agg: {self.agg} needs values: the column")
        return self


class Join(Strict):
    """Columns of another frame, by the values of columns that both have."""

    with_: str = Field(alias="with")
    """The other frame: an extraction, or what a step has saved."""
    on: SomeNames | Annotated[dict[str, str], Field(min_length=1)] = ("Key",)
    """The columns that both have, or column here: column there."""
    columns: Names | None = None
    """The columns of the other frame that are added; by default all."""
    how: Literal["left", "inner", "right", "outer"] = "left"
    """Which rows stay: all of this frame, of both, of the other, of either."""
    many: bool = False
    """Whether a row may match several of the other frame, which repeats it."""


class Metrics(Strict):
    """A function of schedkit.flow."""

    model_config = ConfigDict(extra="allow")

    add: SomeNames | None = None
    """Add these columns of the result to the rows, by Key; without it the result replaces the rows."""

    @property
    def function(self) -> str:
        """The name of the function."""
        return next(iter(self.model_extra or {}))

    @property
    def options(self) -> dict[str, Any]:
        """Its options."""
        options: dict[str, Any] = (self.model_extra or {})[self.function] or {}
        return options

    @model_validator(mode="after")
    def _known(self) -> Self:
        from schedkit.report.metrics import check_metric

        if len(self.model_extra or {}) != 1:
            raise ValueError("write one function of schedkit.flow with its options, e.g. cycle_times: {}")
        if not isinstance(self.options, dict):
            raise ValueError(f"{self.function}: write its options as a mapping")
        check_metric(self.function, self.options)
        return self


class Call(Strict):
    """A function of your own."""

    function: str
    """module:function; it is called with the frame, and returns a frame."""
    arguments: dict[str, Any] = Field(default_factory=dict)
    """Further arguments, by name."""
    frames: Names = ()
    """Other frames that it is given by name: extractions, or what steps have saved."""


def _called(value: Any) -> Any:
    return {"function": value} if isinstance(value, str) else value


class Shape(OneOf):
    """One step from frame to frame."""

    model_config = ConfigDict(extra="allow")

    columns: SomeNames | None = None
    """The columns that stay, in this order."""
    drop: SomeNames | None = None
    """Columns that go."""
    rename: dict[str, str] | None = None
    """Old name: new name."""
    sort: SomeNames | None = None
    """Columns; one with a leading - sorts downwards."""
    filter: str | None = None
    """The rows that stay: an expression of pandas, such as Points > 3 and Status != 'Done'."""
    derive: dict[str, str] | None = None
    """New columns: name: expression."""
    top: Annotated[int, Field(ge=1)] | None = None
    """Only the first rows."""
    explode: str | None = None
    """A column of lists: one row for each element."""
    count_by: SomeNames | None = None
    """Count the rows by the values of columns."""
    group: Group | None = None
    pivot: Pivot | None = None
    join: Join | None = None
    stack: SomeNames | None = None
    """Other frames whose rows are put below."""
    metrics: Metrics | None = None
    call: Annotated[Call, BeforeValidator(_called, json_schema_input_type=Call | str)] | None = None
    save: str | None = None
    """Remember the present frame under a name, for use, join and deliveries."""
    use: str | None = None
    """Go on with an extraction, or with what a step has saved."""

    @model_validator(mode="after")
    def _known(self) -> Self:
        for name in self.model_extra or {}:
            _ = step_of(name)
        return self


def step_of(name: str) -> Any:
    """Return the step that another package adds by an entry point.

    Raises
    ------
    UsageError
        There is none of that name.
    """
    found = {point.name: point for point in entry_points(group=STEP_ENTRY_POINTS)}
    if name not in found:
        known = [*Shape.model_fields, *found]
        raise UsageError(f"there is no step {safe_repr(name)}", hint=did_you_mean(name, known))
    return found[name].load()
