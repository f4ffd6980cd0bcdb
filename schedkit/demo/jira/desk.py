"""One Jira site: its store, serializers and access checks, and the endpoints both dialects share."""

from __future__ import annotations

import html
from collections.abc import Iterable
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from schedkit.demo import answers, questions
from schedkit.demo.auth import Door
from schedkit.demo.jira import write
from schedkit.demo.jira.encode import Encoder
from schedkit.demo.jira.face import Dialect, Values
from schedkit.demo.jira.reference import Reference
from schedkit.demo.jira.screens import edit_screen, transition_screen
from schedkit.demo.jql import Searcher
from schedkit.demo.jql.meaning import Reader
from schedkit.demo.quirks import Quirks
from schedkit.demo.store import Store
from schedkit.demo.text import plain
from schedkit.demo.world.model import Issue

NOT_FOUND = "Issue does not exist or you do not have permission to see it."
FORBIDDEN = "You do not have the permission to see the specified issue."


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
        guarded, api = self.door.guard, f"/rest/api/{self.dialect.api}"
        return [
            *Reference(self.store, self.values, self.door).routes(),
            Route(f"{api}/issue/{{key}}", guarded(self.issue), methods=["GET"]),
            Route(f"{api}/issue/{{key}}", guarded(self.edit), methods=["PUT"]),
            Route(f"{api}/issue/{{key}}/editmeta", guarded(self.edit_screen)),
            Route(f"{api}/issue/{{key}}/transitions", guarded(self.transitions), methods=["GET"]),
            Route(f"{api}/issue/{{key}}/transitions", guarded(self.transition), methods=["POST"]),
        ]

    # Answers ---------------------------------------------------------------

    def issue_bytes(self, issue: Issue, fields: tuple[str, ...], expand: Iterable[str]) -> bytes:
        """One issue with what `expand` adds."""
        made = self.encoder.one(issue, fields)
        if "changelog" in expand:
            made += b',"changelog":' + self.changelog_page(issue)
        made += self.about_fields(fields, expand)
        if "renderedFields" in expand:
            text = self.store.description(issue) or ""
            shown = {"description": f"<p>{html.escape(plain(text))}</p>"} if "description" in fields else {}
            made += b',"renderedFields":' + answers.encoded(shown)
        return made + b"}"

    def about_fields(self, fields: tuple[str, ...], expand: Iterable[str]) -> bytes:
        """What `expand` adds about the fields: to one issue, or once to a page of a search."""
        shown = [(id_, field) for id_, field in self.values.fields if id_ in fields]
        made = b""
        if "names" in expand:
            made += b',"names":' + answers.encoded({id_: field.name for id_, field in shown})
        if "schema" in expand:
            about = {id_: dict(field.schema) for id_, field in shown if field.schema}
            made += b',"schema":' + answers.encoded(about)
        return made

    def expanded(self, issues: Iterable[Issue], fields: tuple[str, ...], expand: Iterable[str]) -> bytes:
        """The issues of a page of a search with what `expand` adds to each."""
        each = set(expand) - {"names", "schema"}
        return b",".join([self.issue_bytes(issue, fields, each) for issue in issues])

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
        issue = self.store.named(request.path_params["key"])
        if issue is not None and self.store.may_see(issue):
            return issue
        if issue is None or self.dialect.cloud:
            return answers.refused(404, [NOT_FOUND])
        # Data Center tells that there is such an issue.
        return answers.refused(403, [FORBIDDEN])

    # Endpoints -------------------------------------------------------------

    async def issue(self, request: Request) -> Response:
        with self.store.lock:
            issue = self.found(request)
            if isinstance(issue, Response):
                return issue
            fields = self.encoder.choose(request.query_params.getlist("fields"), "*all")
            expand = request.query_params.get("expand", "").split(",")
            made = self.issue_bytes(issue, fields, expand)
            if wanted := request.query_params.get("properties"):
                held = {
                    name: value
                    for (id, name), value in self.store.properties.items()
                    if id == issue.id and name in wanted.split(",")
                }
                made = made.removesuffix(b"}") + b',"properties":' + answers.encoded(held) + b"}"
            return answers.raw(made)

    async def edit(self, request: Request) -> Response:
        body = await questions.body_of(request)
        with self.store.lock:
            issue = self.found(request)
            if isinstance(issue, Response):
                return issue
            errors = write.edit(self.store, self.values, issue, body)
        return answers.refused(400, [], errors) if errors else Response(status_code=204)

    async def edit_screen(self, request: Request) -> Response:
        with self.store.lock:
            issue = self.found(request)
            if isinstance(issue, Response):
                return issue
            return answers.json({"fields": edit_screen(self.values, issue)})

    async def transitions(self, request: Request) -> Response:
        issue = self.found(request)
        if isinstance(issue, Response):
            return issue
        made = [
            {
                "id": str(n),
                "name": status.name,
                "to": self.values.status(status),
                **(
                    {"fields": transition_screen(self.values, status, issue.project)}
                    if "transitions.fields" in request.query_params.get("expand", "")
                    else {}
                ),
                **({"hasScreen": False, "isGlobal": True, "isInitial": False, "isAvailable": True}
                   if self.dialect.cloud else {}),
            }
            for n, status in write.transitions(issue)
        ]  # fmt: skip
        return answers.json({"expand": "transitions", "transitions": made})

    async def transition(self, request: Request) -> Response:
        body = await questions.body_of(request)
        with self.store.lock:
            issue = self.found(request)
            if isinstance(issue, Response):
                return issue
            wanted = (body.get("transition") or {}).get("id")
            for n, status in write.transitions(issue):
                if str(n) == str(wanted):
                    errors = write.on_the_way(self.store, self.values, issue, status, body)
                    if errors:
                        return answers.refused(400, [], errors)
                    return Response(status_code=204)
        return answers.refused(
            400,
            [f"It seems that you have tried to perform an illegal workflow operation (transition {wanted})."],
        )
