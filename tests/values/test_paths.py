"""Paths as people give them: right, or one sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from schedkit import excel
from schedkit.errors import FileError
from schedkit.values.paths import given_path


def test_home_and_plain_paths(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert given_path("~/a.xlsx") == tmp_path / "a.xlsx"
    assert given_path(Path("folder") / "~a.xlsx") == Path("folder/~a.xlsx")
    assert given_path("C:/a.xlsx") == Path("C:/a.xlsx")


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("https://wiki.example.org/a.xlsx", "is an address, not a file"),
        ("file:///tmp/a.xlsx", "is an address, not a file"),
        ("a\0b.xlsx", "contains a NUL"),
        ("~no_such_user_here/a.xlsx", "names an unknown user"),
    ],
)
def test_what_is_no_path(path: str, message: str) -> None:
    for use in (given_path, excel.read):
        with pytest.raises(FileError, match=message):
            use(path)
