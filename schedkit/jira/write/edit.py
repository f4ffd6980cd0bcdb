"""Planning an edit: which cells of a frame differ from the site, and the requests that set them.

A frame is compared with the site as it is. What was changed there since the frame was extracted is left
alone: silently where the cell still shows the old value, as a conflict where it does not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pandas as pd

from schedkit.errors import SiteError, UsageError
from schedkit.jira.pages.session import Session
from schedkit.jira.table.columns import RAW_SUFFIX
from schedkit.jira.table.kinds import is_rich
from schedkit.jira.table.people import unlabelled
from schedkit.jira.write.allowed_values import AllowedValues
from schedkit.jira.write.cells import Cells
from schedkit.jira.write.change import Change, accounts, edit_step, read_as_written
from schedkit.jira.write.compare import alike, unchanged
from schedkit.jira.write.elements import Elements, list_of
from schedkit.jira.write.people import shows
from schedkit.jira.write.plan import AsyncPlan, Outcome, Row, shown
from schedkit.jira.write.screens import Screens
from schedkit.jira.write.since import History, Since, bases, changed_since
from schedkit.jira.write.targets import Target, obstacles, target_of
from schedkit.jira.write.texts import Texts
from schedkit.jira.write.values import ESTIMATES, cell_value, is_user, missing, wire_value
from schedkit.loop import task_group

__all__ = ["plan_edit"]

# (keys, columns, markup) as the site has them.
Read = Callable[[Sequence[str], Sequence[str], str], Awaitable[pd.DataFrame]]
ACTION = "edit"


async def plan_edit(
    session: Session,
    frame: pd.DataFrame,
    columns: Sequence[str] | None,
    read: Read,
    history: History,
    notify: bool = True,
) -> AsyncPlan:
    """Compare a frame with the site; see `Jira.edit`.

    Parameters
    ----------
    read : async callable
        Returns the frame of (keys, columns, markup) as the site has it now.
    history : async callable
        Returns the changes of issues.
    notify : bool
        Whether the site notifies watchers by mail.
    """
    targets, fixed = _chosen(session, frame, columns)
    keys = [str(key).strip().upper() for key in frame["Key"]]
    estimates = _estimates(session, targets)
    labels = ["Updated", *(target.label for target in (*targets, *estimates))]
    # The cells of people may have an address behind the name: they are compared with the people themselves.
    labels += [f"{target.label}{RAW_SUFFIX}" for target in targets if is_user(target.field)]
    now = await read(keys, list(dict.fromkeys(labels)), "text")
    current = now.set_index("Key", drop=False)
    found = Comparison(session, frame.set_axis(pd.Index(keys), axis=0), current, targets, fixed, estimates)
    absent: Mapping[str, str] = now.attrs["extraction"]["missing"]
    found.refused += [Outcome(key, ACTION, "failed", why) for key, why in absent.items()]
    there = [key for key in keys if key in current.index]
    for key in keys:
        if key not in current.index and key not in absent:
            found.refused.append(Outcome(key, ACTION, "failed", "it has moved: extract it again"))
    differing = {key: cells for key in there if (cells := found.differing(key))}
    found.elements = await Elements.read(session, history, differing)
    differing = {key: cells for key in differing if (cells := found.renamed(key, differing[key]))}
    base = {key: moment for key, moment in bases(frame, keys, session).items() if key in differing}
    since = await changed_since(history, base, dict(zip(current.index, current["Updated"], strict=True)))
    since = since.renamed(found.elements.moved)
    rich = {key for key, cells in differing.items() if any(is_rich(target.field) for target in cells)}
    texts = await Texts.read(read, sorted(rich), [t for t in targets if is_rich(t.field)])
    for key, cells in differing.items():
        await found.sort(key, cells, since, texts)
    await _read_before(session, found.changes)
    steps = [edit_step(session, key, changes, notify) for key, changes in found.changes.items()]
    return AsyncPlan(
        session.site,
        ACTION,
        found.rows(),
        steps,
        found.refused,
        notes=found.counted_notes(),
        conflicts=found.conflicts,
        base=session.base,
    )


def _chosen(
    session: Session, frame: pd.DataFrame, columns: Sequence[str] | None
) -> tuple[list[Target], Mapping[Target, str]]:
    """Return the columns to compare, and why some of them cannot be edited."""
    if "Key" not in frame:
        raise UsageError("the frame has no column 'Key'", hint="it identifies the issue of each row")
    if frame["Key"].duplicated().any():
        twice = frame.loc[frame["Key"].duplicated(), "Key"].iloc[0]
        raise UsageError(f"the frame holds {twice} twice", hint="one row per issue")
    names = [columns] if isinstance(columns, str) else columns
    if names is None:
        names = [str(column) for column in frame if column not in ("Key", "Id")]
    absent = [name for name in names if name not in frame]
    if absent:
        raise UsageError(f"the frame has no column {absent[0]!r}")
    # Columns of an extraction without a field behind them: made of others, or the site lacks the field.
    targets = [target_of(session, name) for name in names if columns is not None or not _derived(frame, name)]
    fixed = obstacles(targets)
    if columns is not None and fixed:
        raise UsageError(next(iter(fixed.values())))
    if not set(targets) - set(fixed) - {target for target in targets if target.managed}:
        raise UsageError("the frame has no column that can be edited", hint="name one: columns=['Summary']")
    return targets, fixed


def _derived(frame: pd.DataFrame, name: str) -> bool:
    fields = frame.attrs.get("fields")
    about = fields.get(name) if isinstance(fields, Mapping) else None
    return isinstance(about, Mapping) and (about.get("id") is None or about.get("type") == "raw")


def _estimates(session: Session, targets: Sequence[Target]) -> list[Target]:
    """Return both estimates where one of them is compared: a request with one may change the other too."""
    if not any(target.field.id in ESTIMATES for target in targets):
        return []
    return [target_of(session, id) for id in ESTIMATES if id in session.catalog.fields]


@dataclass
class Comparison:
    """A frame beside the site: what is to be written, what is refused, and what is left alone.

    Parameters
    ----------
    wanted, current : DataFrame
        By key: the frame, and the site as it is.
    fixed : mapping
        Why some columns cannot be edited.
    estimates : sequence of Target
        The original and the remaining estimate, if one of them may change.
    """

    session: Session
    wanted: pd.DataFrame
    current: pd.DataFrame
    targets: Sequence[Target]
    fixed: Mapping[Target, str]
    estimates: Sequence[Target] = ()
    changes: dict[str, list[Change]] = field(default_factory=dict)
    refused: list[Outcome] = field(default_factory=list)
    conflicts: list[Outcome] = field(default_factory=list)
    notes: Counter[str] = field(default_factory=Counter)
    elements: Elements = field(default_factory=Elements)

    def __post_init__(self) -> None:
        self.cells = Cells(self.session)
        self.screens = Screens(self.session)
        self.allowed = AllowedValues()

    def differing(self, key: str) -> dict[Target, Any]:
        """Return the cells of an issue that do not show what the site has."""
        cells = {}
        for target in self.targets:
            cell = self.wanted.at[key, target.column]
            try:
                if self._shows_held(key, target, cell):
                    continue
            except (ValueError, TypeError):
                pass  # no value for that column: refused later, unless the site's change decides
            cells[target] = cell
        return cells

    def renamed(self, key: str, cells: Mapping[Target, Any]) -> dict[Target, Any]:
        """Return the differing cells with present names; what differed by a former name only is left out."""
        now = {target: self.elements.present(key, target, cell) for target, cell in cells.items()}
        return {
            target: cell
            for target, cell in now.items()
            if cell is cells[target] or not self._shows_held(key, target, cell)
        }

    def _shows_held(self, key: str, target: Target, cell: Any) -> bool:
        """Tell whether a cell shows what the site has."""
        if is_user(target.field):
            return shows(cell, self._people(key, target), target.store)
        return unchanged(cell, self.current.at[key, target.label], target.store)

    def _people(self, key: str, target: Target) -> list[Any]:
        """Return the people that the site has in a field."""
        held = self.current.at[key, f"{target.label}{RAW_SUFFIX}"]
        return held if isinstance(held, list) else [] if missing(held) else [held]

    async def sort(self, key: str, cells: Mapping[Target, Any], since: Since, texts: Texts) -> None:
        """Sort the differing cells of an issue; one that cannot be written refuses the issue."""
        changes: list[Change] = []
        try:
            people = await self._meant(cells, since)
            for target, cell in self._own_edits(key, cells, since, texts, people):
                changes.append(await self._change(key, target, cell, texts))
            changes += self._repeated(key, {change.id for change in changes})
        except (UsageError, SiteError) as problem:
            self.refused.append(Outcome(key, ACTION, "failed", str(problem)))
            return
        if changes:
            self.changes[key] = changes

    async def _meant(self, cells: Mapping[Target, Any], since: Since) -> dict[Target, frozenset[str]]:
        """Return the ids of the person whom a cell means by more than a name, where history may decide."""
        named = {
            target: cell
            for target, cell in cells.items()
            if is_user(target.field) and isinstance(cell, str) and unlabelled(cell) != cell
        }
        return {target: await self.cells.people.ids(cell) for target, cell in named.items() if since.moved}

    def _own_edits(
        self,
        key: str,
        cells: Mapping[Target, Any],
        since: Since,
        texts: Texts,
        people: Mapping[Target, frozenset[str]],
    ) -> Iterator[tuple[Target, Any]]:
        """Yield the cells that this frame's user changed; note the reason for leaving out the others."""
        for target, cell in cells.items():
            if texts.unchanged(key, target, cell):
                continue
            if target.managed or target in self.fixed:
                if key in since.moved:
                    continue  # it changes with the issue and cannot be edited
                if not target.managed:
                    raise UsageError(self.fixed[target])
                self.notes[f"{target.column} differs, which Jira sets itself: not written"] += 1
            elif unknown := self.elements.unknown(key, target, cell):
                cell = self._matched(key, target, cell, unknown, since)
                if cell is not None:
                    yield target, cell
            elif since.changed(key, target) and (
                verdict := self._changed_on_site(key, target, cell, since, people.get(target))
            ):
                if verdict == "unchanged here":
                    self.notes[f"{target.column} was changed on the site since: left as it is there"] += 1
            else:
                yield target, cell

    def _matched(self, key: str, target: Target, cell: Any, unknown: Sequence[str], since: Since) -> Any:
        """Return what a cell with names that the site has not is to become, None to leave it alone."""
        held = cell_value(self.current.at[key, target.label], "list")
        new = self.elements.matched(key, target, cell, held) if key in since.stayed else None
        names = ", ".join(unknown)
        if new is None:
            detail = f"{target.column}: the site has no {names}, it shows {shown(held)}; left as it is there"
            self.conflicts.append(Outcome(key, ACTION, "changed meanwhile", detail))
            return None
        now = ", ".join(new[-len(unknown) :])
        self.notes[f"{target.column}: the site has no {names}, taken for the former name of {now}"] += 1
        if alike(new, held):
            return None
        return new if target.store == "list" else new[0]

    def _changed_on_site(
        self, key: str, target: Target, cell: Any, since: Since, ids: frozenset[str] | None
    ) -> str:
        """Tell what a change on the site makes of a cell: ``unchanged here``, ``conflict``, or nothing."""
        held = self.current.at[key, target.label]
        replaced, wrote = self.session.written.get((key, target.field.id), ((), None))
        if replaced and self._shows_held(key, target, wrote):
            # This client's own edit: the cell is new unless it shows what such edits replaced.
            new = target.cell(cell)
            return "unchanged here" if any(alike(new, was) for was in replaced) else ""
        if since.untouched(key, target, cell, held, ids):
            return "unchanged here"
        why = since.unread.get(key)
        there = f"its history cannot be read ({why})" if why else f"the site has {shown(held)} since"
        detail = f"{target.column}: {there}, the frame {shown(cell)}; left as it is there"
        self.conflicts.append(Outcome(key, ACTION, "changed meanwhile", detail))
        return "conflict"

    async def _change(self, key: str, target: Target, cell: Any, texts: Texts) -> Change:
        """Return what sets a cell on the site."""
        screen = partial(self.screens.edit, key)
        new = await self.cells.value(target, cell, screen, self._known(target))
        old = cell_value(self.current.at[key, target.label], target.store)
        texts.refuse_document(key, target, new)
        if texts.formatted(key, target, old):
            self.notes[f"{target.column} loses its formatting: the new text is taken as wiki markup"] += 1
        if target.field.id in ESTIMATES and missing(new):
            raise UsageError(f"{target.column} cannot be emptied", hint="write 0 for no time")
        kept = () if missing(old) else old if target.store == "list" else (str(old),)
        project = key.rpartition("-")[0]
        if not list_of(target):  # the elements have told what is unknown
            await self.allowed.check(target, new, screen, scope=project, held=kept)
        id = await self.screens.one_of(key, target.choices) if target.choices else target.field.id
        wire = await self.cells.wire(target, new, screen)
        if is_user(target.field):
            return Change(target, id, old, new, wire, accounts(self._people(key, target)), accounts(wire))
        return Change(target, id, old, new, wire, old, new)

    def _repeated(self, key: str, written: set[str]) -> list[Change]:
        """Return what keeps an estimate as it is where the other one is written."""
        repeated = []
        for target in self.estimates if written.intersection(ESTIMATES) else ():
            held = cell_value(self.current.at[key, target.label], target.store)
            if target.field.id not in written and not missing(held):
                wire = wire_value(target.field, held)
                repeated.append(Change(target, target.field.id, held, held, wire, held, held))
        return repeated

    def _known(self, target: Target) -> set[str]:
        """Return the names that the site's issues show in a column of lists."""
        cells = self.current[target.label] if target.store == "list" else ()
        return {name for names in cells for name in names}

    def rows(self) -> list[Row]:
        """Return the lines of the plan."""
        return [
            Row(key, change.target.column, change.old, change.new)
            for key, changes in self.changes.items()
            for change in changes
            if not change.repeats
        ]

    def counted_notes(self) -> list[str]:
        """Return the notes with their counts."""
        return [f"{note} ({count} issue{'s' if count > 1 else ''})" for note, count in self.notes.items()]


async def _read_before(session: Session, changes: Mapping[str, list[Change]]) -> None:
    """Note the markup of the texts to be replaced, by which `apply` detects a later change."""

    async def read(key: str, some: list[Change]) -> None:
        held = await read_as_written(session, key, some)
        for change, value in zip(some, held, strict=True):
            change.before = value

    async with task_group() as group:
        for key, made in changes.items():
            rich = [change for change in made if is_rich(change.target.field)]
            if rich:
                group.start_soon(read, key, rich)
