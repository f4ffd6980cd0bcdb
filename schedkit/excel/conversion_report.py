"""Counts of the values that were altered when they were written."""

from __future__ import annotations

from collections import Counter

# What each count means, as `Written` shows it.
MEANINGS = {
    "truncated": "cells cut to the 32,767 characters that Excel allows",
    "escaped": "cells whose control characters or carriage returns were written as _xHHHH_",
    "surrogates": "cells whose lone surrogates became U+FFFD",
    "flattened": "cells holding a dict, a list of other than text, or another object, written as text",
    "numbers_as_text": "numbers of more than 15 digits, written as text",
    "dates_as_text": "dates outside 1900-03-01 to 9999-12-31, written as ISO text",
    "durations_as_text": "negative durations, written as text because Excel cannot show them",
    "infinite": "infinite numbers, by the `inf` policy",
    "links_as_text": "links beyond 65,530 per sheet or longer than 2,079 characters, written as text",
    "formulas_left_out": "cells of template columns whose formulas differ from row to row, left blank",
    "uncalculated": "formulas that depend on new rows, left without a value until a program calculates them",
    "filters_cleared": "filters of the template that were cleared to show all rows",
    "notes_removed": "notes removed with their row",
    "renamed_sheets": "sheet names changed to valid ones",
    "renamed_columns": "column labels changed to valid, unique ones",
    "split_sheets": "sheets added for rows beyond the limit of one sheet",
    "guarded": "CSV cells that a spreadsheet would run as a formula, prefixed with an apostrophe",
    "dropped_index": "rows whose unnamed index, not 0, 1, 2, …, was left out (name the index to keep it)",
    "unplaced_columns": "columns left out because the template has no header for them",
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
