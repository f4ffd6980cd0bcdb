"""``schedkit doctor``: each line says what was found, and what to do where it is not good."""

from __future__ import annotations

import platform
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from schedkit import __version__
from schedkit.app import App, app
from schedkit.atlassian.login import token_page
from schedkit.atlassian.messages import Request
from schedkit.clients import client_of
from schedkit.commands.ledgers import looking
from schedkit.commands.output import print_json, print_line
from schedkit.core.store.backup import check_file
from schedkit.core.store.file_systems import network_file_system
from schedkit.errors import AuthError, ForbiddenError, NotFoundError, SchedkitError
from schedkit.loop import service
from schedkit.settings import (
    SiteSettings,
    StandingPageSettings,
    find_project,
    read_settings,
    unmatched_tasks,
)
from schedkit.values.durations import elapsed_text
from schedkit.values.secrets import keyring_works
from schedkit.values.text import counted
from schedkit.values.timezones import local_timezone, timezone_name

__all__ = ["Finding", "doctor", "findings"]

# Who asks what is wrong shall not wait as long as a run may: a site that is busy is told as busy.
PATIENCE, RETRIES = 5.0, 1
SKEW_SECONDS = 60.0  # a site's own clock may differ by some; tokens and due times suffer from minutes
FREE_BYTES = 500_000_000
# Package → what needs it, and the extra that installs it.
OPTIONAL = {
    "jupyterlab": ("the panel and JupyterLab", "notebook"),
    "keyring": ("tokens in the system's keyring", "notebook"),
    "starlette": ("the demo site", "demo"),
    "apprise": ("notifications", "notify"),
    "psycopg": ("ledgers on PostgreSQL", "postgres"),
    "distributed": ("Dask", "cluster"),
}
# What an obstacle is about that is of no single task.
_WHAT = {"outbox": "alerts"}
# What reports and edits need, by the name of Jira's permission.
PERMISSIONS = {
    "BROWSE_PROJECTS": "extract issues",
    "EDIT_ISSUES": "jira.edit",
    "ADD_COMMENTS": "jira.comment",
    "CREATE_ISSUES": "jira.create",
}


_ASKED = {
    "jira": ("/rest/api/2/serverInfo",),
    "confluence": ("/rest/api/user/current", "/wiki/rest/api/user/current"),
}


@dataclass(frozen=True)
class Finding:
    """What was found about one thing: good, something to know, or something to mend."""

    what: str
    status: Literal["good", "note", "bad"]
    found: str
    mend: str = ""


def doctor(*, ledger: str | None, as_json: bool) -> None:
    """Look at everything, and print a line for each thing.

    Raises
    ------
    SchedkitError
        Something is to be mended.
    """
    found = []
    for finding in findings(ledger):
        found.append(finding)
        if not as_json:
            mend = f" → {finding.mend}" if finding.mend else ""
            print_line(f"{finding.what}: {finding.found}{mend}", before=f"{finding.status:<5} ")
    if as_json:
        print_json([asdict(finding) for finding in found])
    bad = dict.fromkeys(finding.what for finding in found if finding.status == "bad")
    if bad:
        raise SchedkitError(f"to be mended: {', '.join(bad)}")


def _now() -> datetime:
    return datetime.now(UTC)


def findings(ledger: str | None, now: Callable[[], datetime] = _now) -> Iterator[Finding]:
    """Yield what is found; one thing that fails does not hide the others.

    Parameters
    ----------
    now : callable
        Returns the time by this machine's clock.
    """
    yield Finding(
        "versions", "good", f"schedkit {__version__}, Python {platform.python_version()}, {sys.platform}"
    )
    yield from _packages()
    try:
        yield from _settings()
        project = app()
    except SchedkitError as error:
        yield _bad("settings", error)
        return
    yield _time_zone(project)
    yield from _ledger(project, ledger)
    for name, site in project.settings.sites.items():
        yield from _site(project, name, site, now)


def _bad(what: str, error: SchedkitError) -> Finding:
    return Finding(what, "bad", error.message, error.hint)


def _packages() -> Iterator[Finding]:
    for name in ("pandas", "apscheduler", "sqlalchemy"):
        yield Finding(name, "good", version(name))
    for name, (use, extra) in OPTIONAL.items():
        if find_spec(name) is None:
            yield Finding(name, "note", f"not installed: {use}", f"pip install 'schedkit[{extra}]'")
            continue
        try:
            yield Finding(name, "good", version(name))
        except PackageNotFoundError:
            yield Finding(name, "good", "installed")
    if find_spec("keyring") is not None and not keyring_works():
        yield Finding(
            "keyring",
            "note",
            "no keyring answers",
            "`schedkit connect URL` keeps tokens in a file; the settings take file:PATH or ${VARIABLE}",
        )


def _settings() -> Iterator[Finding]:
    project = find_project()
    loaded = read_settings(project.file)
    shown = str(project.file) if project.file.exists() else f"{project.file} does not exist: defaults"
    yield Finding("settings", "good", shown)
    for warning in (project.warning, *loaded.warnings):
        if warning:
            text, _, mend = warning.partition(" (")
            yield Finding("settings", "note", text, mend.removesuffix(")"))


def _time_zone(project: App) -> Finding:
    own, machine = project.tz, local_timezone()
    now = datetime.now(UTC)
    if own.utcoffset(now.astimezone(own)) == machine.utcoffset(now.astimezone(machine)):
        return Finding("time zone", "good", timezone_name(own))
    return Finding(
        "time zone",
        "note",
        f"{timezone_name(own)} by the settings, {timezone_name(machine)} by the machine",
        "schedules follow the settings",
    )


def _ledger(project: App, ledger: str | None) -> Iterator[Finding]:
    try:
        place = project.ledger(ledger)
        if "://" not in place:
            path = Path(place)
            if not path.exists():
                yield Finding("ledger", "note", f"{path} does not exist", "`schedkit run FILE` creates it")
                yield from _disk(next(folder for folder in path.parents if folder.exists()))
                return
            counts = check_file(path)
            tasks, runs = counted(counts["tasks"], "task"), counted(counts["runs"], "run")
            yield Finding("ledger", "good", f"{path}, {tasks}, {runs}")
            yield from _disk(path.parent)
        with looking(ledger) as scheduler:
            if "://" in place:
                yield Finding("ledger", "good", scheduler.ledger)
            nodes = "; ".join(map(str, scheduler.nodes))
            obstacles = scheduler.why()
            unmatched = list(unmatched_tasks(project.settings.notify, scheduler.tasks))
        yield Finding(
            "processes",
            "good" if nodes else "note",
            nodes or "no process runs tasks of the ledger",
            "" if nodes else "start one: schedkit run FILE, or a notebook",
        )
        for obstacle in obstacles:
            if obstacle.kind != "stopped":  # as said above
                what = f"task {obstacle.task}" if obstacle.task else _WHAT.get(obstacle.kind, "tasks")
                yield Finding(what, "bad" if obstacle.wrong else "note", obstacle.text)
        for each in unmatched:
            yield Finding("notify", "bad", each)
    except SchedkitError as error:
        yield _bad("ledger", error)


def _disk(folder: Path) -> Iterator[Finding]:
    network = network_file_system(folder)
    if network is not None:
        yield Finding(
            "file system",
            "bad",
            f"another system serves {folder} ({network}): SQLite's locks cannot be trusted there",
            "keep the ledger on a disk of this machine (in a container, a volume), or use PostgreSQL",
        )
    free = shutil.disk_usage(folder).free
    enough = free >= FREE_BYTES
    yield Finding(
        "disk", "good" if enough else "bad", f"{free / 1e9:.1f} GB free", "" if enough else "free some space"
    )


def _site(project: App, name: str, settings: SiteSettings, now: Callable[[], datetime]) -> Iterator[Finding]:
    what = f"site {name}"
    try:
        limits = {"patience": min(PATIENCE, settings.patience), "retries": min(RETRIES, settings.retries)}
        client = client_of(name, settings.model_copy(update=limits), project.root)
        me = client.myself()
        who = str(me.get("displayName") or me.get("name") or "somebody")
        yield Finding(what, "good", f"{client.site.url} as {who}")
        yield from _clock(what, client, settings.kind, now)
        if settings.kind == "jira":
            yield from _permissions(what, client)
        else:
            yield from _pages(what, client, settings, project.settings.standing_page, name)
    except (AuthError, ForbiddenError) as error:
        yield Finding(what, "bad", error.message, f"a new token: {token_page(settings.url, settings.kind)}")
    except SchedkitError as error:
        yield _bad(what, error)


def _clock(what: str, client: Any, kind: str, now: Callable[[], datetime]) -> Iterator[Finding]:
    """Compare this machine's clock with the site's, by the date of an answer."""
    told = None
    for path in _ASKED[kind]:
        try:
            answer = service().call(client.site.send, Request("GET", path, raw=True))
            told = answer.headers.get("Date")
            break
        except NotFoundError:  # Confluence Cloud has another path than Data Center
            continue
    if told is None:
        return
    skew = (now() - parsedate_to_datetime(told)).total_seconds()
    if abs(skew) > SKEW_SECONDS:
        side = "ahead of" if skew > 0 else "behind"
        found = f"this machine's clock is {elapsed_text(abs(skew))} {side} the site's"
        yield Finding(f"{what} clock", "bad", found, "set this machine's clock: ntp")
    else:
        yield Finding(f"{what} clock", "good", f"differs by {elapsed_text(abs(skew))}")


def _permissions(what: str, client: Any) -> Iterator[Finding]:
    """Ask what the login may do anywhere on the site."""
    try:
        told = client.get("/rest/api/2/mypermissions", permissions=",".join(PERMISSIONS))
    except SchedkitError as error:  # a token whose scopes do not cover it
        yield Finding(f"{what} permissions", "note", error.message, error.hint)
        return
    granted = told.get("permissions", {}) if isinstance(told, dict) else {}
    lacking = [
        f"{name} ({use})"
        for name, use in PERMISSIONS.items()
        if not (granted.get(name) or {}).get("havePermission", False)
    ]
    if lacking:
        yield Finding(
            f"{what} permissions",
            "note",
            f"not granted: {', '.join(lacking)}",
            "ask the site's administrator",
        )
    else:
        yield Finding(f"{what} permissions", "good", ", ".join(PERMISSIONS.values()))


def _pages(
    what: str, client: Any, settings: SiteSettings, standing: StandingPageSettings | None, name: str
) -> Iterator[Finding]:
    """Ask whether the pages that the settings name may be read, and edited where runs write to them."""
    shown = standing.page if standing is not None and standing.site == name else settings.task_result_page_id
    asked: dict[str, Callable[[], Any]] = {}
    if settings.main_page_id is not None:
        asked["main_page_id"] = lambda: client.page(settings.main_page_id).source()
    if shown is not None:
        asked["the standing page"] = lambda: client.page(shown).check()
    refused = []
    for use, ask in asked.items():
        try:
            ask()
        except (NotFoundError, ForbiddenError) as error:
            refused.append(f"{use}: {error.message}")
    if refused:
        mend = "correct the page's id, or ask the space's administrator"
        yield Finding(f"{what} permissions", "bad", "; ".join(refused), mend)
    elif asked:
        yield Finding(f"{what} permissions", "good", f"{' and '.join(asked)} may be used")
    else:
        yield Finding(f"{what} permissions", "note", "the settings name no page, so none was tried")
