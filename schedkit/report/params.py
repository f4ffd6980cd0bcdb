"""The parameters of a report: their types, what people give for them, and one report for each of several."""

from __future__ import annotations

import inspect
import itertools
import re
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Annotated, Any, Literal, Self

from pydantic import Field, PlainValidator, model_validator

from schedkit.errors import ParameterError, UsageError
from schedkit.report.models import Strict, parsed_as
from schedkit.values.options import refuse_unknown
from schedkit.values.parsers import Parser, Reads, flag, invalid, texts
from schedkit.values.scalars import number_of, plain_text, whole_number_of

__all__ = [
    "ForEach",
    "Param",
    "Params",
    "annotations_of",
    "combinations",
    "param_of",
    "read_declared",
    "read_params",
    "signature_of",
]

# What a parameter is given where a report is checked and nothing is known of it.
_SAMPLES: dict[str, Any] = {
    "string": "x", "integer": 1, "number": 1.0, "boolean": True, "date": "2026-01-01", "list": ["x"],
}  # fmt: skip
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# Names that stand for something else where a parameter may be used.
_TAKEN = ("run", "name", "date", "value", "count", "day", "table", "chart")


class Param(Strict):
    """A parameter of a report: its type and its default."""

    type: Literal["string", "integer", "number", "boolean", "date", "list"] = "string"
    """What its values are; a list is a list of texts."""
    default: Any = None
    """Its value if none is given; without a default every run needs one."""
    choices: tuple[Any, ...] | None = Field(default=None, min_length=1)
    """The only values it may have."""
    description: str = ""
    """One line for people."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        _ = self._known
        if not self.required:
            self.read(self.default, "default")
        return self

    @property
    def required(self) -> bool:
        """Whether every run needs a value."""
        return "default" not in self.model_fields_set

    def read(self, value: Any, what: str) -> Any:
        """Return a value as the parameter has it; texts of the command line are read by its type.

        Raises
        ------
        UsageError
            If it is not of the type, or not one of the choices.
        """
        found = self._typed(value, what)
        if self.choices is not None:
            known = self._known
            if any(each not in known for each in (found if self.type == "list" else [found])):
                raise invalid(what, value, f"one of {', '.join(map(str, known))}")
        return found

    @property
    def _known(self) -> list[Any]:
        """The choices, each as a value or an element of a list."""
        reader = _READERS["string" if self.type == "list" else self.type]
        return [reader(each, "choices") for each in self.choices or ()]

    def _typed(self, value: Any, what: str) -> Any:
        if self.type == "list":
            if isinstance(value, str):
                value = [each.strip() for each in value.split(",") if each.strip()]
            return list(texts(value, what))
        return _READERS[self.type](value, what)

    @property
    def sample(self) -> Any:
        """A value with which a report can be checked."""
        if not self.required:
            return self.read(self.default, "default")
        if self.choices:
            return self.read([self.choices[0]] if self.type == "list" else self.choices[0], "choices")
        return _SAMPLES[self.type]


def _string(value: Any, what: str) -> str:
    # A project's key or a version may look like a number in YAML.
    if isinstance(value, str):
        return plain_text(value)
    number = whole_number_of(value)
    if number is None and number_of(value) is None:
        raise invalid(what, value, "write text")
    return str(value if number is None else number)


def _date(value: Any, what: str) -> str:
    try:
        return (value if type(value) is date else date.fromisoformat(value)).isoformat()
    except (TypeError, ValueError):
        raise invalid(what, value, "a day such as 2026-12-24") from None


def _integer(value: Any, what: str) -> int:
    if isinstance(value, str) and re.fullmatch(r"\s*[+-]?[0-9]{1,18}\s*", value):
        return int(value)
    found = whole_number_of(value)
    if found is None:
        raise invalid(what, value, "a whole number")
    return found


def _number(value: Any, what: str) -> float:
    if isinstance(value, str) and re.fullmatch(r"\s*[+-]?[0-9]{1,18}(\.[0-9]{1,18})?\s*", value):
        return float(value)
    found = number_of(value)
    if found is None:
        raise invalid(what, value, "a number")
    return found


_READERS: dict[str, Parser] = {
    "string": _string,
    "integer": _integer,
    "number": _number,
    "boolean": flag,
    "date": _date,
}
_HINTS: dict[str, Any] = {
    "string": str, "integer": int, "number": float, "boolean": bool, "date": date, "list": list[str] | str,
}  # fmt: skip


def _type_of(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "integer" if isinstance(value, int) else "number"
    return "list" if isinstance(value, list | tuple) else "date" if type(value) is date else "string"


def param_of(value: Any) -> Param | None:
    """Return the parameter whose default is `value`; None if that is no plain value."""
    if isinstance(value, list | tuple):
        plain = all(isinstance(each, str) for each in value)
        return Param(type="list", default=list(value)) if plain else None
    if not isinstance(value, str | int | float) and type(value) is not date:
        return None
    return Param(type=_type_of(value), default=value)  # type: ignore[arg-type]  # one of the literals


def _said(value: Any, what: str) -> Any:
    """Return what is said of a parameter as a mapping; a value alone is its default."""
    if isinstance(value, Param | Mapping):
        return value
    if value is None:
        return {}
    found = param_of(value)
    if found is None:
        raise invalid(what, value, "a default: a text, a number, true or false, a day, a list of texts")
    return found


_by_name = parsed_as(dict[str, Param])


def _params(value: Any) -> dict[str, Param]:
    if not isinstance(value, Mapping):
        raise UsageError("it is not a mapping", hint="write project: {type: string, default: KAFKA}")
    for name in value:
        if not isinstance(name, str) or not _NAME.fullmatch(name) or name in _TAKEN:
            taken = f", not {', '.join(_TAKEN)}" if name in _TAKEN else ""
            raise invalid("name", name, f"letters, digits and underscores, a letter first{taken}")
    found: dict[str, Param] = _by_name({name: _said(each, name) for name, each in value.items()})
    return found


def _for_each(value: Any, what: str) -> dict[str, list[Any]]:
    if not isinstance(value, Mapping) or not value:
        raise invalid(what, value, "a mapping of parameters to their values: project: [KAFKA, SPARK]")
    for name, values in value.items():
        if not isinstance(values, list | tuple) or not values:
            raise invalid(str(name), values, "a list of values, one report for each")
        if len({str(each) for each in values}) < len(values):
            raise invalid(str(name), values, "each value once")
    return {str(name): list(values) for name, values in value.items()}


Params = Annotated[
    dict[str, Param],
    PlainValidator(
        _params, json_schema_input_type=dict[str, Param | str | int | float | bool | list[str] | None]
    ),
]
ForEach = Annotated[
    dict[str, list[Any]],
    Reads(_for_each, {"type": "object", "additionalProperties": {"type": "array", "minItems": 1}}),
]


def read_params(params: Mapping[str, Param], given: Mapping[str, Any], what: str) -> dict[str, Any]:
    """Return the values of all parameters: those given, read by their types, and the others' defaults.

    Raises
    ------
    ParameterError
        If there is no such parameter, a value does not fit, or one is missing.
    """
    refuse_unknown(
        [name for name in given if name not in params], params, what, kind="parameter", error=ParameterError
    )
    found = {}
    for name, param in params.items():
        try:
            if name in given:
                found[name] = param.read(given[name], f"{what}: {name}")
            elif param.required:
                raise ParameterError(f"{what} needs the parameter {name!r}", hint=f"give it: -p {name}=…")
            else:
                found[name] = param.sample
        except ParameterError:
            raise
        except UsageError as error:
            raise ParameterError(error.message, hint=error.hint) from None
    return found


def annotations_of(params: Mapping[str, Param]) -> dict[str, Any]:
    """Return the type hint of each parameter, as a function would have it."""
    return {
        name: Literal[tuple(param.choices)]
        if param.choices and param.type == "string"
        else _HINTS[param.type]
        for name, param in params.items()
    }


def signature_of(params: Mapping[str, Param]) -> inspect.Signature:
    """Return the signature of a function that takes the parameters by name, with their defaults."""
    hints = annotations_of(params)
    return inspect.Signature(
        [
            inspect.Parameter(
                name,
                inspect.Parameter.KEYWORD_ONLY,
                default=inspect.Parameter.empty if param.required else param.sample,
                annotation=hints[name],
            )
            for name, param in params.items()
        ]
    )


def combinations(for_each: Mapping[str, list[Any]]) -> Iterator[dict[str, Any]]:
    """Return every combination of values, in the order written."""
    for values in itertools.product(*for_each.values()):
        yield dict(zip(for_each, values, strict=True))


def read_declared(document: Mapping[Any, Any]) -> tuple[dict[str, Param], dict[str, Any]] | None:
    """Return the parameters that a document declares, and the first values of its ``for_each``.

    None if they are not valid: they are refused where the document is validated.
    """
    try:
        params = _params(document.get("params") or {})
        for_each = _for_each(document["for_each"], "for_each") if document.get("for_each") else {}
        for name, values in for_each.items():
            if name not in params:
                params |= _params({name: values[0]})
        return params, {name: params[name].read(values[0], name) for name, values in for_each.items()}
    except ValueError:  # also pydantic's
        return None
