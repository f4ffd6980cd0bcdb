"""Every failure schedkit raises, drawn at the top.

::

    SchedkitError                      everything below; `.hint` says what to do next
    ├── UsageError (ValueError)        wrong input, refused before anything happened
    │   ├── BlockingCallError          a blocking name inside a coroutine
    │   ├── DeclarationError           a task that cannot be: no name, a cycle, timeout <= 0
    │   ├── TriggerError               a cron that never fires, a zero interval
    │   ├── ParameterError             parameters of the wrong type for a task
    │   ├── SettingsError              a key or value in YAML or the environment
    │   ├── JqlError                   the site refused the JQL
    │   ├── MissingExtraError          a package of an extra is not installed (also an ImportError)
    │   ├── UnknownFieldError          no field of that name; near matches are named
    │   ├── RegionError                zero or two tables where one was meant
    │   └── WorkbookError              a sheet name, header or template that cannot be filled
    ├── FileError                      a file that cannot be read or written: permission, space, place
    ├── LedgerError                    the store: corrupt, read-only, newer than we know, away
    ├── NotOwnerError                  another process owns this ledger
    ├── RunError                       a run that did not end as DONE, raised by `run.result()`
    │   ├── RunFailedError
    │   ├── RunTimeoutError
    │   ├── RunCancelledError
    │   └── RunSkippedError
    ├── SiteError                      a Jira or Confluence answered, but not as wished
    │   ├── AuthError                  401, or a login that silently failed
    │   ├── ForbiddenError             403
    │   ├── NotFoundError              404
    │   ├── ConflictError              409
    │   ├── RateLimitedError           429, and patience ran out
    │   ├── UnavailableError           no answer: network, 5xx, reset, timeout
    │   └── BadAnswerError             an answer that is not what the API promises
    ├── IncompleteError                an extraction that cannot prove itself complete
    ├── CheckError                     a report's check does not hold; nothing was delivered
    ├── MalformedPageError             storage format that must not be touched
    ├── RetryableError                 raised by tasks: try again
    └── FatalError                     raised by tasks: do not try again

    StopRequested (BaseException)      a cancelled task's next schedkit call raises it
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

__all__ = [
    "AuthError",
    "BadAnswerError",
    "BlockingCallError",
    "CheckError",
    "ConflictError",
    "DeclarationError",
    "FatalError",
    "FileError",
    "ForbiddenError",
    "IncompleteError",
    "JqlError",
    "LedgerError",
    "MalformedPageError",
    "MissingExtraError",
    "NotFoundError",
    "NotOwnerError",
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
    """Base of every schedkit failure.

    Parameters
    ----------
    message : str
        What happened, and to which thing; one line.
    hint : str
        What to do next; one line, may be empty.
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
        # Errors cross process borders (runs_in="process"); subclasses take other arguments.
        return (_rebuild, (type(self), self.args, self.__dict__))


def _rebuild(cls: type[SchedkitError], args: tuple[object, ...], state: dict[str, object]) -> SchedkitError:
    error = cls.__new__(cls)
    error.args = args
    error.__dict__.update(state)
    return error


class UsageError(SchedkitError, ValueError):
    """Wrong input, refused before anything happened."""


class BlockingCallError(UsageError):
    """A blocking name was called inside a coroutine, where it would stop the loop.

    Parameters
    ----------
    name : str
        What was called.
    instead : str
        What to write there; the same name of the ``aio`` face by default.
    """

    def __init__(self, name: str, instead: str = "") -> None:
        instead = instead or f"await ….aio.{name.rpartition('.')[2]}(…)"
        super().__init__(
            f"{name}() blocks, and was called inside a coroutine", hint=f"write `{instead}` there"
        )


class DeclarationError(UsageError):
    """A task that cannot be declared."""


class TriggerError(UsageError):
    """A trigger that cannot fire, or is not understood."""


class ParameterError(UsageError):
    """Parameters that do not fit the task's signature."""


class SettingsError(UsageError):
    """A key or value in a YAML file or the environment."""


class MissingExtraError(UsageError, ImportError):
    """An optional package is not installed; the hint names the extra that installs it."""


class JqlError(UsageError):
    """The site refused the JQL."""


class UnknownFieldError(UsageError):
    """No field of that name on the site."""


class RegionError(UsageError):
    """Zero or several regions of a page where exactly one was meant."""


class WorkbookError(UsageError):
    """A sheet, header or template that cannot be written."""


class FileError(SchedkitError):
    """A file cannot be read or written: no permission, no space, no such place."""


class LedgerError(SchedkitError):
    """The store is corrupt, read-only, newer than this version, or away."""


class NotOwnerError(SchedkitError):
    """Another process owns the ledger."""


class RunError(SchedkitError):
    """A run that did not end as DONE."""


class RunFailedError(RunError):
    """The task raised, and no attempt is left."""


class RunTimeoutError(RunError):
    """The task took longer than its timeout, and no attempt is left."""


class RunCancelledError(RunError):
    """Someone cancelled the run."""


class RunSkippedError(RunError):
    """The run said so itself, or its parent failed."""


class SiteError(SchedkitError):
    """A Jira or Confluence answered, but not as wished.

    Parameters
    ----------
    message : str
        What happened; never holds a secret.
    status : int or None
        The HTTP status, None where no answer came.
    maybe_done : bool
        Whether a write may nevertheless have had its effect: read back before repeating it.
    retry_in : float or None
        Seconds the site asked to wait.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        hint: str = "",
        maybe_done: bool = False,
        retry_in: float | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.maybe_done = maybe_done
        self.retry_in = retry_in


class AuthError(SiteError):
    """401, or a login that silently failed."""


class ForbiddenError(SiteError):
    """403."""


class NotFoundError(SiteError):
    """404."""


class ConflictError(SiteError):
    """409: someone else changed the same thing."""


class RateLimitedError(SiteError):
    """429, and patience ran out."""


class UnavailableError(SiteError):
    """No usable answer: network, 5xx, reset, timeout."""


class BadAnswerError(SiteError):
    """An answer that is not what the API promises: an HTML page, truncated JSON, a repeated token."""


class IncompleteError(SchedkitError):
    """An extraction that cannot prove itself complete."""


class CheckError(SchedkitError):
    """A check of a report does not hold; nothing was delivered."""


class MalformedPageError(SchedkitError):
    """Storage format that is not well-formed and must not be touched."""


class RetryableError(SchedkitError):
    """Raised by a task: this attempt failed, another may succeed."""


class FatalError(SchedkitError):
    """Raised by a task: no further attempt can succeed."""


class StopRequested(BaseException):
    """Raised by the next schedkit call inside a cancelled sync task.

    A BaseException, so that a task's own ``except Exception`` does not swallow the cancellation.
    """
