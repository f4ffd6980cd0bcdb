"""Imports run one way; `import schedkit` stays light."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import schedkit

ROOT = Path(schedkit.__file__).parent

# What each room may import besides itself, and nothing else of schedkit.
BASE = {"errors", "gcpause", "punctual", "loop", "context"}
ALLOWED: dict[str, set[str]] = {
    "errors": {"tracebacks"},
    "tracebacks": set(),
    "gcpause": set(),
    "punctual": set(),
    "context": {"errors"},
    "loop": {"errors", "context", "punctual"},
    "core": BASE,
    "atlassian": BASE,
    "jira": BASE | {"atlassian"},
    "confluence": BASE | {"atlassian"},
    "excel": BASE,
    "notify": BASE | {"core"},
    "report": BASE | {"core", "atlassian", "jira", "confluence", "excel", "notify"},
    "settings": BASE | {"core", "atlassian", "jira", "confluence", "excel", "notify", "report"},
    "demo": {"errors"},
}
# The package's own names are type-only imports there; `test_import_schedkit_is_light` holds the rest.
ALLOWED["__init__"] = {"app", "core", "excel", "errors", "context"}
ALLOWED["app"] = ALLOWED["settings"] | {"settings"}
DOORS = {"__main__", "cli", "commands", "api", "widgets", "magics"}
for door in DOORS:
    ALLOWED[door] = ALLOWED["app"] | {"app", "demo"} | DOORS


def imports(path: Path) -> Iterator[str]:
    package = ".".join(["schedkit", *path.relative_to(ROOT).parts[:-1]])
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package.rsplit(".", node.level - 1)[0] + "." if node.level else ""
            module = base + (node.module or "")
            names = [f"{module.rstrip('.')}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            parts = name.split(".")
            if parts[0] == "schedkit" and len(parts) > 1:
                yield parts[1]


@pytest.mark.parametrize("path", sorted(ROOT.rglob("*.py")), ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_run_one_way(path: Path) -> None:
    room = path.relative_to(ROOT).parts[0].removesuffix(".py")
    assert room in ALLOWED, f"{room} is not a room of the layout"
    strangers = set(imports(path)) - ALLOWED[room] - {room, "__version__"}
    assert not strangers, f"{path.relative_to(ROOT)} may not import {sorted(strangers)}"


def test_import_schedkit_is_light() -> None:
    heavy = ("pandas", "ipywidgets", "sqlalchemy")
    heavy = ("pandas", "ipywidgets", "sqlalchemy")
    code = f"import sys, schedkit; print([m for m in {heavy} if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_public_names_resolve() -> None:
    for name in schedkit.__all__:
        assert getattr(schedkit, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = schedkit.nonsense
