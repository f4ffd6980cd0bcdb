"""One Jira site: its store, face and door, and the endpoints both dialects share."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from schedkit.demo import answers
from schedkit.demo.auth import Door
from schedkit.demo.jira import write
from schedkit.demo.jira.encode import Encoder
from schedkit.demo.jira.face import Dialect, Values
from schedkit.demo.jql import JqlError, Searcher
from schedkit.demo.jql.meaning import Reader
from schedkit.demo.quirks import Quirks
from schedkit.demo.store import Store
from schedkit.demo.world.catalog import PRIORITIES, STATUSES
from schedkit.demo.world.model import Issue

Endpoint = Callable[[Request], Awaitable[Response]]
NOT_FOUND = "Issue does not exist or you do not have permission to see it."


class Desk:
    """A Jira of one dialect at one base URL; `api` 3 speaks ADF, 2 wiki markup."""

    def __init__(
        self,
        store: Store,
        base: str,
        door: Door,
        dialect: Dialect,
        quirks: Quirks,
        searcher: Searcher | None = None,
    ) -> None:
        self.store, self.base, self.door, self.dialect = store, base, door, dialect
        self.quirks = quirks
        zone = store.catalog.me.zone
        self.values = Values(dialect, base, zone)
        self.encoder = Encoder(self.values, store)
        self.searcher = searcher or Searcher(
            store, lambda: Reader(store, store.catalog.me, ZoneInfo(zone), store.now(), dialect.cloud)
        )

    def routes(self) -> list[Route]:
        api = f"/rest/api/{self.dialect.api}"
        return [
            Route(f"{api}/serverInfo", self.server_info),
            Route(f"{api}/myself", self.guarded(self.myself)),
            Route(f"{api}/field", self.guarded(self.fields)),
            Route(f"{api}/user/search", self.guarded(self.users)),
            Route(f"{api}/priority", self.guarded(self.priorities)),
            Route(f"{api}/status", self.guarded(self.statuses)),
            Route(f"{api}/issue/{{key}}", self.guarded(self.issue), methods=["GET"]),
            Route(f"{api}/issue/{{key}}", self.guarded(self.edit), methods=["PUT"]),
            Route(f"{api}/issue/{{key}}/comment", self.guarded(self.comments), methods=["GET"]),
            Route(f"{api}/issue/{{key}}/comment", self.guarded(self.add_comment), methods=["POST"]),
            Route(f"{api}/issue/{{key}}/worklog", self.guarded(self.worklogs)),
            Route(f"{api}/issue/{{key}}/transitions", self.guarded(self.transitions), methods=["GET"]),
            Route(f"{api}/issue/{{key}}/transitions", self.guarded(self.transition), methods=["POST"]),
            Route(f"{api}/project/{{key}}", self.guarded(self.project)),
            Route(f"{api}/filter/{{id}}", self.guarded(self.filter)),
        ]

    def guarded(self, endpoint: Endpoint) -> Endpoint:
        """Only for who signed in."""

        async def checked(request: Request) -> Response:
            if not self.door.admits(request):
                return self.door.refusal(request)
            return await endpoint(request)

        return checked

    # Answers ---------------------------------------------------------------

    def search(self, jql: str) -> tuple[Issue, ...] | Response:
        """The issues of a query in order, or the 400 Jira would answer."""
        try:
            found = self.searcher.search(jql)
        except JqlError as fault:
            return answers.refused(400, fault.messages)
        return tuple(self.store.issues[n] for n in found.ids)

    def issue_bytes(self, issue: Issue, fields: tuple[str, ...], expand: Iterable[str]) -> bytes:
        """One issue with what `expand` adds."""
        made = self.encoder.one(issue, fields)
        if "changelog" in expand:
            made += b',"changelog":' + self.changelog_page(issue)
        if "names" in expand:
            names = {field_id: field.name for field_id, field in self.values.fields if field_id in fields}
            made += b',"names":' + answers.encoded(names)
        return made + b"}"

    def changelog_page(self, issue: Issue) -> bytes:
        entries = self.encoder.histories(issue)
        # Cloud tells the newest forty at most, newest first; Data Center everything, oldest first.
        if self.dialect.cloud:
            shown = list(reversed(entries))[:40]
            head = b'{"startAt":0,"maxResults":%d,"total":%d,"histories":[' % (len(shown), len(entries))
        else:
            shown = entries
            head = b'{"startAt":0,"maxResults":%d,"total":%d,"histories":[' % (len(entries), len(entries))
        return head + b",".join(shown) + b"]}"

    def found(self, request: Request) -> Issue | Response:
        issue = self.store.find(request.path_params["key"])
        return answers.refused(404, [NOT_FOUND]) if issue is None else issue

    # Endpoints -------------------------------------------------------------

    async def server_info(self, request: Request) -> Response:
        cloud = self.dialect.cloud
        made: dict[str, Any] = {
            "baseUrl": self.base,
            "version": "1001.0.0-SNAPSHOT" if cloud else "10.3.0",
            "versionNumbers": [1001, 0, 0] if cloud else [10, 3, 0],
            "deploymentType": "Cloud" if cloud else "Server",
            "buildNumber": 100284 if cloud else 10030000,
            "buildDate": self.values.time(self.store.catalog.anchor),
            "serverTime": self.values.time(self.store.now()),
            "scmInfo": "0" * 40,
            "serverTitle": "Jira",
        }
        return answers.json(made)

    async def myself(self, request: Request) -> Response:
        return answers.json(self.values.user(self.store.catalog.me) | {"locale": "en_US"})

    async def fields(self, request: Request) -> Response:
        made = []
        for field_id, field in self.values.fields:
            clauses = list(field.jql)
            if field.custom:
                clauses.insert(0, f"cf[{field_id.rpartition('_')[2]}]")
            entry: dict[str, Any] = {
                "id": field_id,
                "name": field.name,
                "custom": field.custom,
                "orderable": True,
                "navigable": field.navigable,
                "searchable": True,
                "clauseNames": clauses,
            }
            if self.dialect.cloud:
                entry["key"] = field_id
            if field.schema is not None:
                entry["schema"] = dict(field.schema)
                if field.custom:
                    entry["schema"]["customId"] = int(field_id.rpartition("_")[2])
            made.append(entry)
        return answers.json(made)

    async def users(self, request: Request) -> Response:
        """People whose name, e-mail or (on Data Center) user name begins with what is asked."""
        wanted = request.query_params.get("query" if self.dialect.cloud else "username", "").casefold()
        if not wanted:
            return answers.refused(400, ["The username query parameter was not provided"])
        start, limit = page_of(request, 50)
        found = [u for u in self.store.catalog.users if u.active and u.answers_to(wanted, self.dialect.cloud)]
        return answers.json([self.values.user(user) for user in found[start : start + limit]])

    async def priorities(self, request: Request) -> Response:
        return answers.json([self.values.priority(priority) for priority in PRIORITIES])

    async def statuses(self, request: Request) -> Response:
        return answers.json([self.values.status(status) for status in STATUSES])

    async def issue(self, request: Request) -> Response:
        with self.store.lock:
            issue = self.found(request)
            if isinstance(issue, Response):
                return issue
            fields = self.encoder.choose(request.query_params.getlist("fields"), "*all")
            expand = request.query_params.get("expand", "").split(",")
            return answers.raw(self.issue_bytes(issue, fields, expand))

    async def edit(self, request: Request) -> Response:
        body = await answers.body_of(request)
        with self.store.lock:
            issue = self.found(request)
            if isinstance(issue, Response):
                return issue
            errors = write.edit(self.store, self.values, issue, body)
        return answers.refused(400, [], errors) if errors else Response(status_code=204)

    async def comments(self, request: Request) -> Response:
        with self.store.lock:
            issue = self.found(request)
            if isinstance(issue, Response):
                return issue
            start, limit = page_of(request, 5000 if self.dialect.cloud else 1_048_576)
            found = self.store.comments(issue)
            inside = b",".join(
                [self.encoder.talk.comment(issue, made) for made in found[start : start + limit]]
            )
        head = b'{"startAt":%d,"maxResults":%d,"total":%d,"comments":[' % (start, limit, len(found))
        return answers.raw(head + inside + b"]}")

    async def add_comment(self, request: Request) -> Response:
        body = await answers.body_of(request)
        with self.store.lock:
            issue = self.found(request)
            if isinstance(issue, Response):
                return issue
            text = body.get("body")
            if not text or isinstance(text, dict) is not self.dialect.adf:
                told = "Comment body can not be empty!" if not text else "Comment body is not valid!"
                return answers.refused(400, [], {"comment": told})
            made = self.store.comment(issue.key, text)
            return answers.raw(self.encoder.talk.comment(issue, made), 201)

    async def worklogs(self, request: Request) -> Response:
        with self.store.lock:
            issue = self.found(request)
            if isinstance(issue, Response):
                return issue
            start, limit = page_of(request, 5000)
            found = self.store.worklogs(issue)
            inside = b",".join(
                [self.encoder.talk.worklog(issue, log) for log in found[start : start + limit]]
            )
        head = b'{"startAt":%d,"maxResults":%d,"total":%d,"worklogs":[' % (start, limit, len(found))
        return answers.raw(head + inside + b"]}")

    async def transitions(self, request: Request) -> Response:
        issue = self.found(request)
        if isinstance(issue, Response):
            return issue
        made = [
            {
                "id": str(n),
                "name": status.name,
                "to": self.values.status(status),
                **({"hasScreen": False, "isGlobal": True, "isInitial": False, "isAvailable": True}
                   if self.dialect.cloud else {}),
            }
            for n, status in write.transitions(issue)
        ]  # fmt: skip
        return answers.json({"expand": "transitions", "transitions": made})

    async def transition(self, request: Request) -> Response:
        body = await answers.body_of(request)
        with self.store.lock:
            issue = self.found(request)
            if isinstance(issue, Response):
                return issue
            wanted = (body.get("transition") or {}).get("id")
            for n, status in write.transitions(issue):
                if str(n) == str(wanted):
                    self.store.transition(issue.key, status)
                    return Response(status_code=204)
        return answers.refused(
            400,
            [f"It seems that you have tried to perform an illegal workflow operation (transition {wanted})."],
        )

    async def project(self, request: Request) -> Response:
        project = self.store.project(request.path_params["key"])
        if project is None:
            key = request.path_params["key"]
            return answers.refused(404, [f"No project could be found with key '{key}'."])
        made = self.values.project(project) | {"lead": self.values.user(project.lead)}
        made["components"] = [self.values.component(part) for part in project.components]
        made["versions"] = [self.values.version(version) for version in project.versions]
        return answers.json(made)

    async def filter(self, request: Request) -> Response:
        number = request.path_params["id"]
        jql = self.store.filters.get(number)
        if jql is None:
            return answers.refused(
                404 if not self.dialect.cloud else 400,
                [f"The selected filter with ID '{number}' does not exist."],
            )
        made = {
            "self": f"{self.values.rest}/filter/{number}",
            "id": number,
            "name": f"Filter {number}",
            "owner": self.values.user(self.store.catalog.me),
            "jql": jql,
            "viewUrl": f"{self.base}/issues/?filter={number}",
            "searchUrl": f"{self.values.rest}/search?jql={quote(jql)}",
            "favourite": True,
        }
        return answers.json(made)


def page_of(request: Request, cap: int) -> tuple[int, int]:
    """`startAt` and `maxResults` of a request, the latter capped."""
    start = whole(request.query_params.get("startAt"), 0)
    return start, min(whole(request.query_params.get("maxResults"), cap), cap)


def whole(value: Any, default: int) -> int:
    """A non-negative whole number, or the default."""
    text = str(value)
    return int(text) if text.isascii() and text.isdigit() else default
