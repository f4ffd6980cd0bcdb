"""What the models of reports have in common: strict keys, one key of several, lists of names, shares."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, Any, ClassVar, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, model_validator

from schedkit.values.parsers import Reads, invalid

__all__ = ["Names", "OneOf", "Share", "SomeNames", "Strict", "parsed_as", "share"]


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


# One name or several.
Names = Annotated[tuple[str, ...], BeforeValidator(_listed, json_schema_input_type=str | list[str])]

# At least one.
SomeNames = Annotated[Names, Field(min_length=1)]


def share(value: Any, what: str) -> float:
    """Read a share of rows: 0.5 or "50%".

    Raises
    ------
    UsageError
        If it is not between none and all.

    Examples
    --------
    >>> share("50%", "max_drop"), share(0.2, "max_drop")
    (0.5, 0.2)
    """
    found = value
    if isinstance(value, str):
        matched = re.fullmatch(r"\s*([0-9]{1,3}(?:\.[0-9]{1,9})?)\s*(%?)\s*", value)
        found = None if matched is None else float(matched[1]) / (100 if matched[2] else 1)
    if isinstance(found, bool) or not isinstance(found, int | float) or not 0 <= found <= 1:
        raise invalid(what, value, "a share of the rows, e.g. 50% or 0.5")
    return float(found)


Share = Annotated[float, Reads(share, {"type": ["number", "string"]})]


def parsed_as(model: Any) -> Callable[[Any], Any]:
    """Return a function that reads a value as `model`; its errors keep their place within the value."""
    adapter: TypeAdapter[Any] = TypeAdapter(model)
    return lambda value: adapter.validate_python(value)


class Strict(BaseModel):
    """A value of known keys that does not change; what stands below a field describes it to editors."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class OneOf(Strict):
    """A value with exactly one of its keys set, besides its `modifiers`."""

    modifiers: ClassVar[frozenset[str]] = frozenset()

    @property
    def chosen(self) -> str:
        """The name of the key that is set."""
        return next(name for name in self._given() if name not in self.modifiers)

    @property
    def value(self) -> Any:
        """The value of the key that is set."""
        extra = self.model_extra or {}
        return extra[self.chosen] if self.chosen in extra else getattr(self, self.chosen)

    def _given(self) -> list[str]:
        return list(dict.fromkeys([*self.model_fields_set, *(self.model_extra or {})]))

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if len([name for name in self._given() if name not in self.modifiers]) != 1:
            known = [name for name in type(self).model_fields if name not in self.modifiers]
            raise ValueError(f"write exactly one of: {', '.join(known)}")
        return self
