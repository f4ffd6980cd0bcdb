"""After every test here, a judge that shares no code with the core looks at each ledger that it has left."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from crash.judge_ledger import judge_ledger, ledgers_in


@pytest.fixture(autouse=True)
def judged(tmp_path: Path) -> Iterator[None]:
    yield
    for ledger in ledgers_in(tmp_path):
        judge_ledger(str(ledger))
