"""Workbooks from DataFrames: `write` and `read`.

openpyxl makes the workbook without its rows, Arrow renders the rows, and every other part is copied byte for
byte.
"""

from __future__ import annotations

from schedkit.excel.chart import Chart
from schedkit.excel.picture import Picture
from schedkit.excel.reading import read, read_all
from schedkit.excel.result import Written
from schedkit.excel.writing import write

__all__ = ["Chart", "Picture", "Written", "read", "read_all", "write"]
