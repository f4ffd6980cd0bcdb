"""A page for each value of a column, from one template; and the pages whose value has no rows."""

from __future__ import annotations

import html
import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import datetime, time
from typing import TYPE_CHECKING, Any, Literal, get_args

import anyio.to_thread

from schedkit import context
from schedkit.confluence.plans.missing_mark import MARK, MissingMark
from schedkit.confluence.plans.new_page import NewPage, pages_by_key
from schedkit.confluence.plans.placeholders import PageEdit, managed
from schedkit.confluence.plans.plan import AsyncPlan, Plan, parts_of
from schedkit.confluence.plans.preview import summary
from schedkit.confluence.plans.publish import plan_page
from schedkit.confluence.plans.result import Applied
from schedkit.confluence.plans.template import page_title, placeholder_names
from schedkit.confluence.plans.update import check_editable, settled_draft
from schedkit.confluence.site.dialects import PageState
from schedkit.confluence.site.parents import Parent
from schedkit.confluence.site.server import Server
from schedkit.confluence.tables.render import is_missing
from schedkit.confluence.tables.rules import Merged
from schedkit.errors import CheckError, NotFoundError, UnknownFieldError, UsageError
from schedkit.loop import blocking, on_own_loop
from schedkit.values.durations import Duration
from schedkit.values.extraction import incomplete
from schedkit.values.text import clean, clip, did_you_mean, one_line, safe_repr

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["MISSING_PAGES", "AsyncPagesPlan", "Each", "MissingPages", "PagesPlan", "plan_each"]

MissingPages = Literal["keep", "mark", "empty"]
MISSING_PAGES: tuple[str, ...] = get_args(MissingPages)
# A share of fewer pages says nothing.
_JUDGED_FROM = 10
_LISTED = 10
_LINE = 160
_VALUE = "value"


@dataclass(frozen=True)
class Each:
    """What the pages of the values of a column have in common; `make` returns a page's values."""

    parent: Parent
    by: str
    title: str
    template: str
    make: Callable[[str, pd.DataFrame], Mapping[str, Any]]
    labels: tuple[str, ...] = ()
    missing: MissingPages | None = None
    min_rows: int = 1
    max_drop: float | None = 0.5
    message: str = "Update the page"

    def key(self, value: str) -> str:
        """Return what the page of a value is found again by."""
        return f"{self.title}: {value}"

    def values(self, value: str, part: pd.DataFrame) -> dict[str, Any]:
        """Return the values of a page's placeholders; `value` itself is one, where it is shown."""
        given: object = self.make(value, part)
        if not isinstance(given, Mapping):
            raise UsageError(
                f"values= returned {safe_repr(given, 60)} for {value!r}, which is not a mapping",
                hint='return {"count": len(part), …}',
            )
        shown = placeholder_names(self.template) | placeholder_names(self.title)
        return {**({_VALUE: value} if _VALUE in shown else {}), **given}


class AsyncPagesPlan:
    """The async side of a `PagesPlan`."""

    def __init__(self, plans: Sequence[Plan], missing: Sequence[str], notes: Sequence[str]) -> None:
        self.plans = plans
        self.missing = missing
        self.notes = notes

    @on_own_loop
    async def apply(self, *, deadline: Duration = 60.0, quiet: bool = True) -> list[Applied]:
        """Create or update the pages, one after the other; return the outcome of each.

        Parameters
        ----------
        deadline, quiet
            As for `Plan.apply`, for each page.

        Raises
        ------
        SiteError
            If a page could not be written; those before it are.
        """
        return [await plan.aio.apply(deadline=deadline, quiet=quiet) for plan in self.plans]


class PagesPlan:
    """The planned pages for the values of a column; nothing is written before `apply()`.

    Examples
    --------
    >>> plan = wiki.publish_each(df, by="Project", title="Bugs of {{ value }}", …)  # doctest: +SKIP
    >>> plan.missing  # doctest: +SKIP
    ['APOLLO']
    >>> [done.title for done in plan.apply()]  # doctest: +SKIP
    ['Bugs of DEMO', 'Bugs of ZEUS']
    """

    def __init__(self, aio: AsyncPagesPlan) -> None:
        self.aio = aio

    apply = blocking(AsyncPagesPlan.apply)

    @property
    def plans(self) -> list[Plan]:
        """The plan of each page, also of those that do not change."""
        return list(self.aio.plans)

    @property
    def missing(self) -> list[str]:
        """The values that have a page and no rows."""
        return list(self.aio.missing)

    @property
    def notes(self) -> list[str]:
        """What is worth knowing before applying."""
        return list(self.aio.notes)

    @property
    def changed(self) -> bool:
        """Whether applying it would write."""
        return any(plan.changed for plan in self.aio.plans)

    def __repr__(self) -> str:
        return "\n".join(self._lines())

    def _repr_html_(self) -> str:
        head, *rest = self._lines()
        lines = "".join(f"<p>{html.escape(line)}</p>" for line in rest)
        return f"<div><p><b>{html.escape(head)}</b></p>{lines}</div>"

    def _lines(self) -> list[str]:
        new = sum(plan.creates for plan in self.aio.plans)
        changed = sum(plan.changed and not plan.creates for plan in self.aio.plans)
        same = len(self.aio.plans) - new - changed
        counts = [f"{n} {what}" for n, what in ((new, "new"), (changed, "changed"), (same, "unchanged")) if n]
        pages = "1 page" if len(self.aio.plans) == 1 else f"{len(self.aio.plans)} pages"
        head = f"{pages}: {', '.join(counts)}" if counts else "no pages"
        shown = [_line(plan) for plan in self.aio.plans if plan.changed]
        return [head, *shown, *(f"note: {note}" for note in self.aio.notes)]


def _line(plan: Plan) -> str:
    """Return one line of what a plan does."""
    if plan.creates:
        return f"{plan.title}: new"
    named = zip(plan.aio.names or (), parts_of(plan.aio.draft), strict=True)
    told = [*filter(None, (_part(name, part) for name, part in named)), *plan.notes]
    return clip(f"{plan.title}: {'; '.join(told)}", _LINE)


def _part(name: str, part: Any) -> str:
    if isinstance(part, Merged):
        return summary(part) if part.edits else ""
    if not part.changed:
        return ""
    if name == MARK:
        return "marked as having no rows" if part.after else "has rows again"
    return f"{name}: {clip(part.before, 30) or 'empty'} → {clip(part.after, 30) or 'empty'}"


async def plan_each(server: Server, df: pd.DataFrame, each: Each) -> PagesPlan:
    """Plan the pages of all values with rows, and what happens to those of values without rows."""
    if len(df) < each.min_rows:
        raise CheckError(
            f"{each.title}: the frame has {len(df)} rows, at least {each.min_rows} expected",
            hint=f"write min_rows={len(df)} if that is right",
        )
    parts = await anyio.to_thread.run_sync(lambda: list(_parts(df, each.by)))
    plans = [await _planned(server, each, value, part) for value, part in parts]
    _check_titles([plan.title for plan in plans])
    gone = await _pages_without_rows(server, each, {value for value, _ in parts})
    notes = _unnamed(df, each.by)
    why = incomplete(df.attrs)
    if gone and (why or each.missing in (None, "keep")):
        notes.append(_kept(gone, each, why))
    elif gone:
        leaving = [await _leaving(server, each, value, state, df) for value, state in gone.items()]
        _check_drop(each, len(plans) + len(leaving), sum(plan.changed for plan in leaving))
        plans += leaving
    return PagesPlan(AsyncPagesPlan(plans, list(gone), notes))


async def _planned(server: Server, each: Each, value: str, part: pd.DataFrame) -> Plan:
    values = await anyio.to_thread.run_sync(each.values, value, part)
    new = NewPage(each.parent, page_title(each.title, values), each.key(value), each.labels)
    return await plan_page(server, new, each.title, each.template, values, each.message)


async def _pages_without_rows(server: Server, each: Each, present: Set[str]) -> dict[str, PageState]:
    """Return the pages of values that are not present, by value; those that people removed are not missed."""
    start = each.key("")
    found: dict[str, PageState] = {}
    for key, page_id in (await pages_by_key(server, each.parent)).items():
        value = key.removeprefix(start)
        if not key.startswith(start) or value in present:
            continue
        try:
            state = await server.read(str(page_id))
        except NotFoundError:
            continue
        if state.status == "current":
            found[value] = state
    return found


async def _leaving(server: Server, each: Each, value: str, state: PageState, df: pd.DataFrame) -> Plan:
    """Plan what happens to a page whose value has no rows."""
    if each.missing == "empty":
        values = await anyio.to_thread.run_sync(each.values, value, df.iloc[:0])
        values = {name: _unguarded(given) for name, given in values.items()}
        new = NewPage(each.parent, state.title, each.key(value), each.labels)
        return await plan_page(server, new, each.title, each.template, values, each.message)
    check_editable(state)
    day = datetime.now().astimezone().date().isoformat()
    edit = PageEdit([MissingMark(day)])
    draft, edit = await settled_draft(server, state, edit)
    return Plan(AsyncPlan(server, state, edit, draft, each.message, names=[MARK]))


def _unguarded(value: Any) -> Any:
    """Return a table's frame that may be empty: the share of pages is judged instead."""
    table = managed(value)
    return value if table is None else replace(table, min_rows=0, max_drop=None)


def _check_drop(each: Each, count: int, leaving: int) -> None:
    if each.max_drop is None or count < _JUDGED_FROM or leaving <= count * each.max_drop:
        return
    raise CheckError(
        f"{each.title}: {leaving} of {count} pages would have no rows any more, "
        f"more than {each.max_drop:.0%}",
        hint="write max_drop=1 if that is right",
    )


def _kept(gone: Mapping[str, PageState], each: Each, why: str) -> str:
    """Say which pages stay as they are although their value has no rows; a warning unless it was chosen."""
    more = f" and {len(gone) - _LISTED} more" if len(gone) > _LISTED else ""
    names = ", ".join(clip(one_line(value), 40) for value in list(gone)[:_LISTED]) + more
    if len(gone) == 1:
        told = "1 page has no rows any more and stays as it is"
    else:
        told = f"{len(gone)} pages have no rows any more and stay as they are"
    because = f" because {why}" if why else ""
    note = f"{told}{because}: {names}"
    if each.missing is None and not why:
        note += ' (missing_pages="mark" says so on the page, "empty" takes its rows away, "keep" is silent)'
    context.log(f"{each.title}: {note}", logging.INFO if each.missing == "keep" else logging.WARNING)
    return note


def _unnamed(df: pd.DataFrame, by: str) -> list[str]:
    absent = sum(is_missing(value) for _, value in _values(df[by]))
    if not absent:
        return []
    note = f"{'1 row has' if absent == 1 else f'{absent} rows have'} no {by}, and no page"
    context.log(note, logging.WARNING)
    return [note]


def _parts(df: pd.DataFrame, by: str) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield the values of a column, each with its rows; a row of several values is in the part of each."""
    if by not in df.columns:
        raise UnknownFieldError(f"the frame has no column {by!r}", hint=did_you_mean(by, df.columns))
    if list(df.columns).count(by) > 1:
        raise UsageError(f"two columns of the frame are named {by!r}", hint="rename one")
    rows: dict[str, list[int]] = {}
    firsts: dict[str, Any] = {}
    for row, value in _values(df[by]):
        if not is_missing(value):
            rows.setdefault(_value_text(value), []).append(row)
            firsts.setdefault(_value_text(value), value)
    categories = list(getattr(df[by].dtype, "categories", ()))
    for text in _in_order(firsts, categories):
        part = df.iloc[list(dict.fromkeys(rows[text]))]
        part.attrs = df.attrs
        yield text, part


def _values(column: pd.Series[Any]) -> Iterator[tuple[int, Any]]:
    """Yield each row's place with its value, or with each of its values; None where there is none."""
    for row, value in enumerate(column.tolist()):
        # Files of columns give lists as arrays.
        several = value.tolist() if getattr(value, "ndim", 0) == 1 else value
        for each in (several or [None]) if isinstance(several, list | tuple | set) else [value]:
            yield row, each


def _in_order(values: Mapping[str, Any], categories: Sequence[Any]) -> list[str]:
    """Sort texts by their values, or by the categories of an ordered or unordered column."""
    try:
        return sorted(values, key=lambda text: categories.index(values[text]) if categories else values[text])
    except TypeError:
        # Values of several kinds have no order.
        return list(values)


def _value_text(value: object) -> str:
    """Return what a page is called after: a date without its midnight."""
    if isinstance(value, datetime) and value.time() == time():
        return value.date().isoformat()
    return clean(str(value))


def _check_titles(titles: Sequence[str]) -> None:
    # Confluence takes titles that differ only in case for the same.
    counts = Counter(title.casefold() for title in titles)
    for title in titles:
        if (count := counts[title.casefold()]) > 1:
            raise UsageError(
                f"{count} pages would have the title {title!r}",
                hint="write {{ value }} in the title, and let no two values be spelled alike",
            )
