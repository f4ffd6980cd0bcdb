"""A plan: what would be written, shown before it is done; done at most once, and verified.

Of every issue the plan knows what it found. Before it writes it looks again: an issue that someone else
changed meanwhile is left alone. After it has written it reads back. A request whose outcome is unknown (the
connection broke) is judged by reading back too, and sent a second time only if it had no effect.
"""

from __future__ import annotations

import functools
import inspect
import logging
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

import anyio
import pandas as pd

from schedkit import context
from schedkit.atlassian import Answer, Request, Site
from schedkit.errors import SiteError
from schedkit.jira.write.values import missing
from schedkit.loop import HasAio, blocking, on_own_loop, task_group
from schedkit.values.text import clip

__all__ = ["AsyncPlan", "Guard", "Outcome", "Plan", "Row", "Step", "blocking_plan"]

P = ParamSpec("P")
S = TypeVar("S")
STAGE = "write"
SHOWN = 20

# Reads the site: "done" (as planned), "open" (as before), or what prevents it.
Look = Callable[[], Awaitable[str]]


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a plan's preview: a field of an issue becomes another value."""

    key: str
    field: str
    old: Any
    new: Any


@dataclass(frozen=True, slots=True)
class Step:
    """One request of a plan.

    Parameters
    ----------
    key : str
        The issue.
    action : str
        What is done, for the outcome.
    request : Request
        Does it.
    look : async callable
        Returns the state of the issue.
    take : callable, optional
        Gets the site's answer to the request.
    named : callable, optional
        Tells the key of the issue once it is known: of one that is created.
    settle : async callable, optional
        Called once it was sent and seen: takes it back if another process did the same at that moment.
        Returns outcome and detail.
    """

    key: str
    action: str
    request: Request
    look: Look
    take: Callable[[Answer], object] | None = None
    named: Callable[[], str] | None = None
    settle: Callable[[], Awaitable[tuple[str, str]]] | None = None

    @property
    def shown(self) -> str:
        """The issue's key, for the outcome."""
        return (self.named() if self.named else "") or self.key


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a step: done, already done, changed meanwhile, failed, or unknown; and why."""

    key: str
    action: str
    outcome: str
    detail: str = ""


class Guard(Protocol):
    """What a plan does around all its steps, so that another process that does the same is noticed."""

    async def before(self) -> None:
        """Look again, before anything is sent."""

    async def after(self) -> dict[str, tuple[str, str]]:
        """Take back what another process did too; returns outcome and detail of such steps, by their key."""


@dataclass
class AsyncPlan:
    """The async API of `Plan`.

    Parameters
    ----------
    rows : sequence of Row
        What it shows.
    steps : sequence of Step
        What it does.
    refused : sequence of Outcome
        What cannot be done, and why.
    notes : sequence of str
        What is left out of all issues alike.
    conflicts : sequence of Outcome
        Cells whose field has changed on the site since the frame was extracted; they are not written.
    base : str
        The site's own address.
    guard : Guard, optional
        Around all steps.
    """

    site: Site
    title: str
    rows: Sequence[Row]
    steps: Sequence[Step]
    refused: Sequence[Outcome] = ()
    notes: Sequence[str] = ()
    conflicts: Sequence[Outcome] = ()
    base: str = ""
    guard: Guard | None = None
    outcomes: list[Outcome] = field(default_factory=list)
    applied: bool = False

    def __post_init__(self) -> None:
        self._lock = anyio.Lock()

    def __repr__(self) -> str:
        return f"AsyncPlan({self.title}: {len(self.steps)} issues)"

    @on_own_loop
    async def apply(self) -> pd.DataFrame:
        """Write what the plan shows, once; return the outcome of each issue.

        Calling it again sends nothing and returns the same.

        Returns
        -------
        DataFrame
            Key, Action, Outcome (``done``, ``already done``, ``changed meanwhile``, ``failed``, ``unknown``)
            and Detail.
        """
        async with self._lock:
            if not self.applied:
                if self.guard is not None:
                    await self.guard.before()
                # From here on it counts as applied, whatever happens: nothing is sent twice.
                self.applied = True
                self.outcomes = [*self.refused, *self.conflicts]
                context.progress(STAGE, 0, len(self.steps))
                async with task_group() as group:
                    for step in self.steps:
                        group.start_soon(self._one, step)
                await self._settle()
                counts = pd.Series([o.outcome for o in self.outcomes], dtype="str").value_counts()
                context.fact("write", {"plan": self.title, **{str(k): int(v) for k, v in counts.items()}})
        places = {step.shown: number for number, step in enumerate(self.steps)}
        in_order = sorted(self.outcomes, key=lambda o: places.get(o.key, len(places)))
        frame = pd.DataFrame(
            [(o.key, o.action, o.outcome, o.detail) for o in in_order],
            columns=["Key", "Action", "Outcome", "Detail"],
            dtype="str",
        )
        frame.attrs["site"] = self.base or self.site.url
        return frame

    async def _settle(self) -> None:
        if self.guard is None:
            return
        steps = {step.shown: step for step in self.steps}
        try:
            settled = await self.guard.after()
        except SiteError as error:
            context.log(f"whether another process made the same is not known: {error}", logging.WARNING)
            return
        for place, outcome in enumerate(self.outcomes):
            step = steps.get(outcome.key)
            if step is not None and step.key in settled:
                self.outcomes[place] = Outcome(step.shown, step.action, *settled[step.key])

    async def _one(self, step: Step) -> None:
        context.checkpoint()
        try:
            outcome, detail = await self._outcome(step)
        except SiteError as error:
            outcome, detail = ("unknown" if error.maybe_done else "failed"), str(error)
        self.outcomes.append(Outcome(step.shown, step.action, outcome, detail))
        left = len(self.refused) + len(self.conflicts)
        context.progress(STAGE, len(self.outcomes) - left, len(self.steps))

    async def _outcome(self, step: Step) -> tuple[str, str]:
        state = await step.look()
        if state == "done":
            return "already done", ""
        if state != "open":
            return "changed meanwhile", state
        return await self._sent(step)

    async def _sent(self, step: Step) -> tuple[str, str]:
        """Send a step's request, a second time if it had no effect; returns outcome and detail."""
        detail = ""
        for last in (False, True):
            try:
                answer = await self.site.send(step.request)
                if step.take is not None:
                    step.take(answer)
            except SiteError as error:
                if not error.maybe_done:
                    raise
                state = await self._after(step, error)
                if state == "open" and error.final:
                    return "failed", f"{error.message}; read back: nothing was written"
                if state == "open" and not last:
                    continue
                if state != "done":
                    return "unknown", f"{error.message}; the site now shows: {state}"
                detail = "the answer was lost; read back"
            else:
                state = await step.look()
                if state != "done":
                    return "unknown", f"sent, but the site now shows: {state}"
            break
        outcome, why = await step.settle() if step.settle is not None else ("done", "")
        return outcome, why or detail

    async def _after(self, step: Step, error: SiteError) -> str:
        """Return the state of the issue after a request whose outcome is unknown."""
        try:
            return await step.look()
        except SiteError:
            raise error from None


class Plan:
    """What would be written to Jira; `apply()` does it.

    Shown in a notebook or printed, it lists old → new for each issue. ``frame`` is the same as a DataFrame.
    """

    def __init__(self, aio: AsyncPlan) -> None:
        self.aio = aio

    apply = blocking(AsyncPlan.apply)

    def __len__(self) -> int:
        return len(self.aio.steps)

    @property
    def frame(self) -> pd.DataFrame:
        """The changes: Key, Field, Old, New; what was refused, and conflicts with changes on the site."""
        rows = [(row.key, row.field, row.old, row.new) for row in self.aio.rows]
        rows += [(o.key, o.action, pd.NA, f"refused: {o.detail}") for o in self.aio.refused]
        rows += [(o.key, o.action, pd.NA, f"conflict: {o.detail}") for o in self.aio.conflicts]
        return pd.DataFrame(rows, columns=["Key", "Field", "Old", "New"], dtype=object)

    def __repr__(self) -> str:
        lines = [self._summary(), *(f"  note: {note}" for note in self.aio.notes)]
        lines += [
            f"  {row.key}  {row.field}: {shown(row.old)} → {shown(row.new)}" for row in self.aio.rows[:SHOWN]
        ]
        if len(self.aio.rows) > SHOWN:
            lines.append(f"  … and {len(self.aio.rows) - SHOWN} more")
        lines += [f"  {o.key}  {o.action}: refused, {o.detail}" for o in self.aio.refused[:SHOWN]]
        lines += [f"  {o.key}  conflict, {o.detail}" for o in self.aio.conflicts[:SHOWN]]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        def cells(*values: str) -> str:
            return "".join(f"<td style='text-align:left'>{escape(value)}</td>" for value in values)

        body = [
            f"<tr>{cells(row.key, row.field, shown(row.old), '→', shown(row.new))}</tr>"
            for row in self.aio.rows[:SHOWN]
        ]
        if len(self.aio.rows) > SHOWN:
            body.append(f"<tr><td colspan=5>… and {len(self.aio.rows) - SHOWN} more</td></tr>")
        body += [
            f"<tr>{cells(o.key, o.action, 'refused', '', o.detail)}</tr>" for o in self.aio.refused[:SHOWN]
        ]
        body += [
            f"<tr>{cells(o.key, o.action, 'conflict', '', o.detail)}</tr>" for o in self.aio.conflicts[:SHOWN]
        ]
        head = "<tr><th>Key</th><th>Field</th><th>Old</th><th></th><th>New</th></tr>"
        notes = "".join(f"<p>Note: {escape(note)}</p>" for note in self.aio.notes)
        return f"<p>{escape(self._summary())}</p>{notes}<table>{head}{''.join(body)}</table>"

    def _summary(self) -> str:
        what = f"{self.aio.title}: {len(self.aio.steps)} issues would be written to {self.aio.site.name}"
        if self.aio.refused:
            what += f", {len(self.aio.refused)} cannot be"
        if self.aio.conflicts:
            what += f", {len(self.aio.conflicts)} cells conflict with changes made there"
        return what + ("; applied" if self.aio.applied else "; .apply() does it")


def blocking_plan(
    method: Callable[Concatenate[S, P], Coroutine[Any, Any, AsyncPlan]],
) -> Callable[Concatenate[HasAio[S], P], Plan]:
    """Derive the blocking form of an async method that returns a plan."""
    planned = blocking(method)

    @functools.wraps(planned)
    def call(self: HasAio[S], /, *args: P.args, **kwargs: P.kwargs) -> Plan:
        return Plan(planned(self, *args, **kwargs))

    # help() is to show what this one returns, and inspect reads it here.
    signature = inspect.signature(method).replace(return_annotation="Plan")
    call.__signature__ = signature  # type: ignore[attr-defined]  # inspect reads it
    return call


def shown(value: Any) -> str:
    """Return a cell as a short text."""
    if missing(value):
        return "(empty)"
    if isinstance(value, tuple | list):
        return ", ".join(map(str, value)) or "(empty)"
    if isinstance(value, pd.Timestamp):
        day = value.tzinfo is None and value == value.normalize()
        value = value.strftime("%Y-%m-%d" if day else "%Y-%m-%d %H:%M %Z")
    return clip(" ".join(str(value).split()), 80)
