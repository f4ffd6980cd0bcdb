"""Confluence's first API: all of Data Center, and attachments and properties on Cloud."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from schedkit.demo import answers, questions
from schedkit.demo.auth import Door
from schedkit.demo.confluence.files import Files
from schedkit.demo.confluence.model import Page, Version
from schedkit.demo.confluence.properties import Properties
from schedkit.demo.confluence.room1 import Room1, refused
from schedkit.demo.confluence.store import InvalidBodyError, StaleVersionError, WikiStore
from schedkit.demo.confluence.v2 import stamp


class Wiki1(Room1):
    """v1 content endpoints; `cloud` says which dialect's oddities they have."""

    def __init__(self, wiki: WikiStore, base: str, door: Door, *, cloud: bool) -> None:
        super().__init__(wiki, base, door, cloud=cloud)
        self.lock_failures = False

    def routes(self) -> list[Route]:
        guarded, api = self.door.guard, "/rest/api/content"
        return [
            *Files(self.wiki, self.base, self.door, cloud=self.cloud).routes(),
            *Properties(self.wiki, self.base, self.door, cloud=self.cloud).routes(),
            Route(api, guarded(self.contents), methods=["GET"]),
            Route(api, guarded(self.create), methods=["POST"]),
            Route(f"{api}/{{id}}", guarded(self.content), methods=["GET"]),
            Route(f"{api}/{{id}}", guarded(self.update), methods=["PUT"]),
            Route(f"{api}/{{id}}/history", guarded(self.history)),
            Route(f"{api}/{{id}}/child/page", guarded(self.children)),
            Route(f"{api}/{{id}}/label", guarded(self.labels), methods=["GET"]),
            Route(f"{api}/{{id}}/label", guarded(self.add_labels), methods=["POST"]),
            Route("/rest/api/user/current", guarded(self.me)),
            Route("/rest/api/space/{key}", guarded(self.space)),
        ]

    def show(self, page: Page, expand: str, number: int | None = None) -> dict[str, Any]:
        wanted = set(expand.split(","))
        shown = page.latest if number is None else page.versions[number - 1]
        made: dict[str, Any] = {
            "id": page.id,
            "type": "page",
            "status": page.status if shown is page.latest else "historical",
            "title": shown.title,
            "position": 0,
            "extensions": {"position": 0},
            "_links": {
                "webui": f"/pages/viewpage.action?pageId={page.id}",
                "self": f"{self.base}/rest/api/content/{page.id}",
                "tinyui": f"/x/{page.id}",
                "base": self.base,
                "context": "/wiki" if self.cloud else "/confluence",
            },
            "_expandable": {"children": f"/rest/api/content/{page.id}/child"},
        }
        if any(name.startswith("body.storage") or name == "body" for name in wanted):
            made["body"] = {"storage": {"value": shown.body, "representation": "storage", "_expandable": {}}}
        if "version" in wanted:
            made["version"] = self.version(shown, page.id)
        if "operations" in wanted:
            names = ["read", *(["update", "delete"] if self.wiki.may_edit(page) else [])]
            made["operations"] = [{"operation": name, "targetType": "page"} for name in names]
        if "space" in wanted:
            made["space"] = self.show_space()
        if "ancestors" in wanted:
            made["ancestors"] = [
                {"id": p.id, "type": "page", "title": p.title} for p in self._ancestors(page)
            ]
        if "metadata.labels" in wanted:
            made["metadata"] = {"labels": {"results": self._labels(page)}}
        return made

    def _ancestors(self, page: Page) -> list[Page]:
        made: list[Page] = []
        number = page.parent
        while number is not None:
            above = self.wiki.holder(number)
            if isinstance(above, Page):
                made.insert(0, above)
            number = above.parent
        return made

    def _labels(self, page: Page) -> list[dict[str, str]]:
        return [
            {"prefix": "global", "name": n, "id": str(700 + i), "label": n} for i, n in enumerate(page.labels)
        ]

    def version(self, version: Version, page_id: str) -> dict[str, Any]:
        return {
            "by": self.user(version.author),
            "when": stamp(version.at),
            "message": version.message,
            "number": version.number,
            "minorEdit": version.minor,
            "_links": {"self": f"{self.base}/rest/experimental/content/{page_id}/version/{version.number}"},
        }

    def show_space(self) -> dict[str, Any]:
        space = self.wiki.space
        links = {"webui": f"/display/{space.key}", "self": f"{self.base}/rest/api/space/{space.key}"}
        return {"id": int(space.id), "key": space.key, "name": space.name, "type": "global", "_links": links}

    async def content(self, request: Request) -> Response:
        with self.wiki.lock:
            page = self.page(request, request.query_params.get("status", "current"))
            if isinstance(page, Response):
                return page
            expand = request.query_params.get("expand", "space,version,history")
            number = None
            if request.query_params.get("status") == "historical":
                number = questions.whole(request.query_params.get("version"), 0)
                if not 1 <= number <= len(page.versions):
                    return refused(404, f"No version {number} of content {page.id}.")
            return answers.json(self.show(page, expand, number))

    async def history(self, request: Request) -> Response:
        page = self.page(request)
        if isinstance(page, Response):
            return page
        first = page.versions[0]
        return answers.json(
            {
                "latest": True,
                "createdBy": self.user(first.author),
                "createdDate": stamp(first.at),
                "lastUpdated": self.version(page.latest, page.id),
            }
        )

    async def contents(self, request: Request) -> Response:
        params = request.query_params
        title, space = params.get("title"), params.get("spaceKey")
        with self.wiki.lock:
            found = [
                self.show(page, params.get("expand", ""))
                for page in self.wiki.pages.values()
                if page.status == "current"
                and (title is None or page.title == title)
                and (space is None or page.space == space)
            ]
        return self.listing(request, found)

    async def update(self, request: Request) -> Response:
        body = await questions.body_of(request)
        with self.wiki.lock:
            page = self.page(request)
            if isinstance(page, Response):
                return page
            if not self.wiki.may_edit(page):
                return refused(403, "Could not update Content, no permission: the page is restricted.")
            version = body.get("version") or {}
            if not questions.whole(version.get("number"), 0) or body.get("type") != "page":
                return refused(400, "A version number and the type 'page' must be given to update content.")
            storage = ((body.get("body") or {}).get("storage") or {}).get("value")
            ancestors = body.get("ancestors") or []
            try:
                self.wiki.save(
                    page.id,
                    questions.whole(version.get("number"), 0),
                    title=body.get("title"),
                    body=storage,
                    message=version.get("message") or "",
                    minor=bool(version.get("minorEdit")),
                    parent=str(ancestors[-1]["id"]) if ancestors else None,
                    cloud=self.cloud,
                )
            except StaleVersionError as stale:
                return self._conflict(stale)
            except InvalidBodyError as error:
                return refused(400, str(error))
            return answers.json(self.show(page, "body.storage,version,space,ancestors"))

    def _conflict(self, stale: StaleVersionError) -> Response:
        if self.lock_failures:
            # What two saves in the same moment meet: the database noticed, not the version check.
            return refused(
                409,
                "org.springframework.orm.hibernate5.HibernateOptimisticLockingFailureException: Object of "
                "class [com.atlassian.confluence.pages.Page] with identifier: optimistic locking failed; "
                "nested exception is OptimisticLockException",
            )
        return refused(409, f"Version must be incremented on update. Current version is: {stale.current}")

    async def create(self, request: Request) -> Response:
        body = await questions.body_of(request)
        if (body.get("space") or {}).get("key") != self.wiki.space.key:
            return refused(404, "No space with that key.")
        ancestors = body.get("ancestors") or []
        storage = ((body.get("body") or {}).get("storage") or {}).get("value", "")
        parent = str(ancestors[-1]["id"]) if ancestors else None
        if parent is not None and parent not in self.wiki.pages:
            return refused(404, f"No parent with id {parent}.")
        try:
            page = self.wiki.create(body.get("title") or "", storage, parent=parent, cloud=self.cloud)
        except InvalidBodyError as error:
            return refused(400, str(error))
        return answers.json(self.show(page, "body.storage,version,space,ancestors"))

    async def children(self, request: Request) -> Response:
        with self.wiki.lock:
            page = self.page(request)
            if isinstance(page, Response):
                return page
            expand = request.query_params.get("expand", "")
            return self.listing(request, [self.show(child, expand) for child in self.wiki.children(page.id)])

    async def labels(self, request: Request) -> Response:
        page = self.page(request)
        return page if isinstance(page, Response) else self.listing(request, self._labels(page))

    async def add_labels(self, request: Request) -> Response:
        try:
            given = msgspec.json.decode(await request.body(), type=list[dict[str, str]])
        except msgspec.MsgspecError:
            return refused(400, "Labels are given as a list of objects.")
        with self.wiki.lock:
            page = self.page(request)
            if isinstance(page, Response):
                return page
            names = [label.get("name", "") for label in given]
            if not all(names) or any(" " in name for name in names):
                return refused(400, "A label needs a name without blanks.")
            page.labels += [name for name in dict.fromkeys(names) if name not in page.labels]
            return self.listing(request, self._labels(page))

    async def me(self, request: Request) -> Response:
        return answers.json(self.user("demo"))

    async def space(self, request: Request) -> Response:
        if request.path_params["key"] != self.wiki.space.key:
            return refused(404, "No space with that key.")
        return answers.json(self.show_space())
