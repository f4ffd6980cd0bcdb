"""Which notebook a kernel executes, as those who start kernels tell it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from support.lives import node_of

from schedkit.core.api.scheduler import Scheduler
from schedkit.core.tasks.origin import TYPED, declared_in, notebook_file

# What sessions were called that people have reported: by a server for a console, by one for a notebook that
# was opened under an id, and by nobody.
NAMELESS = [None, "", "/work/console-1-d1a5", "/work/34361149-e3d8-4dbc-9302-0e86431b3e8c"]


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Nobody has named a notebook."""
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    monkeypatch.delattr(sys.modules["__main__"], "__vsc_ipynb_file__", raising=False)
    return monkeypatch


def of_vs_code(told: pytest.MonkeyPatch, path: object) -> None:
    told.setattr(sys.modules["__main__"], "__vsc_ipynb_file__", path, raising=False)


@pytest.mark.parametrize("session", NAMELESS)
def test_what_is_no_notebook_is_none(told: pytest.MonkeyPatch, session: str | None) -> None:
    if session is not None:
        told.setenv("JPY_SESSION_NAME", session)
    assert notebook_file() is None
    of_vs_code(told, 42)
    assert notebook_file() is None


def test_jupyter_server_names_it_in_the_environment(told: pytest.MonkeyPatch) -> None:
    told.setenv("JPY_SESSION_NAME", "/work/weekly.ipynb")
    assert notebook_file() == Path("/work/weekly.ipynb")


@pytest.mark.parametrize("session", NAMELESS)
def test_vs_code_names_it_in_the_cells(told: pytest.MonkeyPatch, session: str | None) -> None:
    if session is not None:
        told.setenv("JPY_SESSION_NAME", session)
    of_vs_code(told, "/work/weekly.ipynb")
    assert notebook_file() == Path("/work/weekly.ipynb")


def test_a_notebook_of_vs_code_is_the_place_of_its_tasks(told: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """So that its restarted kernel may declare them with other code while another process stands by."""
    of_vs_code(told, str(tmp_path / "weekly.ipynb"))
    sched = Scheduler(tmp_path / "ledger.db")
    assert sched.name == "weekly.ipynb"
    with declared_in(TYPED):
        task = sched.task(name="one")(lambda: 1)
    with sched:
        row = node_of(sched).ledger.task(task.name)
        assert row is not None
        assert row.place == str(tmp_path / "weekly.ipynb")
