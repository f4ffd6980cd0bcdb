"""How the schedulers live that are made to be killed."""

from __future__ import annotations

import logging
import os
import time

from schedkit.core.api.scheduler import Scheduler

__all__ = ["run_until_killed"]


def run_until_killed(sched: Scheduler) -> None:
    """Return only if the test has ended, or the scheduler by itself: a failure, which the log tells."""
    parent = os.getppid()
    while os.getppid() == parent:
        if sched.state != "running":
            logging.critical("the scheduler ended by itself")
            return
        time.sleep(0.2)
