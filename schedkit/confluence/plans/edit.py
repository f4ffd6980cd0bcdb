"""What an edit would make of a page: pure, from the source read to the source to write."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, Protocol, Self

from schedkit.confluence.markup import anchor, escape
from schedkit.confluence.source.canonical import same_form
from schedkit.confluence.source.grid import read_grid
from schedkit.confluence.source.locate import PageIndex, bare_heading, behind_anchor, is_absent, locate
from schedkit.confluence.source.regions import Anchor, Heading, Region
from schedkit.confluence.source.storage import check, splice
from schedkit.confluence.tables.merge import check_keys, check_rows, merge
from schedkit.confluence.tables.new_table import fresh_table, new_table
from schedkit.confluence.tables.render import Rendered
from schedkit.confluence.tables.row_writer import Accepted
from schedkit.confluence.tables.rules import Merged, Rules
from schedkit.errors import RegionError, UsageError
from schedkit.values.text import did_you_mean, safe_repr

__all__ = ["Draft", "Edit", "Replaced", "TableEdit", "outside", "place_at"]


class Replaced(NamedTuple):
    """The content of a cell or placeholder that an edit replaces: where, as it was, as it will be."""

    place: str
    old: str
    new: str


@dataclass(frozen=True)
class Draft:
    """The page before and after.

    `edits` are the spans of `old` that differ; `replaced` the contents of cells and placeholders that differ,
    each as it was and as it will be; `structural` whether rows or columns come, go or move too; `notes` what
    is worth knowing besides.
    """

    old: str
    new: str
    edits: list[tuple[int, int, str]]
    report: Any = None
    replaced: list[Replaced] = field(default_factory=list)
    structural: bool = False
    notes: list[str] = field(default_factory=list)

    @property
    def changed(self) -> bool:
        return self.old != self.new


class Edit(Protocol):
    """A pure change, applied again to every version of the page that someone else has saved meanwhile."""

    def __call__(self, source: str, what: str) -> Draft: ...

    def accepting(self, accepted: Accepted) -> Self:
        """Return the same edit, to which more stored forms say what is to be said."""
        ...


@dataclass(frozen=True)
class TableEdit:
    """Lay a rendered frame over the table at `region`; `create` says where to put one if there is none.

    `template` is what a page without the region gets at the place `create`, with the table at its region.
    """

    region: Region
    new: Rendered
    rules: Rules = field(default_factory=Rules)
    create: str | None = None
    template: str = ""
    accepted: Accepted = frozenset()

    def __post_init__(self) -> None:
        if self.create is not None:
            check_place(self.create)

    def __call__(self, source: str, what: str) -> Draft:
        check(source, what)
        page = PageIndex(source)
        where = f"{what}, {self.region}"
        merged = self._created(page, what) if self.create and _can_be_made(page, self.region) else None
        if merged is None:
            table = locate(page, self.region, what)
            grid = read_grid(source, table, where)
            merged = merge(source, grid, self.new, self.rules, where, self.accepted)
        replaced = [Replaced(f"{c.key} {c.name}", c.old, c.new) for c in merged.changes if c.old is not None]
        new = splice(source, merged.edits)
        draft = Draft(
            source, new, merged.edits, merged, replaced, structural=new != source and _moves(merged)
        )
        if draft.changed:
            check(draft.new, f"what would become of {what}")
        return draft

    def accepting(self, accepted: Accepted) -> Self:
        """Return the same edit, to which more stored forms say what is to be said."""
        return replace(self, accepted=self.accepted | accepted)

    def _created(self, page: PageIndex, what: str) -> Merged:
        heading = bare_heading(page, self.region)
        match self.region:
            case Heading() if heading is not None:
                before = ""
            case Anchor(name):
                before = f"<p>{anchor(name)}</p>"
            case Heading(text, None | 1):
                before = f"<h2>{escape(text)}</h2>"
            case _:
                raise RegionError(
                    f"{what} has no table at {self.region}, and none can be created by that name",
                    hint="create regions named anchor:NAME or heading:TEXT",
                )
        check_keys(self.new, self.rules, what)
        check_rows(self.new, self.rules, what)
        if heading is None:
            at = place_at(page, self.create or "", what)
        else:
            # Elsewhere the region would not find its table again.
            at = heading.end if self.create == "start" else page.section_end(heading)
        table = fresh_table(self.new, self.rules)
        made = self._from_template(table) if heading is None and self.template else before + table
        return new_table([(at, at, made)], self.new, self.rules)

    def _from_template(self, table: str) -> str:
        """Return the template with the table at its region."""
        check(self.template, "the template")
        page = PageIndex(self.template)
        at = behind_anchor(page, self.region)
        if at is not None:
            return splice(self.template, [(at, at, table)])
        if is_absent(page, self.region):
            raise RegionError(
                f"the template has no {self.region}, where the table would be put",
                hint="put an anchor macro or a heading of that name there",
            )
        return replace(self, template="")(self.template, "the template").new


def _moves(merged: Merged) -> bool:
    """Tell whether more than the contents of cells differ."""
    return not merged.changes or any(change.old is None for change in merged.changes) or bool(merged.removed)


def _can_be_made(page: PageIndex, region: Region) -> bool:
    if bare_heading(page, region) is not None:
        return True
    return is_absent(page, region) if isinstance(region, Anchor | Heading) else not page.tables


def check_place(create: str) -> None:
    """Refuse a `create` that names no place.

    Raises
    ------
    UsageError
        If it is neither "end", "start" nor "heading:TEXT".
    """
    kind, _, rest = create.partition(":")
    if create not in ("end", "start") and (kind != "heading" or not rest.strip()):
        raise UsageError(
            f"create={safe_repr(create, 60)} names no place",
            hint=did_you_mean(
                create,
                ("end", "start", "heading:TEXT"),
                otherwise='write create="end", "start" or "heading:TEXT"',
            ),
        )


def place_at(page: PageIndex, create: str, what: str) -> int:
    """Where a new region goes: a page with a layout takes it inside its first or last cell."""
    cells = [e for e in page.elements if e.name == "ac:layout-cell"]
    if create == "end":
        return cells[-1].outer if cells else len(page.source)
    if create == "start":
        return cells[0].inner if cells else 0
    wanted = " ".join(create.partition(":")[2].split())
    found = [e for name, e in page.headings if name == wanted]
    if len(found) == 1:
        return found[0].end
    raise RegionError(
        f"{what} has {len(found)} headings {wanted!r} to put a table under",
        hint=did_you_mean(wanted, page.texts) if not found else "make their texts different",
    )


def outside(draft: Draft, stored: str) -> str:
    """Compare what the site has stored with what was sent, outside the edits.

    Returns ``"identical"``, ``"rewritten"`` (same meaning, other bytes) or ``"changed"``.
    """
    if stored == draft.new:
        return "identical"
    if draft.edits:
        begin = min(start for start, _, _ in draft.edits)
        behind = len(draft.old) - max(end for _, end, _ in draft.edits)
        tail = draft.old[len(draft.old) - behind :]
        if stored[:begin] == draft.old[:begin] and stored.endswith(tail) and len(stored) >= begin + behind:
            return "identical"
    return "rewritten" if same_form(stored, draft.new) else "changed"
