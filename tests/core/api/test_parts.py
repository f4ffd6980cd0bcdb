"""Scheduler is made of parts: few public names, no base classes, and nobody else uses its private ones."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from apscheduler.schedulers.base import BaseScheduler

import schedkit
from schedkit.core.api.scheduler import Scheduler
from schedkit.errors import UsageError

ROOT = Path(schedkit.__file__).parent
MOST_NAMES = 40


def test_a_scheduler_has_few_public_names_besides_those_of_apscheduler(tmp_path: Path) -> None:
    own = {name for name in dir(Scheduler(tmp_path / "ledger.db")) if not name.startswith("_")}
    assert len(own - set(dir(BaseScheduler))) <= MOST_NAMES


def test_a_scheduler_inherits_nothing() -> None:
    assert Scheduler.__bases__ == (object,)


def test_its_private_names_are_used_in_its_own_file_only(tmp_path: Path) -> None:
    private = {name for name in vars(Scheduler(tmp_path / "ledger.db")) if name.startswith("_")}
    private |= {name for name in vars(Scheduler) if name.startswith("_") and not name.startswith("__")}
    private -= {"_ipython_display_"}
    assert private
    used = [
        f"{path.relative_to(ROOT)}:{node.lineno} {ast.unparse(node)}"
        for path in ROOT.rglob("*.py")
        if path != ROOT / "core" / "api" / "scheduler.py"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and node.attr in private
        if not (isinstance(node.value, ast.Name) and node.value.id in ("self", "cls"))
    ]
    assert used == []


def test_methods_of_a_part_are_documented_and_check_their_keywords(tmp_path: Path) -> None:
    sched = Scheduler(tmp_path / "ledger.db")
    assert "as APScheduler does" in str(sched.add_job.__doc__)
    with pytest.raises(UsageError, match=r"Scheduler\.get_job\(\): unknown option 'job' .*'job_id'"):
        sched.get_job(job="x")
