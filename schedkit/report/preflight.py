"""What can be seen to be wrong with a report before it runs: at start, and not on Monday at seven."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from schedkit.errors import SchedkitError, SettingsError
from schedkit.report.definition import Report
from schedkit.report.destination import Destination, present_file
from schedkit.report.functions import resolve
from schedkit.report.tools import Tools

__all__ = ["Place", "problems", "unreachable"]

Place = tuple[str | int, ...]
# Seconds: a site of the same network answers within a few milliseconds.
_PATIENCE = 3.0


def problems(report: Report, tools: Tools) -> Iterator[tuple[Place, SchedkitError]]:
    """Return what is wrong, and where: sites, templates, images, functions, files, channels.

    Nothing is sent to a site.
    """
    for place, look in _looks(report, tools):
        try:
            look()
        except SchedkitError as error:
            yield place, error


def _looks(report: Report, tools: Tools) -> Iterator[tuple[Place, Callable[[], object]]]:
    for place, name, kind in report.sites:
        yield place, partial(_check_site, tools, name, kind)
    for place, what in zip(report.places(), report.extract.values(), strict=True):
        if what.call is not None:
            yield (*place, "call"), partial(resolve, what.call)
        if what.file is not None:
            yield (*place, "file"), partial(present_file, what.file, tools, "extract.file")
    for number, step in enumerate(report.shape):
        if step.call is not None:
            yield ("shape", number, "call"), partial(resolve, step.call.function)
    for number, item in enumerate(report.deliver):
        if isinstance(item.value, Destination):
            yield ("deliver", number, item.to), partial(item.value.check, report, tools)


def _check_site(tools: Tools, name: str, kind: str) -> None:
    from schedkit.confluence import Confluence
    from schedkit.jira import Jira

    wanted: Any = {"jira": Jira, "confluence": Confluence}[kind]
    if not isinstance(tools.site(name), wanted):
        other = "confluence" if kind == "jira" else "jira"
        raise SettingsError(f"site {name!r} is of kind {other}", hint=f"name one of kind {kind}")


def unreachable(report: Report, tools: Tools, patience: float = _PATIENCE) -> Iterator[tuple[Place, str]]:
    """Return which sites do not answer now, and where they are named.

    A site behind a proxy is not asked. It is a warning only: a site may be away at start and back when the
    report is due.

    Parameters
    ----------
    patience : float
        Seconds that a site has to accept a connection.
    """
    asked: dict[str, str] = {}
    for place, name, _ in report.sites:
        if name not in asked:
            asked[name] = _why_unreachable(tools.site(name), patience)
        if asked[name]:
            yield place, f"site {name!r} cannot be reached: {asked[name]}"


def _why_unreachable(client: Any, patience: float) -> str:
    if client.site.proxied:
        return ""
    address = urlsplit(client.site.url)
    port = address.port or (443 if address.scheme == "https" else 80)
    try:
        with socket.create_connection((address.hostname or "", port), timeout=patience):
            return ""
    except OSError as error:
        return str(error.strerror or error)
