"""Links pasted from the browser: each gives what it shows, or says that it shows no issues."""

from __future__ import annotations

import pandas as pd
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from schedkit.demo import DemoSite
from schedkit.errors import NotFoundError, UsageError
from schedkit.jira import Jira
from schedkit.jira.search.browser_url import Shown, read_link
from tests.jira.conftest import client


def test_filters_and_links(jira: Jira) -> None:
    base = jira.site.url
    by_filter = jira.filter(10002)
    assert set(by_filter["Key"].str.split("-").str[0]) == {"OPS", "MOB"}
    for link in (
        f"{base}/issues/?filter=10002",
        f"{base}/secure/IssueNavigator.jspa?requestId=10002",
        f"{base}/issues/?jql=project%20in%20(OPS%2C%20MOB)%20AND%20issuetype%20%3D%20Bug%20ORDER%20BY%20created%20DESC",
    ):
        pd.testing.assert_frame_equal(jira.link(link), by_filter)
    assert list(jira.link(f"{base}/browse/DEMO-7")["Key"]) == ["DEMO-7"]
    assert set(jira.link(f"{base}/projects/OPS/issues", limit=5)["Key"].str[:4]) == {"OPS-"}
    with pytest.raises(UsageError, match="not the number of a filter"):
        jira.filter("10002 OR 1=1")
    with pytest.raises(NotFoundError):
        jira.filter(99)


def test_boards_and_sprints(jira: Jira, demo_site: DemoSite) -> None:
    base, store = jira.site.url, demo_site.store
    board = store.project("DEMO").board
    df = jira.link(f"{base}/jira/software/projects/DEMO/boards/{board}")
    assert set(df["Key"]) == {i.key for i in store.visible() if i.project.key == "DEMO"}
    sprint = next(i.sprints[0] for i in store.visible() if i.sprints)
    df = jira.link(f"{base}/secure/RapidBoard.jspa?rapidView={board}&sprint={sprint.id}")
    assert set(df["Key"]) == {i.key for i in store.visible() if sprint in i.sprints}


BASE = "https://x.example.org/jira"


@pytest.mark.parametrize(
    ("link", "kind", "value"),
    [
        ("kafka-12", "issue", "KAFKA-12"),
        (f"{BASE}/browse/KAFKA-12?focusedCommentId=3#comment-3", "issue", "KAFKA-12"),
        (f"{BASE}/projects/KAFKA/issues/KAFKA-9?filter=allopenissues", "issue", "KAFKA-9"),
        (f"{BASE}/browse/KAFKA", "project", "KAFKA"),
        (f"{BASE}/projects/KAFKA/summary", "project", "KAFKA"),
        (f"{BASE}/jira/core/projects/OPS/board", "project", "OPS"),
        (f"{BASE}/browse/A-1?jql=project%20%3D%20B", "jql", "project = B"),
        (f"{BASE}/issues/?filter=-4", "jql", "created >= -3650d ORDER BY created DESC"),
        (f"{BASE}/issues/?filter=123&jql=", "filter", "123"),
        (f"{BASE}/jira/software/c/projects/OPS/boards/7/backlog?selectedIssue=OPS-1", "board", "7"),
        (f"{BASE}/jira/software/c/projects/OPS/boards/7?sprints=31%2C32", "sprint", "31,32"),
        (f"{BASE}/secure/RapidBoard.jspa?rapidView=12&sprint=5&sprint=6", "sprint", "5,6"),
        (f"{BASE}/issues/?jql=project%2520%253D%2520B", "jql", "project = B"),
        (f"{BASE}/issues/?jql=summary%20~%20%22100%2525%2520%22", "jql", 'summary ~ "100%25%20"'),
        (f"{BASE}/issues/#?jql=project%3DB", "jql", "project=B"),
        (f"{BASE}//browse//a-1/", "issue", "A-1"),
        (f"<{BASE}/browse/A-1>", "issue", "A-1"),
        ("http://ann:pw@X.example.org:80/jira/browse/A-1", "issue", "A-1"),
        (f"{BASE}/servicedesk/customer/portal/3/DESK-7", "issue", "DESK-7"),
        (f"{BASE}/projects/DESK/queues/custom/5/DESK-7", "issue", "DESK-7"),
        (f"{BASE}/jira/servicedesk/projects/DESK/summary", "project", "DESK"),
        (f"{BASE}/projects/AB/versions/10", "jql", 'project = "AB" AND fixVersion = 10 ORDER BY key ASC'),
        (f"{BASE}/browse/AB/component/7", "jql", 'project = "AB" AND component = 7 ORDER BY key ASC'),
        (f"{BASE}/projects/AB/issues?filter=reportedbyme", "jql",
         'project = "AB" AND reporter = currentUser() ORDER BY created DESC'),
        (f"{BASE}/projects/AB/issues?filter=allissues", "jql", 'project = "AB" ORDER BY created DESC'),
        (f"{BASE}/secure/RapidBoard.jspa?rapidView=12&view=planning", "board", "12"),
        (f"{BASE}/secure/RapidBoard.jspa?rapidView=12&sprint=5", "sprint", "5"),
    ],
)  # fmt: skip
def test_reading_links(link: str, kind: str, value: str) -> None:
    assert read_link(link, BASE) == Shown(kind, value)


@pytest.mark.parametrize("query", ["quickFilter=3&quickFilter=4", "quickFilter=3%2C4&assignee=5b1"])
def test_boards_with_quick_filters(query: str) -> None:
    link = f"{BASE}/jira/software/c/projects/OPS/boards/7?{query}"
    assert read_link(link, BASE) == Shown("board", "7", ("3", "4"))


@pytest.mark.parametrize(
    ("link", "words"),
    [
        ("https://evil.example.org/browse/A-1", "to evil.example.org, not to x.example.org"),
        ("javascript:alert(1)", "neither a link nor an issue key"),
        ("hello", "neither a link nor an issue key"),
        (f"{BASE}/secure/Dashboard.jspa", "shows no issues"),
        (BASE, "shows no issues"),
        ("http://x.example.org:99999/browse/A-1", "neither a link"),
        ("http://[::1/browse/A-1", "neither a link"),
        ("x" * 5000, "xxx…' is neither"),
        (f"{BASE}/jira/servicedesk/projects/DESK/queues/custom/12", "links to queues are not supported"),
        ("https://ann:pw@evil.example.org/browse/A-1", "^the link is to evil.example.org, not to"),
        ("ftp://ann:pw@x.example.org/A", r"^'ftp://ann:\*{8}@x\.example\.org/A' is neither"),
    ],
)
def test_links_that_show_nothing(link: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        read_link(link, BASE)


@pytest.fixture
def small():
    with DemoSite(issues=120) as site:
        yield site


def test_boards_that_hide_what_is_released(small: DemoSite, dialect: str) -> None:
    jira = client(small, dialect)
    answer = {"filter": {"id": "10002"}, "subQuery": {"query": "issuetype = Bug ORDER BY rank"}}

    def kanban(request):
        if request.url.path.endswith("/board/77/configuration"):
            return JSONResponse(answer)
        if request.url.path.endswith("/filter/66"):
            return JSONResponse({"name": "no query"})
        if request.url.path.endswith("/board/78/configuration"):
            return JSONResponse({"name": "no filter"})
        return None

    small.before(kanban)
    df = jira.link(f"{jira.site.url}/secure/RapidBoard.jspa?rapidView=77")
    assert "(issuetype = Bug)" in df.attrs["jql"]
    with pytest.raises(NotFoundError, match="returned no query for filter 66"):
        jira.filter(66)
    with pytest.raises(NotFoundError, match="returned no filter for board 78"):
        jira.link(f"{jira.site.url}/secure/RapidBoard.jspa?rapidView=78")


def test_quick_filters_narrow_a_board(dialect: str) -> None:
    with DemoSite(issues=120) as site:
        jira = client(site, dialect)
        board = site.store.project("DEMO").board

        def quick(request: Request) -> Response | None:
            if request.url.path.endswith(f"/board/{board}/quickfilter/5"):
                return JSONResponse({"id": 5, "jql": "type = Bug OR type = Story ORDER BY rank"})
            return None

        site.before(quick)
        df = jira.link(f"{jira.site.url}/secure/RapidBoard.jspa?rapidView={board}&quickFilter=5")
        wanted = ("Bug", "Story")
        visible = [i for i in site.store.visible() if i.project.key == "DEMO"]
        assert set(df["Key"]) == {i.key for i in visible if i.type.name in wanted}
        with pytest.raises(NotFoundError, match=f"no quick filter 6 of board {board}, or you may not see"):
            jira.link(f"{jira.site.url}/secure/RapidBoard.jspa?rapidView={board}&quickFilter=6")


@pytest.mark.parametrize("status", [403, 404])
def test_boards_and_filters_that_are_gone_or_closed(dialect: str, status: int) -> None:
    with DemoSite(issues=20) as site:
        jira = client(site, dialect)

        def closed(request: Request) -> Response | None:
            if request.url.path.endswith(("/configuration", "/filter/10002")):
                return JSONResponse({"errorMessages": ["no"]}, status)
            return None

        site.before(closed)
        with pytest.raises(NotFoundError, match=r"has no board 77, or you may not see it \(check the number"):
            jira.link(f"{jira.site.url}/secure/RapidBoard.jspa?rapidView=77")
        with pytest.raises(NotFoundError, match="has no filter 10002, or you may not see it"):
            jira.filter(10002)
