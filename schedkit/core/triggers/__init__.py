"""When tasks run: triggers, wall-clock times, and the outcome of due times."""
