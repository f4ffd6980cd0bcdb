"""``%%task NAME every=1h`` schedules a cell, ``%schedkit`` shows the panel."""

from __future__ import annotations

import ast
import shlex
import sys
from collections.abc import Callable, Mapping
from typing import Any

from schedkit.app import Scheduler
from schedkit.core.tasks.options import TASK_OPTIONS
from schedkit.core.triggers.constructors import at, cron, every
from schedkit.errors import DeclarationError, UsageError
from schedkit.notebook.last_started import last_started
from schedkit.values.options import refuse_unknown

__all__ = ["declare", "load", "options_of", "show_panel", "task_function"]

TRIGGERS: Mapping[str, Callable[..., Any]] = {"every": every, "cron": cron, "at": at}
# The name is the line's first word, and a cell takes no parameters.
OPTIONS = TASK_OPTIONS.only(lambda option: option.data and option.name not in ("name", "params"))
SPELLING = (
    "%%task NAME every=1h (or cron='0 7 * * mon-fri', at=2026-12-24T12:00) retry=3 timeout=10m tags=a,b"
)


def load(shell: Any) -> None:
    """Register the magics with `shell`."""
    shell.register_magic_function(show_panel, "line", "schedkit")

    def task(line: str, cell: str) -> None:
        declare(shell, line, cell)

    task.__doc__ = f"Make this cell a task: {SPELLING}\n\nOptions\n-------\n{OPTIONS.reference()}\n"
    shell.register_magic_function(task, "cell", "task")


def show_panel(line: str) -> None:
    """Show the panel: ``%schedkit``, ``%schedkit runs``, ``queue``, ``history`` or ``builder``."""
    _scheduler().panel(line.strip() or "tasks").show()


def _scheduler() -> Any:
    """Return the scheduler that was started last in this kernel, else the project's."""
    return last_started() or Scheduler()


def declare(shell: Any, line: str, cell: str) -> None:
    """Declare `cell` as the task that `line` describes, and leave its handle under its name."""
    name, trigger, options = options_of(line)
    function, scheduler = task_function(shell, name, cell), _scheduler()
    shell.user_ns[name] = scheduler.task(trigger, name=name, **options)(function)
    if not scheduler.running:
        sys.stderr.write(
            f"schedkit: task {name!r} is declared, and runs once its scheduler is started "
            f"(ledger {scheduler.ledger}): sched = Scheduler(…); sched.start()\n"
        )


def options_of(line: str) -> tuple[str, Any, dict[str, Any]]:
    """Return name, trigger and options of a ``%%task`` line; ``tz=`` is the trigger's time zone.

    Raises
    ------
    UsageError
        A word that is not ``key=value``, or a key that is not an option of a task.

    Examples
    --------
    >>> options_of("nightly timeout=10m tags=daily,jira")
    ('nightly', None, {'timeout': 600.0, 'tags': ('daily', 'jira')})
    """
    words = shlex.split(line)
    if not words or "=" in words[0] or not words[0].isidentifier():
        raise DeclarationError("%%task: the first word is the task's name", hint=SPELLING)
    name = words[0]
    given: dict[str, str] = {}
    for word in words[1:]:
        key, sign, value = word.partition("=")
        if not sign or not value:
            raise UsageError(f"%%task {name}: expected key=value, got {word!r}", hint=SPELLING)
        given[key] = value
    trigger = _trigger(name, given)
    refuse_unknown(
        [key for key in given if OPTIONS.find(key) is None],
        (*TRIGGERS, "tz", *OPTIONS),
        f"%%task {name}",
    )
    return (
        name,
        trigger,
        OPTIONS.read({key: _parts(key, value) for key, value in given.items()}, f"%%task {name}"),
    )


def _trigger(name: str, given: dict[str, str]) -> Any:
    """Take the trigger and its zone out of the keys that were given."""
    chosen = [key for key in TRIGGERS if key in given]
    if len(chosen) > 1:
        raise UsageError(f"%%task {name}: two triggers", hint="give one of every=, cron=, at=")
    zone = given.pop("tz", None)
    if not chosen:
        if zone is not None:
            raise UsageError(f"%%task {name}: tz= without a trigger", hint=SPELLING)
        return None
    try:
        return TRIGGERS[chosen[0]](given.pop(chosen[0]), tz=zone)
    except UsageError as error:
        raise UsageError(f"%%task {name}: {error.message}", hint=error.hint) from None


def _parts(key: str, value: str) -> Any:
    option = OPTIONS.find(key)
    assert option is not None
    if not option.several:
        return value
    return [part.strip() for part in value.split(",") if part.strip()]


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
