"""The agile endpoints that boards and sprints pasted from the browser need."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from schedkit.demo import answers, questions
from schedkit.demo.jira.desk import Desk
from schedkit.demo.jql import JqlError
from schedkit.demo.world.model import Project, Sprint


class Agile:
    """Boards and sprints of one site; a board shows one project through one filter."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.rest = f"{desk.base}/rest/agile/1.0"

    def routes(self) -> list[Route]:
        guarded, api = self.desk.door.guard, "/rest/agile/1.0"
        return [
            Route(f"{api}/board", guarded(self.boards)),
            Route(f"{api}/board/{{id}}", guarded(self.board)),
            Route(f"{api}/board/{{id}}/configuration", guarded(self.configuration)),
            Route(f"{api}/board/{{id}}/sprint", guarded(self.sprints)),
            Route(f"{api}/board/{{id}}/issue", guarded(self.board_issues)),
            Route(f"{api}/sprint/{{id}}", guarded(self.sprint)),
            Route(f"{api}/sprint/{{id}}/issue", guarded(self.sprint_issues)),
        ]

    def _projects(self) -> list[Project]:
        return [p for p in self.desk.store.catalog.projects if p not in self.desk.store.closed]

    def _show(self, project: Project) -> dict[str, Any]:
        return {
            "id": project.board,
            "self": f"{self.rest}/board/{project.board}",
            "name": f"{project.key} board",
            "type": "scrum",
        }

    def _located(self, project: Project) -> dict[str, Any]:
        location = {"projectId": project.id, "projectKey": project.key, "projectName": project.name}
        return self._show(project) | {"location": location}

    def _found(self, request: Request) -> Project | Response:
        for project in self._projects():
            if str(project.board) == request.path_params["id"]:
                return project
        told = "Board does not exist or you do not have permission to see it."
        return answers.refused(404, [told])

    async def boards(self, request: Request) -> Response:
        start, limit = questions.page_of(request, 50)
        wanted = request.query_params.get("projectKeyOrId")
        found = [self._located(p) for p in self._projects() if wanted in (None, p.key, str(p.id))]
        page = found[start : start + limit]
        last = start + limit >= len(found)
        return answers.json(
            {"maxResults": limit, "startAt": start, "total": len(found), "isLast": last, "values": page}
        )

    async def board(self, request: Request) -> Response:
        project = self._found(request)
        if isinstance(project, Response):
            return project
        return answers.json(self._located(project))

    async def configuration(self, request: Request) -> Response:
        project = self._found(request)
        if isinstance(project, Response):
            return project
        number = str(20_000 + project.board)
        columns = [
            {
                "name": status.name,
                "statuses": [{"id": str(status.id), "self": f"{self.desk.values.rest}/status/{status.id}"}],
            }
            for status in project.statuses
        ]
        return answers.json(
            self._show(project)
            | {
                "location": {
                    "type": "project",
                    "key": project.key,
                    "id": str(project.id),
                    "self": f"{self.desk.values.rest}/project/{project.id}",
                    "name": project.name,
                },
                "filter": {"id": number, "self": f"{self.desk.values.rest}/filter/{number}"},
                "columnConfig": {"columns": columns, "constraintType": "none"},
                "estimation": {
                    "type": "field",
                    "field": {
                        "fieldId": "customfield_10016" if self.desk.dialect.cloud else "customfield_10102",
                        "displayName": "Story Points",
                    },
                },
                "ranking": {"rankCustomFieldId": 10019 if self.desk.dialect.cloud else 10104},
            }
        )

    def _show_sprint(self, sprint: Sprint) -> dict[str, Any]:
        values = self.desk.values
        made: dict[str, Any] = {
            "id": sprint.id,
            "self": f"{self.rest}/sprint/{sprint.id}",
            "state": sprint.state,
            "name": sprint.name,
            "originBoardId": sprint.board,
            "goal": sprint.goal,
        }
        times = (
            ("startDate", sprint.start),
            ("endDate", sprint.end),
            ("activatedDate", sprint.start),
            ("completeDate", sprint.complete),
        )
        return made | {name: values.instant(at) for name, at in times if at is not None}

    async def sprints(self, request: Request) -> Response:
        project = self._found(request)
        if isinstance(project, Response):
            return project
        start, limit = questions.page_of(request, 50)
        states = request.query_params.get("state", "").split(",")
        found = [
            s for s in self.desk.store.catalog.sprints[project.board] if states == [""] or s.state in states
        ]
        page = [self._show_sprint(sprint) for sprint in found[start : start + limit]]
        last = start + limit >= len(found)
        return answers.json({"maxResults": limit, "startAt": start, "isLast": last, "values": page})

    async def sprint(self, request: Request) -> Response:
        for project in self._projects():
            for sprint in self.desk.store.catalog.sprints[project.board]:
                if str(sprint.id) == request.path_params["id"]:
                    return answers.json(self._show_sprint(sprint))
        return answers.refused(404, ["Sprint does not exist or you do not have permission to view it."])

    async def board_issues(self, request: Request) -> Response:
        project = self._found(request)
        if isinstance(project, Response):
            return project
        return self._issues(request, f"filter = {20_000 + project.board}")

    async def sprint_issues(self, request: Request) -> Response:
        return self._issues(request, f"sprint = {request.path_params['id']}")

    def _issues(self, request: Request, where: str) -> Response:
        start, limit = questions.page_of(request, 50)
        narrowed = request.query_params.get("jql")
        try:
            found = self.desk.searcher.search(f"({where}) AND ({narrowed})" if narrowed else where)
        except JqlError as fault:
            return answers.refused(400, fault.messages)
        with self.desk.store.lock:
            issues = [self.desk.store.issues[n] for n in found.ids[start : start + limit]]
            fields = self.desk.encoder.choose(request.query_params.getlist("fields"), "*navigable")
            head = b'{"startAt":%d,"maxResults":%d,"total":%d,"issues":[' % (start, limit, len(found.ids))
            return answers.raw(self.desk.encoder.many(issues, fields, head, b"]}"))
