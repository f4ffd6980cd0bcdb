"""``%load_ext schedkit``: ``%%task NAME every=1h`` schedules a cell, ``%schedkit`` shows the panel."""

from __future__ import annotations

import ast
import shlex
from collections.abc import Callable, Mapping
from typing import Any

from schedkit.app import Scheduler
from schedkit.core.model import Retry
from schedkit.core.when.triggers import at, cron, every
from schedkit.errors import DeclarationError, UsageError

__all__ = ["load", "options_of", "task_function"]

TRIGGERS: Mapping[str, Callable[[str], Any]] = {"every": every, "cron": cron, "at": at}
TEXTS = ("timeout", "priority", "overlap", "rate", "runs_in", "jitter", "misfire_grace", "description")
LISTS = ("tags", "after")
NUMBERS = ("retry", "max_instances")
SPELLING = (
    "%%task NAME every=1h (or cron='0 7 * * mon-fri', at=2026-12-24T12:00) retry=3 timeout=10m tags=a,b"
)


def load(shell: Any) -> None:
    """Register the magics with `shell`."""
    shell.register_magic_function(_panel_magic, "line", "schedkit")

    def task(line: str, cell: str) -> None:
        """Make this cell a task; ``%%task NAME every=1h``."""
        declare(shell, line, cell)

    shell.register_magic_function(task, "cell", "task")


def _panel_magic(line: str) -> None:
    """Show the panel: ``%schedkit``, ``%schedkit runs``, ``queue``, ``history`` or ``builder``."""
    Scheduler().panel(line.strip() or "tasks").show()


def declare(shell: Any, line: str, cell: str) -> None:
    """Declare `cell` as the task that `line` describes, and leave its handle under its name."""
    name, trigger, options = options_of(line)
    function = task_function(shell, name, cell)
    shell.user_ns[name] = Scheduler().task(trigger, name=name, **options)(function)


def options_of(line: str) -> tuple[str, Any, dict[str, Any]]:
    """Return name, trigger and options of a ``%%task`` line.

    Raises
    ------
    UsageError
        A word that is no ``key=value``, or a key that ``%%task`` does not know.

    Examples
    --------
    >>> options_of("nightly timeout=10m tags=daily,jira")
    ('nightly', None, {'timeout': '10m', 'tags': ('daily', 'jira')})
    """
    words = shlex.split(line)
    if not words or "=" in words[0] or not words[0].isidentifier():
        raise DeclarationError("%%task: the first word is the task's name", hint=SPELLING)
    trigger: Any = None
    options: dict[str, Any] = {}
    for word in words[1:]:
        key, sign, value = word.partition("=")
        if not sign or not value:
            raise UsageError(f"%%task {words[0]}: {word!r} is no key=value", hint=SPELLING)
        if key in TRIGGERS:
            if trigger is not None:
                raise UsageError(f"%%task {words[0]}: two triggers", hint="give one of every=, cron=, at=")
            trigger = TRIGGERS[key](value)
        elif key in TEXTS:
            options[key] = value
        elif key in LISTS:
            options[key] = tuple(part.strip() for part in value.split(",") if part.strip())
        elif key in NUMBERS and value.isdigit():
            options[key] = Retry(attempts=int(value)) if key == "retry" else int(value)
        else:
            known = ", ".join((*TRIGGERS, *TEXTS, *LISTS, *NUMBERS))
            raise UsageError(f"%%task {words[0]}: {word!r} is not understood", hint=f"known keys: {known}")
    return words[0], trigger, options


def task_function(shell: Any, name: str, cell: str) -> Callable[[], Any]:
    """Return a function of the cell's code: the notebook's names are its globals, its last value is returned.

    What the cell assigns stays inside it; a cell that awaits becomes a coroutine function.
    """
    source = shell.transform_cell(cell)
    filename = shell.compile.cache(source)
    body = ast.parse(source, filename).body
    if not body:
        raise DeclarationError(
            f"%%task {name}: the cell is empty", hint="write the task's code below the first line"
        )
    last = body[-1]
    if isinstance(last, ast.Expr):
        body[-1] = ast.copy_location(ast.Return(last.value), last)
    kind = ast.AsyncFunctionDef if _awaits(body) else ast.FunctionDef
    empty = ast.arguments(posonlyargs=[], args=[], kwonlyargs=[], kw_defaults=[], defaults=[])
    function = kind(name=name, args=empty, body=body, decorator_list=[], lineno=1, col_offset=0)
    module = ast.fix_missing_locations(ast.Module(body=[function], type_ignores=[]))
    made: dict[str, Any] = {}
    exec(compile(module, filename, "exec", dont_inherit=True), shell.user_ns, made)
    result: Callable[[], Any] = made[name]
    return result


def _awaits(body: list[ast.stmt]) -> bool:
    """Tell whether the code awaits outside functions of its own."""
    todo: list[ast.AST] = list(body)
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Await | ast.AsyncFor | ast.AsyncWith):
            return True
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            todo.extend(ast.iter_child_nodes(node))
    return False
