"""Tasks that the workers of the tests have: `schedkit worker` runs this file, the home imports it."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import schedkit
from schedkit import context


@schedkit.task(runs_in="dask")
def square(n: int) -> tuple[int, int]:
    return os.getpid(), n * n


@schedkit.task(runs_in="dask")
def talk(run: Any, words: int = 20) -> int:
    for number in range(words):
        run.progress("words", number + 1, words)
        run.log(f"word {number}")
    print("printed")
    logging.getLogger("library").warning("logged")
    context.fact("talk", {"words": words})
    return words


@schedkit.task(runs_in="dask", timeout="2m")
def deaf(path: str, seconds: float = 60.0) -> None:
    """Write when it began, and when it ended; it listens to nothing."""
    Path(path).write_text(f"{os.getpid()}\n")
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        time.sleep(0.01)
    Path(path).write_text("written\n")


@schedkit.task(runs_in="dask")
def listening(path: str) -> None:
    """Go on until it is asked to stop."""
    Path(path).write_text(f"{os.getpid()}\n")
    while not context.should_stop():
        time.sleep(0.005)
    Path(path).write_text("stopped\n")
    context.checkpoint()


@schedkit.task(runs_in="dask")
def gated(run: Any, path: str, gate: str) -> int:
    """Wait for a gate that the test opens, then write if this attempt still may; note that it is over."""
    with Path(path).open("a") as out:
        out.write(f"{os.getpid()}\n")
    while not Path(gate).exists():
        time.sleep(0.005)
    try:
        context.checkpoint()
        with Path(path).open("a") as out:
            out.write(f"written by attempt {run.attempt}\n")
    finally:
        with Path(path).open("a") as out:
            out.write(f"over: attempt {run.attempt}\n")
    return int(run.attempt)


@schedkit.task(runs_in="dask")
def starts_others() -> list[int | None]:
    """Start what users' tasks start: dask/distributed#2142 (processes), #2033 (output), dask/dask#3759."""
    process = multiprocessing.get_context("fork").Process(target=print, args=("by a process",))
    thread = threading.Thread(target=print, args=("by a thread",))
    for started in (process, thread):
        started.start()
        started.join()
    program = subprocess.run([sys.executable, "-c", "print('by a program')"], check=False)
    forked = os.fork()
    if forked == 0:
        return []  # it ends here, as a script would
    return [process.exitcode, program.returncode, os.waitpid(forked, 0)[1]]


@schedkit.task(runs_in="dask")
def delivers(run: Any) -> str:
    run.delivered("page", "written")
    run.log("delivered: page")
    return "went on"


@schedkit.task(runs_in="dask")
def fails() -> None:
    raise ValueError("no such issue")


@schedkit.task(runs_in="dask")
def dies() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@schedkit.task(runs_in="dask")
def large(megabytes: int = 1) -> bytes:
    return b"x" * (megabytes << 20)


@schedkit.task(runs_in="dask", runs_on={"memory": "8GB"})
def needs_memory() -> int:
    return os.getpid()


@schedkit.task(runs_in="dask", max_instances=2)
def step(run: Any, folder: str, seconds: float = 0.05) -> int:
    """Leave a line at its begin and at its end; a write that checks its attempt comes last."""
    effects = os.open(Path(folder) / "effects", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    whose = f"{run.task} {run.id} {run.attempt} {os.getpid()}"
    os.write(effects, f"begin {whose} {time.monotonic_ns()}\n".encode())
    time.sleep(seconds)
    context.checkpoint()
    os.write(effects, f"end {whose} {time.monotonic_ns()}\n".encode())
    os.close(effects)
    return int(run.attempt)
