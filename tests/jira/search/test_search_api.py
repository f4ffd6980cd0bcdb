"""What can be extracted besides a query: keys, a hierarchy, a filter, any pasted link, several sites."""

from __future__ import annotations

import itertools
from datetime import datetime

import pandas as pd
import pytest
from starlette.responses import JSONResponse

from schedkit.atlassian import Request
from schedkit.demo import DemoSite
from schedkit.errors import (
    CheckError,
    IncompleteError,
    NotFoundError,
    ParameterError,
    UnavailableError,
    UsageError,
)
from schedkit.jira import Jira, export_task, search_sites
from schedkit.jira.search.extraction import Extraction
from schedkit.loop import service
from schedkit.report.check import check
from schedkit.report.definition import Check
from tests.jira.conftest import client


def below(site: DemoSite, key: str) -> set[str]:
    """Everything below an issue, by the site's own books."""
    store, found, frontier = site.store, set(), [site.store.get(key).id]
    while frontier:
        issue = store.issues[frontier.pop()]
        found.add(issue.key)
        frontier += [c for c in store.children.get(issue.id, []) if not store.issues[c].project.hidden]
    return found


def a_root(site: DemoSite) -> str:
    """A visible initiative with the most below it."""
    roots = [i for i in site.store.visible() if i.type.level == 2]
    return max(roots, key=lambda issue: len(below(site, issue.key))).key


def test_keys_in_the_order_asked(jira: Jira, demo_site: DemoSite) -> None:
    keys = [issue.key for issue in demo_site.store.visible()][150:0:-1]
    df = jira.keys(keys)
    assert list(df["Key"]) == keys
    assert df.attrs["extraction"]["complete"]
    assert list(jira.keys("demo-1")["Key"]) == ["DEMO-1"]
    assert list(jira.keys(["DEMO-3", "DEMO-1", "DEMO-2"], limit=2)["Key"]) == ["DEMO-3", "DEMO-1"]


def test_keys_that_do_not_exist_are_told(jira: Jira) -> None:
    df = jira.keys(["DEMO-1", "DEMO-999999", "VAULT-1", "DEMO-2"])
    assert list(df["Key"]) == ["DEMO-1", "DEMO-2"]
    facts = df.attrs["extraction"]
    assert set(facts["missing"]) == {"DEMO-999999", "VAULT-1"}
    assert all(facts["missing"].values())
    assert not facts["complete"]
    assert not facts["exact"]
    assert (facts["requested"], facts["returned"]) == (4, 2)


def test_moved_issues_are_found_by_their_former_keys(jira: Jira, demo_site: DemoSite) -> None:
    moved = [i for i in demo_site.store.visible() if i.moved_from]
    assert moved
    df = jira.keys([i.moved_from for i in moved])
    assert list(df["Key"]) == [i.key for i in moved]
    assert df.attrs["extraction"]["complete"]


def test_bad_keys(jira: Jira) -> None:
    with pytest.raises(UsageError, match="'no key' is not an issue key"):
        jira.keys(["no key"])
    with pytest.raises(UsageError, match="no key was given"):
        jira.keys([])


def test_a_hierarchy_across_projects(jira: Jira, demo_site: DemoSite) -> None:
    root = a_root(demo_site)
    df = jira.root(root)
    assert set(df["Key"]) == below(demo_site, root)
    assert df["Key"].is_unique
    assert len({key.split("-")[0] for key in df["Key"]}) > 1
    assert df["Level"].iloc[0] == 0
    assert df["Level"].max() >= 3
    assert df["Via"].iloc[0] == "root"
    seen: dict[str, int] = {}
    for row in df.to_dict("records"):
        if row["Via"] != "root":
            assert row["Via"] in seen, "a parent stands before its children"
            assert row["Level"] == seen[row["Via"]] + 1
        seen[row["Key"]] = row["Level"]
    facts = df.attrs["extraction"]
    assert facts["exact"]
    assert facts["complete"]
    assert df.attrs["fields"]["Level"]["type"] == "derived"


def test_a_leaf_is_its_own_hierarchy(jira: Jira, demo_site: DemoSite) -> None:
    leaf = next(i.key for i in demo_site.store.visible() if i.type.level == -1)
    df = jira.root(leaf, fields=["Summary"])
    assert list(df["Key"]) == [leaf]
    assert list(df) == ["Key", "Summary", "Level", "Via"]


def test_links_are_followed_on_request(jira: Jira, demo_site: DemoSite) -> None:
    store = demo_site.store
    visible = {i.id: i for i in store.visible()}
    root = next(
        i.key
        for i in visible.values()
        if any(
            other in visible and visible[other].key not in below(demo_site, i.key)
            for link in store.links.get(i.id, [])
            for other in (link.source, link.target)
        )
    )
    expected = tree = below(demo_site, root)
    for depth in (1, 2):
        expected = expected | {
            visible[other].key
            for key in expected
            for link in store.links.get(store.get(key).id, [])
            for other in (link.source, link.target)
            if other in visible
        }
        df = jira.root(root, links_depth=depth)
        assert set(df["Key"]) == expected
        linked = df[~df["Key"].isin(tree)]
        assert linked["Level"].isna().all()
        assert linked["Via"].str.contains(r"\w+ [A-Z]+-\d+$").all()
    assert set(jira.root(root)["Key"]) == tree


def test_cycles_of_links_end(jira: Jira, demo_site: DemoSite) -> None:
    store = demo_site.store
    linked = next(i for i in store.visible() if store.links.get(i.id))
    df = jira.root(linked.key, links_depth=50)
    assert df["Key"].is_unique


def test_a_root_that_cannot_be_seen(jira: Jira) -> None:
    with pytest.raises(NotFoundError, match="has no issue VAULT-1"):
        jira.root("VAULT-1")
    with pytest.raises(UsageError, match="not a number of steps"):
        jira.root("DEMO-1", links_depth=-1)


def test_root_shows_only_what_was_asked(jira: Jira, demo_site: DemoSite) -> None:
    root = a_root(demo_site)
    df = jira.root(root, links_depth=1, fields=["Status"], limit=4)
    assert list(df) == ["Key", "Status", "Level", "Via"]
    assert len(df) == 4
    assert "Parent" in jira.root(root, fields="*all")


def test_several_sites_one_frame(demo_site: DemoSite) -> None:
    sites = {"cloud": client(demo_site, "cloud"), "dc": client(demo_site, "dc")}
    df = search_sites(sites, lambda jira: jira.project("DEMO"))
    assert list(df)[:2] == ["site", "Key"]
    assert df["site"].value_counts().nunique() == 1
    assert str(df["Status"].dtype) == "category"
    assert df.attrs["extraction"]["complete"]
    assert set(df.attrs["sites"]) == {"cloud", "dc"}
    assert list(df.attrs["fields"]) == list(df)


def test_one_site_down_does_not_lose_the_others(demo_site: DemoSite) -> None:
    sites = {"down": Jira("http://127.0.0.1:9", token="tok-123456"), "dc": client(demo_site, "dc")}
    df = search_sites(sites, lambda jira: jira.search("project = OPS"))
    facts = df.attrs["extraction"]
    assert set(df["site"]) == {"dc"}
    assert not facts["complete"]
    assert not facts["exact"]
    assert "got no answer" in facts["missing_sites"]["down"]
    assert "tok-123456" not in str(facts)
    with pytest.raises(UnavailableError):
        search_sites({"down": sites["down"]}, lambda jira: jira.search("project = OPS"))
    with pytest.raises(UsageError, match="no site was named"):
        search_sites({}, lambda jira: jira.search("project = OPS"))


def test_export_tasks_as_their_parameters_are_written(demo_site: DemoSite) -> None:
    sites = {"one": client(demo_site, "cloud"), "two": client(demo_site, "dc")}
    envs = [jira.site.url.removeprefix("http://") for jira in sites.values()]
    params = {"jira_envs": envs, "key_type": "project", "key_value": "OPS", "user": "johndoe"}
    df = export_task(params, sites)
    assert set(df["site"]) == {"one", "two"}
    root = a_root(demo_site)
    df = export_task({"jira_envs": envs[1:], "key_type": "root_ticket", "key_value": root}, sites)
    assert set(df["site"]) == {"two"}
    assert set(df["Key"]) == below(demo_site, root)
    assert len(export_task({**params, "jira_envs": "one"}, sites)) > 0


def test_an_export_without_one_of_its_sites_fails_unless_allowed(demo_site: DemoSite) -> None:
    down = Jira("http://127.0.0.1:9", token="tok-123456")
    sites = {"one": client(demo_site, "cloud"), "down": down}
    params = {"jira_envs": ["one", "down"], "key_type": "project", "key_value": "OPS"}
    with pytest.raises(IncompleteError, match=r"site down is missing from the extraction .*partial=True"):
        export_task(params, sites)
    df = export_task({**params, "partial": True}, sites)
    assert set(df["site"]) == {"one"}
    with pytest.raises(CheckError, match="site down is missing"):
        check(df, Check(complete=True))


def test_an_issue_that_one_site_withholds_is_missing_from_all(demo_site: DemoSite) -> None:
    with DemoSite(issues=60) as other:
        other.quirks.bulk_errors = {"DEMO-1"}
        sites = {"one": client(other, "cloud"), "two": client(demo_site, "dc")}
        df = search_sites(sites, lambda jira: jira.project("DEMO"))
        id = other.store.get("DEMO-1").id
    assert list(df.attrs["extraction"]["missing"]) == [f"one {id}"]
    with pytest.raises(CheckError, match="1 issues are missing"):
        check(df, Check(complete=True))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"jira_envs": ["evil.example.org"]}, "'evil.example.org' is not a configured site"),
        ({"jira_envs": []}, "jira_envs names no site"),
        ({"jira_envs": None}, "jira_envs names no site"),
        ({"key_type": "epic"}, "key_type: 'epic' is neither"),
        ({"key_value": " "}, "key_value: ' ' is not a key"),
        ({"password": "x"}, "unknown parameter 'password'"),
    ],
)
def test_export_parameters_that_cannot_be(demo_site: DemoSite, change: dict, words: str) -> None:
    sites = {"one": client(demo_site, "cloud")}
    good = {"jira_envs": ["one"], "key_type": "project", "key_value": "OPS"}
    with pytest.raises(ParameterError, match=words):
        export_task({**good, **change}, sites)


@pytest.fixture
def small():
    with DemoSite(issues=120) as site:
        yield site


@pytest.mark.parametrize("when", [1, 2, 3])
def test_a_hierarchy_that_changes_while_it_is_walked(small: DemoSite, dialect: str, when: int) -> None:
    store = small.store
    root = a_root(small)
    inside = [store.get(key) for key in sorted(below(small, root))]
    leaf = next(i for i in inside if not store.children.get(i.id) and i.type.level == 0)
    jira = client(small, dialect)
    jira.fields()
    seen = iter(range(10**6))

    def meddle(request) -> None:
        if "/search" in request.url.path and next(seen) == when:
            store.delete(leaf.key)
            store.edit(root, summary="Edited meanwhile")
            store.create("DEMO", "Born below", parent=store.get(root).id)

    small.before(meddle)
    df = jira.root(root)
    assert set(df["Key"]) == below(small, root)
    assert df["Summary"].iloc[0] == "Edited meanwhile"
    assert "Born below" in set(df["Summary"])
    facts = df.attrs["extraction"]
    assert facts["exact"]
    assert facts["left"] + facts["appeared"] + facts["changed"] > 0


def test_what_leaves_a_hierarchy_and_comes_back(
    small: DemoSite, dialect: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, root = small.store, a_root(small)
    inside = [store.get(key) for key in sorted(below(small, root))]
    leaf = next(i for i in inside if not store.children.get(i.id) and i.type.level == 0)
    since, hung = Extraction.since, iter([None, leaf.parent])

    def looking(self: Extraction, moment: datetime) -> int:
        # Each look of the proof begins with it.
        for parent in itertools.islice(hung, 1):
            store.edit(leaf.key, parent=parent, summary=f"Below {parent}")
        return since(self, moment)

    monkeypatch.setattr(Extraction, "since", looking)
    df = client(small, dialect).root(root)
    assert next(hung, "both done") == "both done"
    assert set(df["Key"]) == below(small, root)
    assert df.set_index("Key")["Summary"][leaf.key] == f"Below {leaf.parent}"
    assert df.attrs["extraction"]["exact"]
    assert df.attrs["extraction"]["left"] == 1


def test_a_hierarchy_that_never_rests_says_so(small: DemoSite, dialect: str) -> None:
    root = a_root(small)
    number = iter(range(10**6))
    small.before(lambda request: small.store.edit(root, summary=f"edit {next(number)}") and None)
    facts = client(small, dialect).root(root).attrs["extraction"]
    assert not facts["exact"]
    assert facts["complete"]


def test_keys_of_which_the_site_will_not_tell(small: DemoSite, dialect: str) -> None:
    jira = client(small, dialect)
    jira.fields()

    def hide(request):
        if request.url.path.endswith("/issue/GONE-1"):
            return JSONResponse({"errorMessages": ["not for you"]}, 403)
        if request.url.path.endswith("/issue/GONE-2"):
            return JSONResponse({"surprise": True})
        return None

    small.before(hide)
    df = jira.keys(["DEMO-1", "GONE-1", "GONE-2"])
    missing = df.attrs["extraction"]["missing"]
    assert list(df["Key"]) == ["DEMO-1"]
    assert "not for you" in missing["GONE-1"]
    assert "no issue" in missing["GONE-2"]


def test_an_address_that_is_no_jira(small: DemoSite) -> None:
    small.before(lambda request: JSONResponse({"hello": "world"}))
    with pytest.raises(NotFoundError, match="does not answer like a Jira"):
        client(small, "dc").search("project = DEMO")


@pytest.fixture
def awkward(small: DemoSite):
    """A site with fields called like columns of ours."""
    names = {"Squad": "Level", "Business Value": "Via", "Team Lead": "site"}
    ask = Request("GET", "/rest/api/2/field")
    cloud, dc = (service().call(client(small, dialect).site.send, ask).json() for dialect in ("cloud", "dc"))

    def rename(request):
        if not request.url.path.endswith("/field"):
            return None
        fields = dc if request.url.path.startswith("/jira") else cloud
        return JSONResponse([field | {"name": names.get(field["name"], field["name"])} for field in fields])

    small.before(rename)
    return small


def test_fields_called_like_columns_of_ours(awkward: DemoSite, dialect: str) -> None:
    jira = client(awkward, dialect)
    ids = {field["name"]: field["id"] for field in jira.fields().to_dict("records")}
    root = a_root(awkward)
    plain = jira.search("project = DEMO ORDER BY key", fields=["Level", "Via", "site"])
    assert list(plain) == ["Key", "Level", "Via", "site"]
    tree = jira.root(root, fields=["Level", "Via"])
    suffixed = [f"Level ({ids['Level']})", f"Via ({ids['Via']})"]
    assert list(tree) == ["Key", *suffixed, "Level", "Via"]
    assert tree.attrs["fields"]["Level"]["type"] == "derived"
    assert tree.attrs["fields"][suffixed[0]]["id"] == ids["Level"]
    sites = {"a": jira, "b": jira}
    both = search_sites(sites, lambda one: one.search("project = DEMO ORDER BY key", fields=["site"]))
    assert list(both) == ["site", "Key", f"site ({ids['site']})"]
    assert both.attrs["fields"][f"site ({ids['site']})"]["id"] == ids["site"]
    leads = both.loc[both["site"] == "a", f"site ({ids['site']})"].reset_index(drop=True)
    pd.testing.assert_series_equal(leads, plain["site"], check_names=False)


def test_linked_issues_come_in_one_order(small: DemoSite, dialect: str) -> None:
    """Whichever answer arrives first, equal sites give equal frames."""
    root = a_root(small)
    clean = client(small, dialect).root(root, links_depth=2)
    small.page_cap = 5
    small.faults = "rate=0.3,kinds=503"
    for _ in range(3):
        pd.testing.assert_frame_equal(client(small, dialect, retries=20).root(root, links_depth=2), clean)
