"""CONTRIBUTING.md, CHANGELOG.md and the hooks are true: what they name exists, and no room is left out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

import schedkit

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
CHANGELOG = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
PLACEHOLDERS = ("ROOM", "MODULE")


def named_paths() -> list[str]:
    """Return the paths of this repository that the page names."""
    quoted = re.findall(r"`([^`\s]+)`", PAGE)
    paths = [
        name for name in quoted if re.fullmatch(r"[\w./-]+", name) and ("/" in name or name.endswith(".md"))
    ]
    return sorted({path for path in paths if not path.startswith("..") and not path.endswith("/*.yaml")})


def table(heading: str) -> list[list[str]]:
    """Return the cells of the table below a heading, without its head."""
    section = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    rows = [line.strip("|").split(" | ") for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row] for row in rows[2:]]


def words() -> list[str]:
    return [row[0] for row in table("Words")]


@pytest.mark.parametrize("path", named_paths())
def test_every_path_exists(path: str) -> None:
    if any(name in path for name in PLACEHOLDERS):
        return
    assert (ROOT / path).exists()


def test_paths_are_found_in_it() -> None:
    assert {"schedkit/core/engine/queue.py", "tests/support/", "CHANGELOG.md"} <= set(named_paths())


def test_every_room_is_named_with_a_line() -> None:
    package = ROOT / "schedkit"
    folders = [path.parent for path in package.glob("*/__init__.py")] + [package / "web"]
    folders += [path.parent for path in (package / "core").glob("*/__init__.py")]
    files = [path for path in package.glob("*.py") if not path.name.startswith("__")]
    rooms = {f"{path.relative_to(ROOT)}/" for path in folders} | {
        str(path.relative_to(ROOT)) for path in files
    }
    told = {row[0].strip("`"): row[1] for row in table("Rooms")}
    named = set(re.findall(r"`(schedkit/[^`]+)`", "".join(" ".join(row) for row in table("Rooms"))))
    assert rooms - named == set()
    assert set(told) - rooms == set()
    assert all(told.values())


@pytest.mark.parametrize("word", words())
def test_every_word_of_the_glossary_is_used(word: str) -> None:
    texts = (
        path.read_text(encoding="utf-8") for path in [ROOT / "README.md", *(ROOT / "schedkit").rglob("*.py")]
    )
    spelled = re.compile(rf"\b{re.escape(word).replace(chr(92) + ' ', '[ _]')}", re.IGNORECASE)
    assert any(spelled.search(text) for text in texts)


def test_every_folder_of_tests_is_a_room_or_a_suite_that_is_named() -> None:
    rooms = {path.name.removesuffix(".py") for path in (ROOT / "schedkit").iterdir()}
    suites = set(re.findall(r"`tests/([a-z]+)/`", PAGE))
    folders = {path.parent.name for path in (ROOT / "tests").glob("*/*.py")}
    folders |= {path.name for path in (ROOT / "tests").iterdir() if path.is_dir() and any(path.rglob("*.py"))}
    assert folders - rooms - suites == set()


def test_every_word_has_one_meaning() -> None:
    assert len(words()) == len(set(words())) > 20
    assert all(len(row) == 2 and row[1].endswith(".") for row in table("Words"))


def test_every_make_target_exists() -> None:
    targets = set(re.findall(r"make ([a-z]+)`|^\$ make ([a-z]+)", PAGE, re.MULTILINE))
    asked = {name for pair in targets for name in pair if name}
    assert {"test", "lint"} <= asked
    assert asked <= set(re.findall(r"^([a-z]+):", MAKEFILE, re.MULTILINE))


@pytest.mark.parametrize("name", re.findall(r"`(_?[A-Z][A-Z_]+)`", PAGE))
def test_every_constant_exists(name: str) -> None:
    sources = [*(ROOT / "schedkit").rglob("*.py"), *(ROOT / "tests").rglob("*.py"), ROOT / "Makefile"]
    assert any(re.search(rf"\b{name}\b", path.read_text(encoding="utf-8")) for path in sources)


def test_the_newest_version_of_the_changelog_is_ours() -> None:
    heads = re.findall(r"^## \[([\d.]+)\] - (.+)$", CHANGELOG, re.MULTILINE)
    version, _, developing = schedkit.__version__.partition(".dev")
    assert heads[0][0] == version
    assert (heads[0][1] == "Unreleased") is bool(developing)


def test_the_hooks_run_what_is_here() -> None:
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    hooks = [hook for repo in config["repos"] for hook in repo["hooks"]]
    assert {hook["language"] for hook in hooks} == {"system"}, "a hook must not download anything"
    for hook in hooks:
        program, *arguments = hook["entry"].split()
        assert program.startswith(".venv/bin/")
        assert all((ROOT / path).exists() for path in arguments if path.startswith("tests/"))
