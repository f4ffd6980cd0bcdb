"""What must be true of what attempts on workers have left; shares no code with schedkit."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise
from pathlib import Path

__all__ = ["judge_workers"]


def judge_workers(effects: Path) -> dict[str, int]:
    """Assert that no two attempts of a run went on at once, and none twice; return how much was seen."""
    spans: dict[tuple[str, int], list[int]] = {}
    pids: dict[tuple[str, int], str] = {}
    for line in effects.read_text().splitlines():
        if line.count(" ") != 5:
            continue  # the last line of a process that was killed
        word, _, run, number, pid, at = line.split()
        key, now = (run, int(number)), int(at)
        if word == "begin":
            assert key not in spans, f"one attempt began twice: {line}"
            spans[key], pids[key] = [now, now], pid
        assert pids[key] == pid, f"one attempt in two processes: {line}"
        spans[key][1] = now
    of_run = defaultdict[str, list[tuple[int, int, int]]](list)
    for (run, number), (begin, end) in spans.items():
        of_run[run].append((begin, end, number))
    for run, found in of_run.items():
        found.sort()
        for (_, end, first), (begin, _, second) in pairwise(found):
            assert first < second, f"attempts of run {run} out of their order: {found}"
            assert end <= begin, f"two attempts of run {run} went on at once: {found}"
    again = sum(len(found) > 1 for found in of_run.values())
    return {"attempts": len(spans), "runs that began again": again}
