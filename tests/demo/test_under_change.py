"""The site while others write: every answer whole, and the totals right once it is quiet again."""

from __future__ import annotations

import threading
from random import Random

import pytest
from support.demo_clients import client, cloud, datacenter

from schedkit.demo import DemoSite
from schedkit.demo.confluence.store import InvalidBodyError


def meddle(site: DemoSite, seed: int, times: int) -> None:
    """Create, edit, move, link, transition, comment on and delete issues at random."""
    rng, store = Random(seed), site.store
    for n in range(times):
        with store.lock:
            issue = rng.choice(list(store.visible()))
            kind = rng.randrange(7)
            if kind == 0:
                store.create(summary=f"made {seed}-{n}", parent=issue.id if issue.type.level == 1 else None)
            elif kind == 1:
                store.edit(issue.key, summary=f"edited {seed}-{n}")
            elif kind == 2:
                store.move(issue.key, rng.choice(("DEMO", "OPS", "MOB")))
            elif kind == 3:
                store.link(issue.key, rng.choice(list(store.visible())).key, "Relates")
            elif kind == 4:
                store.transition(issue.key, rng.choice(issue.project.statuses))
            elif kind == 5:
                store.comment(issue.key, "seen")
            else:
                store.delete(issue.key)


@pytest.mark.parametrize("writers", [3])
def test_answers_stay_whole_while_others_write(writers: int) -> None:
    with DemoSite(issues=150) as site, cloud(site) as c, datacenter(site) as d:
        threads = [threading.Thread(target=meddle, args=(site, seed, 120)) for seed in range(writers)]
        for thread in threads:
            thread.start()
        rounds = 0
        while rounds < 5 or any(thread.is_alive() for thread in threads):
            rounds += 1
            body = {"jql": "created > 0 ORDER BY key", "maxResults": 60, "fields": ["*all"]}
            while True:
                page = c.post("/rest/api/3/search/jql", json=body)
                assert page.status_code == 200, page.text[:200]
                found = page.json()
                assert all(issue["fields"]["summary"] for issue in found["issues"])
                if found["isLast"]:
                    break
                body["nextPageToken"] = found["nextPageToken"]
            window = d.post(
                "/rest/api/2/search", json={"jql": "ORDER BY updated", "maxResults": 500, "fields": ["*all"]}
            )
            assert window.status_code == 200
            assert len(window.json()["issues"]) == window.json()["total"]
        for thread in threads:
            thread.join()
        keys = {issue.key for issue in site.store.visible()}
        window = d.post(
            "/rest/api/2/search", json={"jql": "", "maxResults": 1000, "fields": ["issuelinks", "subtasks"]}
        )
        shown = window.json()["issues"]
        assert {issue["key"] for issue in shown} == keys
        linked = {
            (link.get("outwardIssue") or link["inwardIssue"])["key"]
            for issue in shown
            for link in issue["fields"]["issuelinks"]
        }
        assert linked <= keys
        assert site.requests.by_status().keys() == {200}


def test_of_two_writers_of_one_page_one_wins_each_version() -> None:
    with DemoSite(issues=10) as site:
        page = site.wiki.create("Contested", "<p>0</p>")
        answers: list[int] = []

        def write(name: str) -> None:
            with client(site.confluence_cloud) as http:
                for _ in range(15):
                    number = http.get(f"/api/v2/pages/{page.id}").json()["version"]["number"] + 1
                    body = {"representation": "storage", "value": f"<p>{name} {number}</p>"}
                    put = {"id": page.id, "status": "current", "title": "Contested", "body": body}
                    answer = http.put(f"/api/v2/pages/{page.id}", json=put | {"version": {"number": number}})
                    answers.append(answer.status_code)

        threads = [threading.Thread(target=write, args=(name,)) for name in "abc"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert set(answers) <= {200, 409}
        assert answers.count(200) == page.latest.number - 1 >= 15
        assert [version.number for version in page.versions] == list(range(1, page.latest.number + 1))
        with pytest.raises(InvalidBodyError, match="already exists"):
            site.wiki.create("contested", "<p>again</p>")


@pytest.mark.thorough
def test_two_hundred_thousand_issues_are_enumerated_by_both_dialects() -> None:
    with DemoSite(issues=200_000) as site, cloud(site) as c, datacenter(site) as d:
        ids: list[str] = []
        body: dict[str, object] = {"jql": "created > 0 ORDER BY id", "maxResults": 5000}
        while True:
            page = c.post("/rest/api/3/search/jql", json=body, timeout=60).json()
            ids += [issue["id"] for issue in page["issues"]]
            if page["isLast"]:
                break
            body["nextPageToken"] = page["nextPageToken"]
        assert len(ids) == len(set(ids)) == 200_000
        seen: set[str] = set()
        for start in range(0, 200_000, 1000):
            asked = {"jql": "ORDER BY id", "startAt": start, "maxResults": 1000, "fields": ["id"]}
            seen.update(
                issue["id"] for issue in d.post("/rest/api/2/search", json=asked, timeout=60).json()["issues"]
            )
        assert seen == set(ids)
