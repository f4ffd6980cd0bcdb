"""What workers run that are made to be killed: the tasks of all homes."""

from __future__ import annotations

from crash.worker_effects import NAMES, declare

import schedkit

SCHED = schedkit.Scheduler()
for name in NAMES:
    declare(SCHED, name)
