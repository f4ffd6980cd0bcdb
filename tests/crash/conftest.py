"""After every test here, judges that share no code with the core look at what it has left.

That is each ledger, and each log.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from crash.judge_ledger import judge_ledger, ledgers_in
from crash.judge_logs import judge_logs


@pytest.fixture(autouse=True)
def judged(tmp_path: Path) -> Iterator[None]:
    yield
    for ledger in ledgers_in(tmp_path):
        judge_ledger(str(ledger))
    judge_logs(tmp_path)
