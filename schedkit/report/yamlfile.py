"""YAML with positions: what was read, and on which line each key stood."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from schedkit.errors import SettingsError

__all__ = ["Document", "explain", "parse_yaml", "parse_yaml_all"]


class _Loader(yaml.SafeLoader):
    """YAML in which only true and false are booleans: `on:` is a key here, not a truth."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - the library's own attribute, replaced
        first: [
            (tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:bool" or first in "tTfF"
        ]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


Location = tuple[int | str, ...]


@dataclass(frozen=True)
class Document:
    """One YAML document: its value, and where each of its keys stands."""

    value: Any
    name: str
    lines: dict[Location, int]

    def where(self, location: Location) -> str:
        """Return ``file:line`` of the nearest enclosing key of `location`."""
        for end in range(len(location), -1, -1):
            if location[:end] in self.lines:
                return f"{self.name}:{self.lines[location[:end]]}"
        return self.name


def parse_yaml(text: str, name: str) -> Document | None:
    """Parse one document; None when it is empty.

    Raises
    ------
    SettingsError
        The text is not YAML, holds a key twice, or holds several documents.
    """
    documents = list(parse_yaml_all(text, name))
    if len(documents) > 1:
        raise SettingsError(f"{name} holds {len(documents)} documents", hint="one is meant here")
    return documents[0] if documents else None


def parse_yaml_all(text: str, name: str) -> Iterator[Document]:
    """Parse each non-empty document of `text`."""
    try:
        nodes: Iterator[yaml.Node | None] = yaml.compose_all(text, Loader=_Loader)
        for node in nodes:
            if node is None:
                continue
            lines: dict[Location, int] = {}
            _note_lines(node, (), lines, name)
            value = _Loader("").construct_document(node)
            if value is not None:
                yield Document(value, name, lines)
    except yaml.MarkedYAMLError as error:
        line = f":{error.problem_mark.line + 1}" if error.problem_mark else ""
        raise SettingsError(f"{name}{line}: {error.problem}", hint="the file is not YAML") from None
    except yaml.YAMLError as error:
        raise SettingsError(f"{name}: {' '.join(str(error).split())}", hint="the file is not YAML") from None


def _note_lines(node: yaml.Node, location: Location, lines: dict[Location, int], name: str) -> None:
    lines.setdefault(location, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            inner = (*location, key.value)
            if inner in lines:
                raise SettingsError(
                    f"{name}:{key.start_mark.line + 1}: {key.value!r} stands here a second time",
                    hint="keep one of them",
                )
            lines[inner] = key.start_mark.line + 1
            _note_lines(value, inner, lines, name)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            _note_lines(value, (*location, index), lines, name)


def explain(error: ValidationError, where: Callable[[Location], str], model: type[BaseModel]) -> tuple[str]:
    """Return one line for the first problem of `error`: where, what, and a near match for a typo."""
    problems = error.errors(include_url=False, include_input=False)
    # A misspelt key is also a missing one: the misspelling is the cause.
    first = next((problem for problem in problems if problem["type"] == "extra_forbidden"), problems[0])
    location: Location = tuple(first["loc"])
    shown = ".".join(str(part) for part in location) or "the document"
    more = len(problems) - 1
    tail = f" (and {more} more)" if more else ""
    if first["type"] == "extra_forbidden":
        known = _known_keys(model, location[:-1])
        near = difflib.get_close_matches(str(location[-1]), known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known keys: {', '.join(sorted(known))}"
        return (f"{where(location)}: unknown key {shown!r}: {hint}{tail}",)
    message = first["msg"].removeprefix("Value error, ")
    return (f"{where(location)}: {shown}: {message}{tail}",)


def _known_keys(model: type[BaseModel], location: Location) -> list[str]:
    """Return the keys of the model that `location` leads to, as far as annotations tell."""
    current: Any = model
    parts = iter(location)
    for part in parts:
        if isinstance(part, int):
            continue
        field = current.model_fields.get(part) if current else None
        if field is None:
            return []
        current = _inner_model(field.annotation)
        if getattr(field.annotation, "__origin__", None) is dict:
            next(parts, None)
    return list(current.model_fields) if current else []


def _inner_model(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in getattr(annotation, "__args__", ()):
        found = _inner_model(argument)
        if found is not None:
            return found
    return None
