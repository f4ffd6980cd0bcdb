"""Names of APScheduler that have no counterpart here, each with what to write instead."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from schedkit.errors import SettingsError

__all__ = ["METHODS_ELSEWHERE", "refuse_options"]

_LEDGER = "jobs are kept in the ledger: Scheduler('file.db'), or the URL of a PostgreSQL database"
_EXECUTOR = "name it for each job: executor='process', or any concurrent.futures.Executor"
_CONFIGURE = "give the options to Scheduler(…): timezone=, job_defaults=, max_workers="
_EXPORT = "the ledger is one file: `schedkit ledger backup FILE` copies it, with the history of all runs"

METHODS_ELSEWHERE = {
    "configure": _CONFIGURE,
    "add_executor": _EXECUTOR,
    "remove_executor": _EXECUTOR,
    "add_jobstore": _LEDGER,
    "remove_jobstore": _LEDGER,
    "export_jobs": _EXPORT,
    "import_jobs": _EXPORT,
    "wakeup": "a scheduler wakes up by itself, also for what other processes ask of it",
}
OPTIONS = {
    "jobstores": _LEDGER,
    "executors": "threads= and processes= say how many; a job names its own: executor='process'",
    "gconfig": _CONFIGURE,
    "logger": "the log is logging.getLogger('schedkit')",
    "daemon": "its threads end with the process; sched.run_forever() keeps a script alive",
    "jobstore_retry_interval": "a ledger that is locked is tried again by itself",
}


def refuse_options(ledger: object, given: Iterable[str]) -> None:
    """Refuse an option of APScheduler's schedulers that has no meaning here.

    Parameters
    ----------
    ledger : object
        What was given first, where APScheduler takes a dictionary of options.
    given : iterable of str
        The names of options.

    Raises
    ------
    SettingsError
        With what to write instead.
    """
    for name in (*(["gconfig"] if isinstance(ledger, Mapping) else []), *given):
        if (hint := OPTIONS.get(name)) is not None:
            raise SettingsError(f"Scheduler: there is no {name}= here", hint=hint)
