"""Where the rows of a report come from."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field, PlainValidator, model_validator

from schedkit.report.models import Names, Strict, parsed_as

__all__ = ["ISSUES", "SOURCES", "Extract", "Extracts"]

# How the frame of a report with one extraction is named.
ISSUES = "issues"
SOURCES = (
    "jql", "project", "root", "keys", "filter", "link", "changelog", "worklogs", "sync", "file", "call",
)  # fmt: skip
_NAME = re.compile(r"[A-Za-z_]\w*")
# Which sources take an option.
_OPTIONS: dict[str, tuple[str, ...]] = {
    "links_depth": ("root",),
    "into": ("sync",),
    "full": ("sync",),
    "history": ("sync",),
    "sheet": ("file",),
    "arguments": ("call",),
    "limit": ("jql", "project", "root", "keys", "filter", "link"),
    "markup": ("jql", "project", "root", "keys", "filter", "link", "sync"),
    "raw": ("jql",),
}


class Extract(Strict):
    """Which rows, from where: exactly one source, and its options.

    A report fails if a site or an issue of its extraction is missing; with ``partial: allow`` it delivers
    what there is, and its outputs tell what is missing.
    """

    site: Names = ()
    """The configured site, or several: their rows are put below each other, with a column site."""
    jql: str | None = None
    """A query."""
    project: Names | None = None
    """All issues of projects, by their keys."""
    root: str | None = None
    """An issue and everything below it."""
    keys: Names | None = None
    """Issues by their keys."""
    filter: int | None = None
    """A saved filter, by its number."""
    link: str | None = None
    """What a link from the browser shows: a search, a filter, a board, a sprint."""
    changelog: str | None = None
    """The changes of issues: the name of an extraction above, or a query."""
    worklogs: str | None = None
    """The work that was logged on issues: the name of an extraction above, or a query."""
    sync: str | None = None
    """A query whose issues are kept in a file (into); only changed issues are requested."""
    file: str | None = None
    """A file of the project: .csv, .parquet, .xlsx."""
    call: str | None = None
    """A function of your own, module:function, that returns a DataFrame."""
    fields: Names | None = None
    """Columns, by name or id; of a changelog, whose changes."""
    limit: int | None = Field(default=None, ge=1)
    """Only the first issues."""
    links_depth: int = Field(default=0, ge=0)
    """With root: how many steps links of issues are followed."""
    markup: Literal["text", "markdown", "raw"] = "text"
    """How formatted texts are returned."""
    raw: Names = ()
    """Of jql: fields whose whole structure is wanted."""
    into: str | None = None
    """Of sync: the Parquet file."""
    full: bool = False
    """Of sync: extract everything again and compare."""
    history: bool | Names = False
    """Of sync: keep the changelog of the issues, too, or that of some fields."""
    sheet: str | None = None
    """Of file: the sheet or table."""
    arguments: dict[str, Any] = Field(default_factory=dict)
    """Of call: the arguments."""
    partial: Literal["refuse", "allow"] = "refuse"
    """Whether to deliver although a site or an issue is missing."""

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if len([name for name in SOURCES if getattr(self, name) is not None]) != 1:
            raise ValueError(f"write exactly one of: {', '.join(SOURCES)}")
        for name, sources in _OPTIONS.items():
            if name in self.model_fields_set and self.source not in sources:
                raise ValueError(f"{name} belongs to {' or '.join(sources)}, not to {self.source}")
        if self.source == "sync" and (self.into is None or len(self.site) != 1):
            raise ValueError("sync needs one site, and into: the Parquet file that is kept up to date")
        if self.source in ("file", "call"):
            if self.site:
                raise ValueError(f"{self.source} needs no site")
        elif not self.site and self.of is None:
            raise ValueError("site is missing")
        return self

    @property
    def source(self) -> str:
        """The name of the source that is set."""
        return next(name for name in SOURCES if getattr(self, name) is not None)

    @property
    def of(self) -> str | None:
        """The extraction whose issues a changelog or worklogs are of, by its name; None: a query says."""
        asked = self.changelog if self.changelog is not None else self.worklogs
        return asked if asked is not None and _NAME.fullmatch(asked) else None


_one = parsed_as(Extract)
_several = parsed_as(tuple[Extract, ...])
_named = parsed_as(dict[str, Extract])


def _extracts(value: Any) -> dict[str, Extract]:
    """Read one extraction, a list whose rows are put below each other, or several by name."""
    if isinstance(value, list | tuple):
        found = {f"{ISSUES}_{number}": each for number, each in enumerate(_several(value), 1)}
        if not found:
            raise ValueError("write at least one extraction")
    elif (
        isinstance(value, Mapping)
        and value
        and all(isinstance(each, Mapping | Extract) for each in value.values())
    ):
        found = _named(value)
    else:
        return {ISSUES: _one(value)}
    _check_references(found)
    return found


def _check_references(found: Mapping[str, Extract]) -> None:
    from schedkit.values.text import did_you_mean

    above: list[str] = []
    for name, extract in found.items():
        if not _NAME.fullmatch(name):
            raise ValueError(
                f"the name {name!r} of an extraction has more than letters, digits and underscores"
            )
        if extract.of is not None and extract.of not in above:
            hint = did_you_mean(extract.of, above, otherwise="write it below the extraction it is of")
            raise ValueError(f"{name}: there is no extraction {extract.of!r} above it ({hint})")
        above.append(name)


Extracts = Annotated[
    dict[str, Extract],
    PlainValidator(_extracts, json_schema_input_type=Extract | list[Extract] | dict[str, Extract]),
]
