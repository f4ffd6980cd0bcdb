"""Whether a process lives, and what is taken for granted where nobody can ask."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from schedkit.values.processes import alive


def test_this_one_lives_and_one_that_ended_does_not() -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait(60)
    assert alive(os.getpid(), untold=False)
    assert not alive(ended.pid, untold=True)


def test_somebody_elses_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    def foreign(pid: int, signal: int) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "kill", foreign)
    assert alive(1, untold=False)


@pytest.mark.parametrize("untold", [True, False])
def test_on_windows_nothing_is_asked(monkeypatch: pytest.MonkeyPatch, untold: bool) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(os, "kill", lambda pid, signal: pytest.fail("there it would end the process"))
    assert alive(os.getpid(), untold=untold) is untold
