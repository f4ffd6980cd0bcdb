"""What an issue refers to, asked by itself: fields, people, projects, filters, the site."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from schedkit.demo import answers, questions
from schedkit.demo.auth import Door
from schedkit.demo.jira.face import Values
from schedkit.demo.store import Store
from schedkit.demo.world.catalog import PRIORITIES, TYPES
from schedkit.demo.world.model import Project

PERMISSIONS = {
    "ADMINISTER": (0, "Administer Jira"),
    "BROWSE_PROJECTS": (10, "Browse Projects"),
    "CREATE_ISSUES": (11, "Create Issues"),
    "EDIT_ISSUES": (12, "Edit Issues"),
    "ADD_COMMENTS": (15, "Add Comments"),
}


class Reference:
    """Reference endpoints of one dialect."""

    def __init__(self, store: Store, values: Values, door: Door) -> None:
        self.store, self.values, self.door = store, values, door

    def routes(self) -> list[Route]:
        guarded, api = self.door.guard, f"/rest/api/{self.values.dialect.api}"
        return [
            Route(f"{api}/serverInfo", self.server_info),
            Route(f"{api}/myself", guarded(self.myself)),
            Route(f"{api}/mypermissions", guarded(self.permissions)),
            Route(f"{api}/field", guarded(self.fields)),
            Route(f"{api}/user/search", guarded(self.users)),
            Route(f"{api}/user", guarded(self.user)),
            Route(f"{api}/priority", guarded(self.priorities)),
            Route(f"{api}/status", guarded(self.statuses)),
            Route(f"{api}/issuetype", guarded(self.types)),
            Route(f"{api}/project/{{key}}", guarded(self.project)),
            Route(f"{api}/project/{{key}}/versions", guarded(self.versions)),
            Route(f"{api}/project/{{key}}/components", guarded(self.components)),
            Route(f"{api}/filter/{{id}}", guarded(self.filter)),
        ]

    async def server_info(self, request: Request) -> Response:
        cloud = self.values.dialect.cloud
        made: dict[str, Any] = {
            "baseUrl": self.values.base,
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

    async def permissions(self, request: Request) -> Response:
        """What the login may do: everything but what an administrator may."""
        asked = request.query_params.get("permissions", "")
        if self.values.dialect.cloud and not asked:
            return answers.refused(400, ["The 'permissions' query parameter is required."])
        wanted = asked.split(",") if asked else list(PERMISSIONS)
        unknown = [name for name in wanted if name not in PERMISSIONS]
        if unknown:
            return answers.refused(400, [f"Unrecognized permission: {unknown[0]}"])
        made = {
            name: {
                "id": str(PERMISSIONS[name][0]),
                "key": name,
                "name": PERMISSIONS[name][1],
                "type": "GLOBAL" if name == "ADMINISTER" else "PROJECT",
                "description": f"{PERMISSIONS[name][1]}.",
                "havePermission": name != "ADMINISTER",
            }
            for name in wanted
        }
        return answers.json({"permissions": made})

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
            if self.values.dialect.cloud:
                entry["key"] = field_id
            if field.schema is not None:
                entry["schema"] = dict(field.schema)
                if field.custom:
                    entry["schema"]["customId"] = int(field_id.rpartition("_")[2])
            made.append(entry)
        return answers.json(made)

    async def users(self, request: Request) -> Response:
        """People whose name, e-mail or (on Data Center) user name begins with what is asked."""
        wanted = request.query_params.get("query" if self.values.dialect.cloud else "username", "").casefold()
        if not wanted:
            return answers.refused(400, ["The username query parameter was not provided"])
        start, limit = questions.page_of(request, 50)
        found = [
            u
            for u in self.store.catalog.users
            if u.active and u.answers_to(wanted, self.values.dialect.cloud)
        ]
        return answers.json([self.values.user(user) for user in found[start : start + limit]])

    async def user(self, request: Request) -> Response:
        """One person by account, on Data Center by key or user name."""
        params, values = request.query_params, self.values
        for user in self.store.catalog.users:
            ids = (
                {("accountId", user.account_id)}
                if values.dialect.cloud
                else {("key", values.user_key(user)), ("username", user.name)}
            )
            if ids & set(params.items()):
                return answers.json(values.user(user))
        return answers.refused(404, ["Specified user does not exist or you do not have permission to see it"])

    async def priorities(self, request: Request) -> Response:
        return answers.json([self.values.priority(priority) for priority in PRIORITIES])

    async def statuses(self, request: Request) -> Response:
        return answers.json([self.values.status(status) for status in self.store.statuses])

    async def types(self, request: Request) -> Response:
        return answers.json([self.values.issue_type(kind) for kind in TYPES])

    async def project(self, request: Request) -> Response:
        project = self.store.project(request.path_params["key"])
        if project is None:
            key = request.path_params["key"]
            return answers.refused(404, [f"No project could be found with key '{key}'."])
        made = self.values.project(project) | {"lead": self.values.user(project.lead)}
        made["components"] = [self.values.component(part) for part in project.components]
        made["versions"] = [self.values.version(version) for version in project.versions]
        return answers.json(made)

    async def versions(self, request: Request) -> Response:
        return self._of_project(request, lambda project: [*map(self.values.version, project.versions)])

    async def components(self, request: Request) -> Response:
        return self._of_project(request, lambda project: [*map(self.values.component, project.components)])

    def _of_project(self, request: Request, show: Callable[[Project], Any]) -> Response:
        key = request.path_params["key"]
        project = self.store.project(key)
        if project is None:
            return answers.refused(404, [f"No project could be found with key '{key}'."])
        return answers.json(show(project))

    async def filter(self, request: Request) -> Response:
        number = request.path_params["id"]
        jql = self.store.filters.get(number)
        if jql is None:
            return answers.refused(
                404 if not self.values.dialect.cloud else 400,
                [f"The selected filter with ID '{number}' does not exist."],
            )
        made = {
            "self": f"{self.values.rest}/filter/{number}",
            "id": number,
            "name": f"Filter {number}",
            "owner": self.values.user(self.store.catalog.me),
            "jql": jql,
            "viewUrl": f"{self.values.base}/issues/?filter={number}",
            "searchUrl": f"{self.values.rest}/search?jql={quote(jql)}",
            "favourite": True,
        }
        return answers.json(made)
