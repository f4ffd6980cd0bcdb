"""The words of other schedulers (APScheduler's jobs and listeners, `get_status`), spoken over ours."""
