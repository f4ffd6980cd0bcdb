"""Attempts on the workers of a Dask cluster: a relay between the home of a task and child processes there."""
