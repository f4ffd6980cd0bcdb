"""Links pasted from the browser: what they show. Pure; asking the site is left to the caller."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from schedkit.errors import UsageError
from schedkit.values.secrets import masked_url
from schedkit.values.text import clip

__all__ = ["Shown", "read_link"]

_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_]*-\d+")
_PROJECT = re.compile(r"[A-Za-z][A-Za-z0-9_]+")
_MANY = ("quickfilter", "sprint", "sprints")
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
# The filters of a project's page, by their names in its link.
PROJECT_FILTERS = {
    "allissues": "ORDER BY created DESC",
    "allopenissues": "AND resolution = Unresolved ORDER BY priority DESC, updated DESC",
    "myopenissues": (
        "AND assignee = currentUser() AND resolution = Unresolved ORDER BY priority DESC, updated DESC"
    ),
    "reportedbyme": "AND reporter = currentUser() ORDER BY created DESC",
    "doneissues": "AND statusCategory = Done ORDER BY updated DESC",
    "addedrecently": "AND created >= -1w ORDER BY created DESC",
    "resolvedrecently": "AND resolutiondate >= -1w ORDER BY updated DESC",
    "updatedrecently": "AND updated >= -1w ORDER BY updated DESC",
    "viewedrecently": "AND issue in issueHistory() ORDER BY lastViewed DESC",
}
# What a project's page may show of it, and the JQL field for it.
_PARTS = {
    "versions": "fixVersion",
    "fixforversion": "fixVersion",
    "components": "component",
    "component": "component",
}


@dataclass(frozen=True, slots=True)
class Shown:
    """What a link shows: `kind` is issue, jql, filter, board, sprint (one, or more with commas) or project.

    `quick` are the numbers of the quick filters that narrow a board.
    """

    kind: str
    value: str
    quick: tuple[str, ...] = ()


def read_link(link: str, base: str, *others: str) -> Shown:
    """Understand a link to a Jira page, or a bare issue key.

    Parameters
    ----------
    link : str
        As copied from the browser.
    base : str
        The site's base URL: a link to another site is refused.
    *others : str
        Other addresses of the same site: an internal one, a gateway.

    Raises
    ------
    UsageError
        For another site's link, or one that shows no issues.

    Examples
    --------
    >>> read_link("https://x.example.org/issues/?jql=project%20%3D%20A", "https://x.example.org")
    Shown(kind='jql', value='project = A', quick=())
    """
    text = str(link).strip().strip("<>\"'")
    if _KEY.fullmatch(text):
        return Shown("issue", text.upper())
    homes = [urlsplit(address) for address in (base, *others)]
    try:
        parts = urlsplit(text)
        there = _address(parts)
    except ValueError:
        parts, there = SplitResult("", "", "", "", ""), ""
    home = next((home for home in homes if _address(home) == there), homes[0])
    if parts.scheme not in ("http", "https"):
        raise UsageError(
            f"{_shortened(text)} is neither a link nor an issue key",
            hint="copy it from the browser's address",
        )
    if there != _address(home):
        raise UsageError(f"the link is to {there}, not to {_address(home)}", hint="use that site's client")
    # Older pages keep the query in the fragment, spelt the same way.
    query = {
        name.lower(): ",".join(values) if name.lower() in _MANY else values[-1].strip()
        for part in (parts.fragment.lstrip("?!/"), parts.query)
        for name, values in parse_qs(part).items()
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


def _address(parts: SplitResult) -> str:
    """Return host and port without user, password and the ports that go without saying."""
    port = "" if parts.port in (None, 80, 443) else f":{parts.port}"
    return f"{parts.hostname}{port}"


def _shortened(text: str) -> str:
    return repr(clip(masked_url(text), 200))


def _by_query(query: dict[str, str], path: list[str]) -> Shown | None:
    for name in ("jql", "jqlquery"):
        if name in query:
            jql = query[name]
            # Encoded twice, by a chat or a mail: no query is without blanks and full of percents.
            twice = not any(map(str.isspace, jql)) and re.search("%(?:20|3D)", jql, re.IGNORECASE)
            return Shown("jql", unquote(jql) if twice else jql)
    for name in ("filter", "filterid", "requestid"):
        number = query.get(name, "")
        if number in SYSTEM_FILTERS:
            return Shown("jql", SYSTEM_FILTERS[number])
        if number.isdecimal():
            return Shown("filter", number)
    on_board = "boards" in path or "rapidboard.jspa" in map(str.lower, path)
    if on_board:
        sprints = _numbers(query.get("sprint") or query.get("sprints", ""))
        if sprints:
            return Shown("sprint", ",".join(sprints))
        board = query.get("rapidview") or dict(pairwise(path)).get("boards", "")
        if board.isdecimal():
            return Shown("board", board, _numbers(query.get("quickfilter", "")))
    return None


def _numbers(text: str) -> tuple[str, ...]:
    return tuple(number for part in text.split(",") if (number := part.strip()).isdecimal())


def _by_path(path: list[str], query: dict[str, str]) -> Shown | None:
    after = dict(pairwise(path))
    for name in ("browse", "issues", "issue"):
        step = after.get(name, "")
        if _KEY.fullmatch(step):
            return Shown("issue", step.upper())
    # A service desk's pages end with the request they show.
    if "servicedesk" in path or "queues" in path:
        if _KEY.fullmatch(path[-1]):
            return Shown("issue", path[-1].upper())
        if "queues" in path:
            raise UsageError(
                "links to queues are not supported", hint="open the queue as a search and paste that link"
            )
    project = after.get("projects") or after.get("browse", "")
    if not _PROJECT.fullmatch(project):
        return None
    whole = f'project = "{project.upper()}"'
    for name, field in _PARTS.items():
        if after.get(name, "").isdecimal():
            return Shown("jql", f"{whole} AND {field} = {after[name]} ORDER BY key ASC")
    named = PROJECT_FILTERS.get(query.get("filter", ""))
    return Shown("jql", f"{whole} {named}") if named else Shown("project", project.upper())
