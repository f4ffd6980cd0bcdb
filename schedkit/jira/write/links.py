"""Planning links between issues."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from schedkit.atlassian import Request
from schedkit.errors import SiteError, UsageError
from schedkit.jira.pages.session import Session
from schedkit.jira.write.plan import AsyncPlan, Outcome, Row, Step
from schedkit.loop import task_group
from schedkit.values.text import did_you_mean

__all__ = ["plan_links"]

ACTION = "link"


async def plan_links(session: Session, frame: pd.DataFrame) -> AsyncPlan:
    """Plan the links of a frame that the site does not have yet; see `Jira.link_issues`."""
    absent = [name for name in ("Key", "Link", "To") if name not in frame]
    if absent:
        raise UsageError(f"the frame has no column {absent[0]!r}", hint="its columns are Key, Link and To")
    answer = await session.get("/rest/api/2/issueLinkType")
    phrases = _phrases(answer.get("issueLinkTypes") or () if isinstance(answer, dict) else ())
    wanted = [
        (str(row["Key"]).strip().upper(), str(row["Link"]), str(row["To"]).strip().upper())
        for row in frame.to_dict("records")
    ]
    steps = [_step(session, key, phrase, other, phrases) for key, phrase, other in dict.fromkeys(wanted)]
    states: dict[str, str] = {}
    refused: list[Outcome] = []

    async def look(step: Step) -> None:
        try:
            states[step.key + step.action] = await step.look()
        except SiteError as error:
            refused.append(Outcome(step.key, step.action, "failed", error.message))

    async with task_group() as group:
        for step in steps:
            group.start_soon(look, step)
    todo = [step for step in steps if states.get(step.key + step.action) == "open"]
    rows = [Row(step.key, "Link", None, step.action) for step in todo]
    return AsyncPlan(
        session.site, ACTION, rows, todo, sorted(refused, key=lambda o: o.key), base=session.base
    )


@dataclass(frozen=True, slots=True)
class Meant:
    """What a phrase means: a type of link, from this issue (`forward`) or to it, or the same both ways."""

    name: str
    forward: bool
    symmetric: bool


def _phrases(types: Any) -> dict[str, Meant]:
    """Return what each phrase of the site's types of links means, in lower case."""
    found: dict[str, Meant] = {}
    for row in types:
        name, outward, inward = str(row.get("name")), str(row.get("outward")), str(row.get("inward"))
        for phrase, forward in ((outward, True), (inward, False), (name, True)):
            found.setdefault(phrase.casefold(), Meant(name, forward, outward == inward))
    return found


def _step(session: Session, key: str, phrase: str, other: str, phrases: Mapping[str, Meant]) -> Step:
    known = phrases.get(phrase.strip().casefold())
    if known is None:
        raise UsageError(f"the site has no link {phrase!r}", hint=did_you_mean(phrase, phrases))
    first, second = (key, other) if known.forward else (other, key)
    ends = ("outwardIssue", "inwardIssue") if known.symmetric else ("outwardIssue",)

    async def look() -> str:
        request = Request("GET", f"/rest/api/2/issue/{first}", params={"fields": "issuelinks"})
        links = (await session.site.send(request)).json()["fields"].get("issuelinks") or []
        there = any(
            (link.get("type") or {}).get("name") == known.name
            and any((link.get(end) or {}).get("key") == second for end in ends)
            for link in links
        )
        return "done" if there else "open"

    # The issue that is called inward here is the one the link starts from.
    body = {"type": {"name": known.name}, "inwardIssue": {"key": first}, "outwardIssue": {"key": second}}
    return Step(key, f"{phrase} {other}", Request("POST", "/rest/api/2/issueLink", json=body), look)
