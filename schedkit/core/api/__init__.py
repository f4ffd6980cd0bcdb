"""The public API: the scheduler, and handles of its tasks and runs."""
