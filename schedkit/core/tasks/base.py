"""Tasks as classes: `BaseTask`, and the one function that makes a `Task` of whatever declares one."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Executor
from typing import Any, Literal

from schedkit.core.model import Rate, Retry, Task
from schedkit.core.states import Overlap
from schedkit.core.tasks.declare import checked, declare, declare_data, marked
from schedkit.core.tasks.options import HOOKS, TASK_OPTIONS
from schedkit.core.tasks.parsers import Parent
from schedkit.core.triggers.base import Trigger
from schedkit.errors import DeclarationError
from schedkit.values.durations import Duration
from schedkit.values.text import near_matches

__all__ = ["BaseTask", "as_task"]

_log = logging.getLogger("schedkit")

# So alike to an option's name, an attribute is a misspelling rather than one of the class's own: "timout"
# is (0.92), "tag" is (0.86), "columns" is not.
MISSPELT = 0.85


class BaseTask:
    """A task with state and hooks of its own: write ``execute``, or ``async def run``.

    ``schedule`` is its trigger. The other class attributes below are options, those of `schedkit.task`;
    ``name`` is the class's by default.

    Examples
    --------
    >>> class SyncInventory(BaseTask):
    ...     name = "sync_inventory"
    ...     schedule = "@hourly"
    ...     retry = 3
    ...
    ...     def execute(self, batch_size: int = 100) -> int:
    ...         return batch_size
    >>> as_task(SyncInventory).trigger.text()
    'every hour'
    """

    name: str | None = None
    schedule: object = None

    # For type checkers and completion: the options of `TaskOptions`, which a test holds equal.
    description: str
    params: Mapping[str, Any] | None
    retry: Retry | int | Mapping[str, Any] | None
    timeout: Duration | None
    priority: Literal["low", "medium", "high"] | int
    after: Parent | Iterable[Parent]
    overlap: Overlap | Literal["skip", "queue", "cancel", "allow"]
    tags: str | Iterable[str]
    rate: str | Rate | None
    runs_in: Literal["auto", "thread", "process", "dask"] | Executor | None
    runs_on: Mapping[str, float | str] | None
    max_instances: int
    misfire_grace: Duration | None
    coalesce: bool
    catch_up: int
    jitter: Duration | None
    enabled: bool
    link: str

    @property
    def task_name(self) -> str:
        """The name under which the ledger knows it."""
        return self.name or type(self).__name__

    @property
    def logger(self) -> logging.Logger:
        """A logger of this task's own."""
        return logging.getLogger(f"schedkit.tasks.{self.task_name}")

    def execute(self, **params: Any) -> Any:
        """Do the work, in a thread; declare the parameters with type hints."""
        raise NotImplementedError

    async def run(self, **params: Any) -> Any:
        """Do the work as a coroutine; instead of `execute`."""
        raise NotImplementedError

    def validate_params(self, **params: Any) -> object:
        """Refuse parameters that no type hint can, given all of them: raise, or return False."""
        return True

    def on_success(self, result: Any) -> None:
        """Called when a run ended as DONE."""

    def on_failure(self, exception: BaseException) -> None:
        """Called when a run failed finally."""

    def on_retry(self, attempt: int, max_attempts: int) -> None:
        """Called when try number `attempt` failed and another follows."""

    def cleanup(self) -> None:
        """Called after every attempt, however it ended: release what it holds."""

    def as_task(self) -> Task:
        """Return the task that this object declares.

        Raises
        ------
        DeclarationError
            If it has neither ``execute`` nor ``run``, or both.
        """
        function = self._work()
        self._warn_of_misspelt()
        options = self._options()
        trigger = self.schedule
        other = getattr(self, "trigger", None)
        if trigger is None and (isinstance(other, Trigger) or hasattr(other, "get_next_fire_time")):
            raise DeclarationError(
                f"task class {type(self).__name__} has a trigger and no schedule", hint="write schedule = …"
            )
        as_options = getattr(trigger, "options", None)
        if callable(as_options):
            # A schedule of the older kind, which carries its overlap policy with it.
            trigger, more = as_options()
            options = {**more, **options}
        options.setdefault("description", inspect.cleandoc(type(self).__doc__ or "").partition("\n")[0])
        hooks = {hook: getattr(self, hook) for hook in HOOKS if self._overrides(hook)}
        return declare_data(function, trigger, {**options, "name": self.task_name, **hooks})

    def _warn_of_misspelt(self) -> None:
        """Warn of attributes that are probably options; the class may have attributes of its own."""
        known = [name for name in dir(BaseTask) if not name.startswith("_")]
        known += [spelling for spelling in TASK_OPTIONS.spellings if spelling not in known]
        own = [cls for cls in type(self).__mro__ if cls not in BaseTask.__mro__]
        for name in {name: None for cls in own for name in vars(cls) if not name.startswith("_")}:
            near = [] if name in known else near_matches(name, known, 1, least=MISSPELT)
            if near:
                _log.warning(
                    "task class %s: %r is not an option (did you mean %r?)",
                    type(self).__name__,
                    name,
                    near[0],
                )

    def _options(self) -> dict[str, Any]:
        names = [name for name in TASK_OPTIONS.spellings if name not in HOOKS and hasattr(self, name)]
        return {name: getattr(self, name) for name in names}

    @classmethod
    def has_work(cls) -> bool:
        """Whether it says what to do; without, it is a base of others."""
        return cls.execute is not BaseTask.execute or cls.run is not BaseTask.run

    def _work(self) -> Callable[..., Any]:
        own = [name for name in ("execute", "run") if self._overrides(name)]
        if len(own) != 1:
            found = "both execute and run" if own else "neither execute nor run"
            raise DeclarationError(
                f"task class {type(self).__name__} has {found}",
                hint="write `def execute(self, …)` for plain code or `async def run(self, …)` for async code",
            )
        work: Callable[..., Any] = getattr(self, own[0])
        return work

    def _overrides(self, method: str) -> bool:
        return getattr(type(self), method) is not getattr(BaseTask, method)


def as_task(value: object) -> Task:
    """Return the task that `value` declares.

    Parameters
    ----------
    value : Task, BaseTask, subclass of BaseTask, or function
        A function may carry the mark of `schedkit.task`.

    Raises
    ------
    DeclarationError
        If it declares none.
    """
    if isinstance(value, Task):
        return checked(value)
    if isinstance(value, type) and issubclass(value, BaseTask):
        value = _made(value)
    if isinstance(value, BaseTask):
        return value.as_task()
    if callable(value) and not isinstance(value, type):
        return marked(value) or declare(value)
    raise DeclarationError(
        f"{value!r} is not a task", hint="give a function, a Task, or a subclass of BaseTask"
    )


def _made(cls: type[BaseTask]) -> BaseTask:
    try:
        return cls()
    except TypeError as error:
        raise DeclarationError(
            f"task class {cls.__name__} cannot be instantiated without arguments: {error}",
            hint=f"give an object: {cls.__name__}(…)",
        ) from None
