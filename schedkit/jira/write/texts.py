"""Formatted texts in all their forms: a frame may have been extracted in any of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from schedkit.errors import UsageError
from schedkit.jira.write.compare import unchanged
from schedkit.jira.write.targets import Target
from schedkit.jira.write.values import missing

__all__ = ["Texts", "is_document"]

FORMS = ("raw", "markdown")


@dataclass(frozen=True, slots=True)
class Texts:
    """The formatted texts of issues as markup and as Markdown."""

    forms: Mapping[str, pd.DataFrame]

    @classmethod
    async def read(
        cls,
        read: Callable[[Sequence[str], Sequence[str], str], Awaitable[pd.DataFrame]],
        keys: Sequence[str],
        targets: Sequence[Target],
    ) -> Texts:
        """Read them of some issues."""
        names = [target.label for target in targets]
        if not names or not keys:
            return cls({})
        return cls({form: (await read(keys, names, form)).set_index("Key") for form in FORMS})

    def unchanged(self, key: str, target: Target, cell: Any) -> bool:
        """Whether the cell is the text in one of its forms."""
        return any(unchanged(cell, frame.at[key, target.label], "text") for frame in self._of(key, target))

    def refuse_document(self, key: str, target: Target, new: Any) -> None:
        """Raise UsageError for a changed document in JSON, which cannot be written."""
        if isinstance(new, str) and self._of(key, target) and is_document(new):
            raise UsageError(
                f"{target.column} holds a document as JSON, which cannot be written",
                hint="write text, or wiki markup",
            )

    def formatted(self, key: str, target: Target, old: Any) -> bool:
        """Whether the site's text is more than its words."""
        markdown = self._of(key, target)[1:]
        return any(_words(frame.at[key, target.label]) != _words(old) for frame in markdown)

    def _of(self, key: str, target: Target) -> list[pd.DataFrame]:
        return [f for f in self.forms.values() if target.label in f and key in f.index]


def is_document(cell: str) -> bool:
    """Tell whether a text is a document of Cloud as JSON, as ``markup="raw"`` gives it."""
    return cell.lstrip().startswith('{"') and '"type":"doc"' in cell


def _words(value: Any) -> str:
    return "" if missing(value) else " ".join(str(value).split())
