"""What is private is made so, and stays as somebody has set it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from schedkit.values.private import make_private, make_private_folder


@pytest.mark.skipif(sys.platform == "win32", reason="modes are POSIX")
def test_what_is_private_stays_as_it_is_once_it_is_there(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    for mode in (0o700, 0o755):
        make_private_folder(folder)
        make_private(folder / "file")
        assert [each.stat().st_mode & 0o777 for each in (folder.parent, folder)] == [0o700, mode]
        assert (folder / "file").stat().st_mode & 0o777 == mode & 0o666
        folder.chmod(0o755)
        (folder / "file").chmod(0o644)
