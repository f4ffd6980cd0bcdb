"""New workbooks: everything but their rows, made by openpyxl."""
