"""The tasks of `bench_cluster`, which its workers run too."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import schedkit
from schedkit import context


@schedkit.task(runs_in="dask")
def nothing() -> None:
    pass


@schedkit.task(runs_in="dask")
def sleeps() -> None:
    time.sleep(1.0)


@schedkit.task(runs_in="dask")
def talks(run: Any, words: int) -> None:
    for _ in range(words):
        run.log(f"told at {time.monotonic()}")
        time.sleep(0.01)


@schedkit.task(runs_in="dask")
def listens(path: str) -> None:
    Path(path).touch()
    while not context.should_stop():
        time.sleep(0.001)
    Path(path).write_text(str(time.monotonic()))
