"""Comments and entries of work: reading, adding and removing them, and the properties they bear."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from schedkit.demo import answers, questions
from schedkit.demo.jira.desk import Desk
from schedkit.demo.world.model import Comment, Issue, Worklog


class Entries:
    """The endpoints of what people add to the issues of one site."""

    def __init__(self, desk: Desk) -> None:
        self.desk, self.store = desk, desk.store

    def routes(self) -> list[Route]:
        guarded, api = self.desk.door.guard, f"/rest/api/{self.desk.dialect.api}/issue/{{key}}"
        return [
            Route(f"{api}/comment", guarded(self.comments), methods=["GET"]),
            Route(f"{api}/comment", guarded(self.add_comment), methods=["POST"]),
            Route(f"{api}/comment/{{id}}", guarded(self.remove), methods=["DELETE"]),
            Route(f"{api}/worklog", guarded(self.worklogs), methods=["GET"]),
            Route(f"{api}/worklog", guarded(self.log_work), methods=["POST"]),
            Route(f"{api}/worklog/{{id}}", guarded(self.remove), methods=["DELETE"]),
        ]

    async def comments(self, request: Request) -> Response:
        cap = 5000 if self.desk.dialect.cloud else 1_048_576
        return self._page(request, "comments", cap, self.store.comments, self.desk.encoder.talk.comment)

    async def worklogs(self, request: Request) -> Response:
        return self._page(request, "worklogs", 5000, self.store.worklogs, self.desk.encoder.talk.worklog)

    def _page(
        self,
        request: Request,
        name: str,
        cap: int,
        entries: Callable[[Issue], Sequence[Any]],
        encode: Callable[[Issue, Any, bytes], bytes],
    ) -> Response:
        expanded = "properties" in request.query_params.get("expand", "").split(",")
        with self.store.lock:
            issue = self.desk.found(request)
            if isinstance(issue, Response):
                return issue
            start, limit = questions.page_of(request, cap)
            found = entries(issue)
            shown = found[start : start + limit]
            inside = b",".join(
                [encode(issue, each, self._properties(each) if expanded else b"") for each in shown]
            )
        head = b'{"startAt":%d,"maxResults":%d,"total":%d,"%b":[' % (start, limit, len(found), name.encode())
        return answers.raw(head + inside + b"]}")

    def _properties(self, entry: Comment | Worklog) -> bytes:
        """The properties of an entry; Data Center has none for entries of work."""
        if isinstance(entry, Worklog) and not self.desk.dialect.cloud:
            return b""
        made = [
            {"key": name, "value": value}
            for (id, name), value in self.store.properties.items()
            if id == entry.id
        ]
        return b',"properties":' + answers.encoded(made)

    def _keep_properties(self, entry: Comment | Worklog, body: dict[str, Any]) -> None:
        for given in body.get("properties") or ():
            self.store.properties[entry.id, str(given["key"])] = given["value"]

    async def add_comment(self, request: Request) -> Response:
        body = await questions.body_of(request)
        with self.store.lock:
            issue = self.desk.found(request)
            if isinstance(issue, Response):
                return issue
            text = body.get("body")
            if not text or isinstance(text, dict) is not self.desk.dialect.adf:
                told = "Comment body can not be empty!" if not text else "Comment body is not valid!"
                return answers.refused(400, [], {"comment": told})
            made = self.store.comment(issue.key, text)
            self._keep_properties(made, body)
            return answers.raw(self.desk.encoder.talk.comment(issue, made), 201)

    async def log_work(self, request: Request) -> Response:
        body = await questions.body_of(request)
        with self.store.lock:
            issue = self.desk.found(request)
            if isinstance(issue, Response):
                return issue
            seconds, text = body.get("timeSpentSeconds"), body.get("comment") or ""
            try:
                started = datetime.strptime(str(body.get("started")), "%Y-%m-%dT%H:%M:%S.%f%z")
            except ValueError:
                return answers.refused(400, [], {"started": "Unrecognized date format."})
            if not isinstance(seconds, int) or seconds < 60:
                return answers.refused(400, [], {"timeLogged": "Invalid time entered."})
            log = self.store.log_work(issue.key, seconds, int(started.timestamp() * 1000), text)
            self._keep_properties(log, body)
            return answers.raw(self.desk.encoder.talk.worklog(issue, log), 201)

    async def remove(self, request: Request) -> Response:
        number = questions.whole(request.path_params["id"], 0)
        with self.store.lock:
            issue = self.desk.found(request)
            if isinstance(issue, Response):
                return issue
            if not self.store.withdraw(issue.key, number):
                return answers.refused(404, [f"There is no entry {number} on {issue.key}."])
        return Response(status_code=204)
