"""Several sites in one frame: an order of categories stays where all sites agree on it."""

from __future__ import annotations

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse

from schedkit.demo import DemoSite
from schedkit.jira import search_sites
from schedkit.jira.sites import one_order
from tests.jira.conftest import client


@pytest.mark.parametrize(
    ("lists", "order"),
    [
        ([["Low", "High"], ["Low", "High"]], ["Low", "High"]),
        ([["Low", "High"], ["Lowest", "Low", "High", "Blocker"]], ["Lowest", "Low", "High", "Blocker"]),
        ([["Low", "High"], ["High", "Low"]], None),
        ([["Low", "High"], ["Minor", "Major"]], None),
        ([["Low", "High"], ["Low", "Urgent"]], None),
        ([[], []], []),
    ],
)
def test_one_order_of_several(lists: list[list[str]], order: list[str] | None) -> None:
    assert one_order(lists) == order


@pytest.mark.parametrize("agree", [True, False])
def test_priorities_of_two_sites(agree: bool) -> None:
    with DemoSite(issues=60) as one, DemoSite(issues=60) as other:

        def turned(request: Request) -> JSONResponse | None:
            if request.url.path.endswith("/priority"):
                return JSONResponse([{"name": n} for n in ("Lowest", "Low", "Medium", "High", "Highest")])
            return None

        if not agree:
            other.before(turned)
        sites = {"one": client(one, "cloud"), "other": client(other, "dc")}
        df = search_sites(sites, lambda jira: jira.project("DEMO"))
        assert df["Priority"].cat.ordered is agree
        if agree:
            assert set(df.loc[df["Priority"] >= "High", "Priority"]) == {"High", "Highest"}
