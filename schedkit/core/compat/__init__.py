"""Adapters for other schedulers' APIs: APScheduler's jobs and listeners, `get_status`."""
