"""Planning transitions: the way of each issue into a status, and what its screen asks for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from schedkit.atlassian import Request
from schedkit.errors import SiteError, UsageError
from schedkit.jira.pages.session import Session
from schedkit.jira.write.allowed_values import AllowedValues
from schedkit.jira.write.cells import Cells
from schedkit.jira.write.plan import AsyncPlan, Outcome, Row, Step
from schedkit.jira.write.screens import Screen
from schedkit.jira.write.targets import Target, obstacles, target_of
from schedkit.jira.write.values import request_fields
from schedkit.loop import task_group

__all__ = ["Extras", "plan_transition"]


@dataclass(frozen=True, slots=True)
class Extras:
    """What a transition sets along with the status: the cells of fields, and a comment.

    Parameters
    ----------
    cells : Cells
        Turns them into what a request holds.
    fields : mapping
        The cells, by the column.
    comment : str, optional
        In wiki markup.
    """

    cells: Cells
    fields: Mapping[Target, Any] = field(default_factory=dict)
    comment: str | None = None

    @classmethod
    def of(
        cls, session: Session, resolution: str | None, fields: Mapping[str, Any] | None, comment: str | None
    ) -> Extras:
        """Take them from the arguments of `Jira.transition`.

        Raises
        ------
        UsageError
            For a field that cannot be set, or an empty comment.
        """
        if comment is not None and (not isinstance(comment, str) or not comment.strip()):
            raise UsageError("the comment is empty", hint="give a text, or leave it out")
        given = {**({} if resolution is None else {"Resolution": resolution}), **(fields or {})}
        targets = {target_of(session, name): cell for name, cell in given.items()}
        for target, cell in targets.items():
            target.cell(cell)
        fixed = obstacles([*targets])
        if fixed:
            raise UsageError(next(iter(fixed.values())))
        return cls(Cells(session), targets, comment)

    @property
    def ids(self) -> list[str]:
        """The ids of the fields that a request holds."""
        return [*request_fields((target.field.id, None) for target in self.fields)]

    async def body(self, transition: Mapping[str, Any]) -> dict[str, Any]:
        """Return the body of the request that makes a transition."""
        made: dict[str, Any] = {"transition": {"id": str(transition["id"])}}
        if self.fields:
            made["fields"] = await self._wire(Screen(transition.get("fields") or {}))
        if self.comment is not None:
            made["update"] = {"comment": [{"add": {"body": self.comment}}]}
        return made

    async def _wire(self, screen: Screen) -> dict[str, Any]:
        async def ask() -> Screen:
            return screen

        wire, allowed = {}, AllowedValues()
        for target, cell in self.fields.items():
            value = await self.cells.value(target, cell, ask)
            await allowed.check(target, value, ask)
            wire[target.field.id] = await self.cells.wire(target, value, ask)
        return request_fields(wire.items())

    def lacking(self, transition: Mapping[str, Any]) -> str:
        """Return why a transition cannot be made with them, empty if it can."""
        screen = transition.get("fields")
        if not isinstance(screen, Mapping):
            return ""
        names = {id: str((about or {}).get("name") or id) for id, about in screen.items()}
        needed = [
            name
            for id, name in names.items()
            if (screen[id] or {}).get("required")
            and not (screen[id] or {}).get("hasDefaultValue")
            and id not in self.ids
        ]
        if needed:
            how = "resolution=…" if needed == ["Resolution"] else f"fields={{{needed[0]!r}: …}}"
            return f"the transition needs {', '.join(needed)} (give {how})"
        foreign = [id for id in self.ids if id not in screen]
        return f"the transition's screen does not have {', '.join(foreign)}" if foreign else ""


async def plan_transition(session: Session, issues: pd.DataFrame, target: str, extras: Extras) -> AsyncPlan:
    """Find each issue's transition to a status; see `Jira.transition`.

    Parameters
    ----------
    issues : DataFrame
        Key and Status as the site has them now, and what is missing in its attrs.
    """
    if not isinstance(target, str) or not target.strip():
        raise UsageError("no status was named", hint='e.g. jira.transition(keys, "Done")')
    wanted = target.strip().casefold()
    absent: Mapping[str, str] = issues.attrs["extraction"]["missing"]
    refused = [Outcome(key, f"to {target}", "failed", why) for key, why in absent.items()]
    found: dict[str, tuple[str, dict[str, Any]] | str] = {}

    async def ask(key: str) -> None:
        try:
            choice = _choose(await _transitions(session, key), wanted, target, extras)
            if isinstance(choice, str):
                found[key] = choice
            else:
                new = str((choice.get("to") or {}).get("name") or target)
                found[key] = new, await extras.body(choice)
        except (SiteError, UsageError) as error:
            found[key] = str(error)

    statuses = dict(zip(issues["Key"].astype(str), issues["Status"].astype(str), strict=True))
    todo = {key: status for key, status in statuses.items() if status.casefold() != wanted}
    async with task_group() as group:
        for key in todo:
            group.start_soon(ask, key)
    rows: list[Row] = []
    steps: list[Step] = []
    for key, status in todo.items():
        choice = found[key]
        if isinstance(choice, str):
            refused.append(Outcome(key, f"to {target}", "failed", choice))
            continue
        new, body = choice
        rows.append(Row(key, "Status", status, new))
        rows += [Row(key, each.column, None, value) for each, value in extras.fields.items()]
        rows += [Row(key, "Comment", None, extras.comment)] if extras.comment is not None else []
        steps.append(_step(session, key, status, new, body))
    return AsyncPlan(session.site, f"transition to {target}", rows, steps, refused, base=session.base)


async def _transitions(session: Session, key: str) -> list[dict[str, Any]]:
    request = Request("GET", f"/rest/api/2/issue/{key}/transitions", params={"expand": "transitions.fields"})
    answer = (await session.site.send(request)).json()
    rows = answer.get("transitions") if isinstance(answer, dict) else None
    return [row for row in rows or [] if isinstance(row, dict) and row.get("id")]


def _choose(
    transitions: Sequence[Mapping[str, Any]], wanted: str, target: str, extras: Extras
) -> dict[str, Any] | str:
    """Return the transition to a status that can be made, else why there is none."""
    by_status = [t for t in transitions if str((t.get("to") or {}).get("name", "")).casefold() == wanted]
    by_name = [t for t in transitions if str(t.get("name", "")).casefold() == wanted]
    for matches in (by_status, by_name):
        reasons = [extras.lacking(match) for match in matches]
        for match, why in zip(matches, reasons, strict=True):
            if not why:
                return dict(match)
        if reasons:
            return reasons[0]
    names = ", ".join(
        dict.fromkeys(str((t.get("to") or {}).get("name") or t.get("name")) for t in transitions)
    )
    return f"no transition leads to {target!r} from here; there are: {names or 'none'}"


def _step(session: Session, key: str, old: str, new: str, body: Mapping[str, Any]) -> Step:
    path = f"/rest/api/2/issue/{key}"

    async def look() -> str:
        answer = await session.get(path, {"fields": "status"})
        held = str(answer["fields"]["status"]["name"])
        return "done" if held == new else "open" if held == old else f"Status is {held!r}"

    return Step(key, f"to {new}", Request("POST", f"{path}/transitions", json=body), look)
