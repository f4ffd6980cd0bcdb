"""Every error that schedkit raises, as one tree.

::

    SchedkitError                      base of all below; `.hint` says what to do
    ├── UsageError (ValueError)        wrong input, refused before anything was changed
    │   ├── BlockingCallError          a blocking method was called inside a coroutine
    │   ├── DeclarationError           a task that cannot be declared: no name, a cycle, timeout <= 0
    │   ├── TriggerError               a trigger that never fires, or is not understood
    │   ├── ParameterError             parameters that do not match the task's signature
    │   ├── SettingsError              a key or value in YAML or the environment
    │   ├── MissingExtraError          an optional package is not installed (also an ImportError)
    │   ├── JqlError                   the site refused the JQL
    │   ├── UnknownFieldError          the site has no field of that name; the hint has near matches
    │   ├── RegionError                none or several tables on a page where one was expected
    │   └── WorkbookError              a sheet name, header or template that cannot be written
    ├── FileError                      a file cannot be read or written: permission, space, damage
    ├── LedgerError                    the ledger is corrupt, read-only, too new, or not reachable
    ├── NotRunningError                no running process does it
    ├── LifeEndedError                 this process was marked as dead
    ├── RunError                       a run did not end as DONE; raised by `run.result()`
    │   ├── RunFailedError
    │   ├── RunTimeoutError
    │   ├── RunCancelledError
    │   └── RunSkippedError
    ├── SiteError                      a Jira or Confluence answered with an error, or not at all
    │   ├── AuthError                  401, or a login that failed without one
    │   ├── ForbiddenError             403
    │   ├── NotFoundError              404
    │   ├── ConflictError              409
    │   ├── RateLimitedError           429, and retries did not help
    │   ├── UnavailableError           no answer: network, 5xx, reset, timeout
    │   └── BadAnswerError             an answer that does not match the API
    ├── IncompleteError                an extraction that cannot be proved complete
    ├── CheckError                     a check of a report failed; nothing was delivered
    ├── CellError                      a cell of a notebook that runs as a task failed
    ├── MalformedPageError             a page whose storage format is not well-formed; it is not written
    ├── RetryableError                 raised by tasks: retry
    └── FatalError                     raised by tasks: do not retry

    StopRequested (BaseException)      raised inside a cancelled task by its next call of schedkit
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

__all__ = [
    "AuthError",
    "BadAnswerError",
    "BlockingCallError",
    "CellError",
    "CheckError",
    "ConflictError",
    "DeclarationError",
    "FatalError",
    "FileError",
    "ForbiddenError",
    "IncompleteError",
    "JqlError",
    "LedgerError",
    "LifeEndedError",
    "MalformedPageError",
    "MissingExtraError",
    "NotFoundError",
    "NotRunningError",
    "ParameterError",
    "RateLimitedError",
    "RegionError",
    "RetryableError",
    "RunCancelledError",
    "RunError",
    "RunFailedError",
    "RunSkippedError",
    "RunTimeoutError",
    "SchedkitError",
    "SettingsError",
    "SiteError",
    "StopRequested",
    "TriggerError",
    "UnavailableError",
    "UnknownFieldError",
    "UsageError",
    "WorkbookError",
]


class SchedkitError(Exception):
    """Base of every error of schedkit.

    Parameters
    ----------
    message : str
        What happened, and to which thing; one line.
    hint : str
        What to do; one line, may be empty.
    """

    # IPython shows an error by this method where its class has it; `schedkit.notebook` sets it.
    _render_traceback_: ClassVar[Callable[[SchedkitError], list[str]]]

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message

    def __reduce__(self) -> tuple[object, ...]:
        # Errors are pickled by child processes (runs_in="process"), and subclasses take other arguments.
        return (_rebuild, (type(self), self.args, self.__dict__))


def _rebuild(cls: type[SchedkitError], args: tuple[object, ...], state: dict[str, object]) -> SchedkitError:
    error = cls.__new__(cls)
    error.args = args
    error.__dict__.update(state)
    return error


class UsageError(SchedkitError, ValueError):
    """Wrong input, refused before anything was changed."""


class BlockingCallError(UsageError):
    """A blocking method was called inside a coroutine, where it would block the event loop.

    Parameters
    ----------
    name : str
        The method.
    instead : str
        What to write; by default the method of the same name of ``aio``.
    """

    def __init__(self, name: str, instead: str = "") -> None:
        instead = instead or f"await ….aio.{name.rpartition('.')[2]}(…)"
        super().__init__(f"{name}() blocks, and was called inside a coroutine", hint=f"write `{instead}`")


class DeclarationError(UsageError):
    """A task that cannot be declared."""


class TriggerError(UsageError):
    """A trigger that never fires, or is not understood."""


class ParameterError(UsageError):
    """Parameters that do not match the task's signature."""


class SettingsError(UsageError):
    """A key or value in a YAML file or the environment."""


class MissingExtraError(UsageError, ImportError):
    """An optional package is not installed; the hint names the extra that installs it."""


class JqlError(UsageError):
    """The site refused the JQL."""


class UnknownFieldError(UsageError):
    """The site has no field of that name."""


class RegionError(UsageError):
    """None or several regions of a page where exactly one was expected."""


class WorkbookError(UsageError):
    """A sheet, header or template that cannot be written."""


class FileError(SchedkitError):
    """A file cannot be read or written: no permission, no space, no such folder, damaged content."""


class LedgerError(SchedkitError):
    """The ledger is corrupt, read-only, newer than this version, or not reachable."""


class NotRunningError(SchedkitError):
    """No running process does it: the scheduler is stopped, or no process that runs has the task."""


class LifeEndedError(SchedkitError):
    """This process was marked as dead: others may run its tasks."""


class RunError(SchedkitError):
    """A run that did not end as DONE.

    Parameters
    ----------
    lines : sequence of mapping
        The task's own lines that its error came through, the innermost last: each has `where`, `line`,
        `function` and `code`.
    """

    def __init__(self, message: str, *, hint: str = "", lines: Sequence[Mapping[str, Any]] = ()) -> None:
        super().__init__(message, hint=hint)
        self.lines = lines


class RunFailedError(RunError):
    """The task raised an error, and no attempt is left."""


class RunTimeoutError(RunError):
    """The task took longer than its timeout, and no attempt is left."""


class RunCancelledError(RunError):
    """The run was cancelled."""


class RunSkippedError(RunError):
    """The run skipped itself, or its parent failed."""


class SiteError(SchedkitError):
    """A Jira or Confluence answered with an error, or not at all.

    Parameters
    ----------
    message : str
        What happened; never contains a secret.
    status : int or None
        The HTTP status, None without an answer.
    maybe_done : bool
        Whether a write may have succeeded all the same: read the object before repeating the write.
    retry_in : float or None
        How many seconds the site asked to wait.
    final : bool
        Whether the same request would be answered in the same way: a redirect, or a write that a web page
        answers, as proxies and login pages do.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        hint: str = "",
        maybe_done: bool = False,
        retry_in: float | None = None,
        final: bool = False,
    ) -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.maybe_done = maybe_done
        self.retry_in = retry_in
        self.final = final


class AuthError(SiteError):
    """401, or a login that failed without one."""


class ForbiddenError(SiteError):
    """403."""


class NotFoundError(SiteError):
    """404."""


class ConflictError(SiteError):
    """409: another user changed the same object."""


class RateLimitedError(SiteError):
    """429, and retries did not help."""


class UnavailableError(SiteError):
    """No answer: network, 5xx, reset, timeout."""


class BadAnswerError(SiteError):
    """An answer that does not match the API: an HTML page, truncated JSON, a repeated page token."""


class IncompleteError(SchedkitError):
    """An extraction that cannot be proved complete."""


class CheckError(SchedkitError):
    """A check of a report failed; nothing was delivered."""


class CellError(SchedkitError):
    """A cell of a notebook that runs as a task failed; the message names the cell."""


class MalformedPageError(SchedkitError):
    """A page whose storage format is not well-formed; it is not written."""


class RetryableError(SchedkitError):
    """Raised by a task: this attempt failed, and a retry may succeed."""


class FatalError(SchedkitError):
    """Raised by a task: a retry cannot succeed."""


class StopRequested(BaseException):
    """Raised inside a cancelled synchronous task by its next call of schedkit.

    It is a BaseException, so that ``except Exception`` in a task does not swallow the cancellation.
    """
