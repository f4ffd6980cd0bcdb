"""Tests look at schedkit from outside: few use private attributes, and no more than there are."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

TESTS = Path(__file__).parent
# Protocols, and what other libraries offer in no other way.
FOREIGN = {
    "_cell_styles",
    "_charts",
    "_content",
    "_exit",
    "_from",
    "_images",
    "_ipython_display_",
    "_replace",
    "_reply_subshell_for",
    "_repr_html_",
    "_repr_mimebundle_",
}
# Lower them with each that goes; the scheduler's own tests are to need 30 at most.
MOST = {"elsewhere": 9, "scheduler": 194}
OF_THE_SCHEDULER = {"core", "crash"}


def own_names(tree: ast.Module) -> set[str]:
    """Return the private names that a file itself defines."""
    found = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    stored = (node for node in ast.walk(tree) if isinstance(node, ast.Attribute))
    found |= {
        node.attr
        for node in stored
        if isinstance(node.ctx, ast.Store) and isinstance(node.value, ast.Name) and node.value.id == "self"
    }
    return found


def private_accesses(path: Path) -> Iterator[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    allowed = FOREIGN | own_names(tree)
    for node in ast.walk(tree):
        if not isinstance(node, ast.Attribute) or not node.attr.startswith("_") or node.attr in allowed:
            continue
        if not node.attr.startswith("__") and ast.unparse(node.value) not in ("self", "cls"):
            yield f"{path.relative_to(TESTS)}:{node.lineno} {ast.unparse(node)}"


def test_few_tests_use_private_attributes() -> None:
    found: dict[str, list[str]] = {where: [] for where in MOST}
    for path in sorted(TESTS.rglob("*.py")):
        room = path.relative_to(TESTS).parts[0]
        found["scheduler" if room in OF_THE_SCHEDULER else "elsewhere"] += private_accesses(path)
    counts = Counter({where: len(each) for where, each in found.items()})
    assert counts <= Counter(MOST), "\n".join(line for each in found.values() for line in each)
