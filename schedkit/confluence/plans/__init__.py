"""What is to be written: planned, looked at, applied."""
