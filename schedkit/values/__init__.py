"""Values that every room reads and shows the same way: time zones, durations, text, files, YAML."""
