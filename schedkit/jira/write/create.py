"""Planning new issues: each row of a frame becomes one, and only one, however often it is asked for.

The site has no key for a request that is repeated. So every issue is created with an entity property that is
made of its content; before one is created, those that the same person created lately are looked at.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import pandas as pd

from schedkit.atlassian import Answer, Request
from schedkit.errors import NotFoundError, SiteError, UsageError
from schedkit.jira.jql import quoted
from schedkit.jira.pages.session import Session, together
from schedkit.jira.write.marks import PROPERTY, mark_of
from schedkit.jira.write.people import People
from schedkit.jira.write.plan import AsyncPlan, Outcome, Row, Step, shown
from schedkit.jira.write.targets import Target, obstacles, target_of
from schedkit.jira.write.values import cell_value, is_user, missing, request_fields, wire_value

__all__ = ["plan_create"]

NEEDED = ("Project", "Type", "Summary")
# How far back an issue of the same content counts as the one that was asked for.
WITHIN_DAYS = 30

# Returns the issues that a query finds, with these columns.
Search = Callable[[str, Sequence[str]], Awaitable[pd.DataFrame]]


async def plan_create(session: Session, frame: pd.DataFrame, search: Search) -> AsyncPlan:
    """Plan an issue for each row; see `Jira.create`.

    Parameters
    ----------
    search : async callable
        Returns the issues of a query.
    """
    absent = [name for name in NEEDED if name not in frame]
    if absent:
        raise UsageError(f"the frame has no column {absent[0]!r}", hint="it needs Project, Type and Summary")
    names = [str(column) for column in frame if column not in ("Key", "Id", *NEEDED)]
    targets = [target_of(session, name) for name in names]
    fixed = obstacles([target for target in targets if target.column != "Parent"])
    if fixed:
        raise UsageError(next(iter(fixed.values())))
    rows = frame.to_dict("records")
    marks = _marks(rows)
    before = await _created(
        session, {str(row["Project"]) for row in rows}, {str(r["Summary"]) for r in rows}, search
    )
    people = People(session)
    lines: list[Row] = []
    steps: list[Step] = []
    refused: list[Outcome] = []
    known: list[str] = []
    for number, (row, mark) in enumerate(zip(rows, marks, strict=True), 1):
        label = f"new {number}"
        if mark in before:
            known.append(before[mark])
            continue
        try:
            fields = await _fields(row, targets, people)
        except (UsageError, SiteError) as problem:
            refused.append(Outcome(label, "create", "failed", str(problem)))
            continue
        told = {**{name: row[name] for name in NEEDED}, **{t.column: row[t.column] for t in targets}}
        lines += [Row(label, name, None, value) for name, value in told.items() if shown(value) != "(empty)"]
        steps.append(_step(session, label, fields, mark, search))
    notes = [f"created before, left out: {', '.join(known)}"] if known else []
    return AsyncPlan(session.site, "create", lines, steps, refused, notes=notes, base=session.base)


def _marks(rows: Sequence[Mapping[Any, Any]]) -> list[str]:
    """Return what identifies each row: its content, and how many rows above have the same."""
    seen: Counter[str] = Counter()
    marks = []
    for row in rows:
        content = json.dumps({str(name): shown(value) for name, value in row.items()}, sort_keys=True)
        seen[content] += 1
        marks.append(mark_of(f"{seen[content]} {content}"))
    return marks


async def _fields(row: Mapping[Any, Any], targets: Sequence[Target], people: People) -> dict[str, Any]:
    """Return the fields of a new issue as the request holds them."""
    for name in NEEDED:
        if missing(row[name]) or not str(row[name]).strip():
            raise UsageError(
                f"a new issue has no {name}", hint="each new issue needs Project, Type and Summary"
            )
    made: dict[str, Any] = {
        "project": {"key": str(row["Project"]).strip()},
        "issuetype": {"name": str(row["Type"])},
        "summary": str(row["Summary"]),
    }
    for target in targets:
        try:
            value = cell_value(row[target.column], target.store)
        except (ValueError, TypeError):
            raise UsageError(f"{row[target.column]!r} is not a value for {target.column}") from None
        if missing(value) or value == ():
            continue
        if target.column == "Parent":
            made["parent"] = {"key": str(value)}
        elif not is_user(target.field):
            made[target.field.id] = wire_value(target.field, value)
        elif target.store == "list":
            made[target.field.id] = [await people.find(name) for name in value]
        else:
            made[target.field.id] = await people.find(value)
    return request_fields(made.items())


async def _created(
    session: Session, projects: set[str], summaries: set[str], search: Search
) -> dict[str, str]:
    """Return the keys of what this person has created lately with those summaries, by mark."""
    found: dict[str, str] = {}

    async def read(key: str) -> None:
        try:
            answer = await session.site.send(Request("GET", f"/rest/api/2/issue/{key}/properties/{PROPERTY}"))
            found[str(answer.json()["value"]["mark"])] = key
        except (NotFoundError, LookupError, TypeError):
            return

    for project in sorted(projects):
        jql = f"project = {quoted(project)} AND creator = currentUser() AND created >= -{WITHIN_DAYS}d"
        issues = await search(jql, ["Key", "Summary"])
        async with together() as group:
            for key, summary in zip(issues["Key"], issues["Summary"], strict=True):
                if str(summary).strip() in {text.strip() for text in summaries}:
                    group.start_soon(read, str(key))
    return found


def _step(session: Session, label: str, fields: Mapping[str, Any], mark: str, search: Search) -> Step:
    body = {"fields": dict(fields), "properties": [{"key": PROPERTY, "value": {"mark": mark}}]}
    keys: list[str] = []
    looked: list[bool] = []

    async def look() -> str:
        if not keys and looked:
            # The answer was lost: ask the site whether there is such an issue.
            there = await _created(session, {fields["project"]["key"]}, {fields["summary"]}, search)
            keys.extend(key for held, key in there.items() if held == mark)
            if not keys:
                # The search index may lag behind: to send it again could make a second one.
                return "no such issue, yet"
        looked.append(True)
        return "done" if keys else "open"

    def take(answer: Answer) -> None:
        made = answer.json()
        keys.append(str(made.get("key")) if isinstance(made, dict) else "")

    return Step(
        label,
        "create",
        Request("POST", "/rest/api/2/issue", json=body),
        look,
        take,
        lambda: keys[0] if keys else "",
    )
