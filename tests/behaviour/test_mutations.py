"""Lines on which it depends that no number is wrong, no row lost and nothing leaks: each wrong one is caught.

Each is made wrong in a copy of the package, and tests run with that copy: one of them has to fail.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TESTS = ROOT / "tests"

# The file, what stands there, what is put in its place, and the tests that have to notice.
MUTATIONS = [
    ("jira/local_store/sync.py", "if completeness.missing:", "if False:", "jira/local_store/test_sync.py"),
    ("excel/links.py", "if not is_web_address(target):", "if False:", "excel/test_links.py"),
    (
        "values/limits.py",
        "MAX_SITE_WAIT: Final = 900.0",
        "MAX_SITE_WAIT: Final = 9e9",
        "atlassian/test_retries.py",
    ),
    (
        "core/execution/storage.py",
        "with replacing(path, mode=PRIVATE) as new:\n            write(new.file)",
        "with open(path, 'wb') as file:\n            write(file)",
        "core/execution/test_results.py",
    ),
    (
        "core/store/lives.py",
        "gone.is_(None))\n        if connection.execute(mine.values(batch=batch))",
        "id != '')\n        if connection.execute(mine.values(batch=batch))",
        "core/store/test_lives.py",
    ),
    (
        "core/execution/run_context.py",
        "if self.attempt == 1 or",
        "if True or",
        "core/store/test_deliveries.py",
    ),
    (
        "core/store/retention.py",
        "(attempts, deliveries, details, waits)",
        "(attempts, details, waits)",
        "core/store/test_retention.py",
    ),
    ("core/store/database.py", "make_private(self.path)", "pass", "core/store/test_ledger.py"),
    ("atlassian/oauth.py", "allow_redirects=False", "allow_redirects=True", "atlassian/test_secrets.py"),
    (
        "atlassian/transport.py",
        "if not request.raw and host",
        "if False and host",
        "atlassian/test_secrets.py",
    ),
    ("atlassian/retries.py", "if spent + wait > self.patience:", "if False:", "atlassian/test_retries.py"),
    ("report/check.py", "    if why:\n", "    if False:\n", "report/test_check.py"),
    ("excel/idempotency.py", ">= self._next(table)", "> self._next(table)", "excel/test_idempotency.py"),
    ("report/destination.py", 'if ".." in', 'if "?" in', "report/test_workbook.py"),
    ("values/private.py", "PRIVATE = 0o600", "PRIVATE = 0o644", "values/test_private.py"),
    ("commands/log_handlers.py", '.replace("\\n", "\\n    ")', "", "commands/test_log_handlers.py"),
]


@pytest.mark.thorough
@pytest.mark.parametrize(("file", "before", "after", "tests"), MUTATIONS)
def test_a_wrong_line_is_caught(file: str, before: str, after: str, tests: str, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "schedkit", tmp_path / "schedkit", ignore=shutil.ignore_patterns("__pycache__"))
    mutated = tmp_path / "schedkit" / file
    mutated.write_text(mutated.read_text().replace(before, after))
    # -P: else the package in the present folder would be imported.
    ended = subprocess.run(
        [sys.executable, "-P", "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", str(TESTS / tests)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(TESTS)])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1, ended.stdout[-2000:]


def test_each_line_is_there_once() -> None:
    for file, before, _, tests in MUTATIONS:
        assert (ROOT / "schedkit" / file).read_text().count(before) == 1, (file, before)
        assert (TESTS / tests).is_file()
