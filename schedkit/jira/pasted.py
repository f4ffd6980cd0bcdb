"""Links pasted from the browser: what they show. Pure; asking the site is left to the caller."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from urllib.parse import parse_qs, unquote, urlsplit

from schedkit.errors import UsageError

__all__ = ["Shown", "read_link"]

_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_]*-\d+")
_PROJECT = re.compile(r"[A-Za-z][A-Za-z0-9_]+")
# The filters that every Jira has, by their negative numbers.
SYSTEM_FILTERS = {
    "-1": "assignee = currentUser() AND resolution = Unresolved ORDER BY updated DESC",
    "-2": "reporter = currentUser() ORDER BY created DESC",
    "-3": "issue in issueHistory() ORDER BY lastViewed DESC",
    "-4": "created >= -3650d ORDER BY created DESC",
    "-5": "resolution = Unresolved AND created >= -3650d ORDER BY priority DESC, updated DESC",
    "-6": "created >= -1w ORDER BY created DESC",
    "-7": "resolutiondate >= -1w ORDER BY updated DESC",
    "-8": "updated >= -1w ORDER BY updated DESC",
    "-9": "statusCategory = Done AND updated >= -3650d ORDER BY updated DESC",
}


@dataclass(frozen=True, slots=True)
class Shown:
    """What a link shows: `kind` is issue, jql, filter, board, sprint or project."""

    kind: str
    value: str


def read_link(link: str, base: str) -> Shown:
    """Understand a link to a Jira page, or a bare issue key.

    Parameters
    ----------
    link : str
        As copied from the browser.
    base : str
        The site's base URL: a link to another site is refused.

    Raises
    ------
    UsageError
        For another site's link, or one that shows no issues.

    Examples
    --------
    >>> read_link("https://x.example.org/issues/?jql=project%20%3D%20A", "https://x.example.org")
    Shown(kind='jql', value='project = A')
    """
    text = str(link).strip()
    if _KEY.fullmatch(text):
        return Shown("issue", text.upper())
    parts, home = urlsplit(text), urlsplit(base)
    if parts.scheme not in ("http", "https"):
        raise UsageError(
            f"{text!r} is neither a link nor an issue key", hint="copy it from the browser's address"
        )
    if (parts.hostname, parts.port) != (home.hostname, home.port):
        raise UsageError(
            f"the link is to {parts.netloc}, not to {home.netloc}", hint="use that site's client"
        )
    # Cloud's newer pages keep the query in the fragment or the path; both spell it the same way.
    query = {
        name.lower(): values[-1].strip()
        for name, values in parse_qs(parts.query).items()
        if values[-1].strip()
    }
    path = [unquote(step) for step in parts.path.removeprefix(home.path).split("/") if step]
    shown = _by_query(query, path) or _by_path(path, query)
    if shown is None:
        raise UsageError(
            f"the link {parts.path or '/'} shows no issues",
            hint="paste the link of an issue, a search, a filter, a board, a sprint or a project",
        )
    return shown


def _by_query(query: dict[str, str], path: list[str]) -> Shown | None:
    for name in ("jql", "jqlquery"):
        if name in query:
            return Shown("jql", query[name])
    for name in ("filter", "filterid", "requestid"):
        number = query.get(name, "")
        if number in SYSTEM_FILTERS:
            return Shown("jql", SYSTEM_FILTERS[number])
        if number.isdecimal():
            return Shown("filter", number)
    on_board = "boards" in path or "rapidboard.jspa" in map(str.lower, path)
    if on_board:
        sprint = query.get("sprint") or query.get("sprints", "")
        first = sprint.split(",")[0]
        if first.isdecimal():
            return Shown("sprint", first)
        if query.get("rapidview", "").isdecimal():
            return Shown("board", query["rapidview"])
    return None


def _by_path(path: list[str], query: dict[str, str]) -> Shown | None:
    after = dict(pairwise(path))
    for name in ("browse", "issues", "issue"):
        step = after.get(name, "")
        if _KEY.fullmatch(step):
            return Shown("issue", step.upper())
    if after.get("boards", "").isdecimal():
        return Shown("board", after["boards"])
    project = after.get("projects") or after.get("browse", "")
    return Shown("project", project.upper()) if _PROJECT.fullmatch(project) else None
