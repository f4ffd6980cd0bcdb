"""Options, each defined once: how it is read, its default and its description.

A table of options is a `TypedDict` whose fields carry an `Option`. Type checkers read the fields as the
keyword arguments of a function (`Unpack`); signatures, YAML models, error messages and reference texts are
derived from the same fields.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
import types
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

from schedkit.errors import UsageError
from schedkit.values.parsers import Parser, Reads
from schedkit.values.text import did_you_mean

__all__ = ["Option", "Options", "hint_text", "refuse_unknown"]

T = TypeVar("T", bound=Callable[..., Any])


@dataclasses.dataclass(frozen=True, kw_only=True)
class Option:
    """What one option is.

    Parameters
    ----------
    parse : callable
        ``parse(value, what)`` reads every spelling, and its own results, or raises `UsageError`.
    default : object
        The value when it is not given, as a person would write it.
    words : str
        One line for people.
    default_words : str
        What to show as the default instead of `default`.
    spellings : tuple of str
        Other names under which it is accepted.
    show : callable, optional
        ``show(value)`` is the text of a parsed value on screens; without it the option is not shown there.
    several : bool
        Whether it takes several values, which one line of text separates by commas.
    data : bool
        Whether its values can be written as text, so that YAML, requests and magics can give it.
    scheduler_default : bool
        Whether a scheduler's ``job_defaults`` say what holds when it is not given.
    """

    parse: Parser
    default: Any
    words: str
    default_words: str = ""
    spellings: tuple[str, ...] = ()
    show: Callable[[Any], str] | None = None
    several: bool = False
    data: bool = True
    scheduler_default: bool = False
    name: str = ""
    type: Any = None

    @property
    def type_text(self) -> str:
        """Its type as documentation shows it."""
        return hint_text(self.type)

    @property
    def default_text(self) -> str:
        """Its default as documentation shows it."""
        return self.default_words or repr(self.default)

    @property
    def json_schema(self) -> dict[str, Any]:
        """What JSON Schema says of the values that a file may give it."""
        return _json_schema(self.type)


# Durations and rates are texts too; a tuple or another collection is one value or a list of them.
_JSON_TYPES = {str: "string", int: "integer", float: "number", bool: "boolean", type(None): "null"}


def _json_schema(hint: Any) -> dict[str, Any]:
    parts = typing.get_args(hint) if typing.get_origin(hint) in (typing.Union, types.UnionType) else (hint,)
    found: list[dict[str, Any]] = []
    for part in parts:
        origin = typing.get_origin(part) or part
        if origin is typing.Literal:
            found.append({"enum": list(typing.get_args(part))})
        elif origin in _JSON_TYPES:
            found.append({"type": _JSON_TYPES[origin]})
        elif isinstance(origin, type) and issubclass(origin, Mapping):
            found.append({"type": "object"})
        elif isinstance(origin, type) and issubclass(origin, Iterable):
            found.append({"type": "array"})
    return found[0] if len(found) == 1 else {"anyOf": found} if found else {}


def hint_text(hint: Any) -> str:
    """Return a type hint as documentation shows it."""
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return " | ".join(map(hint_text, typing.get_args(hint)))
    if typing.get_origin(hint) is typing.Literal:
        return f"{{{', '.join(map(repr, typing.get_args(hint)))}}}"
    if hint is type(None):
        return "None"
    if isinstance(hint, type) and not typing.get_args(hint):
        return hint.__name__
    return re.sub(r"\b(?:\w+\.)+(\w+)", r"\1", str(hint))


class Options(Mapping[str, Option]):
    """A table of options by name.

    Examples
    --------
    >>> from schedkit.values.parsers import duration
    >>> table = Options([Option(name="timeout", parse=duration(), default="1h", words="How long.")])
    >>> table.read({"timeout": "5m"})
    {'timeout': 300.0}
    """

    def __init__(self, options: Iterable[Option]) -> None:
        self._options = {option.name: option for option in options}
        self._by_spelling = {
            spelling: option for option in self.values() for spelling in (option.name, *option.spellings)
        }
        self._defaults = {name: option.parse(option.default, name) for name, option in self.items()}

    @classmethod
    def of(cls, typed: type) -> Options:
        """Return the options that the fields of a `TypedDict` carry."""
        found = []
        for name, hint in typing.get_type_hints(typed, include_extras=True).items():
            own, option = typing.get_args(hint)
            found.append(dataclasses.replace(option, name=name, type=own))
        return cls(found)

    def __getitem__(self, name: str) -> Option:
        return self._options[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._options)

    def __len__(self) -> int:
        return len(self._options)

    @property
    def spellings(self) -> tuple[str, ...]:
        """Every name under which an option is accepted."""
        return tuple(self._by_spelling)

    @property
    def defaults(self) -> dict[str, Any]:
        """The parsed default of every option."""
        return dict(self._defaults)

    def only(self, wanted: Callable[[Option], bool]) -> Options:
        """Return the options that `wanted` accepts."""
        return Options(filter(wanted, self.values()))

    def find(self, spelling: object) -> Option | None:
        """Return the option that bears this name or accepts this spelling, None if there is none."""
        return self._by_spelling.get(spelling) if isinstance(spelling, str) else None

    def refuse_unknown(
        self, given: Iterable[object], what: str = "", *, error: type[UsageError] = UsageError
    ) -> None:
        """Refuse names that are not options, with a near match."""
        refuse_unknown([name for name in given if self.find(name) is None], self, what, error=error)

    def read(
        self, given: Mapping[str, Any], what: str = "", *, error: type[UsageError] = UsageError
    ) -> dict[str, Any]:
        """Return the given options by their own names, parsed.

        Parameters
        ----------
        what : str
            Whose options they are, which messages begin with.
        error : type of UsageError
            What is raised for an unknown name or an invalid value.
        """
        self.refuse_unknown(given, what, error=error)
        found: dict[str, Any] = {}
        names: dict[str, str] = {}
        for key, value in given.items():
            option = self._by_spelling[key]
            if option.name in found:
                raise error(
                    f"{_prefix(what)}{names[option.name]} and {key} are the same option",
                    hint=f"keep {option.name}",
                )
            names[option.name] = key
            try:
                found[option.name] = option.parse(value, f"{_prefix(what)}{key}")
            except UsageError as problem:
                if isinstance(problem, error):
                    raise
                raise error(problem.message, hint=problem.hint) from None
        return found

    def reference(self) -> str:
        """Return what documentation says of every option: name, type, default and words."""
        lines = []
        for option in self.values():
            lines.append(f"{option.name} : {option.type_text}, default {option.default_text}")
            lines.append(f"    {option.words}")
        return "\n".join(lines)

    def signature(self, of: Callable[..., Any]) -> inspect.Signature:
        """Return the signature of a callable with each option in place of its ``**options``."""
        is_class = isinstance(of, type)
        plain = inspect.signature(of.__init__ if is_class else of)
        own = [p for p in plain.parameters.values() if p.kind is not inspect.Parameter.VAR_KEYWORD]
        own = own[1:] if is_class else own
        more = [
            inspect.Parameter(
                option.name,
                inspect.Parameter.KEYWORD_ONLY,
                default=_Shown(option.default_text) if option.default_words else option.default,
                annotation=_Shown(option.type_text),
            )
            for option in self.values()
        ]
        return plain.replace(parameters=[*own, *more])

    def document(self, function: T) -> T:
        """Let a callable's signature and docstring, which a cell shows on Shift-Tab, list every option."""
        function.__signature__ = self.signature(function)  # type: ignore[attr-defined]  # inspect reads it
        function.__doc__ = (
            f"{inspect.cleandoc(function.__doc__ or '')}\n\nOptions\n-------\n{self.reference()}\n"
        )
        return function

    def model(self, base: type[Any], *, exclude: Iterable[str] = ()) -> Any:
        """Return a pydantic model with a field for each option besides those of `base`.

        Its ``options`` are those that were given, parsed. Its name is that of `base` without the leading
        underscore, in the same module: bind it there, so that its values can be unpickled.
        """
        from pydantic import AliasChoices, Field, create_model

        fields: dict[str, Any] = {}
        for option in self.values():
            if option.data and option.name not in exclude:
                names = AliasChoices(option.name, *option.spellings) if option.spellings else None
                fields[option.name] = (
                    typing.Annotated[Any, Reads(option.parse, option.json_schema)],
                    Field(default=None, validation_alias=names, description=option.words),
                )
        name, module = base.__name__.removeprefix("_"), base.__module__
        return create_model(name, __base__=base, __doc__=base.__doc__, __module__=module, **fields)


class _Shown(str):
    """A text that a signature shows without quotes."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def refuse_unknown(
    names: Iterable[object],
    known: Iterable[object],
    what: str = "",
    *,
    kind: str = "option",
    error: type[UsageError] = UsageError,
) -> None:
    """Refuse the first of `names`: the one wording for a name that is misspelt or does not exist.

    Examples
    --------
    >>> refuse_unknown(["timout"], ["timeout", "retry"], "task 'bugs'")
    Traceback (most recent call last):
    schedkit.errors.UsageError: task 'bugs': unknown option 'timout' (did you mean 'timeout'?)
    """
    for name in names:
        raise error(
            f"{_prefix(what)}unknown {kind} {str(name)[:200]!r}",
            hint=did_you_mean(name, known, option=kind == "option"),
        )


def _prefix(what: str) -> str:
    return f"{what}: " if what else ""
