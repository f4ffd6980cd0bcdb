"""What a screen shows: events folded into one snapshot and numbered changes."""
