"""A page's source, read by offsets and never rewritten."""
