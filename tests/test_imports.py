"""Imports run one way, no two files import each other, and `import schedkit` stays light.

Every import counts: one inside a function and one for types only bind two files as much as any other.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest

import schedkit

ROOT = Path(schedkit.__file__).parent

# What each room may import besides itself, and nothing else of schedkit; a name with a dot is one file.
BASE = {"errors", "values", "gcpause", "precise_loop", "loop", "context"}
ALLOWED: dict[str, set[str]] = {
    "errors": set(),
    "values": {"errors"},
    "gcpause": {"values"},
    "precise_loop": set(),
    "context": {"errors", "values"},
    "loop": {"errors", "values", "context", "precise_loop"},
    "core": BASE,
    "atlassian": BASE,
    "jira": BASE | {"atlassian"},
    "confluence": BASE | {"atlassian"},
    "excel": BASE,
    "flow": BASE,
    "notify": BASE | {"core"},
    "telemetry": BASE | {"core"},
    "server": BASE | {"core", "telemetry"},
    "report": BASE | {"core", "atlassian", "jira", "confluence", "excel", "flow", "notify"},
    "settings": BASE | {"core"},
    # It judges the clients, and would share the mistakes of any code that it shared with them.
    "demo": {"errors", "values.extras", "values.keywords"},
    # Types only, and what it imports at first use; `test_import_schedkit_is_light` holds the rest.
    "__init__": {"app", "confluence", "context", "core", "errors", "excel", "jira", "report"},
}
ALLOWED["clients"] = {"errors", "values", "settings", "atlassian", "jira", "confluence"}
ALLOWED["report_call"] = {"core", "report"}
ALLOWED["project_tasks"] = BASE | {"core", "settings", "jira", "confluence", "excel"}
ALLOWED["app"] = ALLOWED["report"] | {"report", "settings", "clients", "report_call", "project_tasks"}
ALLOWED["notebook"] = ALLOWED["app"] | {"app"}
ALLOWED["commands"] = ALLOWED["notebook"] | {"notebook", "demo", "server", "telemetry"}
ALLOWED["cli"] = {"errors", "commands", "demo", "values"}
ALLOWED["__main__"] = {"cli"}

# The same within the large rooms: what each of their rooms may import, a name with a dot is one file. Their
# own modules are words and values, which each of their rooms may use, but for those built from them (BUILT).
WITHIN: dict[str, dict[str, set[str]]] = {
    "core": {
        "triggers": set(),
        "tasks": {"triggers"},
        "engine": {"triggers", "tasks"},
        "store": {"engine"},
        "execution": {"tasks", "engine"},
        "node": {"triggers", "tasks", "engine", "store", "execution"},
        "board": {"store"},
        "compat": {"triggers", "tasks", "store", "api.run_handle", "api.task_handle"},
        "api": {"triggers", "tasks", "engine", "store", "execution", "node", "board", "compat"},
    },
    "excel": {
        "parts": set(),
        "new_workbook": set(),
        "frames": {"parts", "new_workbook"},
        "template": {"parts", "frames"},
    },
    "jira": {
        "table": set(),
        "pages": {"table"},
        "search": {"table", "pages"},
        "history": {"table", "pages", "search"},
        "local_store": {"table", "pages", "search", "history"},
        "write": {"table", "pages", "search", "history"},
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
    "excel": {"existing_workbook", "fill", "finishing", "option_checks", "reading", "write_plans", "writing"},
    "jira": {"client", "export", "lookups", "sites"},
    "confluence": {"client", "page", "results"},
}

# What is not so yet: the file, what it imports against the order, and the issue that ends it.
AGAINST_THE_ORDER: dict[str, tuple[set[str], str]] = {
    "core.model": ({"core.triggers.constructors"}, "The engine"),
}
# Files that import each other, and the issue that ends it.
CIRCLES: list[tuple[set[str], str]] = [
    ({"core.triggers.data", "core.triggers.constructors"}, "The engine"),
]

# `schedkit.notebook` connects the other rooms to IPython. The package itself only asks whether it is loaded,
# and `loop` must recognise the frames by which a kernel runs a cell.
KNOW_IPYTHON = {"__init__", "loop", "notebook"}
NOTEBOOK_PACKAGES = {"IPython", "ipykernel", "ipywidgets", "anywidget", "traitlets", "comm", "nbformat"}


# Core is written on anyio. These files need asyncio itself; each says why where it imports it.
ASYNCIO_IN_CORE = {
    "core.execution.cluster.home",
    "core.execution.execute",
    "core.execution.run_context",
    "core.execution.user_loop",
    "core.node.own_loop",
}


@cache
def modules() -> Mapping[str, Path]:
    """Return every module of schedkit by its dotted name without the package's own."""
    return {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
        for path in sorted(ROOT.rglob("*.py"))
    }


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def imports(path: Path) -> frozenset[str]:
    """Return the modules of ours that a file imports, by the names of `modules`."""
    package = ".".join(["schedkit", *path.relative_to(ROOT).parts[:-1]])
    return frozenset(found for name in _imported(tree(path), package) if (found := _module(name)))


def _imported(file: ast.Module, package: str) -> Iterator[str]:
    for node in ast.walk(file):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package.rsplit(".", node.level - 1)[0] + "." if node.level else ""
            yield from (f"{base}{node.module or ''}".rstrip(".") + f".{alias.name}" for alias in node.names)


def _module(name: str) -> str | None:
    """Return the module that an imported name is, or is a part of; None for those of others."""
    if name.partition(".")[0] != "schedkit":
        return None
    _, _, inner = name.partition(".")
    while inner and inner not in modules():
        inner = inner.rpartition(".")[0]
    return inner or "__init__"


def strangers(path: Path) -> set[str]:
    """Return the modules that a file imports against the order of the rooms, and of those within them."""
    room, *rest = path.relative_to(ROOT).with_suffix("").parts
    own = {name for name in imports(path) if name.partition(".")[0] == room}
    foreign = {name for name in imports(path) - own if not _allowed(name, ALLOWED[room])}
    return foreign - {"__init__"} | {name for name in own if not _in_order(room, rest, name)}


def _allowed(name: str, allowed: set[str]) -> bool:
    return name.partition(".")[0] in allowed or name in allowed


def _in_order(room: str, above: list[str], name: str) -> bool:
    """Tell whether a file of a room, `above` below it, may import the room's module `name`."""
    if room not in WITHIN or len(above) == 0:
        return True
    rooms, inner = WITHIN[room], name.split(".")[1:2]
    if above[0] in rooms and name.removeprefix(f"{room}.") in rooms[above[0]]:
        return True
    if above[0] in rooms:
        return inner[0] not in BUILT[room] | (set(rooms) - rooms[above[0]] - {above[0]}) if inner else False
    return above[0] in BUILT[room] | {"__init__"} or not inner or inner[0] not in rooms


def circles() -> list[set[str]]:
    """Return the sets of modules that reach each other by imports (Tarjan's algorithm)."""
    order: dict[str, int] = {}
    lowest: dict[str, int] = {}
    path: list[str] = []
    found: list[set[str]] = []

    def visit(name: str) -> None:
        order[name] = lowest[name] = len(order)
        path.append(name)
        for other in imports(modules()[name]) - {name}:
            if other not in order:
                visit(other)
            if other in path:
                lowest[name] = min(lowest[name], lowest[other])
        if lowest[name] == order[name]:
            circle = set(path[path.index(name) :])
            del path[path.index(name) :]
            found.extend([circle] if len(circle) > 1 else [])

    for name in modules():
        if name not in order:
            visit(name)
    return found


@pytest.mark.parametrize("name", modules())
def test_imports_run_one_way(name: str) -> None:
    room = name.partition(".")[0]
    assert room in ALLOWED, f"{room} is not a room of the layout"
    known, _issue = AGAINST_THE_ORDER.get(name, (set(), ""))
    assert strangers(modules()[name]) == known


def test_no_two_files_import_each_other() -> None:
    assert sorted(map(sorted, circles())) == sorted(sorted(circle) for circle, _issue in CIRCLES)


def test_no_file_is_too_long_to_read_at_once() -> None:
    lengths = {name: path.read_text(encoding="utf-8").count("\n") for name, path in modules().items()}
    assert {name: lines for name, lines in lengths.items() if lines > 400} == {}


def test_the_layout_names_rooms_that_exist() -> None:
    assert set(ALLOWED) == {name.partition(".")[0] for name in modules()}
    for whole, rooms in WITHIN.items():
        assert set(rooms) == {path.parent.name for path in (ROOT / whole).glob("*/__init__.py")}
        assert {f"{whole}.{name}" for name in BUILT[whole]} <= set(modules())


@pytest.mark.parametrize("name", [name for name in modules() if name.partition(".")[0] not in KNOW_IPYTHON])
def test_only_the_notebook_room_knows_ipython(name: str) -> None:
    """Not by an import, and not by looking into `sys.modules`."""
    file = tree(modules()[name])
    named = {node.value for node in ast.walk(file) if isinstance(node, ast.Constant)} & NOTEBOOK_PACKAGES
    imported = {each.partition(".")[0] for each in _imported(file, "schedkit")} & NOTEBOOK_PACKAGES
    assert (named, imported) == (set(), set())


def test_core_is_on_anyio_but_for_files_that_say_why() -> None:
    core = {name: path for name, path in modules().items() if name.partition(".")[0] == "core"}
    users = {name for name, path in core.items() if _names_asyncio(path)}
    assert users == ASYNCIO_IN_CORE
    for name in users:
        assert re.search(r"^import asyncio  # \S+ \S+", core[name].read_text(encoding="utf-8"), re.M), name


def _names_asyncio(path: Path) -> bool:
    """Whether a file imports asyncio, or a part of it, by any name."""
    named = (each.partition(".")[0] for each in _imported(tree(path), "schedkit"))
    return "asyncio" in named


@pytest.mark.parametrize("name", modules())
def test_nothing_of_ours_draws_from_the_random_of_the_user(name: str) -> None:
    drawn = {
        node.attr
        for node in ast.walk(tree(modules()[name]))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "random"
    }
    assert drawn <= {"Random", "SystemRandom"}


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
