"""What `validate_params` is given, and what becomes of a run that it refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from schedkit.core.api.scheduler import Scheduler
from schedkit.core.model import Retry
from schedkit.core.tasks.base import BaseTask
from schedkit.errors import RetryableError, RunFailedError


@pytest.fixture
def where(tmp_path: Path) -> str:
    """A refusal does not depend on the database."""
    return str(tmp_path / "ledger.db")


def test_it_is_given_every_parameter_as_the_function_gets_it(sched: Scheduler) -> None:
    seen: list[dict[str, Any]] = []

    def work(run: Any, size: int, source: str = "api") -> int:
        return size

    sched.task(name="work", validate_params=lambda **params: seen.append(params))(work)
    assert sched.submit("work", size="5").result("60s") == 5
    assert seen == [{"size": 5, "source": "api"}]


def test_a_class_that_checks_its_defaults_runs_without_any_parameter(sched: Scheduler) -> None:
    class DataSync(BaseTask):
        def execute(self, source: str = "api", batch_size: int = 100) -> str:
            return f"{batch_size} from {source}"

        def validate_params(self, **kwargs: Any) -> bool:
            return kwargs.get("source") in ("api", "database") and kwargs["batch_size"] > 0

    sync = sched.add(DataSync)
    assert sync.submit().result("60s") == "100 from api"
    with pytest.raises(RunFailedError, match=r"validate_params refused .*'ftp'"):
        sync.submit(source="ftp").result("60s")


def test_false_and_a_coroutine_refuse_too(sched: Scheduler) -> None:
    ran: list[str] = []

    async def refuse(**params: Any) -> bool:
        return False

    async def coroutine() -> None:
        ran.append("coroutine")

    sched.task(name="false", validate_params=lambda: False)(lambda: ran.append("false"))
    sched.task(name="awaited", validate_params=refuse)(lambda: ran.append("awaited"))
    sched.task(name="coroutine", validate_params=refuse)(coroutine)
    for name in ("false", "awaited", "coroutine"):
        with pytest.raises(RunFailedError, match="validate_params refused"):
            sched.submit(name).result("60s")
    assert ran == []


@pytest.mark.parametrize(("error", "tries"), [(ValueError("never fits"), 1), (RetryableError("away"), 2)])
def test_what_is_refused_is_not_tried_again(sched: Scheduler, error: Exception, tries: int) -> None:
    def refuse() -> None:
        raise error

    retry = Retry(attempts=2, delay=0, on=(Exception,))
    sched.task(name="work", retry=retry, validate_params=refuse)(lambda: None)
    run = sched.submit("work")
    assert run.wait("60s").attempt == tries
