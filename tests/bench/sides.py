"""One side of a bench, measured in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

__all__ = ["run_side"]


def run_side(module: str, side: str, **run: Any) -> dict[str, Any]:
    """Return what one side of a module measured: it reads `run` as JSON from its command, and prints JSON."""
    command = [sys.executable, "-m", f"bench.{module}", side, json.dumps(run)]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    measured: dict[str, Any] = json.loads(printed)
    return measured
