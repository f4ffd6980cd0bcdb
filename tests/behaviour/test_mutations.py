"""Each wrong line of `support.mutations` and `support.process_mutations` is caught.

Each is made wrong in a copy of the package, and a test runs with that copy: it has to fail.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.mutations import MUTATIONS, Mutation
from support.process_mutations import PROCESS_MUTATIONS

ALL = [*MUTATIONS, *PROCESS_MUTATIONS]
ROOT = Path(__file__).parents[2]
TESTS = ROOT / "tests"


@pytest.mark.thorough
@pytest.mark.parametrize("wrong", ALL, ids=lambda wrong: f"{wrong.file}-{wrong.after.strip()}")
def test_a_wrong_line_is_caught(wrong: Mutation, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "schedkit", tmp_path / "schedkit", ignore=shutil.ignore_patterns("__pycache__"))
    mutated = tmp_path / "schedkit" / wrong.file
    mutated.write_text(mutated.read_text().replace(wrong.before, wrong.after))
    # -P: else the package in the present folder would be imported.
    ended = subprocess.run(
        [sys.executable, "-P", "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", str(TESTS / wrong.test)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(TESTS)])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1, ended.stdout[-2000:]


def test_the_lines_are_there_once_each() -> None:
    assert len(ALL) >= 95
    for file, before, after, test in ALL:
        assert (ROOT / "schedkit" / file).read_text().count(before) == 1, (file, before)
        assert after != before
        path, _, name = test.partition("::")
        assert f"def {name}" in (TESTS / path).read_text(), test
