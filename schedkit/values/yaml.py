"""YAML with positions: what was read, and on which line and column each key stood."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from schedkit.errors import SettingsError, UsageError
from schedkit.values.limits import MAX_DEPTH, MAX_YAML_NODES
from schedkit.values.text import did_you_mean, one_line, safe_repr
from schedkit.values.validation import pydantic_words

__all__ = ["Document", "explain", "explain_all", "parse_yaml", "parse_yaml_all"]

Location = tuple[int | str, ...]


class _Loader(yaml.SafeLoader):
    """YAML in which only true and false are booleans and ``10:30`` is text.

    ``on:`` is a key here, not a truth, and a time of day is not a number in base 60 (YAML 1.2 dropped both).
    """

    yaml_implicit_resolvers = {  # noqa: RUF012 - the library's own attribute, replaced
        first: [
            (tag, pattern)
            for tag, pattern in resolvers
            if (tag != "tag:yaml.org,2002:bool" or first in "tTfF")
            and tag not in ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")
        ]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self._depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Compose one node; refuse nesting so deep that the parser itself would fail."""
        self._depth += 1
        if self._depth > MAX_DEPTH:
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]  # PyYAML's stubs lack it
            raise yaml.composer.ComposerError(None, None, f"nested deeper than {MAX_DEPTH} levels", mark)
        try:
            return super().compose_node(parent, index)
        finally:
            self._depth -= 1


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(
        r"^(?:[-+]?(?:[0-9][0-9_]*)\.[0-9_]*(?:[eE][-+]?[0-9]+)?|[-+]?[0-9][0-9_]*[eE][-+]?[0-9]+"
        r"|[-+]?\.[0-9][0-9_]*(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$"
    ),
    list("-+0123456789."),
)
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:int",
    re.compile(r"^(?:[-+]?0b[01_]+|[-+]?0[0-7_]+|[-+]?(?:0|[1-9][0-9_]*)|[-+]?0x[0-9a-fA-F_]+)$"),
    list("-+0123456789"),
)


@dataclass(frozen=True)
class Document:
    """One YAML document: its value, and the line and column (from 1) of each of its keys."""

    value: Any
    name: str
    marks: dict[Location, tuple[int, int]]

    def where(self, location: Location) -> str:
        """Return ``file:line:column`` of the nearest enclosing key of `location`."""
        for end in range(len(location), -1, -1):
            mark = self.marks.get(location[:end])
            if mark is not None:
                return f"{self.name}:{mark[0]}:{mark[1]}"
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
        raise SettingsError(f"{name} holds {len(documents)} documents", hint="write one document")
    return documents[0] if documents else None


def parse_yaml_all(text: str, name: str) -> Iterator[Document]:
    """Parse each non-empty document of `text`.

    Raises
    ------
    SettingsError
        The text is not YAML, holds a key twice, an alias of itself, or more than can be meant; the message
        begins with file, line and column.
    """
    try:
        loader = _Loader(text)
        while loader.check_node():
            node = loader.get_node()
            assert node is not None  # check_node() said so
            marks: dict[Location, tuple[int, int]] = {}
            _Walk(name, marks).visit(node, (), ())
            value = _construct(node, name)
            if value is not None:
                yield Document(value, name, marks)
    except yaml.MarkedYAMLError as error:
        at, problem = _at(name, error.problem_mark), one_line(str(error.problem))
        if "'\\t'" in problem:
            raise SettingsError(f"{at}: a tab, which YAML does not know", hint="indent with spaces") from None
        raise SettingsError(f"{at}: {problem}", hint="fix the YAML syntax") from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise SettingsError(
            f"{name}:{line}: character {safe_repr(error.character)} is not allowed in YAML",
            hint="save the file as UTF-8 text",
        ) from None


def _at(name: str, mark: Any) -> str:
    return name if mark is None else f"{name}:{mark.line + 1}:{mark.column + 1}"


class _Walk:
    """Records the position of each key; refuses what has no plain value."""

    def __init__(self, name: str, marks: dict[Location, tuple[int, int]]) -> None:
        self._name = name
        self._marks = marks
        self._count = 0

    def visit(self, node: yaml.Node, location: Location, above: tuple[int, ...]) -> None:
        """Visit a node; `above` are the nodes that contain it."""
        self._count += 1
        if self._count > MAX_YAML_NODES:
            raise self._refused(node, f"more than {MAX_YAML_NODES:,} values, aliases included")
        if id(node) in above:
            raise self._refused(node, "an alias refers to the value that contains it")
        if len(above) > MAX_DEPTH:
            raise self._refused(node, f"nested deeper than {MAX_DEPTH} levels")
        self._marks.setdefault(location, _position(node))
        if isinstance(node, yaml.MappingNode):
            self._visit_mapping(node, location, (*above, id(node)))
        elif isinstance(node, yaml.SequenceNode):
            for index, value in enumerate(node.value):
                self.visit(value, (*location, index), (*above, id(node)))

    def _visit_mapping(self, node: yaml.MappingNode, location: Location, above: tuple[int, ...]) -> None:
        seen: set[str] = set()
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise self._refused(
                    key,
                    "a key is a list or a mapping; keys are plain text",
                    "put a text with {{ }} in quotes",
                )
            if key.value in seen:
                raise self._refused(key, f"key {key.value!r} appears twice")
            seen.add(key.value)
            inner = (*location, key.value)
            self._marks[inner] = _position(key)
            self.visit(value, inner, above)

    def _refused(self, node: yaml.Node, why: str, hint: str = "") -> SettingsError:
        return SettingsError(f"{_at(self._name, node.start_mark)}: {why}", hint=hint)


def _position(node: yaml.Node) -> tuple[int, int]:
    return node.start_mark.line + 1, node.start_mark.column + 1


def _construct(node: yaml.Node, name: str) -> Any:
    try:
        return _Loader("").construct_document(node)
    except (ValueError, OverflowError, TypeError) as error:  # a number of 5000 digits, the 31st of February
        raise SettingsError(
            f"{_at(name, node.start_mark)}: {one_line(str(error))}", hint="put it in quotes if it is text"
        ) from None


def explain(
    error: ValidationError, where: Callable[[Location], str], model: type[BaseModel]
) -> SettingsError:
    """Return an error of one line for the first problem: where, what, and what to write instead."""
    problems = error.errors(include_url=False)
    # A misspelt key is also a missing one: the misspelling is the cause.
    first = next((problem for problem in problems if problem["type"] == "extra_forbidden"), problems[0])
    location = _written(first["loc"])
    # A value that may be of several types has a problem with each of them.
    same = [dict(problem) for problem in problems if _written(problem["loc"]) == location]
    more = len({_written(problem["loc"]) for problem in problems}) - 1
    tail = f", and {more} more problem{'s' if more > 1 else ''}" if more else ""
    message, hint = _problem(dict(first), location, model, same)
    return SettingsError(f"{where(location)}: {one_line(message, 500)}{tail}", hint=one_line(hint))


def explain_all(
    error: ValidationError, where: Callable[[Location], str], model: type[BaseModel]
) -> list[SettingsError]:
    """Return an error of one line for each place with a problem."""
    places: dict[Location, list[dict[str, Any]]] = {}
    for problem in error.errors(include_url=False):
        places.setdefault(_written(problem["loc"]), []).append(dict(problem))
    found = []
    for location, same in places.items():
        message, hint = _problem(same[0], location, model, same)
        found.append(SettingsError(f"{where(location)}: {one_line(message, 500)}", hint=one_line(hint)))
    return found


# How pydantic names the types that a value may have, in places; models by their names.
_TYPE = re.compile(r"str|int|float|bool|none|constrained-\w+|[\w-]+\[.*\]", re.DOTALL)


def _written(location: Location) -> Location:
    """Return the place of a value as it is written, without the types that it may have."""
    models = set(_names(BaseModel))
    return tuple(
        part for part in location if isinstance(part, int) or not (part in models or _TYPE.fullmatch(part))
    )


def _names(model: type[BaseModel]) -> Iterator[str]:
    for each in model.__subclasses__():
        yield each.__name__
        yield from _names(each)


def _problem(
    problem: dict[str, Any], location: Location, model: type[BaseModel], same: list[dict[str, Any]]
) -> tuple[str, str]:
    """Return what is wrong with the value at `location`, and what to write; `same` are all its problems."""
    *parents, last = location or ("the document",)
    above = ".".join(map(str, parents))
    shown = f"{above}.{last}" if above else str(last)
    if problem["type"] == "extra_forbidden":
        unknown = f"unknown option {last!r}"
        return f"{above}: {unknown}" if above else unknown, did_you_mean(
            last, _known_keys(model, location[:-1]), option=True
        )
    if problem["type"] == "missing":
        return f"{shown} is missing", f"write {last}: …"
    cause = problem.get("ctx", {}).get("error")
    if isinstance(cause, UsageError):
        # A parser's message begins with the key's own name.
        if re.match(rf"{re.escape(str(last))}[:=\[]", cause.message):
            return (f"{above}." if above else "") + cause.message, cause.hint
        return f"{shown}: {cause.message}", cause.hint
    if isinstance(cause, ValueError):
        return f"{shown}: {cause}", ""
    words = list(dict.fromkeys(pydantic_words(each) for each in same))
    if all(each.startswith("write ") for each in words):
        return f"{shown}: write {' or '.join(each.removeprefix('write ') for each in words)}", ""
    return f"{shown}: {words[0]}", ""


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
    return [field.alias or name for name, field in current.model_fields.items()] if current else []


def _inner_model(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in getattr(annotation, "__args__", ()):
        found = _inner_model(argument)
        if found is not None:
            return found
    return None
