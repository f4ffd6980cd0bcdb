"""Parsers of plain values: each reads every spelling of one kind of value, or says what to write instead.

A parser is called with the value and with the name of what is being read, which its error begins with.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import tzinfo
from typing import Any

from schedkit.errors import UsageError
from schedkit.values.durations import duration_text, parse_duration
from schedkit.values.scalars import flag_of, number_of, plain_text, whole_number_of
from schedkit.values.text import safe_repr
from schedkit.values.timezones import parse_timezone

__all__ = [
    "Parser",
    "Reads",
    "choice",
    "duration",
    "flag",
    "hosts_of",
    "invalid",
    "mapping",
    "number",
    "optional",
    "share",
    "text",
    "texts",
    "timezone",
    "whole_number",
]

Parser = Callable[[Any, str], Any]


class Reads:
    """Has pydantic read a field with one of these parsers: ``Annotated[float, Reads(duration())]``.

    Parameters
    ----------
    parse : callable
        The parser.
    schema : mapping, optional
        The JSON Schema of what people may write; by default anything.
    """

    def __init__(self, parse: Parser, schema: Mapping[str, Any] | None = None) -> None:
        self.parse = parse
        self.schema = schema

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        from pydantic_core import core_schema

        return core_schema.with_info_plain_validator_function(
            lambda value, info: self.parse(value, str(info.field_name or "value"))
        )

    def __get_pydantic_json_schema__(self, core_schema: Any, handler: Any) -> dict[str, Any]:
        return dict(self.schema or {})


def invalid(what: str, value: object, hint: str) -> UsageError:
    """Return the error of a value that is not what `hint` says."""
    return UsageError(f"{what}={safe_repr(value)}", hint=hint)


def optional(parse: Parser) -> Parser:
    """Return a parser that also takes None, or the text "none" where all values are text."""

    def read(value: Any, what: str) -> Any:
        if value is None or (isinstance(value, str) and value.strip().lower() == "none"):
            return None
        return parse(value, what)

    return read


def whole_number(least: int, most: int | None = None) -> Parser:
    """Return a parser of whole numbers from `least` to `most`; digits as text count as the number."""
    hint = f"a whole number, at least {least}" if most is None else f"a whole number, {least} to {most}"

    def read(value: Any, what: str) -> int:
        is_text = isinstance(value, str) and re.fullmatch(r"\s*[+-]?[0-9]{1,18}\s*", value)
        found = int(value) if is_text else whole_number_of(value)
        if found is None or found < least or (most is not None and found > most):
            raise invalid(what, value, hint)
        return found

    return read


def number(least: float, most: float = float("inf")) -> Parser:
    """Return a parser of finite numbers from `least` to `most`."""
    bounds = f"at least {least:g}" if most == float("inf") else f"{least:g} to {most:g}"

    def read(value: Any, what: str) -> float:
        is_text = isinstance(value, str) and re.fullmatch(r"\s*[0-9]{1,18}(\.[0-9]{1,18})?\s*", value)
        found = float(value) if is_text else number_of(value)
        if found is None or not least <= found <= most:
            raise invalid(what, value, f"a number, {bounds}")
        return found

    return read


def share(value: Any, what: str) -> float:
    """Read a share of a whole: 0.5 or "50%".

    Examples
    --------
    >>> share("50%", "max_drop"), share(0.2, "max_drop")
    (0.5, 0.2)
    """
    found = number_of(value)
    if isinstance(value, str):
        matched = re.fullmatch(r"\s*([0-9]{1,3}(?:\.[0-9]{1,9})?)\s*(%?)\s*", value)
        found = None if matched is None else float(matched[1]) / (100 if matched[2] else 1)
    if found is None or not 0 <= found <= 1:
        raise invalid(what, value, "a share, e.g. 50% or 0.5")
    return found


def flag(value: Any, what: str) -> bool:
    """Read True or False, also as the texts "true" and "false"."""
    if isinstance(value, str) and value.strip().lower() in ("true", "false"):
        return value.strip().lower() == "true"
    found = flag_of(value)
    if found is None:  # the text "no" would be taken for yes
        raise invalid(what, value, "True or False")
    return found


def text(value: Any, what: str) -> str:
    """Read a text."""
    if not isinstance(value, str):
        raise invalid(what, value, "write text")
    return plain_text(value)


def texts(value: Any, what: str) -> tuple[str, ...]:
    """Read one text, or several, as several without repetitions."""
    hint = f"{what.rpartition(' ')[2]}='one', or {what.rpartition(' ')[2]}=['one', 'two']"
    found = (value,) if isinstance(value, str) else value
    if not isinstance(found, Iterable) or isinstance(found, Mapping | bytes):
        raise invalid(what, value, hint)
    found = tuple(found)
    if not all(isinstance(each, str) for each in found):
        raise invalid(what, value, hint)
    return tuple(dict.fromkeys(map(plain_text, found)))


def hosts_of(value: Any, what: str) -> tuple[str, ...]:
    """Read one name of a host, or several; in lower case, without repetitions."""
    hosts = tuple(dict.fromkeys(host.strip().lower() for host in texts(value, what)))
    for host in hosts:
        if not host or any(mark in host for mark in ":/@?# "):
            raise invalid(what, host, "the name of a host alone: proxy.example.org")
    return hosts


def choice(*words: str) -> Parser:
    """Return a parser of one of several words, in any case."""

    def read(value: Any, what: str) -> str:
        found = value.strip().lower() if isinstance(value, str) else None
        if found is None or found not in words:
            raise invalid(what, value, f"one of {', '.join(map(repr, words))}")
        return found

    return read


def duration(*, least: float = 0.0, above: bool = False) -> Parser:
    """Return a parser of durations in seconds that are at least `least` long, or longer than it."""

    def read(value: Any, what: str) -> float:
        found = parse_duration(value, what)
        if found < least or (above and found == least):
            bound = "longer than" if above else "at least"
            raise invalid(what, value, f"{bound} {duration_text(least)}")
        return found

    return read


def timezone(value: Any, what: str) -> tzinfo:
    """Read a time zone."""
    try:
        return parse_timezone(value)
    except UsageError as error:
        raise UsageError(f"{what}: {error.message}", hint=error.hint) from None


def mapping(value: Any, what: str) -> dict[str, Any]:
    """Read a mapping of names to values; None is an empty one."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise invalid(what, value, "a mapping of names to values")
    return dict(value)
