"""Jira Data Center: windows of startAt and maxResults, a total, an administrator's cap."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from schedkit.demo import answers, questions
from schedkit.demo.jira.desk import Desk
from schedkit.demo.jql import JqlError

DEFAULT_CAP = 1000
RESULT_WINDOW = 10_000


class DataCenterDesk(Desk):
    """The endpoints only Data Center has.

    `page_cap` is the administrator's ``jira.search.views.default.max``.
    """

    page_cap: int | None = None

    def routes(self) -> list[Route]:
        api = f"/rest/api/{self.dialect.api}"
        return [
            Route(f"{api}/search", self.search_window, methods=["GET", "POST"]),
            Route(f"{api}/project", self.door.guard(self.projects)),
            *super().routes(),
        ]

    async def search_window(self, request: Request) -> Response:
        body: dict[str, Any]
        if request.method == "GET":
            params = request.query_params
            body = dict(params) | {
                "fields": params.getlist("fields"),
                "expand": params.get("expand", "").split(","),
            }
        else:
            body = await questions.body_of(request)
        cap = self.page_cap or DEFAULT_CAP
        start = questions.whole(body.get("startAt"), 0)
        limit = min(questions.whole(body.get("maxResults"), 50), cap)
        if not self.door.admits(request):
            if self.door.locked:
                return self.door.refusal(request)
            # The user is anonymous and may browse nothing: an empty result, not a refusal.
            return answers.raw(_head(start, limit, 0) + b"]}")
        with self.store.lock:
            strict = str(body.get("validateQuery", "strict")).lower() in ("strict", "true")
            try:
                found = self.searcher.search(str(body.get("jql") or ""), strict, self.quirks.filtered_late)
            except JqlError as fault:
                return answers.refused(400, fault.messages)
            ids = found.ids
            if start > RESULT_WINDOW and self.quirks.beyond_window == "fail":
                page = answers.TOMCAT_PAGE.format(status=500, name="Internal Server Error")
                return answers.html(page, 500)
            empty = start > RESULT_WINDOW and self.quirks.beyond_window == "empty"
            empty = self.quirks.page_is_empty() or empty
            cut = [] if empty else [self.store.issues[n] for n in ids[start : start + limit]]
            issues = [issue for issue in cut if self.store.may_see(issue)]
            fields = self.encoder.choose(body.get("fields"), "*navigable")
            expand = [name for name in body.get("expand") or () if name]
            head, tail = _head(start, limit, len(ids)), b"]" + self.about_fields(fields, expand)
            if found.forgiven and str(body.get("validateQuery")).lower() == "warn":
                tail += b',"warningMessages":' + answers.encoded(found.forgiven)
            tail += b"}"
            if expand:
                return answers.raw(head + self.expanded(issues, fields, expand) + tail)
            return answers.raw(self.encoder.many(issues, fields, head, tail))

    async def projects(self, request: Request) -> Response:
        found = [p for p in self.store.catalog.projects if p not in self.store.closed]
        return answers.json([self.values.project(p) for p in found])


def _head(start: int, limit: int, total: int) -> bytes:
    shown = (start, limit, total)
    return b'{"expand":"schema,names","startAt":%d,"maxResults":%d,"total":%d,"issues":[' % shown
