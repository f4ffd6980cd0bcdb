"""Counts of the values that were altered when they were written."""

from __future__ import annotations

from collections import Counter

# What each count means, as `Written` shows it.
MEANINGS = {
    "truncated": "cells cut to the 32,767 characters Excel can hold",
    "escaped": "cells whose control characters or carriage returns were written as _xHHHH_",
    "surrogates": "cells whose lone surrogates became U+FFFD",
    "flattened": "cells holding a dict, a list of other than text, or another object, written as text",
    "numbers_as_text": "numbers of more than 15 digits, written as text",
    "dates_as_text": "dates outside 1900-03-01 to 9999-12-31, written as ISO text",
    "durations_as_text": "negative durations, which Excel cannot show, written as text",
    "infinite": "infinite numbers, by the `inf` policy",
    "links_as_text": "links beyond 65,530 per sheet or longer than 2,079 characters, written as text",
    "formulas_left_out": "cells of template columns whose formulas differ from row to row, left blank",
    "filters_cleared": "filters of the template whose criteria were removed, so that all rows are shown",
    "notes_removed": "notes that left with the row that they were on",
    "renamed_sheets": "sheet names Excel would refuse",
    "renamed_columns": "column labels Excel would refuse or that were not unique",
    "split_sheets": "further sheets for rows beyond the limit of one",
    "guarded": "CSV cells that a spreadsheet would run as a formula, prefixed with an apostrophe",
    "dropped_index": "rows whose unnamed index of whole numbers was left out (name the index to keep it)",
    "unplaced_columns": "columns of the frame that the template has no header for",
}


class ConversionReport:
    """Counts by kind; a kind never counted does not appear."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()

    def add(self, kind: str, count: int = 1) -> None:
        """Count `count` more cells (or sheets, or columns) of a kind of `MEANINGS`."""
        assert kind in MEANINGS, kind
        if count:
            self._counts[kind] += int(count)

    def as_dict(self) -> dict[str, int]:
        """Return the counts, most frequent first."""
        return dict(self._counts.most_common())
