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
BASE = {"errors", "values", "gcpause", "punctual", "loop", "context"}
ALLOWED: dict[str, set[str]] = {
    "errors": {"notebook"},
    "values": {"errors"},
    "gcpause": {"values"},
    "punctual": set(),
    "context": {"errors", "values"},
    "loop": {"errors", "values", "context", "punctual"},
    "core": BASE,
    "atlassian": BASE,
    "jira": BASE | {"atlassian"},
    "confluence": BASE | {"atlassian"},
    "excel": BASE,
    "flow": BASE,
    "notify": BASE | {"core"},
    "report": BASE | {"core", "atlassian", "jira", "confluence", "excel", "flow", "notify"},
    "settings": BASE | {"core"},
    "demo": {"errors"},
}
# The package's own names are type-only imports there; `test_import_schedkit_is_light` holds the rest.
ALLOWED["__init__"] = {"app", "core", "excel", "errors", "context"}
ALLOWED["app"] = BASE | {
    "core",
    "atlassian",
    "jira",
    "confluence",
    "excel",
    "flow",
    "notify",
    "report",
    "settings",
}
DOORS = {"__main__", "cli", "commands", "api", "notebook"}
for door in DOORS:
    ALLOWED[door] = ALLOWED["app"] | {"app", "demo"} | DOORS

# The same within the large rooms. Their own modules are words and values, which each of their rooms may
# use, but for those that are built from the rooms.
WITHIN: dict[str, dict[str, set[str]]] = {
    "core": {
        "when": set(),
        "tasks": {"when"},
        "ledger": set(),
        "runner": {"tasks"},
        "owner": {"when", "tasks", "ledger", "runner"},
        "node": {"when", "tasks", "ledger", "runner", "owner"},
        "board": {"ledger"},
        "jobs": {"when", "tasks", "ledger"},
        "api": {"when", "tasks", "ledger", "runner", "owner", "node", "board", "jobs"},
    },
    "excel": {
        "parts": set(),
        "drawn": set(),
        "frames": {"parts", "drawn"},
        "template": {"parts", "frames"},
    },
    "jira": {
        "table": set(),
        "pages": {"table"},
        "search": {"table", "pages"},
        "history": {"table", "pages", "search"},
        "kept": {"table", "pages", "search"},
        "write": {"table", "pages"},
        "client": {"table", "pages", "search", "history", "kept", "write"},
    },
    "confluence": {
        "source": set(),
        "site": set(),
        "tables": {"source"},
        "plans": {"source", "site", "tables"},
    },
}
BUILT: dict[str, set[str]] = {
    "core": set(),
    "excel": {"fill", "jobs", "reading", "writing"},
    "jira": {"export", "sites"},
    "confluence": {"client", "page", "results"},
}
INNER = sorted(path for room in WITHIN for path in (ROOT / room).rglob("*.py"))


def imports(path: Path, depth: int = 1, types: bool = True) -> Iterator[str]:
    """The parts at `depth` of the names of ours that a file imports; with or without those for types only."""
    package = ".".join(["schedkit", *path.relative_to(ROOT).parts[:-1]])
    tree = ast.parse(path.read_text(encoding="utf-8"))
    if not types:
        tree = _WithoutTypes().visit(tree)
    for node in ast.walk(tree):
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
            if parts[0] == "schedkit" and len(parts) > depth:
                yield parts[depth]


class _WithoutTypes(ast.NodeTransformer):
    def visit_If(self, node: ast.If) -> ast.If | None:
        return None if isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING" else node


@pytest.mark.parametrize("path", sorted(ROOT.rglob("*.py")), ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_run_one_way(path: Path) -> None:
    room = path.relative_to(ROOT).parts[0].removesuffix(".py")
    assert room in ALLOWED, f"{room} is not a room of the layout"
    strangers = set(imports(path)) - ALLOWED[room] - {room, "__version__"}
    assert not strangers, f"{path.relative_to(ROOT)} may not import {sorted(strangers)}"


@pytest.mark.parametrize("path", sorted(ROOT.rglob("*.py")), ids=lambda p: str(p.relative_to(ROOT)))
def test_nothing_of_ours_draws_from_the_random_of_the_user(path: Path) -> None:
    drawn = {
        node.attr
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "random"
    }
    assert drawn <= {"Random", "SystemRandom"}


@pytest.mark.parametrize("whole", WITHIN)
def test_every_inner_room_has_its_order(whole: str) -> None:
    assert set(WITHIN[whole]) == {path.parent.name for path in (ROOT / whole).glob("*/__init__.py")}


@pytest.mark.parametrize("path", INNER, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_within_a_large_room_run_one_way(path: Path) -> None:
    whole, *above, _ = path.relative_to(ROOT).parts
    rooms = set(WITHIN[whole])
    if above:
        barred = BUILT[whole] | (rooms - WITHIN[whole][above[0]] - {above[0]})
    elif path.stem in BUILT[whole] | {"__init__"}:
        barred = set()
    else:
        barred = rooms
    strangers = set(imports(path, depth=2, types=False)) & barred
    assert not strangers, f"{path.relative_to(ROOT)} may not import {sorted(strangers)}"


def test_import_schedkit_is_light() -> None:
    heavy = ("pandas", "ipywidgets", "sqlalchemy")
    code = f"import sys, schedkit; print([m for m in {heavy} if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_public_names_resolve() -> None:
    for name in schedkit.__all__:
        assert getattr(schedkit, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = schedkit.nonsense
