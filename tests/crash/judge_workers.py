"""What must be true of what attempts on workers have left; shares no code with schedkit."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise
from pathlib import Path

__all__ = ["judge_workers"]


def judge_workers(effects: Path, lease: float) -> dict[str, int]:
    """Assert that no attempt went on twice, and none beside another for a lease; return how much was seen.

    An heir on the same machine begins as soon as the home's process is gone, and Dask tells the worker a
    moment later: until then, at the longest for the lease, the code of the old attempt may go on or begin.
    Its checked writes are refused.

    Parameters
    ----------
    lease : float
        Seconds.
    """
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
    beside, longest = 0, 0
    for run, found in of_run.items():
        found.sort()
        for (_, end, _), (begin, _, _) in pairwise(found):
            assert end - begin < lease * 1e9, f"two attempts of run {run} went on at once: {found}"
            beside += end > begin
            longest = max(longest, end - begin)
    again = sum(len(found) > 1 for found in of_run.values())
    return {
        "attempts": len(spans),
        "runs that began again": again,
        "attempts beside another": beside,
        "ms at the longest": longest // 1_000_000,
    }
