"""A running scheduler, and the design documents' own fenced examples."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from schedkit.core.api.scheduler import Scheduler

SEEDS = Path(__file__).parents[2] / "../shared/seeds"

Fences = Callable[[str, str, str], str]


@pytest.fixture
def sched(tmp_path: Path) -> Iterator[Scheduler]:
    """A running scheduler on a ledger of its own."""
    with Scheduler(str(tmp_path / "ledger.db"), concurrency=5) as scheduler:
        yield scheduler


@pytest.fixture
def fence() -> Fences:
    """Returns the fenced block of a seed that is of a language and holds a text."""

    def find(seed: str, language: str, holding: str) -> str:
        if not SEEDS.is_dir():
            pytest.skip("the design documents (../shared/seeds) are absent")
        (path,) = SEEDS.glob(f"{seed}_*.txt")
        blocks = re.findall(r"```(\w*)\n(.*?)```", path.read_text(encoding="utf-8"), re.DOTALL)
        found = [text for tongue, text in blocks if tongue == language and holding in text]
        assert len(found) == 1, f"{len(found)} such blocks in seed {seed}"
        return found[0]

    return find
