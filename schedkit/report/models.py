"""What the models of reports have in common: strict keys, one key of several, lists of names, shares."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, ClassVar, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    TypeAdapter,
    model_validator,
)

from schedkit.values.parsers import Reads, share

__all__ = ["Names", "OneOf", "Share", "SomeNames", "Strict", "parsed_as"]


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


# One name or several.
Names = Annotated[tuple[str, ...], BeforeValidator(_listed, json_schema_input_type=str | list[str])]

# At least one.
SomeNames = Annotated[Names, Field(min_length=1)]


Share = Annotated[float, Reads(share, {"type": ["number", "string"]})]


def parsed_as(model: Any) -> Callable[[Any], Any]:
    """Return a function that reads a value as `model`; its errors keep their place within the value."""
    adapter: TypeAdapter[Any] = TypeAdapter(model)
    return lambda value: adapter.validate_python(value)


class Strict(BaseModel):
    """A value of known keys that does not change; what stands below a field describes it to editors."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    @classmethod
    def __get_pydantic_json_schema__(cls, core: Any, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Describe a model by its sentence alone: its fields describe themselves."""
        made: dict[str, Any] = handler(core)
        described = handler.resolve_ref_schema(made)
        if "description" in described:
            described["description"] = described["description"].partition("\n\nParameters\n")[0]
        return made


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
