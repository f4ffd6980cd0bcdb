"""What other libraries call an option."""

from __future__ import annotations

import pytest

from schedkit.values.synonyms import same_meaning
from schedkit.values.text import did_you_mean

SEARCH = ["jql", "fields", "limit", "markup", "raw"]
WRITE = ["data", "path", "sheet", "mode", "key", "missing", "title", "tz"]


@pytest.mark.parametrize(
    ("name", "known", "meant"),
    [
        ("max_results", SEARCH, ["limit"]),  # jira
        ("maxResults", SEARCH, ["limit"]),
        ("nrows", SEARCH, ["limit"]),  # pandas
        ("usecols", SEARCH, ["fields"]),
        ("sheet_name", WRITE, ["sheet"]),
        ("timezone", WRITE, ["tz"]),  # APScheduler
        ("max_retries", ["retry", "timeout"], ["retry"]),  # Celery
        ("verify_ssl", ["verify", "timeout"], ["verify"]),  # atlassian-python-api
        ("token_auth", ["user", "token"], ["token"]),
        ("xyz", SEARCH, []),
        ("limit", SEARCH, []),
    ],
)
def test_words_of_other_libraries(name: str, known: list[str], meant: list[str]) -> None:
    assert same_meaning(name, known) == meant


def test_a_misspelling_comes_before_a_meaning() -> None:
    assert did_you_mean("column", ["columns", "fields"], option=True) == "did you mean 'columns'?"
    assert did_you_mean("max_results", SEARCH) == "known: jql, fields, limit, markup, raw"
