"""The parts that a scheduler is made of, put together at one place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from schedkit.core.api.aio import AsyncScheduler
from schedkit.core.api.configuration import node_config, results_folder
from schedkit.core.api.declarer import Declarer
from schedkit.core.api.front_end import front_end
from schedkit.core.api.options import SCHEDULER_OPTIONS, SchedulerOptions
from schedkit.core.api.process_spec import ProcessSpec
from schedkit.core.api.queries import Queries
from schedkit.core.api.requester import Requester
from schedkit.core.api.run_handle import RunHost
from schedkit.core.api.screens import Screens
from schedkit.core.api.submitter import Submitter
from schedkit.core.api.task_handle import TaskHandles, TaskHost
from schedkit.core.api.why import Why
from schedkit.core.compat.host import Host
from schedkit.core.compat.job_api import JobApi
from schedkit.core.compat.pending_jobs import PendingJobs
from schedkit.core.execution.results import Results
from schedkit.core.node.event_bus import EventBus
from schedkit.core.node.node import Node
from schedkit.core.store.database import Store
from schedkit.core.store.reader import Ledger
from schedkit.core.tasks.registry import Registry
from schedkit.errors import SettingsError

__all__ = ["Parts", "SchedulerHost", "assemble"]


class SchedulerHost(RunHost, TaskHost, Host, Protocol):
    """What the parts and the handles need of the scheduler that they belong to."""

    @property
    def queries(self) -> Queries: ...


@dataclass(frozen=True)
class Parts:
    """What the methods of one scheduler call."""

    node: Node
    queries: Queries
    screens: Screens
    why: Why
    process: ProcessSpec
    handles: TaskHandles
    submitter: Submitter
    declarer: Declarer
    pending: PendingJobs
    aio: AsyncScheduler
    jobs: JobApi


def assemble(
    host: SchedulerHost, ledger: str | Path, options: SchedulerOptions, started: Callable[[], None]
) -> Parts:
    """Make the parts of the scheduler `host`; `started` is called after each start.

    Raises
    ------
    SettingsError
        If an option is unknown or out of its range.
    """
    chosen = {**SCHEDULER_OPTIONS.defaults, **SCHEDULER_OPTIONS.read(options, error=SettingsError)}
    store, registry = Store(ledger, durable=chosen["durability"]), Registry()
    results, config = Results(chosen["results"] or results_folder(store)), node_config(chosen)
    node = Node(Ledger(store), registry, EventBus(), results, config, lease_seconds=chosen["lease"])
    queries = Queries(node)
    why = Why(node, queries)
    screens = Screens(node, queries, why)
    handles = TaskHandles(host)
    submitter = Submitter(host, node, queries)
    declarer = Declarer(node, queries, handles, chosen["job_defaults"])
    pending = PendingJobs(host, submitter.begin)
    requester = Requester(node, queries, submitter, declarer, handles, pending)
    jobs = JobApi(
        host,
        queries=queries,
        screens=screens,
        registry=registry,
        pending=pending,
        handle=handles.get,
        tz=config.tz,
        cell=lambda: front_end().cell(),
    )
    return Parts(
        node=node,
        queries=queries,
        screens=screens,
        why=why,
        process=ProcessSpec(store, registry, node.declarations, results, chosen),
        handles=handles,
        submitter=submitter,
        declarer=declarer,
        pending=pending,
        aio=AsyncScheduler(host, node, queries, submitter, requester, started),
        jobs=jobs,
    )
