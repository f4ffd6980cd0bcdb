"""Every issue that a query, keys, a link or a hierarchy names, with the proof."""
