"""A workbook as it lies in its file: a zip of parts, their XML, and the cells and tables in them."""
