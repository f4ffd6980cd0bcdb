"""Links between issues, in the site's words and in both directions."""

from __future__ import annotations

import pandas as pd
import pytest

from schedkit.demo import DemoSite
from schedkit.errors import UsageError
from schedkit.jira import Jira


def links(site: DemoSite, key: str) -> set[tuple[str, str, str]]:
    store = site.store
    return {
        (store.issues[k.source].key, k.type.name, store.issues[k.target].key)
        for k in store.links.get(store.get(key).id, ())
    }


def test_links_are_made_once_in_the_right_direction(site: DemoSite, jira: Jira) -> None:
    before = links(site, "DEMO-1")
    df = pd.DataFrame(
        {
            "Key": ["DEMO-1", "demo-1", "DEMO-1", "DEMO-1"],
            "Link": ["blocks", "is blocked by", "Relates", "Duplicates"],
            "To": ["DEMO-2", "DEMO-3", "DEMO-4", "DEMO-5"],
        }
    )
    plan = jira.link_issues(df)
    assert "DEMO-1  Link: (empty) → blocks DEMO-2" in repr(plan)
    assert set(plan.apply()["Outcome"]) == {"done"}
    assert links(site, "DEMO-1") - before == {
        ("DEMO-1", "Blocks", "DEMO-2"),
        ("DEMO-3", "Blocks", "DEMO-1"),
        ("DEMO-1", "Relates", "DEMO-4"),
        ("DEMO-1", "Duplicate", "DEMO-5"),
    }
    assert len(jira.link_issues(df)) == 0
    turned = pd.DataFrame({"Key": ["DEMO-4"], "Link": ["relates to"], "To": ["DEMO-1"]})
    assert len(jira.link_issues(turned)) == 0, "it is the same from both sides"


def test_links_are_in_the_histories_of_both_issues(jira: Jira) -> None:
    jira.link_issues(pd.DataFrame({"Key": ["DEMO-1"], "Link": ["blocks"], "To": ["DEMO-2"]})).apply()
    for name in ("Link", "Linked Issues", "issuelinks"):
        changes = jira.changelog(["DEMO-1", "DEMO-2"], fields=[name]).set_index("Key")
        assert changes["To"].to_dict() == {
            "DEMO-1": "This issue blocks DEMO-2",
            "DEMO-2": "This issue is blocked by DEMO-1",
        }
        assert changes["To Id"].to_dict() == {"DEMO-1": "DEMO-2", "DEMO-2": "DEMO-1"}


def test_links_that_cannot_be(jira: Jira) -> None:
    with pytest.raises(UsageError, match=r"the site has no link 'bloks'.*did you mean 'blocks'"):
        jira.link_issues(pd.DataFrame({"Key": ["DEMO-1"], "Link": ["bloks"], "To": ["DEMO-2"]}))
    with pytest.raises(UsageError, match="no column 'To'"):
        jira.link_issues(pd.DataFrame({"Key": ["DEMO-1"], "Link": ["blocks"]}))
    plan = jira.link_issues(pd.DataFrame({"Key": ["DEMO-404"], "Link": ["blocks"], "To": ["DEMO-2"]}))
    assert "refused" in repr(plan)
    gone = jira.link_issues(pd.DataFrame({"Key": ["DEMO-1"], "Link": ["blocks"], "To": ["DEMO-404"]}))
    assert list(gone.apply()["Outcome"]) == ["failed"]
