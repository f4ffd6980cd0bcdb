"""The library's session and logins are there without its products, and the library stays as it was."""

from __future__ import annotations

import subprocess
import sys

import pytest

from schedkit.atlassian import lazy_import

ALONE = """
import sys
from schedkit.atlassian.lazy_import import rest_api
api = rest_api()
assert api is rest_api()
assert api.__module__ == "atlassian.rest_client"
products = ("atlassian.bitbucket", "atlassian.bamboo", "bs4")
print([name for name in sys.modules if name.startswith(products)], "requests" in sys.modules)
from atlassian.confluence import ConfluenceCloud
import atlassian.rest_client
from atlassian import Jira
print(atlassian.rest_client.AtlassianRestAPI in Jira.__mro__, "atlassian.bitbucket" in sys.modules)
Jira("https://jira.example.org", token="x").close()
"""
AFTER = """
import atlassian
from schedkit.atlassian.lazy_import import rest_api
print(rest_api() is atlassian.rest_client.AtlassianRestAPI, atlassian.Jira is sys.modules["atlassian"].Jira)
"""


def said(code: str) -> list[str]:
    done = subprocess.run([sys.executable, "-c", "import sys" + code], capture_output=True, text=True)
    assert not done.returncode, done.stderr
    return done.stdout.splitlines()


def test_the_products_are_not_imported_and_can_be_later() -> None:
    assert said(ALONE) == ["[] True", "True True"]


def test_a_library_that_is_there_is_used() -> None:
    assert said(AFTER) == ["True True"]


def test_another_thread_that_meets_the_package_unrun_finds_it_whole() -> None:
    package = lazy_import._unrun()
    assert "Jira" not in vars(package)
    assert package.Jira.__module__.startswith("atlassian.jira")
    with pytest.raises(AttributeError, match="nonsense"):
        _ = package.nonsense


def test_no_library_is_told(monkeypatch) -> None:
    monkeypatch.setattr(lazy_import, "_NAME", "atlassian_that_is_not_there")
    with pytest.raises(ModuleNotFoundError, match="atlassian_that_is_not_there"):
        lazy_import._load()
