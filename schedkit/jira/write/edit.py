"""Planning an edit: which cells of a frame differ from the site, and the requests that set them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from schedkit.atlassian import Request
from schedkit.errors import SiteError, UsageError
from schedkit.jira.pages.asking import Source
from schedkit.jira.table.columns import Column, Layout, layout
from schedkit.jira.table.fields import Field
from schedkit.jira.table.kinds import is_rich
from schedkit.jira.table.reader import Reader
from schedkit.jira.write.people import People
from schedkit.jira.write.plan import AsyncPlan, Outcome, Row, Step
from schedkit.jira.write.values import KEPT, cell_value, is_user, missing, wire_value

__all__ = ["plan_edit"]

# (keys, columns, markup) as the site has them.
Read = Callable[[Sequence[str], Sequence[str], str], Awaitable[pd.DataFrame]]


@dataclass(frozen=True, slots=True)
class Target:
    """A column to write, and the field behind it."""

    column: str
    field: Field
    store: str
    ids: tuple[str, ...]


async def plan_edit(
    source: Source, frame: pd.DataFrame, columns: Sequence[str] | None, read: Read
) -> AsyncPlan:
    """Compare a frame with the site; see `Jira.edit`.

    Parameters
    ----------
    read : async callable
        Returns the frame of (keys, columns, markup) as the site has it now.
    """
    if "Key" not in frame:
        raise UsageError("the frame has no column 'Key'", hint="it tells which issue a row is")
    if frame["Key"].duplicated().any():
        twice = frame.loc[frame["Key"].duplicated(), "Key"].iloc[0]
        raise UsageError(f"the frame holds {twice} twice", hint="one row per issue")
    names = [str(c) for c in frame if c not in ("Key", "Id")] if columns is None else list(columns)
    absent = [name for name in names if name not in frame]
    if absent:
        raise UsageError(f"the frame has no column {absent[0]!r}")
    targets = [_target(source, name) for name in names]
    # Of a whole extraction what people cannot set must be as the site has it; named, it is refused at once.
    fixed = {target: why for target in targets if (why := _obstacle(target))}
    if columns is not None and fixed:
        raise UsageError(next(iter(fixed.values())))
    # What Jira keeps may differ because the issue lives on: told, and no reason to refuse the rest.
    kept = {t for t in targets if t.field.id in KEPT or t.column == "Status Category"}
    if not set(targets) - set(fixed) - kept:
        raise UsageError("the frame has no column that can be edited", hint="name one: columns=['Summary']")
    keys = [str(key).strip().upper() for key in frame["Key"]]
    now = await read(keys, [target.column for target in targets], "text")
    missing_keys: Mapping[str, str] = now.attrs["extraction"]["missing"]
    current = now.set_index("Key", drop=False)
    texts = await Texts.read(read, list(current.index), [t for t in targets if is_rich(t.field)])
    notes: Counter[str] = Counter()
    people = People(source)
    rows: list[Row] = []
    steps: list[Step] = []
    refused = [Outcome(key, "edit", "failed", why) for key, why in missing_keys.items()]
    wanted = frame.set_axis(pd.Index(keys), axis=0)
    for key in keys:
        if key not in current.index:
            if key not in missing_keys:
                refused.append(Outcome(key, "edit", "failed", "it has moved: extract it again"))
            continue
        changes: dict[Target, tuple[Any, Any, Any]] = {}
        try:
            for target in targets:
                old = cell_value(current.at[key, target.column], target.store)
                new = _cell(wanted.at[key, target.column], target)
                if old == new or texts.unchanged(key, target, new):
                    continue
                if target in kept:
                    notes[f"{target.column} differs, which Jira keeps itself: not written"] += 1
                    continue
                if target in fixed:
                    raise UsageError(fixed[target])
                if texts.formatted(key, target, old):
                    notes[f"{target.column} loses its formatting: the new text is taken as wiki markup"] += 1
                changes[target] = (old, new, await _on_the_wire(target, new, people))
        except (UsageError, SiteError) as problem:
            refused.append(Outcome(key, "edit", "failed", str(problem)))
            continue
        if changes:
            rows += [Row(key, target.column, old, new) for target, (old, new, _) in changes.items()]
            steps.append(_step(source, key, changes))
    told = [f"{note} ({count} issue{'s' if count > 1 else ''})" for note, count in notes.items()]
    return AsyncPlan(source.site, "edit", rows, steps, refused, notes=told)


@dataclass(frozen=True, slots=True)
class Texts:
    """The formatted texts of issues as the other forms show them: a frame may have been read in any."""

    forms: Mapping[str, pd.DataFrame]

    @classmethod
    async def read(cls, read: Read, keys: Sequence[str], targets: Sequence[Target]) -> Texts:
        names = [target.column for target in targets]
        if not names or not keys:
            return cls({})
        return cls({form: (await read(keys, names, form)).set_index("Key") for form in ("raw", "markdown")})

    def unchanged(self, key: str, target: Target, new: Any) -> bool:
        """Whether the cell is the text in one of its forms."""
        held = [cell_value(f.at[key, target.column], "text") for f in self._of(key, target)]
        if new in held:
            return True
        if isinstance(new, str) and held and new.lstrip().startswith('{"') and '"type":"doc"' in new:
            raise UsageError(
                f"{target.column} holds a document as JSON, which cannot be written",
                hint="write text, or wiki markup",
            )
        return False

    def formatted(self, key: str, target: Target, old: Any) -> bool:
        """Whether the site's text is more than its words."""
        return any(_words(f.at[key, target.column]) != _words(old) for f in self._of(key, target)[1:])

    def _of(self, key: str, target: Target) -> list[pd.DataFrame]:
        return [f for f in self.forms.values() if target.column in f and key in f.index]


def _words(value: Any) -> str:
    return "" if missing(value) else " ".join(str(value).split())


def _target(source: Source, name: str) -> Target:
    found: list[Column] = [
        c for c in layout(source.catalog, source.dialect, [name]).columns if c.label != "Key"
    ]
    if len(found) != 1:
        choice = " or ".join(repr(column.field_ids[0]) for column in found)
        raise UsageError(f"{len(found)} fields are called {name!r}", hint=f"name {choice}")
    column = found[0]
    if not column.sources:
        raise UsageError(f"the site has no field for {name!r}")
    return Target(name, column.sources[0][0], column.kind.store, tuple(column.field_ids))


def _obstacle(target: Target) -> str:
    """Return why a column cannot be edited, empty if it can."""
    if target.column == "Status Category":
        return "'Status Category' cannot be edited (use jira.transition(keys, …))"
    if len(target.ids) > 1:
        return f"{target.column!r} stands for several fields (name one of {', '.join(target.ids)})"
    try:
        wire_value(target.field, () if target.store == "list" else None)
    except UsageError as problem:
        return str(problem)
    return ""


def _cell(value: Any, target: Target) -> Any:
    try:
        return cell_value(value, target.store)
    except (ValueError, TypeError):
        raise UsageError(
            f"{value!r} is no value for {target.column}", hint=f"its column holds {target.store} values"
        ) from None


async def _on_the_wire(target: Target, new: Any, people: People) -> Any:
    if not is_user(target.field):
        return wire_value(target.field, new)
    if target.store == "list":
        return [await people.find(name) for name in new]
    return None if missing(new) else await people.find(new)


def _step(source: Source, key: str, changes: Mapping[Target, tuple[Any, Any, Any]]) -> Step:
    # Version 2 takes and gives plain text (wiki markup) on Cloud too.
    path = f"/rest/api/2/issue/{key}"
    body = {"fields": {target.field.id: wire for target, (_, _, wire) in changes.items()}}
    names = ", ".join(target.column for target in changes)
    ids = [target.field.id for target in changes]
    reader = Reader(_raw_layout(source, [t.field.id for t in changes]), source.catalog)

    async def look() -> str:
        request = Request("GET", path, params={"fields": ",".join([*ids, "updated"])}, decode=reader.issues)
        batch = (await source.site.send(request)).value
        standing = []
        for column, (target, (old, new, _)) in zip(reader.columns[1:], changes.items(), strict=True):
            values = batch.columns[column.label]
            held = cell_value(values[0] if isinstance(values, list) else values.to_pylist()[0], target.store)
            if _alike(held, new):
                standing.append("done")
            elif _alike(held, old) or target.field.type == "string":
                # A text's markup reads differently in the two versions of the interface; its words were
                # compared when the plan was made.
                standing.append("open")
            else:
                return f"{target.column} is {held!r}"
        return "done" if set(standing) == {"done"} else "open"

    return Step(key, f"edit {names}", Request("PUT", path, json=body), look)


def _raw_layout(source: Source, ids: Sequence[str]) -> Layout:
    chosen = layout(source.catalog, source.dialect, ["Key"], "raw")
    single = [layout(source.catalog, source.dialect, [id], "raw").columns[-1] for id in ids]
    return Layout((chosen.columns[0], *single), rich="wiki", markup="raw")


def _alike(held: Any, value: Any) -> bool:
    if isinstance(held, str) and isinstance(value, str):
        # Jira trims texts and ends lines in its own way.
        return held.replace("\r\n", "\n").strip() == value.replace("\r\n", "\n").strip()
    if isinstance(held, tuple) and isinstance(value, tuple):
        return sorted(held) == sorted(value)
    return bool(held == value)
