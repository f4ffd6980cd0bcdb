"""The workbook that an analyst brings: where its rows go, and what follows them."""
