"""Folders of this machine do not leave it; what only looks like them stays."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from schedkit.server.hidden_paths import HiddenPaths


def shown(text: str, *folders: Path) -> str:
    data = json.dumps({"x": text}, ensure_ascii=False).encode()
    answer: str = json.loads(HiddenPaths(folders)(data))["x"]
    return answer


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cannot read /srv/ann/reports/a.xlsx: no", "cannot read …/reports/a.xlsx: no"),
        ("/srv/ann", "…"),
        ("'/srv/ann/ledger.db'", "'…/ledger.db'"),
        ("/srv/anna/x", "/srv/anna/x"),
        ("https://host/srv/ann/x", "https://host/srv/ann/x"),
        ("GET /rest/api/2/search", "GET /rest/api/2/search"),
        ("a/srv/ann", "a/srv/ann"),
        ("/srv/ann/a and /srv/ann/b", "…/a and …/b"),
    ],
)
def test_a_folder_is_hidden(text: str, expected: str) -> None:
    assert shown(text, Path("/srv/ann")) == expected


def test_the_longest_folder_is_hidden_and_the_root_is_none() -> None:
    assert (
        shown("/srv/ann/deep/x and /srv/y", Path("/srv"), Path("/srv/ann/deep"), Path("/")) == "…/x and …/y"
    )


def test_names_that_json_escapes_or_that_are_not_ascii() -> None:
    assert shown('/srv/"ann"/x', Path('/srv/"ann"')) == "…/x"
    assert shown("/srv/änn/x", Path("/srv/änn")) == "…/x"


def test_the_working_folder_and_the_home_are_always_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/srv/home-of-ann")
    assert shown(f"{Path.cwd()}/x /srv/home-of-ann/y") == "…/x …/y"
