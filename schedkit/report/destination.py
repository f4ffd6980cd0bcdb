"""What all destinations of a report have in common."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from string import Formatter
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Protocol

from pydantic import Field, PlainValidator

from schedkit.errors import FileError, SettingsError, UsageError
from schedkit.report.models import Strict
from schedkit.report.tools import ReportInfo, Tools
from schedkit.values.parsers import Reads, text, timezone
from schedkit.values.text import did_you_mean, one_line, safe_repr

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "Deliverer",
    "Destination",
    "Id",
    "PageName",
    "Zone",
    "file_of",
    "path_to",
    "present_file",
    "put_words",
    "words",
]


class Deliverer(Protocol):
    """A destination whose options were understood."""

    def __call__(self, frame: pd.DataFrame, report: ReportInfo, tools: Tools) -> Callable[[], object]:
        """Look at the destination, refuse what cannot be done, and return what delivers.

        Every destination is looked at before the first is written to, so that a wrong page does not leave a
        new workbook behind. What the call returns may be an `Applied` of a page, or a list of them: one that
        is not confirmed makes the report's result incomplete.
        """
        ...


class Destination(Strict):
    """A destination: the frame that goes there, and its options."""

    is_file: ClassVar[bool] = False

    frame: str | None = None
    """The frame that is delivered, by name; by default what the last step made."""

    def check(self, report: ReportInfo, tools: Tools) -> None:
        """Refuse what can be seen to be wrong before the report runs: a template that is not there.

        Raises
        ------
        SettingsError, UsageError, FileError
            What is wrong, and with which option.
        """


def _zone_name(value: Any, what: str) -> str:
    timezone(value, what)
    return str(value)


# A time zone as it was written: its spelling is shown.
Zone = Annotated[str, Reads(_zone_name, {"type": "string"})]
# In YAML an id is a number where it stands without quotes.
Id = Annotated[str, Field(coerce_numbers_to_str=True)]


def _page_name(value: Any) -> dict[str, str]:
    """Return how a page is named, as arguments of `Confluence.page`."""
    if isinstance(value, str | int) and not isinstance(value, bool):
        return {"page": str(value)}
    if isinstance(value, dict) and set(value) == {"title", "space"}:
        return {name: str(each) for name, each in value.items()}
    raise ValueError("write the page's id or URL, or {title: Open bugs, space: DEMO}")


PageName = Annotated[
    dict[str, str], PlainValidator(_page_name, json_schema_input_type=str | int | dict[str, str])
]


def path_to(*suffixes: str) -> Reads:
    """Return what reads a path with one of these suffixes, and with known placeholders only."""

    def read(value: Any, what: str) -> str:
        if not isinstance(value, str) or not value.strip():
            raise UsageError(f"{what}={safe_repr(value)}", hint="write a path, e.g. reports/out/{name}.xlsx")
        _check_placeholders(value, what)
        if Path(value).suffix.lower() not in suffixes:
            raise UsageError(
                f"{what}: unsupported file extension in {safe_repr(value)}",
                hint=f"use {' or '.join(suffixes)}",
            )
        return value

    return Reads(read, {"type": "string"})


def _check_placeholders(path: str, what: str) -> None:
    """Refuse a placeholder that is not known, or reaches into what it names, as ``{date.year}`` does.

    One may not hold another either, and the path may not lead out of the folder that it starts in.
    """
    try:
        fields = [field for field in Formatter().parse(path) if field[1] is not None]
    except ValueError as error:
        raise _refused(path, what, str(error)) from None
    for _, name, form, conversion in fields:
        if name not in ("name", "date") or conversion or (form and (name == "name" or "{" in form)):
            raise _refused(path, what, _shown(name, form, conversion))
    if ".." in re.split(r"[\\/{}:]", path):
        raise SettingsError(
            f"{what}: the path {safe_repr(path)} leaves its folder", hint="name another folder from its root"
        )


def _shown(name: str | None, form: str | None, conversion: str | None) -> str:
    return repr((name or "") + (f"!{conversion}" if conversion else "") + (f":{form}" if form else ""))


def _refused(path: str, what: str, why: str) -> SettingsError:
    return SettingsError(
        f"{what}: the path {safe_repr(path)} holds an unknown placeholder: {one_line(why)}",
        hint="{name} and {date:%Y-%m-%d} are known",
    )


_WORD = re.compile(r"\{(\w+)\}")


def words(*known: str) -> Reads:
    """Return what reads a text in which some names in braces stand for something, and no others do."""

    def read(value: Any, what: str) -> str:
        found: str = text(value, what)
        for name in _WORD.findall(found):
            if name not in known:
                raise UsageError(
                    f"{what}: unknown placeholder {{{name}}} in {safe_repr(value)}",
                    hint=did_you_mean(name, known),
                )
        return found

    return Reads(read, {"type": "string"})


def put_words(template: str, values: Mapping[str, object]) -> str:
    """Return a text with the values of its names in braces."""
    return _WORD.sub(lambda found: str(values.get(found[1], found[0])), template)


def file_of(path: str, report: ReportInfo, tools: Tools) -> Path:
    """Return the file that a run writes."""
    try:
        return tools.root / path.format(name=report.name, date=tools.clock())
    except (KeyError, ValueError, IndexError) as error:
        raise _refused(path, "path", str(error)) from None


def present_file(path: str, tools: Tools, what: str) -> Path:
    """Return a file of the project.

    Raises
    ------
    FileError
        There is none; the message begins with `what`.
    """
    found = tools.root / path
    if not found.is_file():
        raise FileError(
            f"{what}: there is no file {found}", hint="relative paths start from the project's folder"
        )
    return found
