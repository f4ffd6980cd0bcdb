"""A project to look at: tasks that are good, fail, wait, write files, and have names that are no names."""

from __future__ import annotations

import threading
from pathlib import Path

import pandas as pd

from schedkit import context
from schedkit.core.api.scheduler import Scheduler
from schedkit.core.triggers.constructors import cron, every

__all__ = ["EVIL", "ODD", "Project"]

EVIL = "<img src=x onerror='window.hacked=1'><script>window.hacked=1"
ODD = "a..b?c=d&e#f %2F + ü"


class Project:
    """A scheduler with a few tasks; `tell` lets the task "waits" write a line and go on."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.tell = threading.Semaphore(0)
        self.sched = Scheduler(str(folder / "ledger.db"), results=folder / "results")
        self.declare()

    def declare(self) -> None:
        sched = self.sched

        @sched.task(cron("0 2 * * *", tz="Europe/Berlin"), description="Pages of a site", tags=("SITE",))
        def crawl_site(pages: int = 1, mode: str = "fast") -> int:
            return pages

        @sched.task(every("6h"), tags=("SITE",))
        def report() -> pd.DataFrame:
            path = self.folder / "report.xlsx"
            path.write_bytes(b"PK rows")
            context.artifact(path, "Report")
            return pd.DataFrame({"Key": ["A-1", "A-2"], "Summary": [EVIL, "two"]})

        @sched.task
        def fails(why: str = EVIL) -> None:
            raise ValueError(why)

        @sched.task
        def waits() -> None:
            line = 0
            while True:
                if self.tell.acquire(timeout=0.02):
                    line += 1
                    context.log(f"line {line}")
                    context.progress("lines", line, 10)
                context.checkpoint()

        @sched.task(every("1h"), name=EVIL, description=EVIL, tags=(EVIL,))
        def hostile() -> None: ...

        @sched.task(name=ODD)
        def odd() -> None: ...
