"""The composition root: the one file that joins settings, sites, reports and the scheduler."""

from __future__ import annotations

import atexit
import functools
import logging
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from datetime import datetime, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from schedkit.clients import client_of
from schedkit.core.api import scheduler as core
from schedkit.core.api.options import SCHEDULER_OPTIONS, SchedulerOptions
from schedkit.core.compat.not_here import refuse_options
from schedkit.core.execution.storage import is_url
from schedkit.core.tasks import origin
from schedkit.core.triggers import constructors
from schedkit.errors import LedgerError, SchedkitError, SettingsError, UsageError
from schedkit.loop import process_singleton
from schedkit.project_tasks import STANDING_PAGE, export_handler, update_standing_page
from schedkit.settings import (
    FILE_NAME,
    SETTINGS_VARIABLE,
    NotifySettings,
    Project,
    Settings,
    SiteSettings,
    find_project,
    read_settings,
)
from schedkit.values.keywords import check_keywords
from schedkit.values.private import make_private_folder
from schedkit.values.secrets import secret
from schedkit.values.text import did_you_mean, safe_repr
from schedkit.values.timezones import parse_timezone

if TYPE_CHECKING:
    from schedkit.core.api.task_handle import TaskHandle
    from schedkit.report import Report, Tools

__all__ = ["App", "Scheduler", "app", "project_elsewhere", "site"]

_log = logging.getLogger("schedkit")


class App:
    """A project: its settings, and what was made from them.

    Parameters
    ----------
    settings : Settings
        What the project sets.
    root : Path
        The folder that relative paths start from.
    file : Path, optional
        The settings file; ``schedkit.yaml`` in `root` by default.
    """

    def __init__(self, settings: Settings, root: Path, file: Path | None = None) -> None:
        self.settings = settings
        self.root = root
        self.file = file or root / FILE_NAME
        # Settings made by hand cannot be read again elsewhere.
        self._was_read = file is not None
        self._sites: dict[str, Any] = {}
        self.current: core.Scheduler | None = None
        # On a worker, which opens no ledger: returned whichever ledger is asked for.
        self.stand_in: core.Scheduler | None = None

    def __repr__(self) -> str:
        return f"App({str(self.file)!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        if not self._was_read:
            raise UsageError(
                "settings that no file holds are never pickled: secrets are among them",
                hint=f"write them into {self.file}",
            )
        return project_elsewhere, (str(self.file),)

    def site(self, name: str) -> Any:
        """Return the client of a configured site, always the same one.

        Raises
        ------
        SettingsError
            No site of that name; near matches are named.
        """
        if name not in self._sites:
            client = client_of(name, self._site_settings(name), self.root)
            if self._was_read:
                client.site.opener = functools.partial(_site_elsewhere, str(self.file), name)
            self._sites[name] = client
        return self._sites[name]

    def _site_settings(self, name: str) -> SiteSettings:
        known: Mapping[str, SiteSettings] = self.settings.sites
        if name in known:
            return known[name]
        hint = did_you_mean(name, known, otherwise=f"add it under sites: in {self.file}")
        raise SettingsError(f"there is no site {name!r}", hint=hint)

    def scheduler(
        self, ledger: str | Path | None = None, **options: Unpack[SchedulerOptions]
    ) -> core.Scheduler:
        """Return the process's scheduler on `ledger`, made at first use and attended as the settings say.

        Without `ledger` it is `current` where a command has chosen one, else the settings' own.
        """
        refuse_options(ledger, options)
        wanted = SCHEDULER_OPTIONS.read(options, error=SettingsError)
        if self.stand_in is not None:
            return self.stand_in
        if ledger is None and self.current is not None:
            return self.current
        url = self.ledger(ledger)
        made = process_singleton(
            f"scheduler {url}", lambda: self._attended(self.plain_scheduler(ledger, **options))
        )
        for name in [name for name, value in wanted.items() if made.process.options[name] != value]:
            _log.warning(
                "the scheduler of %s is made already, with %s=%r: restart the kernel to change it",
                made.ledger,
                name,
                made.process.options[name],
            )
        return made

    def plain_scheduler(
        self, ledger: str | Path | None = None, **options: Unpack[SchedulerOptions]
    ) -> core.Scheduler:
        """Return a scheduler without notifications and standing page, e.g. to look into a ledger."""
        url = self.ledger(ledger)
        if "://" not in url:
            _make_folder(Path(url).parent)
        chosen = self.settings.scheduler
        results = {"results": chosen.results if is_url(chosen.results) else self.root / chosen.results}
        made: core.Scheduler = Scheduler.create(url, **{**results, **chosen.options, **options})
        if ledger is None and self._was_read:
            chosen_here: SchedulerOptions = {**options, "name": made.name}
            made.process.opener = functools.partial(_scheduler_elsewhere, str(self.file), chosen_here)
        return made

    def _attended(self, scheduler: core.Scheduler) -> core.Scheduler:
        if self.settings.notify != NotifySettings():
            self._notify(scheduler, self.settings.notify)
        if any(site.kind == "jira" for site in self.settings.sites.values()):
            with origin.declared_in(origin.EVERYWHERE):
                self.add_export(scheduler)
        page = self.settings.standing_page
        if page is not None:
            update = functools.partial(update_standing_page, self, scheduler, page)
            with origin.declared_in(origin.EVERYWHERE):
                scheduler.task(
                    constructors.every(page.every), name=STANDING_PAGE, description="Latest run of each task"
                )(update)
        return scheduler

    def _notify(self, scheduler: core.Scheduler, chosen: NotifySettings) -> None:
        from schedkit.notify import Channel, Heartbeats, Notifier, Rule

        listeners: list[Notifier | Heartbeats] = []
        if chosen.channels or chosen.rules:
            channels = [Channel(**channel.model_dump()) for channel in chosen.channels]
            notifier = Notifier(
                channels,
                link=chosen.link,
                late_after=chosen.late_after,
                outbox=scheduler.queries.outbox,
                rules=[Rule(**rule.model_dump()) for rule in chosen.rules],
                queries=scheduler.queries,
            )
            listeners.append(notifier)
        if chosen.heartbeats:
            urls = {
                task: secret(url.get_secret_value(), f"notify.heartbeats.{task}", self.root) or ""
                for task, url in chosen.heartbeats.items()
            }
            listeners.append(Heartbeats(urls, outbox=scheduler.queries.outbox))
        for listener in listeners:
            # Every process hears the same facts; each tells on what it decided itself.
            scheduler.subscribe(listener, own=True)
            atexit.register(listener.close)

    def ledger(self, ledger: str | Path | None = None) -> str:
        """Return where a ledger is: a whole path or a URL; the settings' own without `ledger`."""
        if ledger is not None and not isinstance(ledger, str | Path):
            raise LedgerError(
                f"invalid ledger {safe_repr(ledger)}", hint="give the path of a file, or a PostgreSQL URL"
            )
        url = str(ledger or secret(self.settings.scheduler.ledger, "scheduler.ledger", self.root))
        if "://" in url:
            return url
        return str(((Path.cwd() if ledger else self.root) / url).resolve())

    def tools(self) -> Tools:
        """Return what a report needs from this project."""
        # A scheduler without reports need not build what describes them.
        from schedkit.report import Tools

        return Tools(site=self.site, root=self.root, clock=lambda: datetime.now(self.tz), tz=self.tz)

    @property
    def tz(self) -> tzinfo:
        """The zone in which moments are shown."""
        return parse_timezone(self.settings.scheduler.options.get("tz") or "local")

    def add_export(self, scheduler: core.Scheduler) -> TaskHandle[..., Any]:
        """Declare ``jira-export``, the handler of the tag ``JIRA_TASK_EXP``."""
        return scheduler.task(name="jira-export", tags=("JIRA_TASK_EXP",))(export_handler(self))

    def check_report(
        self, report: Report, where: Callable[[tuple[str | int, ...]], str] | None = None
    ) -> None:
        """Refuse a report that cannot run: a site, a variable, a template or a channel that is not there.

        Now, and not at its first run, which may be next Monday at seven. `where` says where a key stands.
        """
        for place, error in self.problems(report):
            at = where(place) if where else f"{report.name}: {'.'.join(map(str, place))}"
            raise SettingsError(f"{at}: {error.message}", hint=error.hint)

    def problems(self, report: Report) -> Iterator[tuple[tuple[str | int, ...], SchedkitError]]:
        """Return all that can be seen to be wrong with a report before it runs, and where."""
        from schedkit.report.preflight import problems

        return problems(report, self.tools())

    def unreachable(self, report: Report) -> Iterator[tuple[tuple[str | int, ...], str]]:
        """Return which sites of a report do not answer now, and where they are named."""
        from schedkit.report.preflight import unreachable

        return unreachable(report, self.tools())

    def add_report(
        self, scheduler: core.Scheduler, report: Report, *, scheduled: bool = True
    ) -> TaskHandle[..., Any]:
        """Declare `report` as a task; without `scheduled` it runs only when submitted."""
        from schedkit.report_call import ReportCall, good_runs

        self.check_report(report)
        call = ReportCall(report, self, functools.partial(good_runs, scheduler, report.name))
        with origin.declared_in(report.file) if report.file else nullcontext():
            return scheduler.task(report.trigger if scheduled else None, **report.task_options(scheduled))(
                call
            )


def _make_folder(folder: Path) -> None:
    try:
        make_private_folder(folder)
        if folder.name == ".schedkit" and not (folder / ".gitignore").exists():
            # The ledger and the results belong to this machine and not into a commit.
            (folder / ".gitignore").write_text("*\n", encoding="utf-8")
    except OSError as error:
        raise LedgerError(
            f"cannot make the ledger's folder {folder}: {error.strerror}", hint="name another with ledger:"
        ) from None


def project_elsewhere(file: str) -> App:
    """Return the project that another process names by its settings file.

    It is that of this process where this process has chosen one, or has no such folder, as on another
    machine.
    """
    path = Path(file)
    if os.environ.get(SETTINGS_VARIABLE) or not path.parent.is_dir():
        return app()
    return _read(Project(path.parent, path))


def _site_elsewhere(file: str, name: str) -> Any:
    return project_elsewhere(file).site(name)


def _scheduler_elsewhere(file: str, options: SchedulerOptions) -> core.Scheduler:
    """Return a scheduler of the settings' ledger that runs nothing: it looks, and leaves commands."""
    project = project_elsewhere(file)
    name = f"scheduler elsewhere {project.ledger()}"
    return process_singleton(name, lambda: project.plain_scheduler(**options))


def app(*, warned: bool = False) -> App:
    """Return the project around the working folder; settings are read again when they changed.

    Parameters
    ----------
    warned : bool
        The process that started this one has logged the warnings about the settings.
    """
    return _read(find_project(), warned=warned)


def _read(project: Project, *, warned: bool = False) -> App:
    loaded = read_settings(project.file)
    _warn(project, loaded.warnings, warned)
    made = process_singleton(f"app {project.file}", lambda: App(loaded.settings, project.root, project.file))
    if made.settings != loaded.settings:
        made.settings = loaded.settings
        made._sites.clear()
    return made


def _warn(project: Project, warnings: list[str], warned: bool) -> None:
    """Log warnings about the settings, each once in the life of the process."""
    told: set[str] = process_singleton("warnings of settings", set)
    for warning in [project.warning, *warnings]:
        if warning and warning not in told:
            told.add(warning)
            if not warned:
                _log.warning("%s", warning)


@check_keywords
def site(name: str) -> Any:
    """Return the client of a site that ``schedkit.yaml`` or the environment configures.

    Parameters
    ----------
    name : str
        The site's name under ``sites:``.

    Returns
    -------
    Jira or Confluence
        As the site's ``kind`` says.

    Raises
    ------
    SettingsError
        No site of that name.
    """
    return app().site(name)


class _OnePerLedger(type):
    """Lets calling the class return the project's scheduler instead of another one on the same ledger."""

    def __call__(cls, ledger: str | Path | None = None, **options: Any) -> Any:
        return app().scheduler(ledger, **options)

    def create(cls, ledger: str, **options: Any) -> Any:
        """Return a new scheduler."""
        return super().__call__(ledger, **options)


class Scheduler(core.Scheduler, metaclass=_OnePerLedger):
    """This project's scheduler; the same object when called again in this process.

    Parameters
    ----------
    ledger : str or Path, optional
        A SQLite file or an SQLAlchemy URL; by default what the settings say (``.schedkit/ledger.db`` in the
        project's root).

    Raises
    ------
    SettingsError
        If an option is unknown or out of its range; options win over the settings.

    Examples
    --------
    >>> sched = Scheduler()                                      # doctest: +SKIP
    >>> @sched.task("0 7 * * mon-fri", retry=3)
    ... def open_bugs(project: str = "KAFKA"): ...               # doctest: +SKIP
    >>> sched.start()                                            # doctest: +SKIP
    """

    def __init__(self, ledger: str | Path | None = None, **options: Unpack[SchedulerOptions]) -> None:
        super().__init__(str(ledger), **options)


SCHEDULER_OPTIONS.document(Scheduler)
