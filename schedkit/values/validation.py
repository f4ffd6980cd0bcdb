"""What pydantic and msgspec say of a value, in words of a person: what is wrong, or what to write instead."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

__all__ = ["msgspec_words", "pydantic_words"]

# What to write, by the kind of pydantic's problem; its own words name Python types.
_PYDANTIC = {
    "string_type": "write text",
    "string_pattern_mismatch": "write text that matches {pattern}",
    "string_too_short": "write at least {min_length} characters",
    "string_too_long": "write at most {max_length} characters",
    "int_type": "write a whole number",
    "int_parsing": "write a whole number",
    "int_parsing_size": "write a smaller whole number",
    "int_from_float": "write a whole number",
    "float_type": "write a number",
    "float_parsing": "write a number",
    "finite_number": "write a finite number",
    "decimal_parsing": "write a number",
    "bool_type": "write true or false",
    "bool_parsing": "write true or false",
    "literal_error": "write one of {expected}",
    "enum": "write one of {expected}",
    "none_required": "leave it out",
    "greater_than": "write a number greater than {gt}",
    "greater_than_equal": "write a number that is at least {ge}",
    "less_than": "write a number less than {lt}",
    "less_than_equal": "write a number that is at most {le}",
    "tuple_type": "write a list: - …",
    "list_type": "write a list: - …",
    "set_type": "write a list: - …",
    "frozen_set_type": "write a list: - …",
    "iterable_type": "write a list: - …",
    "too_short": "write at least {min_length}",
    "too_long": "write at most {max_length}",
    "dict_type": "write a mapping of names to values",
    "mapping_type": "write a mapping of names to values",
    "model_type": "write a mapping of names to values",
    "model_attributes_type": "write a mapping of names to values",
    "dataclass_type": "write a mapping of names to values",
    "date_type": "write a date such as 2026-11-30",
    "date_parsing": "write a date such as 2026-11-30",
    "date_from_datetime_parsing": "write a date such as 2026-11-30",
    "date_from_datetime_inexact": "write a date without a time of day",
    "datetime_type": "write a moment such as 2026-11-30T07:00",
    "datetime_parsing": "write a moment such as 2026-11-30T07:00",
    "datetime_from_date_parsing": "write a moment such as 2026-11-30T07:00",
    "time_type": "write a time of day such as 07:00",
    "time_parsing": "write a time of day such as 07:00",
    "time_delta_type": "write a duration such as 5m",
    "time_delta_parsing": "write a duration such as 5m",
    "path_type": "write a path",
    "url_parsing": "write a URL",
    "url_type": "write a URL",
    "uuid_parsing": "write a UUID",
    "missing": "it is missing",
    "missing_argument": "it is missing",
    "extra_forbidden": "it is not known",
    "unexpected_keyword_argument": "it is not known",
    "json_invalid": "write valid JSON",
    "json_type": "write JSON",
}
# What a list is written for, where a mapping was: the first name in it says.
_LISTS = {"tuple_type", "list_type", "set_type", "frozen_set_type", "iterable_type"}

_MSGSPEC_TYPES = {
    "int": "a whole number", "float": "a number", "str": "text", "bool": "true or false", "null": "nothing",
    "array": "a list", "object": "a mapping", "bytes": "text", "date": "a date", "datetime": "a moment",
}  # fmt: skip
_EXPECTED = re.compile(r"Expected `([^`]+)`(?: of [^,]*)?, got `([^`]+)`")
_FIELD = re.compile(r"Object (missing required|contains unknown) field `([^`]+)`")
_PLACE = re.compile(r" - at `\$\.?([^`]*)`")


def pydantic_words(problem: Mapping[str, Any]) -> str:
    """Return what to write instead of a value, for one of pydantic's errors.

    Examples
    --------
    >>> pydantic_words({"type": "tuple_type", "input": {"excel": {}}})
    'write a list: - excel: …'
    >>> pydantic_words({"type": "greater_than", "ctx": {"gt": 0}})
    'write a number greater than 0'
    """
    kind, context = str(problem["type"]), problem.get("ctx") or {}
    given = problem.get("input")
    if kind in _LISTS and isinstance(given, Mapping) and given:
        return f"write a list: - {next(iter(given))}: …"
    if isinstance(cause := context.get("error"), ValueError):
        return str(cause)
    try:
        return _PYDANTIC[kind].format(**context)
    except KeyError:
        return "this value is not understood"


def msgspec_words(error: BaseException) -> str:
    """Return what is wrong with data, for one of msgspec's errors.

    Examples
    --------
    >>> msgspec_words(ValueError("Expected `int`, got `str` - at `$.total`"))
    'total is text, and has to be a whole number'
    >>> msgspec_words(ValueError("Object missing required field `id` - at `$[0]`"))
    '[0] has no id'
    """
    text = str(error)
    place = _PLACE.search(text)
    where = (place[1] if place else "") or "it"
    if found := _EXPECTED.search(text):
        wanted, got = (_msgspec_type(each) for each in found.groups())
        return f"{where} is {got}, and has to be {wanted}"
    if found := _FIELD.search(text):
        return f"{where} has no {found[2]}" if found[1].startswith("missing") else f"{where} has a {found[2]}"
    return f"{where} is not as expected"


def _msgspec_type(names: str) -> str:
    return " or ".join(_MSGSPEC_TYPES.get(name.strip(), name.strip()) for name in names.split("|"))
