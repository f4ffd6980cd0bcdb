"""Whether a process lives, where its number means it, and what is taken for granted where nobody can ask."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from schedkit.values import processes
from schedkit.values.processes import alive, pid_space

TELL = "from schedkit.values.processes import pid_space; print(pid_space())"


@pytest.fixture
def asked_anew() -> Iterator[None]:
    """Have it found out again, and once more after the test."""
    pid_space.cache_clear()
    yield
    pid_space.cache_clear()


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


def test_processes_of_this_machine_know_each_other_by_their_numbers() -> None:
    said = subprocess.run([sys.executable, "-c", TELL], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == pid_space()


@pytest.mark.usefixtures("asked_anew")
@pytest.mark.skipif(sys.platform != "linux", reason="has namespaces of processes")
def test_containers_do_not_though_they_have_one_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = pid_space()
    (tmp_path / "ns").touch()  # another file, as each namespace has one
    monkeypatch.setattr(processes, "_NAMESPACE", tmp_path / "ns")
    pid_space.cache_clear()
    there = pid_space()
    assert there != here
    assert there.split()[0] == here.split()[0], "one kernel"


@pytest.mark.usefixtures("asked_anew")
@pytest.mark.skipif(sys.platform != "linux", reason="tells it in /proc")
def test_where_it_is_hidden_nobody_else_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "_BOOT", tmp_path / "none")
    pid_space.cache_clear()
    once = pid_space()
    assert pid_space() == once
    pid_space.cache_clear()
    assert pid_space() != once


@pytest.mark.usefixtures("asked_anew")
def test_elsewhere_a_machine_is_known_by_its_name_and_its_network_card(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(processes.uuid, "getnode", lambda: 0xACDE48001122)
    pid_space.cache_clear()
    assert pid_space() == f"{socket.gethostname()} acde48001122"
