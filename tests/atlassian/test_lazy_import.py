"""The library's session and logins are there without its products, and the library stays as it was."""

from __future__ import annotations

import subprocess
import sys

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
# Its client is imported while the package stands in unrun: who asks for the package then meets that.
MEETING = """
met = []
class Meeting:
    def find_spec(name, path=None, target=None):
        if name == "atlassian.rest_client" and not met:
            met.append(sys.modules["atlassian"])
sys.meta_path.insert(0, Meeting)
from schedkit.atlassian.lazy_import import rest_api
rest_api()
(package,) = met
print("Jira" in vars(package))
print(package.Jira.__module__.startswith("atlassian.jira"))
print("there" if hasattr(package, "nonsense") else "no nonsense")
"""
ABSENT = """
from importlib.machinery import PathFinder
class Without(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name == "atlassian" else super().find_spec(name, path, target)
sys.meta_path[sys.meta_path.index(PathFinder)] = Without
from schedkit.atlassian.lazy_import import rest_api
try:
    rest_api()
except ModuleNotFoundError as error:
    print(error)
"""


def said(code: str) -> list[str]:
    done = subprocess.run([sys.executable, "-c", "import sys\n" + code], capture_output=True, text=True)
    assert not done.returncode, done.stderr
    return done.stdout.splitlines()


def test_the_products_are_not_imported_and_can_be_later() -> None:
    assert said(ALONE) == ["[] True", "True True"]


def test_a_library_that_is_there_is_used() -> None:
    assert said(AFTER) == ["True True"]


def test_another_thread_that_meets_the_package_unrun_finds_it_whole() -> None:
    assert said(MEETING) == ["False", "True", "no nonsense"]


def test_no_library_is_told() -> None:
    assert said(ABSENT) == ["No module named 'atlassian'"]
