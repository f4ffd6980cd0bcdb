"""The `log:` section of the settings: where the log of a process without a notebook goes."""

from __future__ import annotations

import json
import logging
import logging.handlers
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from io import TextIOWrapper
from pathlib import Path

from schedkit.core.node.run_log import LOGGER
from schedkit.errors import FileError
from schedkit.settings import JSON_FORMAT, LogSettings
from schedkit.values.failures import translated
from schedkit.values.files import file_lock
from schedkit.values.private import make_private
from schedkit.values.text import printable

__all__ = ["log_as_set", "logs_to_terminal"]

# What records of runs have besides their message.
OF_RUNS = ("task", "run", "error")
# How long a record waits for another process that renames the file.
LOCK_SECONDS = 5.0


class _Printable(logging.Formatter):
    """Lines without control characters: a record may hold the text of a site.

    Its further lines are indented, so that none of them passes for a record.
    """

    def format(self, record: logging.LogRecord) -> str:
        return printable(super().format(record)).replace("\n", "\n    ")


class _Json(logging.Formatter):
    """Each record as one line of JSON, with the task and the run that it is about."""

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).astimezone()
        facts = {
            "time": at.isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **{name: value for name in OF_RUNS if (value := getattr(record, name, ""))},
        }
        if record.exc_info:
            facts["traceback"] = self.formatException(record.exc_info)
        return json.dumps({name: printable(str(value)) for name, value in facts.items()}, ensure_ascii=False)


class _PrivateFile(logging.handlers.RotatingFileHandler):
    """Makes files that only this user may read; the next one has the permissions of the one that is full.

    Several processes may write to one file, such as a server and what runs behind a notebook: when one of
    them has renamed it, the others follow.
    """

    def __init__(self, path: Path, settings: LogSettings) -> None:
        make_private(path)
        self._mode = stat.S_IMODE(path.stat().st_mode)
        super().__init__(
            path, maxBytes=settings.max_bytes, backupCount=settings.backup_count, encoding="utf-8"
        )

    def shouldRollover(self, record: logging.LogRecord) -> bool:  # noqa: N802 - the library's name
        """Tell whether the file is full with a record."""
        self._follow()
        return bool(super().shouldRollover(record))

    def doRollover(self) -> None:  # noqa: N802 - the library's name
        """Rename the full file and begin another, unless another process has just done so."""
        try:
            with file_lock(self.baseFilename, patience=LOCK_SECONDS):
                if not self._follow():
                    super().doRollover()
        except FileError:  # the next record tries again
            pass

    def _follow(self) -> bool:
        """Reopen the file if another one has its name now; return whether it was reopened."""
        if self.stream is None:
            return False
        try:
            same = os.path.samestat(os.fstat(self.stream.fileno()), os.stat(self.baseFilename))
        except FileNotFoundError:
            same = False
        if not same:
            self.stream.close()
            self.stream = self._open()
        return not same

    def _open(self) -> TextIOWrapper:
        path = Path(self.baseFilename)
        if not path.exists():
            make_private(path)
            path.chmod(self._mode)
        return super()._open()


@contextmanager
def log_as_set(settings: LogSettings | None, root: Path) -> Iterator[None]:
    """Write the log as the settings say: to a file that is renamed when it is full, or to standard error.

    With a file, warnings go to standard error too: the terminal that started the process still shows them.

    Raises
    ------
    FileError
        The file cannot be written.
    """
    log = logging.getLogger()
    before, handlers = log.level, _handlers(settings, root)
    for handler in handlers:
        handler.setFormatter(_formatter(settings))
        log.addHandler(handler)
    if settings is not None:
        log.setLevel(settings.level)
    try:
        yield
    finally:
        log.setLevel(before)
        for handler in handlers:
            log.removeHandler(handler)
            handler.close()


def _formatter(settings: LogSettings | None) -> logging.Formatter:
    if settings is not None and settings.format == JSON_FORMAT:
        return _Json()
    return _Printable(None if settings is None else settings.format)


def logs_to_terminal(settings: LogSettings | None) -> bool:
    """Tell whether the whole log goes to standard error, and not only warnings beside what a command says."""
    return settings is not None and settings.filename is None


def _not_of_a_run(record: logging.LogRecord) -> bool:
    return record.name != LOGGER.name


def _handlers(settings: LogSettings | None, root: Path) -> list[logging.Handler]:
    to_terminal = logging.StreamHandler(sys.stderr)
    if settings is None or settings.filename is not None:
        to_terminal.setLevel(logging.WARNING)
        to_terminal.addFilter(_not_of_a_run)  # the command says itself what failed
    if settings is None or settings.filename is None:
        return [to_terminal]
    path = root / settings.filename
    with translated(path, doing="write"):
        path.parent.mkdir(parents=True, exist_ok=True)
        to_file = _PrivateFile(path, settings)
    return [to_terminal, to_file]
