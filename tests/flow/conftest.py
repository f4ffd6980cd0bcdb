"""The worked example, read once."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.flow_example import Example, read_example


@pytest.fixture(scope="session")
def example(shared_data: Path) -> Example:
    return read_example(shared_data)
