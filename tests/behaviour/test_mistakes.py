"""A hundred typical mistakes: each ends in one clear sentence, without words of the libraries beneath."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from schedkit import Confluence, Jira, Retry, all_of, at, calendar, cron, every, excel, expect
from schedkit.core.api.scheduler import Scheduler
from schedkit.demo import DemoSite
from schedkit.errors import SchedkitError
from schedkit.flow import WorkingHours, throughput
from schedkit.report import loads_reports
from schedkit.settings import load_settings

# Words of pydantic, msgspec, jsonschema, Python's own calls and SQL: nobody who wrote the mistake knows them.
LIBRARIES = re.compile(
    r"pydantic|msgspec|jsonschema|Input should|[Vv]alidation error|input_value|Traceback|NoneType|"
    r"has no attribute|unexpected keyword|positional argument|Expected `|sqlalchemy|sqlite3|urllib3|errno",
)


@dataclass
class World:
    """What a person has at hand."""

    site: DemoSite
    jira: Jira
    wiki: Confluence
    sched: Scheduler
    folder: Path
    df: pd.DataFrame

    @property
    def table(self) -> Any:
        return self.wiki.page(100001).table("anchor:open-bugs")

    def book(self) -> Path:
        return excel.write(self.df, self.folder / "bugs.xlsx", sheet="Bugs").path

    def settings(self, text: str) -> object:
        (self.folder / "schedkit.yaml").write_text(text)
        return load_settings(self.folder)


def open_bugs(project: str = "DEMO", limit: int = 5) -> None: ...


@pytest.fixture(scope="module")
def _sites(demo_site: DemoSite) -> tuple[DemoSite, Jira, Confluence]:
    cloud, wiki = demo_site.jira_cloud, demo_site.confluence_cloud
    jira = Jira(cloud.url, user=cloud.user, token=cloud.token)
    return demo_site, jira, Confluence(wiki.url, user=wiki.user, token=wiki.token)


@pytest.fixture
def world(
    _sites: tuple[DemoSite, Jira, Confluence], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> World:
    monkeypatch.chdir(tmp_path)
    sched = Scheduler("mistakes.db")
    sched.task(every("1h"), name="open_bugs")(open_bugs)
    df = pd.DataFrame({"Key": ["DEMO-1", "DEMO-2"], "Summary": ["a", "b"], "Priority": ["High", "Low"]})
    return World(*_sites, sched, tmp_path, df)


def report(text: str) -> object:
    return loads_reports(f"name: bugs\n{text}")


WHOLE = "extract: {site: jira, jql: type = Bug}\ndeliver:\n  - excel: {path: x.xlsx}\n"
Mistake = Callable[[World], object]

MISTAKES: dict[str, tuple[Mistake, str]] = {
    "a flag that is a text": (
        lambda w: excel.write(w.df, w.folder / "x.xlsx", summary="no"),
        "write(): summary='no' is not True or False",
    ),
    "replace that is a text": (
        lambda w: w.sched.task(every("1h"), name="other", replace="no")(open_bugs),
        "replace='no'",
    ),
    "replace_existing that is a text": (
        lambda w: w.sched.add_job(open_bugs, "interval", hours=1, replace_existing="no"),
        "replace_existing='no'",
    ),
    "NaT as a start": (lambda w: every("1h", start=pd.NaT), "NaT is not a date and time"),
    "a listener that is a name": (lambda w: w.sched.subscribe("print"), "listener='print' cannot be called"),
    # Jira: the address and the login
    "no address": (lambda w: Jira(), "Jira needs a url"),
    "no scheme": (lambda w: Jira("issues.example.org"), "write it like https://issues.example.org"),
    "password in the address": (
        lambda w: Jira("https://ann:pw1234@x.example.org"),
        "holds a user or password",
    ),
    "user without token": (lambda w: Jira("https://x.atlassian.net", user="ann@x.org"), "give token=…"),
    "api_token": (lambda w: Jira("https://x.example.org", api_token="abc"), "did you mean 'token'"),
    "email": (lambda w: Jira("https://x.example.org", email="a@x.org", token="abc"), "did you mean 'user'"),
    "verify_ssl": (lambda w: Jira("https://x.example.org", verify_ssl=False), "did you mean 'verify'"),
    "timeout in words": (lambda w: Jira("https://x.example.org", timeout="fast"), "timeout"),
    "rate in words": (lambda w: Jira("https://x.example.org", rate="often"), "rate"),
    "blanks around a token": (lambda w: Jira("https://x.example.org", token=" abcd"), "copy it again"),
    "wrong token": (lambda w: Jira(w.site.jira_dc.url, token="wrong-token").myself(), "check user and token"),
    "wrong port": (lambda w: Jira("http://127.0.0.1:9", cloud=False).search("type = Bug"), "127.0.0.1:9"),
    # Jira: reading
    "max_results": (lambda w: w.jira.search("type = Bug", max_results=5), "did you mean 'limit'"),
    "maxResults": (lambda w: w.jira.search("type = Bug", maxResults=5), "did you mean 'limit'"),
    "columns": (lambda w: w.jira.search("type = Bug", columns=["Key"]), "did you mean 'fields'"),
    "no JQL": (lambda w: w.jira.search(), "Jira.search() needs jql"),
    "too many arguments": (lambda w: w.jira.search("type = Bug", ["Key"], 5, True), "by name: markup, raw"),
    "misspelt field in JQL": (lambda w: w.jira.search("projct = DEMO"), "projct"),
    "unknown project in JQL": (lambda w: w.jira.search("project = NOPE"), "NOPE"),
    "JQL that ends early": (lambda w: w.jira.search("project = DEMO AND"), "JQL"),
    "misspelt field": (lambda w: w.jira.search("type = Bug", ["Sumary"]), "did you mean 'Summary'"),
    "negative limit": (lambda w: w.jira.search("type = Bug", limit=-1), "limit"),
    "limit in words": (lambda w: w.jira.search("type = Bug", limit="ten"), "limit"),
    "no project": (lambda w: w.jira.project(), "no project was named"),
    "unknown filter": (lambda w: w.jira.filter(99999), "99999"),
    "unknown board": (lambda w: w.jira.board(99999), "99999"),
    "link of another site": (
        lambda w: w.jira.link("https://other.example.org/browse/A-1"),
        "other.example.org",
    ),
    "frame without keys": (lambda w: w.jira.edit(w.df.drop(columns="Key")), "Key"),
    # Confluence
    "no page": (lambda w: w.wiki.page(), "page"),
    "page that is none": (lambda w: w.wiki.page("my page"), "my page"),
    "title without space": (lambda w: w.wiki.page(title="Open bugs"), "space"),
    "page_id": (lambda w: w.wiki.page(page_id=100001), "did you mean 'page'"),
    "unknown page": (lambda w: w.wiki.page(999).tables(), "999"),
    "unknown anchor": (
        lambda w: w.wiki.page(100001).table("anchor:opn-bugs").read(),
        "did you mean 'open-bugs'",
    ),
    "misspelt heading": (
        lambda w: w.wiki.page(100001).table("heading:On cal").read(),
        "did you mean 'On call'",
    ),
    "unknown kind of region": (lambda w: w.wiki.page(100001).table("tabel:1").read(), "tabel"),
    "table that is not there": (lambda w: w.wiki.page(100001).table("nth:99").read(), "nth:99"),
    "misspelt key column": (lambda w: w.table.replace(w.df, key="Kye"), "Kye"),
    "misspelt column to keep": (
        lambda w: w.table.replace(w.df, key="Key", keep=["Priorty"]),
        "did you mean 'Priority'",
    ),
    "index": (lambda w: w.table.replace(w.df, index="Key"), "did you mean 'key'"),
    "unknown choice": (lambda w: w.table.replace(w.df, key="Key", missing="remove"), "missing"),
    "share above one": (lambda w: w.table.replace(w.df, key="Key", max_drop=5), "max_drop"),
    "empty frame": (lambda w: w.table.replace(w.df.head(0), key="Key"), "min_rows=0"),
    "keys that repeat": (lambda w: w.table.replace(pd.concat([w.df, w.df]), key="Key"), "twice"),
    "list for a frame": (lambda w: w.table.replace([1, 2], key="Key"), "expected a DataFrame"),
    # Workbooks
    "old Excel": (lambda w: excel.write(w.df, "bugs.xls"), ".xlsx"),
    "no suffix": (lambda w: excel.write(w.df, "bugs"), ".xlsx"),
    "arguments swapped": (lambda w: excel.write("bugs.xlsx", w.df), "DataFrame"),
    "no path": (lambda w: excel.write(w.df), "write() needs path"),
    "sheet_name": (lambda w: excel.write(w.df, "bugs.xlsx", sheet_name="Bugs"), "did you mean 'sheet'"),
    "sheet by position": (lambda w: excel.write(w.df, "bugs.xlsx", "Bugs"), "by name: "),
    "unknown mode": (lambda w: excel.write(w.df, "bugs.xlsx", mode="add"), "mode"),
    "key that is no column": (lambda w: excel.write(w.df, "bugs.xlsx", mode="upsert", key="Kye"), "Kye"),
    "upsert without key": (lambda w: excel.write(w.df, "bugs.xlsx", mode="upsert"), "key"),
    "format of no column": (
        lambda w: excel.write(w.df, "bugs.xlsx", formats={"Prio": "0"}),
        "did you mean 'Priority'",
    ),
    "totals of no column": (lambda w: excel.write(w.df, "bugs.xlsx", totals={"Sumary": "count"}), "Sumary"),
    "template that is not there": (lambda w: excel.write(w.df, "bugs.xlsx", template="t.xlsx"), "t.xlsx"),
    "file that is not there": (lambda w: excel.read("bugs.xlsx"), "bugs.xlsx"),
    "sheet that is not there": (lambda w: excel.read(w.book(), "Bgs"), "did you mean 'Bugs'"),
    "zone that does not exist": (
        lambda w: excel.write(w.df, "bugs.xlsx", tz="Europe/Berln"),
        "did you mean 'Europe/Berlin'",
    ),
    # Schedules
    "four fields": (lambda w: cron("0 7 * *"), "five"),
    "hour 25": (lambda w: cron("0 25 * * *"), "25"),
    "31 February": (lambda w: cron("0 7 31 2 *"), "never fires"),
    "misspelt weekday": (lambda w: cron("0 7 * * mon-fry"), "fry"),
    "cron with a number": (lambda w: cron(7), "write e.g. cron("),
    "cron without anything": (lambda w: cron(), "cron() needs expression"),
    "timezone": (lambda w: cron("0 7 * * *", timezone="UTC"), "did you mean 'tz'"),
    "misspelt zone": (lambda w: cron("0 7 * * *", tz="Europe/Berln"), "did you mean 'Europe/Berlin'"),
    "misspelt unit": (lambda w: every("5 minuts"), "5 minuts"),
    "no interval": (lambda w: every("0s"), "0"),
    "moment in words": (lambda w: at("tomorrow"), "tomorrow"),
    "calendar without anything": (lambda w: calendar(), "calendar"),
    "triggers that are none": (lambda w: all_of("hourly"), "hourly"),
    # Tasks
    "timout": (lambda w: w.sched.task(every("1h"), timout="5m"), "did you mean 'timeout'"),
    "retries": (lambda w: w.sched.task(every("1h"), retries=3), "did you mean 'retry'"),
    "depends_on": (lambda w: w.sched.task(depends_on="open_bugs"), "did you mean 'after'"),
    "timeout that is none": (
        lambda w: w.sched.task(every("1h"), timeout="ten")(open_bugs),
        "invalid duration",
    ),
    "unknown executor": (lambda w: w.sched.task(every("1h"), runs_in="proces")(open_bugs), "process"),
    "unknown priority": (lambda w: w.sched.task(every("1h"), priority="hihg")(open_bugs), "hihg"),
    "trigger in words": (lambda w: w.sched.task("hourly")(open_bugs), "hourly"),
    "trigger of no kind": (lambda w: w.sched.task(5)(open_bugs), "5"),
    "attemps": (lambda w: Retry(attemps=3), "did you mean 'attempts'"),
    "no attempts": (lambda w: Retry(attempts=0), "1 or more"),
    "misspelt task": (lambda w: w.sched.submit("opn_bugs"), "did you mean 'open_bugs'"),
    "misspelt parameter": (lambda w: w.sched.submit("open_bugs", projct="X"), "did you mean 'project'"),
    "parameter of another type": (
        lambda w: w.sched.submit("open_bugs", limit="many"),
        "write a whole number",
    ),
    "misspelt state": (lambda w: w.sched.runs(states=["FAILD"]), "FAILED"),
    "pause of no task": (lambda w: w.sched.pause("opn_bugs"), "did you mean 'open_bugs'"),
    "remove of no task": (lambda w: w.sched.remove("opn_bugs"), "did you mean 'open_bugs'"),
    "due times of no task": (lambda w: w.sched.due_times("opn_bugs"), "did you mean 'open_bugs'"),
    "run that does not exist": (lambda w: w.sched.run("nope"), "nope"),
    "no room": (lambda w: Scheduler("x.db", concurrency=0), "concurrency"),
    "misspelt option of the scheduler": (
        lambda w: Scheduler("x.db", concurency=2),
        "did you mean 'concurrency'",
    ),
    "ledger that is none": (lambda w: Scheduler(12), "ledger"),
    # Reports and settings
    "misspelt key": (lambda w: report(WHOLE.replace("extract", "extrat")), "did you mean 'extract'"),
    "mapping for a list": (
        lambda w: report(WHOLE.replace("  - excel", "  excel")),
        "write a list: - excel: …",
    ),
    "number for text": (lambda w: report(WHOLE.replace("type = Bug", "5")), "jql"),
    "misspelt check": (lambda w: report(f"{WHOLE}check: [{{complet: true}}]"), "did you mean 'complete'"),
    "schedule of four fields": (lambda w: report(f"{WHOLE}schedule: {{cron: 0 7 * *}}"), "five"),
    "schedule in words": (lambda w: report(f"{WHOLE}schedule: every hour"), "write {cron: "),
    "no delivery": (lambda w: report("extract: {site: jira, jql: type = Bug}"), "deliver"),
    "list for a page": (
        lambda w: report(WHOLE + "  - confluence: {site: wiki, page: [1], region: 'nth:1'}"),
        "the page's id or URL",
    ),
    "cap in words": (
        lambda w: report(WHOLE + "  - confluence: {site: wiki, page: 1, region: 'nth:1', cap: many}"),
        "write a whole number",
    ),
    "YAML with a tab": (lambda w: report("extract:\n\tsite: jira\n"), "indent with spaces"),
    "misspelt section": (lambda w: w.settings("scheduller: {}"), "did you mean 'scheduler'"),
    "unknown kind of site": (
        lambda w: w.settings("sites: {a: {kind: jra, url: 'https://x.example.org'}}"),
        "jira",
    ),
    "site without address": (lambda w: w.settings("sites: {a: {kind: jira}}"), "url is missing"),
    "concurrency in words": (lambda w: w.settings("scheduler: {concurrency: many}"), "concurrency"),
    "unknown event": (lambda w: w.settings("notify: {channels: [{env: X, on: [faild]}]}"), "failed"),
    # Frames
    "weekday that is none": (lambda w: WorkingHours("mon-fry"), "fry"),
    "frame without what is counted": (lambda w: throughput(w.df), "Finished"),
    "too few rows": (lambda w: expect(w.df, min_rows=10), "10"),
    "column that is not there": (lambda w: expect(w.df, "Points >= 0"), "Points"),
}  # fmt: skip


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_ends_in_one_clear_sentence(name: str, world: World) -> None:
    mistake, words = MISTAKES[name]
    with pytest.raises(SchedkitError) as caught:
        mistake(world)
    told = str(caught.value)
    assert words in told
    assert "\n" not in told
    assert len(told) < 500
    assert not LIBRARIES.search(told)


def test_there_are_a_hundred() -> None:
    assert len(MISTAKES) >= 100


# Addresses as a browser shows them, of issues, boards and pages on public sites; the two of "myserver" and
# "/rest/api" were given as base URLs in reports to confluence-markdown-exporter (#174) and cosmere (#7).
ADDRESSES = {
    "https://x.atlassian.net/browse/ABC-1": "https://x.atlassian.net",
    "https://x.atlassian.net/jira/software/projects/ABC/boards/1?selectedIssue=ABC-2": "https://x.atlassian.net",
    "https://x.atlassian.net/wiki/spaces/ENG/pages/123/Open+bugs": "https://x.atlassian.net",
    "https://issues.apache.org/jira/browse/KAFKA-1?filter=-1": "https://issues.apache.org/jira",
    "https://issues.apache.org/jira/projects/KAFKA/issues/KAFKA-1": "https://issues.apache.org/jira",
    "https://issues.apache.org/jira/secure/RapidBoard.jspa?rapidView=1": "https://issues.apache.org/jira",
    "https://bugreports.qt.io/issues/?jql=project%20%3D%20QTBUG": "https://bugreports.qt.io",
    "https://cwiki.apache.org/confluence/display/KAFKA/Index": "https://cwiki.apache.org/confluence",
    "https://cwiki.apache.org/confluence/pages/viewpage.action?pageId=1": "https://cwiki.apache.org/confluence",
    "https://cwiki.apache.org/confluence/x/AbCd": "https://cwiki.apache.org/confluence",
    "https://myserver/jira/browse/HAGRALOP": "https://myserver/jira",
    "https://confluence.example.org/rest/api": "https://confluence.example.org",
    "https://jira.example.org/login.jsp": "https://jira.example.org",
    "https://example.org/issues": "https://example.org/issues",
    "https://example.org/projects/": "https://example.org/projects",
    "https://api.atlassian.com/ex/jira/11-22": "https://api.atlassian.com/ex/jira/11-22",
}


@pytest.mark.parametrize("written", ADDRESSES)
def test_an_address_of_a_browser_is_that_of_its_site(written: str) -> None:
    assert Jira(written, token="s3cret").site.url == ADDRESSES[written]


def test_a_wiki_is_known_by_the_address_of_a_page() -> None:
    page = "https://x.atlassian.net/wiki/spaces/ENG/pages/123/Open+bugs"
    assert Confluence(page, user="a@x.org", token="s3cret").site.url == "https://x.atlassian.net"
