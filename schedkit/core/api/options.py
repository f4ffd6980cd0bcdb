"""The options of a scheduler: the one definition from which `Scheduler`, settings and texts are derived."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from datetime import tzinfo
from pathlib import Path
from typing import Annotated, Any, Literal, TypedDict

from schedkit.core.node.config import CANCEL_GRACE_SECONDS, WRITE_PATIENCE_SECONDS
from schedkit.core.store.lives import LEASE_SECONDS
from schedkit.core.tasks.defaults import parse_job_defaults
from schedkit.values.durations import Duration, duration_text
from schedkit.values.options import Option, Options
from schedkit.values.parsers import (
    choice,
    duration,
    invalid,
    mapping,
    optional,
    timezone,
    whole_number,
)
from schedkit.values.secrets import masked_url

__all__ = ["SCHEDULER_OPTIONS", "SchedulerOptions"]


def _limits(value: Any, what: str) -> dict[str, int]:
    limits = mapping(value, what)
    for tag in limits:
        if not isinstance(tag, str) or not tag.strip():
            raise invalid(f"{what}: tag", tag, "write text")
    return {tag: whole_number(1)(most, f"{what}[{tag!r}]") for tag, most in limits.items()}


def _name(value: Any, what: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise invalid(what, value, "write text")
    return value


def _cluster(value: Any, what: str) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[a-z][a-z0-9+.-]*://\S+", value):
        raise invalid(what, value, "the address of a Dask scheduler: 'tcp://host:8786' or 'tls://host:8786'")
    return value


def _place(value: Any, what: str) -> Path | str:
    if not isinstance(value, str | os.PathLike) or not str(value):
        raise invalid(what, value, "the path of a folder, or a URL")
    if not isinstance(value, str) or "://" not in value:
        return Path(value)
    if masked_url(value) != value:
        raise invalid(what, masked_url(value), "a URL without a login: fsspec's configuration holds logins")
    return value


def _processes(value: Any, what: str) -> int:
    return min(5, os.cpu_count() or 1) if value is None else whole_number(1)(value, what)


class SchedulerOptions(TypedDict, total=False):
    """What may be said of a scheduler; each field carries how it is read and described."""

    concurrency: Annotated[
        int,
        Option(
            parse=whole_number(1), default=5, words="Maximum concurrent runs.", spellings=("max_workers",)
        ),
    ]
    threads: Annotated[
        int,
        Option(
            parse=whole_number(1),
            default=20,
            words="Maximum concurrent runs in threads (plain functions).",
            spellings=("default_threads",),
        ),
    ]
    processes: Annotated[
        int | None,
        Option(
            parse=_processes,
            default=None,
            default_words="the number of processors, at most 5",
            words="Maximum concurrent runs in child processes.",
            spellings=("process_pool",),
        ),
    ]
    dask: Annotated[
        str | None,
        Option(
            parse=optional(_cluster),
            default=None,
            default_words="a cluster of this process, with one worker on this machine",
            words="The Dask scheduler whose workers run tasks with runs_in='dask': 'tcp://host:8786'.",
        ),
    ]
    limits: Annotated[
        Mapping[str, int] | None,
        Option(
            parse=_limits,
            default=None,
            words="Tag to maximum concurrent runs that carry it, in all processes together: {'jira': 2}.",
        ),
    ]
    results: Annotated[
        str | Path | None,
        Option(
            parse=optional(_place),
            default=None,
            default_words="beside the ledger",
            words="The folder of results, or a URL that fsspec opens: s3://bucket/results.",
        ),
    ]
    name: Annotated[
        str | None,
        Option(
            parse=optional(_name),
            default=None,
            default_words="the notebook's or program's name",
            words="The name of this process, as other processes see it.",
        ),
    ]
    tz: Annotated[
        str | tzinfo | None,
        Option(
            parse=optional(timezone),
            default=None,
            default_words="the machine's",
            words="The time zone of wall times.",
            spellings=("timezone",),
        ),
    ]
    interruptions: Annotated[
        int,
        Option(
            parse=whole_number(0),
            default=3,
            words="How many attempts of a run may be interrupted by a crash before the run fails.",
        ),
    ]
    durability: Annotated[
        Literal["normal", "full"],
        Option(
            parse=choice("normal", "full"),
            default="normal",
            words="On SQLite, what a commit survives: a crash of the process, or also a power cut (full).",
        ),
    ]
    lease: Annotated[
        Duration,
        Option(
            parse=duration(above=True),
            default=duration_text(LEASE_SECONDS),
            words="On PostgreSQL, how long a process counts as alive after its last heartbeat.",
        ),
    ]
    write_patience: Annotated[
        Duration,
        Option(
            parse=duration(),
            default=duration_text(WRITE_PATIENCE_SECONDS),
            words="How long submit(), pause() and others wait for a ledger that accepts no writes before "
            "they raise.",
        ),
    ]
    cancel_grace: Annotated[
        Duration,
        Option(
            parse=duration(),
            default=duration_text(CANCEL_GRACE_SECONDS),
            words="How long a cancelled run may continue before it is recorded as cancelled; a child process "
            "is killed after half of it.",
        ),
    ]
    keep_runs: Annotated[
        Duration | None,
        Option(
            parse=optional(duration(above=True)),
            default="90 days",
            words="Ended runs older than this are deleted with their log, events and files; None: never.",
        ),
    ]
    keep_results: Annotated[
        int | None,
        Option(
            parse=optional(whole_number(1)),
            default=10,
            words="Latest results kept of each task, however old; None: all, as long as their runs.",
        ),
    ]
    job_defaults: Annotated[
        Mapping[str, Any] | None,
        Option(
            parse=parse_job_defaults,
            default=None,
            words="Defaults of tasks: coalesce, max_instances and misfire_grace_time.",
        ),
    ]


SCHEDULER_OPTIONS = Options.of(SchedulerOptions)
