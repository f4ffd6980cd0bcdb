"""Tests look at schedkit from outside: few use private attributes, and no more than there are."""

from __future__ import annotations

import re
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
# Lower it with each that goes.
MOST = 24
ACCESS = re.compile(r"(?<!\bself)(?<!\bcls)\.(_[a-z]\w*)")
DEFINED = re.compile(r"def (_\w+)\(|\bself\.(_\w+)(?:: [^=\n]+)? = ")


def private_accesses(path: Path) -> list[str]:
    text = path.read_text(encoding="utf-8")
    allowed = FOREIGN | {name for names in DEFINED.findall(text) for name in names}
    return [
        f"{path.relative_to(TESTS)}:{text.count(chr(10), 0, found.start()) + 1} {found[1]}"
        for found in ACCESS.finditer(text)
        if found[1] not in allowed
    ]


def test_few_tests_use_private_attributes() -> None:
    found = [access for path in sorted(TESTS.rglob("*.py")) for access in private_accesses(path)]
    assert len(found) <= MOST, "\n".join(found)
