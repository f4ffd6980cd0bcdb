"""Which columns a frame has, and which fields each is read from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from schedkit.errors import UnknownFieldError, UsageError
from schedkit.jira.dialect import Dialect
from schedkit.jira.table.fields import EPIC_LINK, PARENT_LINK, SPRINT, Catalog, Field, folded, unknown
from schedkit.jira.table.kinds import KEY, PARENT, RAW, STATUS_CATEGORY, Kind, kind_of

__all__ = ["DEFAULT", "RAW_SUFFIX", "Column", "Layout", "layout"]

# (column, field id) in the order an analyst expects; None: found by what the site says about its fields.
DEFAULT: dict[str, str | None] = {
    "Key": "issuekey",
    "Summary": "summary",
    "Type": "issuetype",
    "Status": "status",
    "Status Category": "statusCategory",
    "Priority": "priority",
    "Assignee": "assignee",
    "Reporter": "reporter",
    "Created": "created",
    "Updated": "updated",
    "Resolved": "resolutiondate",
    "Due": "duedate",
    "Parent": "parent",
    "Labels": "labels",
    "Components": "components",
    "Fix Versions": "fixVersions",
    "Sprint": None,
    "Story Points": None,
}
# Of a column with the field's whole structure.
RAW_SUFFIX = " (raw)"
_BY_FOLD = {name.casefold(): name for name in [*DEFAULT, "Id"]}
_BY_ID = {id: name for name, id in DEFAULT.items() if id} | {"id": "Id", "key": "Key"}


@dataclass(frozen=True, slots=True)
class Column:
    """One column: the first of its sources that holds a value gives it.

    `sources` is empty for the issue's key and id, which are not fields, and for a column whose field the
    site does not have.
    """

    label: str
    kind: Kind
    sources: tuple[tuple[Field, Kind], ...] = ()

    @property
    def field_ids(self) -> list[str]:
        """The ids of the fields it is read from."""
        return [field.id for field, _ in self.sources]


@dataclass(frozen=True, slots=True)
class Layout:
    """The columns of a frame.

    Parameters
    ----------
    columns : tuple of Column
        In order.
    everything : bool
        Whether unlisted fields become columns too.
    rich, markup : str
        For those.
    """

    columns: tuple[Column, ...]
    everything: bool = False
    rich: str = "wiki"
    markup: str = "text"

    @property
    def requested(self) -> list[str]:
        """What to ask the site for; `updated` always, to keep the newest of two copies."""
        if self.everything:
            return ["*all"]
        return list(dict.fromkeys([id for column in self.columns for id in column.field_ids] + ["updated"]))


def layout(
    catalog: Catalog,
    dialect: Dialect,
    fields: str | Sequence[str] | None = None,
    markup: str = "text",
    taken: Sequence[str] = (),
) -> Layout:
    """Choose the columns.

    Parameters
    ----------
    catalog : Catalog
        The site's fields.
    dialect : Dialect
        Decides the markup of texts and where a parent is found.
    fields : sequence of str, optional
        Names or ids, in the order wanted; ``"*default"`` among them means the default columns,
        ``"*all"`` for every field; ``"Sprint (raw)"`` for the whole structure of one. The key always comes
        along.
    markup : str
        ``text``, ``markdown`` or ``raw``.
    taken : sequence of str
        Names that other columns will have: a field called so is suffixed by its id.

    Raises
    ------
    UnknownFieldError
        For a name the site does not have.
    UsageError
        For an unknown `markup`, or `fields` that are not names.
    """
    if markup not in ("text", "markdown", "raw"):
        raise UsageError(f"markup must be text, markdown or raw, got {markup!r}")
    chooser = _Chooser(catalog, dialect, markup, (*DEFAULT, "Id", *taken))
    wanted = ["*default"] if fields is None else [fields] if isinstance(fields, str) else list(fields)
    everything = False
    chosen: list[Column] = []
    for name in wanted:
        if not isinstance(name, str):
            raise UsageError(f"fields: {name!r} is not the name of a field")
        if name in ("*default", "*navigable"):
            chosen += [chooser.default(label) for label in DEFAULT]
        elif name == "*all":
            everything = True
            chosen += chooser.everything()
        else:
            chosen += chooser.named(name)
    if not any(column.label == "Key" for column in chosen):
        chosen.insert(0, chooser.default("Key"))
    unique = tuple({column.label: column for column in chosen}.values())
    return Layout(unique, everything, dialect.rich, markup)


class _Chooser:
    def __init__(self, catalog: Catalog, dialect: Dialect, markup: str, taken: Sequence[str]) -> None:
        self.catalog = catalog
        self.dialect = dialect
        self.markup = markup
        self.taken = taken

    def default(self, label: str) -> Column:
        catalog = self.catalog
        if label in ("Key", "Id"):
            return Column(label, KEY)
        if label == "Status Category":
            return Column(label, STATUS_CATEGORY, ((catalog.get("status"), STATUS_CATEGORY),))
        if label == "Parent":
            # Three edges on Data Center: a subtask's parent, the epic link, the parent link.
            links = catalog.custom(EPIC_LINK) + catalog.custom(PARENT_LINK)
            return Column(label, PARENT, ((catalog.get("parent"), PARENT), *self._sources(links)))
        if label == "Sprint":
            return self._of(label, catalog.custom(SPRINT), "sprint")
        if label == "Story Points":
            return self._of(label, catalog.story_points(), "number")
        return self._of(label, [catalog.get(str(DEFAULT[label]))], "any")

    def _sources(self, fields: Iterable[Field]) -> tuple[tuple[Field, Kind], ...]:
        return tuple((field, kind_of(field, self.dialect.rich, self.markup)) for field in fields)

    def _of(self, label: str, fields: list[Field], absent: str) -> Column:
        sources = self._sources(fields)
        if sources:
            return Column(label, sources[0][1], sources)
        store = {"sprint": "list", "number": "float"}[absent]
        return Column(label, Kind(absent, None, store))

    def named(self, name: str) -> list[Column]:
        if name.endswith(RAW_SUFFIX):
            return [
                Column(f"{column.label}{RAW_SUFFIX}", RAW, ((field, RAW),))
                for column in self.named(name.removesuffix(RAW_SUFFIX))
                for field, _ in column.sources[:1]
            ]
        known = folded(name)
        if known in _BY_FOLD and (known != "sprint" or self.catalog.custom(SPRINT)):
            return [self.default(_BY_FOLD[known])]
        if name in _BY_ID:
            return [self.default(_BY_ID[name])]
        try:
            return [self.single(field) for field in self.catalog.find(name)]
        except UnknownFieldError:
            names = [field.name for field in self.catalog.fields.values()]
            raise unknown(name, [*names, *_BY_FOLD.values()]) from None

    def single(self, field: Field) -> Column:
        kind = kind_of(field, self.dialect.rich, self.markup)
        return Column(self.catalog.label(field, self.taken), kind, ((field, kind),))

    def everything(self) -> list[Column]:
        columns = [self.default("Key"), self.default("Id")]
        columns += [self.default(label) for label in DEFAULT if label != "Key"]
        seen = {"statusCategory"} | {c.field_ids[0] for c in columns if len(c.sources) == 1}
        return columns + [self.single(f) for f in self.catalog.fields.values() if f.id not in seen]
