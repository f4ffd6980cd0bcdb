"""The file format of workbooks: a zip of parts, their XML, and the cells and tables in them."""
