"""Filling existing workbooks: where rows are written, and what changes with them."""
