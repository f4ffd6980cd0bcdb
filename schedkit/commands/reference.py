"""``schedkit reference``: commands, settings, reports, options and Python names, as their definitions say."""

from __future__ import annotations

import contextlib
import inspect
import sys
import typing
from collections import deque
from collections.abc import Iterator
from datetime import datetime, tzinfo
from typing import Any

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo
from typer.core import TyperArgument, TyperGroup, TyperOption

from schedkit.commands.markdown import table
from schedkit.commands.python_names import python_names
from schedkit.core.api.options import SCHEDULER_OPTIONS
from schedkit.core.api.process_report import LedgerFigures
from schedkit.core.board.board import Board
from schedkit.core.board.run_counts import RunCounts
from schedkit.core.tasks.options import TASK_OPTIONS
from schedkit.errors import UsageError
from schedkit.report import Report
from schedkit.settings import Settings
from schedkit.settings.environment import NESTED, PREFIX
from schedkit.telemetry.exposition import Family
from schedkit.telemetry.metrics import MOST_LABELS, OTHER, families
from schedkit.telemetry.process import process_figures
from schedkit.values.durations import duration_text
from schedkit.values.options import Options
from schedkit.values.parsers import Reads

__all__ = ["print_reference", "reference"]


def reference(cli: TyperGroup) -> str:
    """Return the reference as Markdown.

    Parameters
    ----------
    cli : TyperGroup
        The whole command line.
    """
    lines = [
        "# Reference",
        "",
        "What `schedkit reference` prints. It is generated from the definitions in the code.",
        "",
        "## Commands",
        "",
        *_commands(cli),
        "## Settings",
        "",
        *_settings(),
        "## Reports",
        "",
        *_reports(),
        "## Options of tasks",
        "",
        "Of `@sched.task(…)`, `BaseTask`, `task:` of a report, entries of `tasks:`, requests and magics.",
        "",
        *_options(TASK_OPTIONS),
        "## Metrics",
        "",
        *_metrics(),
        "## Python",
        "",
        "Parameters are shown without types; `help(name)`, or Shift-Tab in JupyterLab, shows everything.",
        "",
        *python_names(),
    ]
    return "\n".join(lines).rstrip() + "\n"


def print_reference(cli: TyperGroup) -> None:
    """Print the reference."""
    sys.stdout.write(reference(cli))


def _commands(cli: TyperGroup) -> Iterator[str]:
    yield cli.epilog or ""
    yield ""
    yield from _parameters(cli)
    for path, command in sorted(_leaves(cli, "schedkit")):
        arguments = [_metavar(each) for each in command.params if isinstance(each, TyperArgument)]
        yield f"### `{' '.join([path, *arguments])}`"
        yield ""
        yield inspect.cleandoc(command.help or "")
        yield ""
        yield from _parameters(command)


def _leaves(group: Any, path: str) -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items() if isinstance(group, TyperGroup) else ():
        if isinstance(command, TyperGroup):
            yield from _leaves(command, f"{path} {name}")
        elif not command.hidden:
            yield f"{path} {name}", command


def _parameters(command: Any) -> Iterator[str]:
    rows = [(_name(each), _words(each)) for each in command.params if _is_told(each)]
    if rows:
        yield from table(("argument or option", "what it means"), rows)


def _is_told(parameter: Any) -> bool:
    return not getattr(parameter, "hidden", False) and "--help" not in parameter.opts


def _name(parameter: Any) -> str:
    if isinstance(parameter, TyperArgument):
        return f"`{_metavar(parameter)}`"
    flag = isinstance(parameter, TyperOption) and parameter.is_flag
    return f"`{', '.join(sorted(parameter.opts))}{'' if flag else ' ' + _metavar(parameter)}`"


def _metavar(parameter: Any) -> str:
    if parameter.metavar:
        return str(parameter.metavar)
    name = (parameter.name or "").upper()
    if not isinstance(parameter, TyperArgument):
        return name
    name = f"{name}…" if parameter.nargs != 1 else name
    return name if parameter.required else f"[{name}]"


def _words(parameter: Any) -> str:
    words = str(getattr(parameter, "help", "") or "")
    default = parameter.default
    shown = default not in (None, False, "", ()) and not callable(default) and not isinstance(default, bool)
    return f"{words} Default: `{default}`." if shown and not parameter.required else words


def _settings() -> Iterator[str]:
    yield (
        f"In `schedkit.yaml`, or in the environment, which takes precedence: "
        f"`{PREFIX}SECTION{NESTED}NAME`. "
        "`schedkit settings` shows what is in force."
    )
    yield ""
    yield from _model(Settings, "")
    yield "### Options of the scheduler"
    yield ""
    yield "Under `scheduler:`, and keywords of `Scheduler(…)`."
    yield ""
    yield from _options(SCHEDULER_OPTIONS)


def _reports() -> Iterator[str]:
    yield "A file in `reports/`, one report a document. `schedkit schema` prints its JSON Schema."
    yield ""
    yield from _model(Report, "")


def _metrics() -> Iterator[str]:
    yield (
        "`GET /metrics` of `schedkit serve`, as Prometheus reads them. The label `task_name` is a declared "
        f"task, for at most {MOST_LABELS:,} of them; all others are `{OTHER}`. "
        "`reports/prometheus/alerts.yml` has rules for alerts."
    )
    yield ""
    nothing = families(Board().snapshot(), {}, RunCounts({}, 0), LedgerFigures(), process_figures())
    rows = [(f"`{_metric(family)}`", family.kind, family.help) for family in nothing]
    yield from table(("metric", "kind", "what it tells"), rows)


def _metric(family: Family) -> str:
    return family.name + {"counter": "_total", "info": "_info"}.get(family.kind, "")


def _model(model: type[BaseModel], path: str) -> Iterator[str]:
    """Yield a table of the keys of each section, the outer ones first; a section in several places once."""
    waiting, known = deque([(path, model)]), {model}
    while waiting:
        path, model = waiting.popleft()
        rows = []
        for name, field in model.model_fields.items():
            # In tables of their own.
            if name in {"scheduler": set(SCHEDULER_OPTIONS) - {"results"}, "task": set(TASK_OPTIONS)}.get(
                path, ()
            ):
                continue
            key = field.alias or name
            kind = _type(field.annotation)
            if _is_duration(field):
                kind = kind.replace(_TYPES[float], "duration")
            rows.append((f"`{key}`", kind, _default(field), field.description or ""))
            for mark, inner in _models(field.annotation):
                if inner not in known:
                    known.add(inner)
                    waiting.append((f"{path}.{key}{mark}".removeprefix("."), inner))
        if path:
            words = inspect.cleandoc(model.__doc__ or "").partition("\n\n")[0].replace("\n", " ")
            yield from (f"### `{path}`", "", words, "")
        if rows:
            yield from table(("key", "type", "default", "what it means"), rows)


def _is_model(annotation: Any) -> bool:
    # A generic such as dict[str, int] is not a class, though Python 3.11 takes it for one.
    return (
        isinstance(annotation, type)
        and typing.get_origin(annotation) is None
        and issubclass(annotation, BaseModel)
    )


def _models(annotation: Any) -> Iterator[tuple[str, type[BaseModel]]]:
    """Yield the models in a type, each with what stands behind the key in its path."""
    if _is_model(annotation):
        yield "", annotation
        return
    origin = typing.get_origin(annotation)
    mark = ".<name>" if origin is dict else "[]" if origin in (tuple, list) else ""
    for argument in typing.get_args(annotation):
        yield from ((mark + behind, model) for behind, model in _models(argument))


def _type(annotation: Any) -> str:
    if _is_model(annotation):
        return "section"
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Literal:
        return ", ".join(f"`{argument}`" for argument in arguments)
    if origin is typing.Annotated:
        return _type(arguments[0])
    if origin is dict:
        return f"name → {_type(arguments[1])}"
    if origin in (tuple, list):
        return f"list of {_type(arguments[0])}"
    if arguments:
        return " or ".join(_type(each) for each in arguments if each is not type(None))
    return _TYPES.get(annotation, getattr(annotation, "__name__", str(annotation)))


_TYPES: dict[Any, str] = {
    str: "text",
    int: "whole number",
    float: "number",
    bool: "true, false",
    Any: "value",
    SecretStr: "secret",
    datetime: "moment",
    tzinfo: "time zone",
}


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.default
    if value in (None, "", ()) or field.default_factory is not None or isinstance(value, BaseModel):
        return ""
    if _is_duration(field):
        return f"`{duration_text(value)}`"
    if isinstance(value, tuple):
        return f"`[{', '.join(map(str, value))}]`"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _is_duration(field: FieldInfo) -> bool:
    """Tell whether what reads a field reads durations."""
    for reads in field.metadata:
        if isinstance(reads, Reads):
            with contextlib.suppress(UsageError):
                return bool(reads.parse("1h", "") == 3600.0)
    return False


def _options(options: Options) -> Iterator[str]:
    rows = [
        (
            f"`{name}`" + "".join(f", `{spelling}`" for spelling in option.spellings),
            f"`{option.type_text}`",
            option.default_text if option.default_words else f"`{option.default_text}`",
            option.words,
        )
        for name, option in options.items()
    ]
    yield from table(("option", "type", "default", "what it means"), rows)
