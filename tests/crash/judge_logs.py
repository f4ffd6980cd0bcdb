"""What processes that are made to be killed may not have said; shares no code with schedkit.

Rows are whole also where a scheduler gave up and its process was killed soon afterwards: only its log tells.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import IO

__all__ = ["LOG_FORMAT", "judge_logs", "log_for"]

LOG_FORMAT = "%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s"

_BAD = re.compile(
    r"(?:\S+ \S+ \d+ (?:ERROR|CRITICAL) (?!schedkit\.runs: )"  # there each failed run is a record
    r"|Traceback \(most recent call last\)|Exception (?:ignored )?in|Task exception was never"
    r"|Fatal Python error|.*: RuntimeWarning: )"
)
# A process that stood still for longer than its lease says so.
_RIGHT = "took this process for dead"


def log_for(folder: Path, name: str) -> IO[bytes]:
    """Return the file that takes the standard error of a program."""
    return open(folder / f"{name}.log", "ab")


def judge_logs(folder: Path) -> int:
    """Assert that no log in a folder tells of an error; return how many lines there are."""
    lines = 0
    for path in sorted(folder.glob("*.log")):
        said = path.read_text(errors="replace").splitlines()
        lines += len(said)
        bad = [number for number, line in enumerate(said) if _BAD.match(line) and _RIGHT not in line]
        shown = [said[number] for number in bad[-20:]]
        if bad:
            shown += ["the first of them:", *said[max(bad[0] - 1, 0) : bad[0] + 30]]
        assert not bad, f"{len(bad)} errors in {path.name}:\n" + "\n".join(shown)
    return lines
