"""What a table has besides the frame: "… and 42 more", the archived block's head, and "Missing since".

The two rows have a cell per column like any other row (merged cells would not survive an added column) and
are recognised by the text in the key column.
"""

from __future__ import annotations

import re

from schedkit.confluence.markup import attachment_link

__all__ = ["ARCHIVED", "MISSING_SINCE", "archived_cell", "is_more", "more_cell"]

ARCHIVED = "Archived"
# The column of rows that have left the frame; workbooks have it by the same name.
MISSING_SINCE = "Missing since"
_MORE = re.compile(r"… and [0-9,]+ more( in .*)?")


def more_cell(count: int, workbook: str | None) -> str:
    """Return the content that counts rows not shown."""
    link = f" in {attachment_link(workbook, workbook)}" if workbook else ""
    return f"<em>… and {count:,} more</em>{link}"


def is_more(shown: str) -> bool:
    """Tell whether a cell's text counts rows not shown."""
    return _MORE.fullmatch(shown) is not None


def archived_cell() -> str:
    """Return the content that heads the archived block."""
    return f"<strong>{ARCHIVED}</strong>"
