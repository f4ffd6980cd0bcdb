"""JQL functions that return values: ``currentUser()``, ``openSprints()``, ``linkedIssues("X-1")``."""

from __future__ import annotations

from typing import Any

from schedkit.demo.jql.meaning import Reader
from schedkit.demo.jql.tree import Call, JqlError
from schedkit.demo.world import catalog as c

_SPRINTS = {"opensprints": "active", "closedsprints": "closed", "futuresprints": "future"}


def values(reader: Reader, call: Call, field: str) -> list[Any]:
    """The values of a function in a clause on `field`.

    Raises
    ------
    JqlError
        For a function the site does not have.
    """
    name = call.name.casefold()
    if name == "currentuser":
        return [reader.user]
    if name in _SPRINTS:
        pool = (s for group in reader.store.catalog.sprints.values() for s in group)
        return [s for s in pool if s.state == _SPRINTS[name]]
    if name in ("releasedversions", "unreleasedversions"):
        keys = {arg.casefold() for arg in call.args}
        projects = [p for p in reader.store.catalog.projects if not keys or p.key.casefold() in keys]
        return [v for p in projects for v in p.versions if v.released is (name == "releasedversions")]
    if name == "issuehistory":
        return [i.id for i in reader.store.visible() if i.seed % 5 == 0]
    if name in ("latestreleasedversion", "earliestunreleasedversion"):
        released = name == "latestreleasedversion"
        project = reader.store.project(call.args[0]) if call.args else None
        held = [v for v in (project.versions if project else ()) if v.released is released]
        return sorted(held, key=lambda v: v.date, reverse=released)[:1]
    if name == "projectsleadbyuser":
        return [p for p in reader.store.catalog.projects if p.lead is reader.user]
    if name == "standardissuetypes":
        return [t for t in c.TYPES if t.level >= 0]
    if name == "subtaskissuetypes":
        return [t for t in c.TYPES if t.level < 0]
    if name == "membersof":
        return [u for u in reader.store.catalog.users if u.active]
    if name == "linkedissues":
        return _linked(reader, call, field)
    raise JqlError(f"Unable to find JQL function '{call.name}({', '.join(call.args)})'.")


def _linked(reader: Reader, call: Call, field: str) -> list[int]:
    issue = reader.store.find(call.args[0]) if call.args else None
    if issue is None:
        raise JqlError(f"An issue with key '{' '.join(call.args[:1])}' does not exist for field '{field}'.")
    wanted = {arg.casefold() for arg in call.args[1:]}
    made = []
    for link in reader.store.links.get(issue.id, ()):
        outward = link.source == issue.id
        told = dict(link.type.more)["outward" if outward else "inward"]
        if not wanted or told in wanted:
            made.append(link.target if outward else link.source)
    return made
