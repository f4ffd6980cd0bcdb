"""Each test has an environment without settings."""

from __future__ import annotations

import os

import pytest


@pytest.fixture(autouse=True)
def _no_settings_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("SCHEDKIT_")]:
        monkeypatch.delenv(name)
