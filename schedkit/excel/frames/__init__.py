"""Frames as rows of cells, and rows of cells as frames."""
