"""Header rows: one row of labels, and above it the groups of columns that have several levels.

The cells of the last header row hold whole labels ("Points / sum"), because the headers of a table must be
unique. A conditional format shows only the last level ("sum") while the cell holds that label.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass

from openpyxl.formatting.rule import Rule
from openpyxl.styles import Alignment, Border, Side
from openpyxl.styles.differential import DifferentialStyle
from openpyxl.styles.numbers import NumberFormat
from openpyxl.worksheet.worksheet import Worksheet

from schedkit.excel.limits import units
from schedkit.excel.names import header_text, letters
from schedkit.excel.new_workbook import styles
from schedkit.excel.new_workbook.summary import put

__all__ = [
    "Group",
    "HeaderRows",
    "draw_edges",
    "draw_groups",
    "number_rules",
    "number_style",
    "shorten_label",
    "text_format",
    "widen_groups",
]

# Excel's limit for a number format.
_MOST_FORMAT_UNITS = 255
# Those of rules are counted apart from those of cells, beginning with the first that is not Excel's own.
_FIRST_FORMAT = 164
_EDGE = Side("thin", color=styles.WHITE)


@dataclass(frozen=True)
class Group:
    """A text over some columns, whose positions count from 1."""

    left: int
    right: int
    text: str
    align: str = "center"


@dataclass(frozen=True)
class HeaderRows:
    """The texts that header cells show, by column (empty: their values), and the groups above them."""

    labels: tuple[str, ...] = ()
    groups: tuple[tuple[Group, ...], ...] = ()

    @classmethod
    def of(cls, labels: Sequence[Hashable], headers: Sequence[str]) -> HeaderRows:
        """Return the header of columns with labels of several levels.

        Examples
        --------
        >>> labels = [("Team", ""), ("Points", "sum"), ("Points", "mean")]
        >>> found = HeaderRows.of(labels, ["Team", "Points / sum", "Points / mean"])
        >>> found.labels
        ('Team', 'sum', 'mean')
        >>> found.groups
        ((Group(left=2, right=3, text='Points'),),)
        """
        levels = [
            [text for text in map(header_text, label if isinstance(label, tuple) else [label]) if text]
            for label in labels
        ]
        shown = tuple(texts[-1] if texts else header for texts, header in zip(levels, headers, strict=True))
        depth = max(map(len, levels), default=1) - 1
        return cls(shown, tuple(_groups(levels, level) for level in range(depth))) if depth > 0 else cls()

    def label(self, position: int, header: str) -> str:
        """Return the text that the header cell of a column shows."""
        return self.labels[position - 1] if self.labels else header

    @property
    def edges(self) -> list[int]:
        """The columns at whose left a group begins or ends, but for the first."""
        found = {edge for row in self.groups for group in row for edge in (group.left, group.right + 1)}
        return sorted(found - {1})


def _groups(levels: Sequence[Sequence[str]], level: int) -> tuple[Group, ...]:
    """Return the groups of one level: adjacent columns with the same labels down to that level."""
    found: list[Group] = []
    for position, texts in enumerate(levels, 1):
        if len(texts) <= level + 1:
            continue
        last = found[-1] if found else None
        if (
            last is not None
            and last.right == position - 1
            and levels[position - 2][: level + 1] == texts[: level + 1]
        ):
            found[-1] = Group(last.left, position, last.text)
        else:
            found.append(Group(position, position, texts[level]))
    return tuple(found)


def draw_groups(sheet: Worksheet, header: HeaderRows, width: int) -> None:
    """Draw the rows of groups, from the first row of the sheet on."""
    for row, groups in enumerate(header.groups, 1):
        for position in range(1, width + 1):
            sheet.cell(row, position).fill = styles.filled(styles.BRAND)
        for group in groups:
            cell = put(sheet, row, group.left, group.text, color=styles.WHITE, bold=True)
            cell.alignment = Alignment(horizontal=group.align, vertical="center")
            for position in range(group.left, group.right + 1):
                sheet.cell(row, position).border = Border(
                    left=_EDGE if position == group.left else None,
                    right=_EDGE if position == group.right else None,
                    bottom=_EDGE,
                )
            if group.right > group.left:
                sheet.merge_cells(start_row=row, end_row=row, start_column=group.left, end_column=group.right)
        sheet.row_dimensions[row].height = 20


def draw_edges(
    sheet: Worksheet, header: HeaderRows, width: int, top: int, bottom: int, *, first: str | None = None
) -> None:
    """Draw a line between the groups through all rows, blank cells included.

    `first` is the formula of the rows that have a line above them: some programs apply one rule a cell only.
    """
    columns = [letters(position) for position in header.edges if position <= width]
    area = " ".join(f"{name}{top}:{name}{bottom}" for name in columns)
    edge, line = Side("thin", color=styles.LINE), Side("thin", color=styles.BRAND)
    wanted = [(first, Border(left=edge, top=line)), ("TRUE", Border(left=edge))]
    for formula, border in wanted if columns else ():
        if formula is not None:
            rule = Rule(type="expression", formula=[formula], dxf=DifferentialStyle(border=border))
            sheet.conditional_formatting.add(area, rule)


def shorten_label(sheet: Worksheet, row: int, position: int, header: str, label: str) -> None:
    """Add the rule by which a header cell shows its last level while it holds the whole label."""
    code = text_format(label)
    if header == label or units(code) > _MOST_FORMAT_UNITS:
        return
    cell = f"{letters(position)}{row}"
    quoted = header.replace('"', '""')
    rule = Rule(type="expression", formula=[f'EXACT({cell},"{quoted}")'], dxf=number_style(code))
    sheet.conditional_formatting.add(cell, rule)


def text_format(shown: str) -> str:
    """Return the number format that shows another text in the place of a cell's.

    Examples
    --------
    >>> text_format('5" disk')
    ';;;"5"\\\\"" disk"'
    """
    return ';;;"' + shown.replace('"', '"\\""') + '"'


def number_style(code: str) -> DifferentialStyle:
    """Return the style of a rule that changes the number format; `number_rules` numbers the formats."""
    return DifferentialStyle(numFmt=NumberFormat(numFmtId=_FIRST_FORMAT, formatCode=code))


def number_rules(sheets: Iterable[Worksheet]) -> None:
    """Give the number formats of all rules of a workbook numbers of their own, as Excel does."""
    numbers: dict[str, int] = {}
    for sheet in sheets:
        for rule in (rule for area in sheet.conditional_formatting for rule in area.rules):
            shown = rule.dxf.numFmt if rule.dxf is not None else None
            if shown is not None:
                shown.numFmtId = numbers.setdefault(shown.formatCode, _FIRST_FORMAT + len(numbers))


def widen_groups(sheet: Worksheet, header: HeaderRows) -> None:
    """Widen the columns of each group to fit its text."""
    for group in (group for row in header.groups for group in row):
        columns = [sheet.column_dimensions[letters(place)] for place in range(group.left, group.right + 1)]
        lacking = styles.text_width(group.text) + 2 - sum(column.width for column in columns)
        for column in columns:
            column.width += max(lacking, 0) / len(columns)
