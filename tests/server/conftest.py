"""One scheduler behind its server for a whole module: its tests add runs and tokens of their own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.rest import Rest, served

from schedkit.core.api.scheduler import Scheduler


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the ledger and the results are."""
    return tmp_path_factory.mktemp("server")


@pytest.fixture(scope="module")
def both(folder: Path) -> Iterator[tuple[Scheduler, Any]]:
    """A running scheduler and its application."""
    with served(folder) as found:
        yield found


@pytest.fixture(scope="module")
def app(both: tuple[Scheduler, Any]) -> Any:
    """The application."""
    return both[1]


@pytest.fixture(scope="module")
def sched(both: tuple[Scheduler, Any]) -> Scheduler:
    """The scheduler."""
    return both[0]


@pytest.fixture(scope="module")
def rest(app: Any) -> Rest:
    """A client of this machine."""
    return Rest(app)
