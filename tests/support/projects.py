"""A project of its own for each test that asks for one: settings, reports and ledger in a fresh folder."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from schedkit.values.paths import SETTINGS_VARIABLE

ROOT = Path(__file__).parents[2]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty project that is the working folder; objects kept for the process are fresh in it."""
    for name in [name for name in os.environ if name.startswith("SCHEDKIT_SITES")]:
        monkeypatch.delenv(name)
    # Both, so that what the command line sets is undone.
    monkeypatch.setenv(SETTINGS_VARIABLE, "")
    monkeypatch.delenv(SETTINGS_VARIABLE)
    (tmp_path / "schedkit.yaml").write_text("", encoding="utf-8")
    (tmp_path / "reports").mkdir()
    report = (ROOT / "reports" / "demo.yaml").read_text(encoding="utf-8")
    (tmp_path / "reports" / "demo.yaml").write_text(report, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    kept: dict[str, object] = sys.__dict__.setdefault("_schedkit_live", {})
    before, paths = set(kept), list(sys.path)
    yield tmp_path
    sys.path[:] = paths
    # Another project may have modules of these names. Gathered first: a namespace asks for its parent.
    within = os.path.join(tmp_path, "")
    here = [
        name
        for name, module in list(sys.modules.items())
        if any(os.path.join(place, "").startswith(within) for place in _places(module))
    ]
    for name in here:
        del sys.modules[name]
    for name in set(kept) - before - {"service"}:
        made = kept.pop(name)
        if name.startswith("scheduler "):
            made.stop()


def _places(module: object) -> list[str]:
    """Return the file of a module and the folders of a package."""
    file = getattr(module, "__file__", None)
    folders = getattr(module, "__path__", ())
    return [place for place in (file, *folders) if isinstance(place, str)]
