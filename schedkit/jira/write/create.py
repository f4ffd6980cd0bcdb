"""Planning new issues: each row of a frame becomes one, and only one, however often it is asked for."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import pandas as pd

from schedkit.errors import SiteError, UsageError
from schedkit.jira.pages.session import Session
from schedkit.jira.search.search_api import SearchApi
from schedkit.jira.write.allowed_values import AllowedValues
from schedkit.jira.write.cells import Cells
from schedkit.jira.write.marks import mark_of
from schedkit.jira.write.new_issues import NewIssue, NewIssues, created_lately
from schedkit.jira.write.people import my_account
from schedkit.jira.write.plan import AsyncPlan, Outcome, Row, Step, shown
from schedkit.jira.write.screens import Screens
from schedkit.jira.write.targets import Target, obstacles, target_of
from schedkit.jira.write.values import missing, request_fields

__all__ = ["plan_create"]

NEEDED = ("Project", "Type", "Summary")


async def plan_create(session: Session, frame: pd.DataFrame, search: SearchApi) -> AsyncPlan:
    """Plan an issue for each row; see `Jira.create`.

    Parameters
    ----------
    search : SearchApi
        Finds what was created before.
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
    projects = {str(row["Project"]).strip() for row in rows}
    lately = await created_lately(session, search, projects, (str(row["Summary"]) for row in rows))
    before = {mark["mark"]: key for key, mark in lately.items()}
    new = NewIssues(session, search, await my_account(session))
    cells, screens = Cells(session), Screens(session)
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
            fields = await _fields(row, targets, cells, screens)
        except (UsageError, SiteError) as problem:
            refused.append(Outcome(label, "create", "failed", str(problem)))
            continue
        shown_cells = {**{name: row[name] for name in NEEDED}, **{t.column: row[t.column] for t in targets}}
        lines += [
            Row(label, name, None, value) for name, value in shown_cells.items() if shown(value) != "(empty)"
        ]
        steps.append(new.step(NewIssue(label, mark, fields)))
    notes = [f"created before, left out: {', '.join(known)}"] if known else []
    return AsyncPlan(session.site, "create", lines, steps, refused, notes=notes, base=session.base, guard=new)


def _marks(rows: Sequence[Mapping[Any, Any]]) -> list[str]:
    """Return what identifies each row: its content, and how many rows above have the same."""
    seen: Counter[str] = Counter()
    marks = []
    for row in rows:
        content = json.dumps({str(name): shown(value) for name, value in row.items()}, sort_keys=True)
        seen[content] += 1
        marks.append(mark_of(f"{seen[content]} {content}"))
    return marks


async def _fields(
    row: Mapping[Any, Any], targets: Sequence[Target], cells: Cells, screens: Screens
) -> dict[str, Any]:
    """Return the fields of a new issue as the request holds them."""
    for name in NEEDED:
        if missing(row[name]) or not str(row[name]).strip():
            raise UsageError(
                f"a new issue has no {name}", hint="each new issue needs Project, Type and Summary"
            )
    project, kind = str(row["Project"]).strip(), str(row["Type"])
    made: dict[str, Any] = {
        "project": {"key": project},
        "issuetype": {"name": kind},
        "summary": str(row["Summary"]),
    }
    screen = partial(screens.create, project, kind)
    allowed = AllowedValues()
    for target in targets:
        value = await cells.value(target, row[target.column], screen)
        if missing(value) or value == ():
            continue
        await allowed.check(target, value, screen)
        if target.column == "Parent":
            made["parent"] = {"key": str(value)}
        else:
            made[target.field.id] = await cells.wire(target, value, screen)
    return request_fields(made.items())
