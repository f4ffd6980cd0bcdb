"""The workbook that we draw: everything of it but its rows, by openpyxl."""
