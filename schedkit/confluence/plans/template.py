"""Placeholders: a page made from a template once, and filled again and again.

``{{ name }}`` in a template becomes, on the page, what it stands for between two invisible anchors
(``name`` and ``name-end``; a table needs only the first). Later fillings replace what is between them, so
people may move them and write around them as they like.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Self

from schedkit.confluence.markup import Formatted, anchor, escape, time_tag
from schedkit.confluence.plans.edit import Draft, Edit, Replaced, TableEdit
from schedkit.confluence.source.locate import PageIndex
from schedkit.confluence.source.reading import text
from schedkit.confluence.source.regions import Anchor
from schedkit.confluence.source.storage import check, splice, tokens
from schedkit.confluence.tables.arguments import rules
from schedkit.confluence.tables.merge import check_keys
from schedkit.confluence.tables.new_table import fresh_table
from schedkit.confluence.tables.render import Look, Rendered, render
from schedkit.confluence.tables.row_writer import Accepted, says
from schedkit.confluence.tables.rules import Missing, Rules
from schedkit.errors import MalformedPageError, RegionError, UsageError
from schedkit.values.keywords import check_keywords

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["BlockChange", "BlockEdit", "Managed", "PageEdit", "page_edit", "rendered_template"]

_NAME = r"[A-Za-z][A-Za-z0-9_-]*"
_PLACEHOLDER = re.compile(r"\{\{\s*(" + _NAME + r")\s*\}\}")
# A paragraph that holds nothing but a table's placeholder gives way to the table.
_ALONE = re.compile(r"<p>\s*(\{\{\s*(" + _NAME + r")\s*\}\})\s*</p>")
_END = "-end"


@check_keywords
@dataclass(frozen=True)
class Managed:
    """A frame as the value of a placeholder: a table that later fillings merge into.

    The parameters are those of `Table.replace`.
    """

    df: pd.DataFrame
    key: str | Sequence[str] | None = None
    keep: Sequence[str] = ()
    drop: Sequence[str] = ()
    columns: Sequence[str] | None = None
    missing: Missing = "commented"
    cap: int | None = 500
    workbook: str | None = None
    min_rows: int = 1
    max_drop: float | None = 0.5
    look: Look = field(default_factory=Look)

    def rendered(self, cloud: bool) -> tuple[Rendered, Rules]:
        look = replace(self.look, cloud=cloud)
        how = rules(
            key=self.key, keep=self.keep, drop=self.drop, columns=self.columns, missing=self.missing,
            cap=self.cap, workbook=self.workbook, min_rows=self.min_rows, max_drop=self.max_drop,
        )  # fmt: skip
        return render(self.df, key=self.key, columns=self.columns, look=look), how


@dataclass(frozen=True)
class BlockChange:
    """What a placeholder other than a table said, and says."""

    name: str
    before: str
    after: str
    changed: bool


@dataclass(frozen=True)
class BlockEdit:
    """Put `storage` between the anchors `name` and `name-end`."""

    name: str
    storage: str
    accepted: Accepted = frozenset()

    def accepting(self, accepted: Accepted) -> Self:
        """Return the same edit, to which more stored forms say what is to be said."""
        return replace(self, accepted=self.accepted | accepted)

    def __call__(self, source: str, what: str) -> Draft:
        check(source, what)
        start, end = _between(PageIndex(source), self.name, what)
        before = source[start:end]
        # Markup means what it is, whatever a person sees of it.
        changed = not says(before, Formatted(self.storage), self.accepted)
        edits = [(start, end, self.storage)] if changed else []
        draft = Draft(
            source,
            splice(source, edits),
            edits,
            BlockChange(self.name, text(before), text(self.storage), changed),
            [Replaced(self.name, before, self.storage)] if changed else [],
        )
        if draft.changed:
            check(draft.new, f"what would become of {what}")
        return draft


@dataclass(frozen=True)
class PageEdit:
    """Several edits as one; the report has one part per edit, in order."""

    edits: Sequence[Edit]

    def accepting(self, accepted: Accepted) -> Self:
        """Return the same edits, to which more stored forms say what is to be said."""
        return replace(self, edits=[edit.accepting(accepted) for edit in self.edits])

    def __call__(self, source: str, what: str) -> Draft:
        drafts: list[Draft] = []
        for edit in self.edits:
            drafts.append(edit(drafts[-1].new if drafts else source, what))
        replaced = [each for draft in drafts for each in draft.replaced]
        return Draft(
            source,
            drafts[-1].new if drafts else source,
            [],
            [draft.report for draft in drafts],
            replaced,
            any(draft.structural for draft in drafts),
        )


def page_edit(values: Mapping[str, Any], cloud: bool) -> PageEdit:
    """Return the edit that fills a page's placeholders anew."""
    edits: list[Edit] = []
    for name, value in values.items():
        managed = _managed(value)
        if managed is None:
            edits.append(BlockEdit(_named(name), inline(value)))
        else:
            edits.append(TableEdit(Anchor(_named(name)), *managed.rendered(cloud)))
    return PageEdit(edits)


def rendered_template(template: str, values: Mapping[str, Any], cloud: bool) -> str:
    """Return the page that a template makes with values.

    Raises
    ------
    UsageError
        If a placeholder has no value, stands where none can be, or twice; or a value has no placeholder.
    MalformedPageError
        If the template is not well-formed storage format.
    """
    check(template, "the template")
    made = {_named(name): _storage(name, value, cloud) for name, value in values.items()}
    used: list[str] = []

    def put(found: re.Match[str]) -> str:
        name = found[1]
        if name not in made:
            raise UsageError(
                f"the template's placeholder {name!r} has no value",
                hint=f"there are values for {', '.join(made) or 'none'}",
            )
        used.append(name)
        return made[name]

    tables = {name for name, value in values.items() if _managed(value) is not None}
    template = _ALONE.sub(lambda found: found[1] if found[2] in tables else found[0], template)
    page = "".join(_filled(token, put) for token in tokens(template))
    for name in made:
        if used.count(name) != 1:
            raise UsageError(
                f"the template has the placeholder {name!r} {used.count(name)} times",
                hint="each value needs its placeholder once",
            )
    check(page, "the page made from the template")
    return page


def _filled(token: re.Match[str], put: Callable[[re.Match[str]], str]) -> str:
    if token["text"] is not None:
        return _PLACEHOLDER.sub(put, token[0])
    if _PLACEHOLDER.search(token[0]):
        raise UsageError(
            f"a placeholder stands inside markup: {token[0][:60]!r}", hint="placeholders stand in text only"
        )
    return token[0]


def _named(name: str) -> str:
    if not re.fullmatch(_NAME, name):
        raise UsageError(f"{name!r} is no name for a placeholder", hint="use letters, digits, - and _")
    return name


def _managed(value: Any) -> Managed | None:
    if isinstance(value, Managed):
        return value
    return Managed(value) if hasattr(value, "columns") and hasattr(value, "dtypes") else None


def _storage(name: str, value: Any, cloud: bool) -> str:
    managed = _managed(value)
    if managed is None:
        return anchor(name) + inline(value) + anchor(name + _END)
    rendered, how = managed.rendered(cloud)
    check_keys(rendered, how, f"placeholder {name!r}")
    return f"<p>{anchor(name)}</p>{fresh_table(rendered, how)}"


def inline(value: Any) -> str:
    """Return a placeholder's value as storage format: text, a date, or one of the markup values."""
    storage = getattr(value, "storage", None)
    if isinstance(storage, str):
        return storage
    if isinstance(value, datetime):
        return escape(value.strftime("%Y-%m-%d %H:%M"))
    if isinstance(value, date):
        return time_tag(value.isoformat())
    return "" if value is None else escape(str(value))


def _between(page: PageIndex, name: str, what: str) -> tuple[int, int]:
    start = [macro for found, macro in page.anchors if found == name]
    end = [macro for found, macro in page.anchors if found == name + _END]
    if len(start) != 1 or len(end) != 1 or end[0].start < start[0].end:
        raise RegionError(
            f"{what} has no single place of the placeholder {name!r}: "
            f"{len(start)} anchors {name!r}, {len(end)} anchors {name + _END!r}",
            hint="put the two anchor macros around the place where it belongs",
        )
    try:
        check(page.source[start[0].end : end[0].start])
    except MalformedPageError:
        raise RegionError(
            f"{what}: the anchors {name!r} and {name + _END!r} are in different paragraphs or cells",
            hint="put both into the same one",
        ) from None
    return start[0].end, end[0].start
