"""What a screen shows: facts folded into one snapshot and numbered changes."""
