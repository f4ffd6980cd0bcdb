"""A search asked page by page, in the words of each kind of site."""
