"""The sides of the Jira benchmark, each run in a process of its own: ours, the peers, the bare floor.

    python -m bench.jira_sides SIDE DIALECT FIELDS SITE.json OUT

prints one JSON line (seconds, cpu, imports_mb, peak_mb, rows, requests) and writes the columns that all sides
can show to OUT, so that the caller can compare them value by value.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import resource
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pandas as pd

JQL = "project is not EMPTY ORDER BY key ASC"
CONCURRENCY = 16
# What the default columns are made of: system fields, and custom ones that a site calls by these names.
SYSTEM = [
    "summary", "issuetype", "status", "priority", "assignee", "reporter", "created", "updated",
    "resolutiondate", "duedate", "parent", "labels", "components", "fixVersions",
]  # fmt: skip
CUSTOM = ("Epic Link", "Parent Link", "Sprint", "Story Points", "Story point estimate")
COMPARED = [
    "Key", "Summary", "Type", "Status", "Status Category", "Priority", "Assignee", "Reporter", "Created",
    "Updated", "Resolved", "Due", "Parent", "Labels", "Components", "Fix Versions", "Sprint", "Story Points",
]  # fmt: skip
INSTANTS = ("Created", "Updated", "Resolved", "Due")


class Names:
    """The custom fields by name, from what the site says about its fields; as people look them up."""

    def __init__(self, fields: list[dict[str, Any]]) -> None:
        self.ids = {field["name"]: field["id"] for field in fields if field["name"] in CUSTOM}

    @property
    def wanted(self) -> list[str]:
        return [*SYSTEM, *self.ids.values()]

    def value(self, fields: dict[str, Any], *names: str) -> Any:
        """The first value that one of the fields holds."""
        return next((v for n in names if (v := fields.get(self.ids.get(n, ""))) is not None), None)


def person(user: dict[str, Any] | None) -> str | None:
    user = user or {}
    return user.get("displayName") or user.get("name") or user.get("accountId")


def sprint(value: Any) -> str:
    """A sprint's name, from Cloud's object or Data Center's text."""
    if isinstance(value, dict):
        return str(value["name"])
    return str(value.partition(",name=")[2].partition(",startDate=")[0])


def rows_of(issues: list[dict[str, Any]], names: Names) -> pd.DataFrame:
    """The frame as people write it by hand: a list of dicts."""
    rows = []
    for issue in issues:
        f = issue["fields"]
        rows.append(
            {
                "Key": issue["key"],
                "Summary": f["summary"],
                "Type": f["issuetype"]["name"],
                "Status": f["status"]["name"],
                "Status Category": f["status"]["statusCategory"]["name"],
                "Priority": (f["priority"] or {}).get("name"),
                "Assignee": person(f["assignee"]),
                "Reporter": person(f["reporter"]),
                "Created": f["created"],
                "Updated": f["updated"],
                "Resolved": f["resolutiondate"],
                "Due": f["duedate"],
                "Parent": (f.get("parent") or {}).get("key") or names.value(f, "Epic Link", "Parent Link"),
                "Labels": tuple(f["labels"]),
                "Components": tuple(c["name"] for c in f["components"]),
                "Fix Versions": tuple(v["name"] for v in f["fixVersions"]),
                "Sprint": tuple(map(sprint, names.value(f, "Sprint") or ())),
                "Story Points": names.value(f, "Story Points", "Story point estimate"),
            }
        )
    frame = pd.DataFrame(rows)
    for column in INSTANTS:
        frame[column] = pd.to_datetime(frame[column], utc=True, format="ISO8601")
    return frame


def flat(issues: list[dict[str, Any]], names: Names, every: bool) -> pd.DataFrame:
    if every:
        pd.json_normalize(issues)  # every field, as people do it; then the columns that are compared
    return rows_of(issues, names)


def ours(site: dict[str, str], cloud: bool, every: bool) -> pd.DataFrame:
    return _ours(site, every, concurrency=CONCURRENCY)


def ours_default(site: dict[str, str], cloud: bool, every: bool) -> pd.DataFrame:
    return _ours(site, every)


def _ours(site: dict[str, str], every: bool, **options: Any) -> pd.DataFrame:
    from schedkit.jira import Jira

    jira = Jira(site["url"], user=site.get("user"), token=site["token"], **options)
    frame = jira.search(JQL, fields="*all" if every else None)
    facts = frame.attrs["extraction"]
    assert facts["exact"], facts
    assert facts["returned"] == len(frame)
    frame.attrs["requests"] = facts["requests"]
    return frame


def pycontribs(site: dict[str, str], cloud: bool, every: bool) -> pd.DataFrame:
    client = _pycontribs(site)
    names = Names(client.fields())
    fields = "*all" if every else ",".join(names.wanted)
    find = client.enhanced_search_issues if cloud else client.search_issues
    return flat([issue.raw for issue in find(JQL, maxResults=0, fields=fields)], names, every)


def pycontribs_tuned(site: dict[str, str], cloud: bool, every: bool) -> pd.DataFrame:
    if cloud:  # tokens allow one page after the other only
        return pycontribs(site, cloud, every)
    client = _pycontribs(site)
    names = Names(client.fields())
    fields = "*all" if every else ",".join(names.wanted)

    def page(start: int) -> list[dict[str, Any]]:
        return [i.raw for i in client.search_issues(JQL, startAt=start, maxResults=1000, fields=fields)]

    total = client.search_issues(JQL, maxResults=1, fields="id", json_result=True)["total"]
    return flat(_pooled(page, range(0, total, 1000)), names, every)


def _pycontribs(site: dict[str, str]) -> Any:
    import jira

    if "user" in site:
        return jira.JIRA(site["url"], basic_auth=(site["user"], site["token"]))
    return jira.JIRA(site["url"], token_auth=site["token"])


def atlassian_default(site: dict[str, str], cloud: bool, every: bool) -> pd.DataFrame:
    client = _atlassian(site, cloud)
    names = Names(client.get_all_fields())
    fields = "*all" if every else ",".join(names.wanted)
    if cloud:
        return flat(client.enhanced_jql_get_list_of_tickets(JQL, fields=fields), names, every)
    issues: list[dict[str, Any]] = []
    while True:
        page = client.jql(JQL, start=len(issues), fields=fields)
        issues += page["issues"]
        if not page["issues"] or len(issues) >= page["total"]:
            return flat(issues, names, every)


def atlassian_tuned(site: dict[str, str], cloud: bool, every: bool) -> pd.DataFrame:
    client = _atlassian(site, cloud)
    names = Names(client.get_all_fields())
    fields = "*all" if every else ",".join(names.wanted)
    if cloud:
        issues: list[dict[str, Any]] = []
        token = None
        while True:
            page = client.enhanced_jql(JQL, fields=fields, nextPageToken=token, limit=100)
            issues += page["issues"]
            token = page.get("nextPageToken")
            if token is None:
                return flat(issues, names, every)

    def one(start: int) -> list[dict[str, Any]]:
        return list(client.jql(JQL, start=start, limit=1000, fields=fields)["issues"])

    total = client.jql(JQL, limit=1, fields="id")["total"]
    return flat(_pooled(one, range(0, total, 1000)), names, every)


def _atlassian(site: dict[str, str], cloud: bool) -> Any:
    import requests
    from atlassian.jira import Jira
    from requests.adapters import HTTPAdapter

    session = requests.Session()
    session.mount("http://", HTTPAdapter(pool_maxsize=CONCURRENCY))
    if cloud:
        return Jira(site["url"], username=site["user"], password=site["token"], cloud=True, session=session)
    return Jira(site["url"], token=site["token"], session=session)


def _pooled(page: Callable[[int], list[dict[str, Any]]], starts: range) -> list[dict[str, Any]]:
    with ThreadPoolExecutor(CONCURRENCY) as pool:
        return [issue for issues in pool.map(page, starts) for issue in issues]


class Bare:
    """The floor: a plain session that fetches what ours fetches, in the order that the API allows."""

    def __init__(self, site: dict[str, str], cloud: bool, every: bool) -> None:
        import requests
        from requests.adapters import HTTPAdapter

        from schedkit.jira import Jira
        from schedkit.jira.table.columns import Layout, layout
        from schedkit.jira.table.reader import Reader

        jira = Jira(site["url"], user=site.get("user"), token=site["token"])
        source = asyncio.run(jira.aio.session())
        chosen = layout(source.catalog, source.dialect, "*all" if every else None)
        self.fields = chosen.requested
        self.reader, self.ids = Reader(chosen, source.catalog), Reader(Layout(()), source.catalog)
        self.url = site["url"] + source.dialect.api
        self.session = requests.Session()
        self.session.mount("http://", HTTPAdapter(pool_maxsize=CONCURRENCY))
        if "user" in site:
            self.session.auth = (site["user"], site["token"])
        else:
            self.session.headers["Authorization"] = f"Bearer {site['token']}"
        # The decoders are warm: taking up fields that the catalog does not know is not measured.
        self.cloud, self.count, self.lock = cloud, 0, threading.Lock()

    def post(self, path: str, body: dict[str, Any], reader: Any) -> Any:
        import msgspec

        answer = self.session.post(self.url + path, json=body)
        try:
            found = msgspec.json.decode(answer.content, type=reader._compiled.envelope)
        except msgspec.ValidationError:
            reader.page(answer.content)
            found = msgspec.json.decode(answer.content, type=reader._compiled.envelope)
        with self.lock:
            self.count += len(found.issues) if reader is self.reader else 0
        return found

    def run(self) -> int:
        with ThreadPoolExecutor(CONCURRENCY) as pool:
            # What opens a site: fields, server, login, priorities, statuses.
            names = ("field", "serverInfo", "myself", "priority", "status")
            list(pool.map(lambda name: self.session.get(f"{self.url}/{name}").json(), names))
            since = int(time.time() * 1000) - 60_000
            if self.cloud:
                self._tokens(pool, True)
                changed = {"jql": f"updated >= {since}", "maxResults": 5000, "fields": ["id"]}
                late = pool.submit(self.post, "/search/jql", changed, self.ids)
                self._tokens(pool, False)
            else:
                self._windows(pool, self.fields, self.reader)
                changed = {"jql": f"updated >= {since}", "maxResults": 1000, "fields": self.fields}
                late = pool.submit(self.post, "/search", changed, self.reader)
                self._windows(pool, ["id"], self.ids)
            late.result()
        return self.count

    def _windows(self, pool: ThreadPoolExecutor, fields: list[str], reader: Any) -> None:
        def ask(start: int) -> Any:
            body = {"jql": JQL, "startAt": start, "maxResults": 1000, "fields": fields}
            return self.post("/search", body, reader)

        first = ask(0)
        list(pool.map(ask, range(len(first.issues), first.total, 1000)))

    def _tokens(self, pool: ThreadPoolExecutor, fetch: bool) -> None:
        waiting, token = [], None
        while True:
            body = {"jql": JQL, "maxResults": 5000, "fields": ["id"]}
            page = self.post("/search/jql", body | ({"nextPageToken": token} if token else {}), self.ids)
            ids = [issue.id for issue in page.issues]
            for start in range(0, len(ids) if fetch else 0, 100):
                bulk = {"issueIdsOrKeys": ids[start : start + 100], "fields": self.fields}
                waiting.append(pool.submit(self.post, "/issue/bulkfetch", bulk, self.reader))
            token = page.nextPageToken
            if token is None:
                break
        for future in waiting:
            future.result()


def stream(site: dict[str, str], cloud: bool, every: bool) -> pd.DataFrame:
    import tempfile
    from pathlib import Path

    from schedkit.jira import Jira

    jira = Jira(site["url"], user=site.get("user"), token=site["token"], concurrency=CONCURRENCY)
    with tempfile.TemporaryDirectory() as folder:
        facts = jira.to_parquet(JQL, Path(folder) / "x.parquet", fields="*all" if every else None)
    assert facts["exact"], facts
    return pd.DataFrame({"rows": range(facts["returned"])})


SIDES = {
    side.__name__: side
    for side in (
        ours,
        ours_default,
        pycontribs,
        pycontribs_tuned,
        atlassian_default,
        atlassian_tuned,
        stream,
    )
}


def peak_megabytes(line: str = "VmHWM") -> float:
    """The most memory this process has held; `ru_maxrss` would count its parent's, from before exec."""
    try:
        with open("/proc/self/status") as status:
            return next(int(told.split()[1]) for told in status if told.startswith(line)) / 1024
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def imported(side: str) -> None:
    """Import what a side works with: its memory counts, its seconds do not. pandas is there for all."""
    if side.startswith("pycontribs"):
        importlib.import_module("jira")
    elif side.startswith("atlassian"):
        importlib.import_module("atlassian")
    else:
        importlib.import_module("schedkit.jira")
        # What a site's first request imports.
        importlib.import_module("schedkit.atlassian.lazy_import").rest_api()


def main(side: str, dialect: str, fields: str, site: str, out: str) -> None:
    with open(site) as file:
        ready = json.load(file)[f"jira_{dialect}"]
    cloud, every = dialect == "cloud", fields == "all"
    imported(side)
    imports = peak_megabytes("VmRSS")
    work: Callable[[], Any] = (
        Bare(ready, cloud, every).run if side == "floor" else lambda: SIDES[side](ready, cloud, every)
    )
    wall, cpu = time.perf_counter(), time.process_time()
    made = work()
    facts = {"seconds": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
    facts["imports_mb"] = imports
    facts["rows"] = made if isinstance(made, int) else len(made)
    if not isinstance(made, int) and side != "stream":
        facts["requests"] = made.attrs.get("requests")
        facts["peak_mb"] = peak_megabytes()
        table = made[COMPARED].astype({c: "str" for c in COMPARED if c not in INSTANTS})
        table = table.astype(dict.fromkeys(INSTANTS, "datetime64[us, UTC]"))
        table.sort_values("Key", ignore_index=True).to_pickle(out)
    facts.setdefault("peak_mb", peak_megabytes())
    print(json.dumps(facts))


if __name__ == "__main__":
    main(*sys.argv[1:])
