"""A DataFrame as the contents of table cells, column by column."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from decimal import Decimal
from enum import Enum
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from schedkit.confluence.markup import (
    Formatted,
    Image,
    Link,
    Lozenge,
    Markup,
    Mention,
    attribute,
    escape,
    is_web_address,
    time_tag,
)
from schedkit.confluence.source.reading import key_text
from schedkit.confluence.tables.arguments import labels as column_labels
from schedkit.confluence.tables.look import Look
from schedkit.confluence.tables.moments import day, days, moment, moments
from schedkit.confluence.tables.rules import header, joined_key
from schedkit.errors import UnknownFieldError, UsageError
from schedkit.values.dates import field_type, holds_dates
from schedkit.values.extraction import incomplete
from schedkit.values.text import clip, did_you_mean

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Rendered", "is_missing", "render"]

_ISSUE_KEY = re.compile(r"[A-Z][A-Z0-9_]*-[0-9]+")
# A category's name is in the site's language; its key is not. Both occur in frames.
_CATEGORY_COLOURS = {
    "new": "Grey",
    "to do": "Grey",
    "indeterminate": "Blue",
    "in progress": "Blue",
    "done": "Green",
}
_UNLIMITED = 1_000_000_000
_RIGHT = '<p style="text-align: right;">'


@dataclass(frozen=True)
class Rendered:
    """Columns and, per column, the content of each row's cell; `keys` are the rows' key texts.

    `archived` are the keys of rows that were read from a table's archived block; `incomplete` says what the
    frame's extraction lacks.
    """

    names: list[str]
    columns: list[list[str]]
    keys: list[str] | None
    archived: frozenset[str] = frozenset()
    incomplete: str = ""

    def __len__(self) -> int:
        return len(self.columns[0])


def render(
    df: pd.DataFrame,
    *,
    key: Any = None,
    columns: Any = None,
    look: Look | None = None,
) -> Rendered:
    """Render a frame's columns as cells.

    Raises
    ------
    UnknownFieldError
        If `key` or one of `columns` is not a column of the frame.
    UsageError
        If two columns have one name.
    """
    import pandas as pd

    look = look or Look()
    if not isinstance(df, pd.DataFrame):
        raise UsageError(f"expected a DataFrame, got {type(df).__name__}", hint="give a DataFrame")
    keys: list[Any] = [] if key is None else column_labels(key, "key")
    if keys and set(keys) <= set(df.index.names) - set(df.columns):
        df = df.reset_index()
    every = columns is None or (isinstance(columns, str) and columns == "all")
    labels = list(df.columns) if every else column_labels(columns, "columns")
    absent = [name for name in keys if name not in labels]
    if absent and columns is not None:
        raise UsageError(f"the key column {absent[0]!r} is not among columns=", hint="list it there too")
    names = [header(label) for label in labels]
    _known(df, [*labels, *keys])
    _check_look(df, look)
    _once(names, labels)
    # A key that is cut would be another key.
    whole = replace(look, max_chars=_UNLIMITED)
    cells = {
        name: _column(df, label, str(label), whole if label in keys else look)
        for label, name in zip(labels, names, strict=True)
    }
    texts = [[key_text(cell) for cell in cells[header(name)]] for name in keys]
    joined = [joined_key(parts) for parts in zip(*texts, strict=True)] if keys else None
    archived = df.attrs.get("archived")
    count = archived if isinstance(archived, int) and joined else 0
    return Rendered(
        names,
        list(cells.values()),
        joined,
        frozenset(joined[len(joined) - count :] if joined else ()),
        incomplete(df.attrs),
    )


def _known(df: pd.DataFrame, wanted: Iterable[Any]) -> None:
    if df.columns.nlevels > 1:
        raise UsageError(
            "the frame's columns have several levels", hint='join them: df.columns = df.columns.map("".join)'
        )
    for label in wanted:
        if label not in df.columns:
            raise UnknownFieldError(
                f"the frame has no column {label!r}", hint=did_you_mean(label, df.columns)
            )


def _check_look(df: pd.DataFrame, look: Look) -> None:
    """Refuse links, lozenges, mentions or dates of columns that the frame does not have."""
    known = [*map(str, df.columns), *(str(name) for name in df.index.names if name is not None)]
    for name in ("links", "lozenges", "mentions", "dates"):
        for label in getattr(look, name):
            if str(label) not in known:
                raise UnknownFieldError(
                    f"{name}= names {label!r}, and the frame has no such column",
                    hint=did_you_mean(label, known),
                )


def _once(names: list[str], labels: Sequence[Any]) -> None:
    # A table's corner may be empty; its frame then has a column "".
    if not names or not all(name or label == "" for name, label in zip(names, labels, strict=True)):
        raise UsageError("the frame has no columns, or one without a name", hint="name its columns")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UsageError(f"two columns of the frame are named {twice[0]!r}", hint="rename one")


def _column(df: pd.DataFrame, label: Any, name: str, look: Look) -> list[str]:
    from pandas.api import types

    series = df[label]
    dtype = series.dtype
    if name in look.mentions:
        return _mentions(df, label, look)
    if name in look.dates and not types.is_datetime64_any_dtype(dtype):
        return _with_days(series.tolist(), look)
    if name in look.lozenges or (name == "Status" and "Status Category" in df.columns):
        return _lozenges(df, label, look.lozenges.get(name, "Status Category"))
    if isinstance(dtype, types.CategoricalDtype):
        texts = [_value(v, look) for v in dtype.categories]
        return [texts[code] if code >= 0 else "" for code in series.cat.codes.tolist()]
    if types.is_datetime64_any_dtype(dtype):
        only_days = name in look.dates or holds_dates(series, field_type(df.attrs, label))
        return days(series, look) if only_days else moments(series, look)
    if types.is_bool_dtype(dtype) or types.is_numeric_dtype(dtype):
        return [_value(v, look) for v in series.tolist()]
    template = look.links.get(name) or _site_template(df)
    values = series.tolist()
    if name in look.links:
        return [Formatted(_linked(v, template, look)) for v in values]
    if template and name in ("Key", "Parent"):
        return [_issue(v, template, look) for v in values]
    if all(v.time() == time() for v in values if _is_moment(v)):
        return _with_days(values, look)
    return [_value(v, look) for v in values]


def _with_days(values: Sequence[Any], look: Look) -> list[str]:
    return [day(v, look) if _is_moment(v) else _value(v, look) for v in values]


def _site_template(df: pd.DataFrame) -> str:
    site = df.attrs.get("site")
    return f"{site}/browse/{{}}" if isinstance(site, str) and site.startswith(("http://", "https://")) else ""


def _issue(value: Any, template: str, look: Look) -> str:
    if isinstance(value, str) and _ISSUE_KEY.fullmatch(value):
        return _linked(value, template, look)
    return _value(value, look)


def _member(value: Any) -> Any:
    """Return the value of a member of an enumeration, as workbooks show it; anything else as it is."""
    return value.value if isinstance(value, Enum) else value


def _linked(value: Any, template: str, look: Look) -> str:
    value = _member(value)
    shown = _value(value, look)
    if not shown:
        return ""
    url = str(value) if template.strip() == "{}" else template.replace("{}", quote(str(value), safe=""))
    # The value is untrusted: one that makes another kind of address stays text.
    return f'<a href="{attribute(url)}">{shown}</a>' if is_web_address(url) else shown


def _lozenges(df: pd.DataFrame, label: Any, by: Mapping[str, str] | str) -> list[str]:
    values = list(map(_member, df[label].tolist()))
    if isinstance(by, str):
        _known(df, [by])
        colours = [_CATEGORY_COLOURS.get(str(c).lower(), "Grey") for c in df[by].tolist()]
    else:
        colours = [by.get(v, "Grey") if isinstance(v, str) else "Grey" for v in values]
    made: dict[tuple[Any, str], str] = {}
    out = []
    for value, colour in zip(values, colours, strict=True):
        if is_missing(value):
            out.append("")
            continue
        pair = (str(value), colour)
        if pair not in made:
            made[pair] = Formatted(Lozenge(*pair).storage)
        out.append(made[pair])
    return out


def _mentions(df: pd.DataFrame, label: Any, look: Look) -> list[str]:
    by = look.mentions[str(label)]
    _known(df, [by])
    ids = df[by].tolist()
    return [
        _value(shown, look) if is_missing(user) else Formatted(Mention(str(user), look.cloud).storage)
        for shown, user in zip(df[label].tolist(), ids, strict=True)
    ]


def _is_moment(value: Any) -> bool:
    return isinstance(value, datetime) and not is_missing(value)


def is_missing(value: Any) -> bool:
    """Tell whether a value is None, NaN, NaT or NA."""
    if value is None:
        return True
    if isinstance(value, float):
        return math.isnan(value)
    return type(value).__name__ in ("NaTType", "NAType")


def _value(value: Any, look: Look) -> str:
    """Render one value of any type."""
    value = _member(value)
    if isinstance(value, str):
        return escape(clip(value, look.max_chars))
    if is_missing(value):
        return ""
    render_as = next((fn for kind, fn in _BY_TYPE if isinstance(value, kind)), None)
    if render_as is not None:
        return render_as(value, look)
    if isinstance(value, list | tuple | set | frozenset):
        listed = sorted(map(str, value)) if isinstance(value, set | frozenset) else value
        parts = [_value(part, look) for part in listed]
        joined = ", ".join(parts)
        return Formatted(joined) if any(isinstance(part, Formatted) for part in parts) else joined
    # numpy scalars, Decimal, UUID, dicts: numbers stay numbers, the rest is what it says.
    item = getattr(value, "item", None)
    if callable(item):
        return _value(item(), look)
    return _value(str(value), look)


def _number(value: float | Decimal, look: Look) -> str:
    if isinstance(value, float):
        shown = str(int(value)) if value.is_integer() and abs(value) < 1e15 else f"{value:.12g}"
    else:
        shown = str(value)
    return f"{_RIGHT}{shown}</p>"


_BY_TYPE: tuple[tuple[Any, Callable[[Any, Look], str]], ...] = (
    (bool, lambda value, look: "Yes" if value else "No"),
    (int | float | Decimal, _number),
    (datetime, moment),
    (date, lambda value, look: time_tag(value.isoformat())),
    (Markup | Link | Lozenge | Mention | Image, lambda value, look: Formatted(value.storage)),
)
