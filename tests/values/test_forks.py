"""A forked child is told, and what is gone is not."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

PROGRAM = """
import gc, os
from schedkit.values.forks import register_fork_hook

class Thing:
    def __init__(self, name): self.name = name
    def forked(self): os.write(1, self.name.encode())

kept, gone = Thing("kept "), Thing("gone ")
register_fork_hook(lambda: os.write(1, b"first "))
register_fork_hook(gone.forked)
register_fork_hook(kept.forked)
del gone
gc.collect()
if (child := os.fork()) == 0:
    if os.fork() == 0:
        os._exit(0)
    os.wait()
    os._exit(0)
os.waitpid(child, 0)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_hooks_run_in_their_order_in_every_forked_child() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert done.stdout == "first kept first kept "
