"""What makes new things: issues and links; removes them; and shows the properties that they bear."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from schedkit.demo import answers, questions
from schedkit.demo.jira import write
from schedkit.demo.jira.desk import Desk
from schedkit.demo.jira.screens import create_screen
from schedkit.demo.world import catalog as c
from schedkit.demo.world.model import Change


class Making:
    """The endpoints that make new things on one site."""

    def __init__(self, desk: Desk) -> None:
        self.desk, self.store = desk, desk.store

    def routes(self) -> list[Route]:
        guarded, api = self.desk.door.guard, f"/rest/api/{self.desk.dialect.api}"
        return [
            Route(f"{api}/issue", guarded(self.create), methods=["POST"]),
            Route(f"{api}/issue/createmeta/{{project}}/issuetypes", guarded(self.types)),
            Route(f"{api}/issue/createmeta/{{project}}/issuetypes/{{id}}", guarded(self.create_screen)),
            Route(f"{api}/issue/{{key}}", guarded(self.delete), methods=["DELETE"]),
            Route(f"{api}/issueLink", guarded(self.link), methods=["POST"]),
            Route(f"{api}/issueLinkType", guarded(self.link_types)),
            Route(f"{api}/issue/{{key}}/properties/{{name}}", guarded(self.property)),
        ]

    async def create(self, request: Request) -> Response:
        body = await questions.body_of(request)
        fields = dict(body.get("fields") or {})
        with self.store.lock:
            errors: dict[str, str] = {}
            project = self.store.project(str((fields.pop("project", None) or {}).get("key") or ""))
            kind = _named(c.TYPES, fields.pop("issuetype", None))
            if project is None:
                errors["project"] = "valid project is required"
            if kind is None:
                errors["issuetype"] = "The issue type selected is invalid."
            if not str(fields.get("summary") or "").strip():
                errors["summary"] = "You must specify a summary of the issue."
            above = fields.pop("parent", None)
            parent = self.store.find(str(above.get("key"))) if isinstance(above, dict) else None
            if above is not None and parent is None:
                errors["parent"] = "Given parent issue does not exist."
            if project is None or errors:
                return answers.refused(400, [], errors)
            issue = self.store.create(
                project.key, str(fields["summary"]), type=kind, parent=parent.id if parent else None
            )
            errors = write.edit(self.store, self.desk.values, issue, {"fields": fields})
            if errors:
                self.store.delete(issue.key)
                return answers.refused(400, [], errors)
            for given in body.get("properties") or ():
                self.store.properties[issue.id, str(given["key"])] = given["value"]
            url = f"{self.desk.values.rest}/issue/{issue.id}"
            return answers.json({"id": str(issue.id), "key": issue.key, "self": url}, 201)

    async def types(self, request: Request) -> Response:
        project = self.store.project(request.path_params["project"])
        if project is None:
            return answers.refused(400, ["No project could be found with that key."])
        return self._page(request, "issueTypes", [*map(self.desk.values.issue_type, c.TYPES)])

    async def create_screen(self, request: Request) -> Response:
        project = self.store.project(request.path_params["project"])
        kind = _named(c.TYPES, {"id": request.path_params["id"]})
        if project is None or kind is None:
            return answers.refused(400, ["The project or the issue type does not exist."])
        return self._page(request, "fields", create_screen(self.desk.values, project, kind))

    def _page(self, request: Request, name: str, rows: list[dict[str, Any]]) -> Response:
        """A page, whose rows Data Center calls ``values``."""
        start, limit = questions.page_of(request, 50)
        page: dict[str, Any] = {"maxResults": limit, "startAt": start, "total": len(rows)}
        if not self.desk.dialect.cloud:
            page["isLast"] = start + limit >= len(rows)
            name = "values"
        return answers.json(page | {name: rows[start : start + limit]})

    async def delete(self, request: Request) -> Response:
        with self.store.lock:
            issue = self.desk.found(request)
            if isinstance(issue, Response):
                return issue
            if self.store.children.get(issue.id):
                return answers.refused(400, ["The issue has subtasks: these must be deleted too."])
            self.store.delete(issue.key)
        return Response(status_code=204)

    async def property(self, request: Request) -> Response:
        issue = self.desk.found(request)
        if isinstance(issue, Response):
            return issue
        name = request.path_params["name"]
        if (issue.id, name) not in self.store.properties:
            return answers.refused(404, [f"The property {name} does not exist."])
        return answers.json({"key": name, "value": self.store.properties[issue.id, name]})

    async def link_types(self, request: Request) -> Response:
        made = [{"id": str(t.id), "name": t.name, **dict(t.more)} for t in c.LINK_TYPES]
        return answers.json({"issueLinkTypes": made})

    async def link(self, request: Request) -> Response:
        body = await questions.body_of(request)
        with self.store.lock:
            kind = _named(c.LINK_TYPES, body.get("type"))
            ends = [
                self.store.find(str((body.get(n) or {}).get("key"))) for n in ("inwardIssue", "outwardIssue")
            ]
            if kind is None:
                return answers.refused(404, ["No issue link type with that name found."])
            source, target = ends
            if source is None or target is None:
                return answers.refused(404, ["Issue does not exist or you do not have permission to see it."])
            self.store.link(source.key, target.key, kind.name)
            phrases = dict(kind.more)
            for issue, other, way in ((source, target, "outward"), (target, source, "inward")):
                words = f"This issue {phrases[way]} {other.key}"
                self.store.edit(issue.key, Change("Link", "issuelinks", None, None, other.key, words))
        return Response(status_code=201)


def _named(pool: tuple[Any, ...], value: Any) -> Any:
    wanted = value if isinstance(value, dict) else {}
    found = (i for i in pool if i.name == wanted.get("name") or str(i.id) == str(wanted.get("id")))
    return next(found, None)
