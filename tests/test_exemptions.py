"""Each exemption from a check says its reason on its line, and none stands where the check does not look."""

from __future__ import annotations

import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import schedkit

PACKAGE = Path(schedkit.__file__).parent
TESTS = Path(__file__).parent

EXEMPTION = re.compile(
    r"#\s*(?:type: ignore(?:\[[\w, -]+\])?|noqa(?:: ?[A-Z]+\d+(?:, ?[A-Z]+\d+)*)?)(?P<reason>.*)"
)


def comments(folder: Path) -> Iterator[tuple[str, str]]:
    """Return the place and the text of each comment of the Python files below a folder."""
    for path in sorted(folder.rglob("*.py")):
        with tokenize.open(path) as file:
            for token in tokenize.generate_tokens(file.readline):
                if token.type == tokenize.COMMENT:
                    yield f"{path.relative_to(folder.parent)}:{token.start[0]}", token.string


def without_reason(comment: str) -> bool:
    found = EXEMPTION.search(comment)
    return found is not None and not re.search(r"\w", found["reason"])


def test_each_exemption_says_why() -> None:
    places = [
        where for folder in (PACKAGE, TESTS) for where, text in comments(folder) if without_reason(text)
    ]
    assert places == []


def test_mypy_reads_no_test_so_a_test_needs_no_type_ignore() -> None:
    places = [where for where, text in comments(TESTS) if re.match(r"#\s*type: ignore", text)]
    assert places == []


def test_no_line_of_the_package_is_left_out_of_coverage() -> None:
    assert [where for where, text in comments(PACKAGE) if "pragma: no cover" in text] == []


def test_a_bare_exemption_is_found() -> None:
    assert without_reason("# type: ignore[arg-type]")
    assert without_reason("# noqa: E731, B006")
    assert not without_reason("# type: ignore[arg-type]  # a RowMapping is one")
    assert not without_reason("# noqa: N802 - the library's name")
