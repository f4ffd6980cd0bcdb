"""Planning transitions and comments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from schedkit.atlassian import Request
from schedkit.errors import SiteError, UsageError
from schedkit.jira.pages.asking import Source, together
from schedkit.jira.write.plan import AsyncPlan, Outcome, Row, Step

__all__ = ["plan_comment", "plan_transition"]


async def plan_transition(source: Source, issues: pd.DataFrame, target: str) -> AsyncPlan:
    """Find each issue's transition to a status; see `Jira.transition`.

    Parameters
    ----------
    issues : DataFrame
        Key and Status as the site has them now, and what is missing in its attrs.
    """
    if not isinstance(target, str) or not target.strip():
        raise UsageError("no status was named", hint='e.g. jira.transition(keys, "Done")')
    wanted = target.strip().casefold()
    refused = [
        Outcome(key, f"to {target}", "failed", why)
        for key, why in issues.attrs["extraction"]["missing"].items()
    ]
    found: dict[str, dict[str, Any] | str] = {}

    async def ask(key: str) -> None:
        try:
            found[key] = _choose(await _transitions(source, key), wanted, target)
        except SiteError as error:
            found[key] = error.message

    statuses = dict(zip(issues["Key"].astype(str), issues["Status"].astype(str), strict=True))
    todo = {key: status for key, status in statuses.items() if status.casefold() != wanted}
    async with together() as group:
        for key in todo:
            group.start_soon(ask, key)
    rows: list[Row] = []
    steps: list[Step] = []
    for key, status in todo.items():
        choice = found[key]
        if isinstance(choice, str):
            refused.append(Outcome(key, f"to {target}", "failed", choice))
            continue
        new = str((choice.get("to") or {}).get("name") or target)
        rows.append(Row(key, "Status", status, new))
        steps.append(_transition_step(source, key, status, new, str(choice["id"])))
    return AsyncPlan(source.site, f"transition to {target}", rows, steps, refused, base=source.base)


async def _transitions(source: Source, key: str) -> list[dict[str, Any]]:
    answer = (await source.site.send(Request("GET", f"/rest/api/2/issue/{key}/transitions"))).json()
    rows = answer.get("transitions") if isinstance(answer, dict) else None
    return [row for row in rows or [] if isinstance(row, dict) and row.get("id")]


def _choose(transitions: Sequence[Mapping[str, Any]], wanted: str, target: str) -> dict[str, Any] | str:
    by_status = [t for t in transitions if str((t.get("to") or {}).get("name", "")).casefold() == wanted]
    by_name = [t for t in transitions if str(t.get("name", "")).casefold() == wanted]
    for matches in (by_status, by_name):
        if matches:
            return dict(matches[0])
    names = ", ".join(
        dict.fromkeys(str((t.get("to") or {}).get("name") or t.get("name")) for t in transitions)
    )
    return f"no transition leads to {target!r} from here; there are: {names or 'none'}"


def _transition_step(source: Source, key: str, old: str, new: str, transition: str) -> Step:
    path = f"/rest/api/2/issue/{key}"

    async def look() -> str:
        answer = (await source.site.send(Request("GET", path, params={"fields": "status"}))).json()
        held = str(answer["fields"]["status"]["name"])
        return "done" if held == new else "open" if held == old else f"Status is {held!r}"

    request = Request("POST", f"{path}/transitions", json={"transition": {"id": transition}})
    return Step(key, f"to {new}", request, look)


async def plan_comment(source: Source, keys: Sequence[str], texts: Mapping[str, str]) -> AsyncPlan:
    """Plan one comment on each issue, unless the same person has made the same one; see `Jira.comment`."""
    me = (await source.site.send(Request("GET", "/rest/api/2/myself"))).json()
    rows: list[Row] = []
    steps: list[Step] = []
    refused: list[Outcome] = []

    async def one(key: str) -> None:
        step = _comment_step(source, key, texts[key], _identity(me))
        try:
            state = await step.look()
        except SiteError as error:
            refused.append(Outcome(key, "comment", "failed", error.message))
            return
        if state == "open":
            steps.append(step)
            rows.append(Row(key, "Comment", None, texts[key]))

    async with together() as group:
        for key in keys:
            group.start_soon(one, key)
    place = {key: number for number, key in enumerate(keys)}
    steps.sort(key=lambda step: place[step.key])
    rows.sort(key=lambda row: place[row.key])
    refused.sort(key=lambda outcome: place[outcome.key])
    return AsyncPlan(source.site, "comment", rows, steps, refused, base=source.base)


def _comment_step(source: Source, key: str, text: str, me: str) -> Step:
    path = f"/rest/api/2/issue/{key}/comment"
    words = text.replace("\r\n", "\n").strip()

    async def look() -> str:
        start = 0
        while True:
            params = {"startAt": start, "maxResults": 1000}
            answer = (await source.site.send(Request("GET", path, params=params))).json()
            comments = answer.get("comments") or []
            for comment in comments:
                body = str(comment.get("body") or "").replace("\r\n", "\n").strip()
                if body == words and _identity(comment.get("author") or {}) == me:
                    return "done"
            start += len(comments)
            if not comments or start >= int(answer.get("total") or 0):
                return "open"

    return Step(key, "comment", Request("POST", path, json={"body": text}), look)


def _identity(user: Mapping[str, Any]) -> str:
    return str(user.get("accountId") or user.get("key") or user.get("name") or "")
