"""What an extraction does not load and does not keep."""

from __future__ import annotations

import subprocess
import sys

from schedkit.demo import DemoSite
from schedkit.jira import to_frame

SEARCH = """
import sys
from schedkit.jira import Jira
frame = Jira({url!r}, token={token!r}).search("project is not EMPTY", limit=20)
heavy = ("pyarrow.parquet", "pyarrow.dataset", "sqlalchemy", "openpyxl", "atlassian.bitbucket", "bs4")
print(len(frame), [name for name in heavy if name in sys.modules])
"""


def test_a_search_loads_no_more_than_it_needs(demo_site: DemoSite) -> None:
    code = SEARCH.format(url=demo_site.jira_dc.url, token=demo_site.jira_dc.token)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.split() == ["20", "[]"], done.stderr


def test_equal_lists_are_one_tuple() -> None:
    issues = [{"key": f"A-{n}", "fields": {"labels": [f"label {n % 2}", "x"]}} for n in range(6)]
    labels = to_frame({"issues": issues})["Labels"].tolist()
    assert labels == [("label 0", "x"), ("label 1", "x")] * 3
    assert len({id(cell) for cell in labels}) == 2
