"""Signatures and docstrings of the models of reports, as a cell shows them on Shift-Tab.

Those that pydantic makes name its own classes, and nothing of what stands below a field.
"""

from __future__ import annotations

import inspect
import typing
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from schedkit.values.options import hint_text

__all__ = ["document_models"]


class _Shown(str):
    """A text that a signature shows without quotes."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def document_models(base: type[BaseModel]) -> None:
    """Give each model that derives from `base` a plain signature, and its fields a place in its docstring."""
    for model in base.__subclasses__():
        document_models(model)
        if model.model_rebuild(raise_errors=False) is not False:
            _document(model)


def _document(model: type[BaseModel]) -> None:
    lines, parameters = [], []
    for name, field in model.model_fields.items():
        shown, default = hint_text(_plain(field.annotation)), _default(field)
        parameters.append(
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=_Shown(shown))
        )
        ending = "" if default is inspect.Parameter.empty else f", default {default!r}"
        lines += [f"{name} : {shown}{ending}", f"    {field.description or _sentence(field)}".rstrip()]
    own = inspect.cleandoc(vars(model).get("__doc__") or model.__name__)
    summary, _, rest = own.partition("\n\n")
    table = "\n".join(["Parameters", "----------", *filter(None, lines)])
    model.__doc__ = "\n\n".join(filter(None, [summary, table if lines else "", rest]))
    model.__signature__ = inspect.Signature(parameters)


def _default(field: FieldInfo) -> Any:
    if field.is_required():
        return inspect.Parameter.empty
    default = field.get_default(call_default_factory=True, validated_data={})
    return _Shown(f"{type(default).__name__}()") if isinstance(default, BaseModel) else default


def _sentence(field: FieldInfo) -> str:
    """Return what the model that a field holds says of itself."""
    parts = typing.get_args(field.annotation) or (field.annotation,)
    models = [each for each in parts if isinstance(each, type) and issubclass(each, BaseModel)]
    return inspect.cleandoc(models[0].__doc__ or "").partition("\n")[0] if models else ""


def _plain(hint: Any) -> Any:
    """Return a type hint without what tells pydantic how to read it."""
    if typing.get_origin(hint) is typing.Annotated:
        return _plain(typing.get_args(hint)[0])
    arguments = typing.get_args(hint)
    if not arguments or typing.get_origin(hint) is typing.Literal:
        return hint
    if typing.get_origin(hint) in (typing.Union, type(int | str)):
        return typing.Union[tuple(map(_plain, arguments))]  # noqa: UP007  # made of a tuple
    return typing.get_origin(hint)[tuple(map(_plain, arguments))]
