"""Confluence's first API: all of Data Center, and attachments and properties on Cloud."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from schedkit.demo import answers
from schedkit.demo.auth import Door
from schedkit.demo.confluence.model import Attachment, FileVersion, Page, Property, Version
from schedkit.demo.confluence.store import InvalidBodyError, StaleVersionError, WikiStore
from schedkit.demo.confluence.v2 import stamp
from schedkit.demo.jira.desk import Endpoint, whole

_REASONS = {
    400: "Bad Request",
    403: "Forbidden",
    404: "Not Found",
    409: "Conflict",
    415: "Unsupported Media Type",
}


def refused(status: int, message: str) -> Response:
    """v1's error body."""
    return answers.json(
        {
            "statusCode": status,
            "data": {"authorized": True, "valid": False, "errors": [], "successful": False},
            "message": message,
            "reason": _REASONS[status],
        },
        status,
    )


class Wiki1:
    """v1 content endpoints; `cloud` says which dialect's oddities they have."""

    def __init__(self, wiki: WikiStore, base: str, door: Door, *, cloud: bool) -> None:
        self.wiki, self.base, self.door, self.cloud = wiki, base, door, cloud
        self.lock_failures = False

    def guarded(self, endpoint: Endpoint) -> Endpoint:
        async def checked(request: Request) -> Response:
            if not self.door.admits(request):
                return self.door.refusal(request)
            return await endpoint(request)

        return checked

    def routes(self) -> list[Route]:
        guarded, api = self.guarded, "/rest/api/content"
        routes = [
            Route(api, guarded(self.contents), methods=["GET"]),
            Route(api, guarded(self.create), methods=["POST"]),
            Route(f"{api}/{{id}}", guarded(self.content), methods=["GET"]),
            Route(f"{api}/{{id}}", guarded(self.update), methods=["PUT"]),
            Route(f"{api}/{{id}}/history", guarded(self.history)),
            Route(f"{api}/{{id}}/child/page", guarded(self.children)),
            Route(f"{api}/{{id}}/child/attachment", guarded(self.attachments), methods=["GET"]),
            Route(f"{api}/{{id}}/child/attachment", guarded(self.attach), methods=["POST"]),
            Route(
                f"{api}/{{id}}/child/attachment/{{file}}/data", guarded(self.attach_version), methods=["POST"]
            ),
            Route(f"{api}/{{id}}/label", guarded(self.labels)),
            Route(f"{api}/{{id}}/property", guarded(self.properties), methods=["GET"]),
            Route(f"{api}/{{id}}/property", guarded(self.add_property), methods=["POST"]),
            Route(f"{api}/{{id}}/property/{{key}}", guarded(self.property), methods=["GET"]),
            Route(f"{api}/{{id}}/property/{{key}}", guarded(self.set_property), methods=["PUT"]),
            Route("/rest/api/user/current", guarded(self.me)),
            Route("/rest/api/space/{key}", guarded(self.space)),
            Route("/download/attachments/{id}/{name}", guarded(self.download)),
        ]
        if self.cloud:
            routes.append(
                Route(f"{api}/{{id}}/child/attachment", guarded(self.put_attachment), methods=["PUT"])
            )
        return routes

    # Showing ---------------------------------------------------------------

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
        while page.parent is not None:
            page = self.wiki.pages[page.parent]
            made.insert(0, page)
        return made

    def _labels(self, page: Page) -> list[dict[str, str]]:
        return [
            {"prefix": "global", "name": n, "id": str(700 + i), "label": n} for i, n in enumerate(page.labels)
        ]

    def version(self, version: Version, page_id: str) -> dict[str, Any]:
        return {
            "by": self._user(version.author),
            "when": stamp(version.at),
            "message": version.message,
            "number": version.number,
            "minorEdit": version.minor,
            "_links": {"self": f"{self.base}/rest/experimental/content/{page_id}/version/{version.number}"},
        }

    def _user(self, name: str) -> dict[str, Any]:
        key = "accountId" if self.cloud else "username"
        return {"type": "known", key: name, "userKey": f"key-{name}", "displayName": name.title()}

    def show_space(self) -> dict[str, Any]:
        space = self.wiki.space
        links = {"webui": f"/display/{space.key}", "self": f"{self.base}/rest/api/space/{space.key}"}
        return {"id": int(space.id), "key": space.key, "name": space.name, "type": "global", "_links": links}

    def show_attachment(self, page: Page, file: Attachment) -> dict[str, Any]:
        latest: FileVersion = file.latest
        path = f"/download/attachments/{page.id}/{file.title}?version={latest.number}"
        return {
            "id": file.id,
            "type": "attachment",
            "status": "current",
            "title": file.title,
            "metadata": {"mediaType": file.media_type, "comment": latest.comment},
            "extensions": {
                "mediaType": file.media_type,
                "fileSize": len(latest.data),
                "comment": latest.comment,
            },
            "version": {
                "by": self._user("demo"),
                "when": stamp(latest.at),
                "message": latest.comment,
                "number": latest.number,
                "minorEdit": False,
            },
            "_links": {"download": path, "webui": path, "self": f"{self.base}/rest/api/content/{file.id}"},
        }

    def listing(self, request: Request, found: Sequence[Any], cap: int = 200) -> Response:
        params = request.query_params
        start, limit = whole(params.get("start"), 0), max(1, min(whole(params.get("limit"), 25), cap))
        page = found[start : start + limit]
        links = {
            "self": str(request.url),
            "base": self.base,
            "context": "/wiki" if self.cloud else "/confluence",
        }
        if start + limit < len(found):
            path = request.url.path.removeprefix(request.scope.get("root_path", ""))
            links["next"] = f"{path}?limit={limit}&start={start + limit}"
        return answers.json(
            {"results": page, "start": start, "limit": limit, "size": len(page), "_links": links}
        )

    # Pages -----------------------------------------------------------------

    def _page(self, request: Request) -> Page | Response:
        number = request.path_params["id"]
        page = self.wiki.pages.get(number)
        if page is None or page.status != "current":
            return refused(404, f"No content found with id: ContentId{{id={number}}}")
        return page

    async def content(self, request: Request) -> Response:
        with self.wiki.lock:
            page = self._page(request)
            if isinstance(page, Response):
                return page
            expand = request.query_params.get("expand", "space,version,history")
            number = None
            if request.query_params.get("status") == "historical":
                number = whole(request.query_params.get("version"), 0)
                if not 1 <= number <= len(page.versions):
                    return refused(404, f"No version {number} of content {page.id}.")
            return answers.json(self.show(page, expand, number))

    async def history(self, request: Request) -> Response:
        page = self._page(request)
        if isinstance(page, Response):
            return page
        first = page.versions[0]
        return answers.json(
            {
                "latest": True,
                "createdBy": self._user(first.author),
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
        body = await answers.body_of(request)
        with self.wiki.lock:
            page = self._page(request)
            if isinstance(page, Response):
                return page
            version = body.get("version") or {}
            if not whole(version.get("number"), 0) or body.get("type") != "page":
                return refused(400, "A version number and the type 'page' must be given to update content.")
            storage = ((body.get("body") or {}).get("storage") or {}).get("value")
            ancestors = body.get("ancestors") or []
            try:
                self.wiki.save(
                    page.id,
                    whole(version.get("number"), 0),
                    title=body.get("title"),
                    body=storage,
                    message=version.get("message") or "",
                    minor=bool(version.get("minorEdit")),
                    parent=str(ancestors[-1]["id"]) if ancestors else None,
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
        body = await answers.body_of(request)
        if (body.get("space") or {}).get("key") != self.wiki.space.key:
            return refused(404, "No space with that key.")
        ancestors = body.get("ancestors") or []
        storage = ((body.get("body") or {}).get("storage") or {}).get("value", "")
        parent = str(ancestors[-1]["id"]) if ancestors else None
        if parent is not None and parent not in self.wiki.pages:
            return refused(404, f"No parent with id {parent}.")
        try:
            page = self.wiki.create(body.get("title") or "", storage, parent=parent)
        except InvalidBodyError as error:
            return refused(400, str(error))
        return answers.json(self.show(page, "body.storage,version,space,ancestors"))

    async def children(self, request: Request) -> Response:
        with self.wiki.lock:
            page = self._page(request)
            if isinstance(page, Response):
                return page
            expand = request.query_params.get("expand", "")
            return self.listing(request, [self.show(child, expand) for child in self.wiki.children(page.id)])

    # Attachments -----------------------------------------------------------

    async def attachments(self, request: Request) -> Response:
        with self.wiki.lock:
            page = self._page(request)
            if isinstance(page, Response):
                return page
            wanted = request.query_params.get("filename")
            files = [a for a in page.attachments.values() if wanted in (None, a.title)]
            return self.listing(request, [self.show_attachment(page, file) for file in files])

    async def _upload(self, request: Request) -> tuple[str, bytes, str, str] | Response:
        if request.headers.get("x-atlassian-token", "").lower() not in ("no-check", "nocheck"):
            return refused(403, "XSRF check failed")
        async with request.form() as form:
            file, comment = form.get("file"), form.get("comment")
            if not isinstance(file, UploadFile):
                return refused(400, "A part named 'file' is needed.")
            media = file.content_type or "application/octet-stream"
            told = comment if isinstance(comment, str) else ""
            return file.filename or "file", await file.read(), media, told

    async def attach(self, request: Request) -> Response:
        return await self._store(request, again=False)

    async def put_attachment(self, request: Request) -> Response:
        return await self._store(request, again=True)

    async def _store(self, request: Request, *, again: bool) -> Response:
        upload = await self._upload(request)
        if isinstance(upload, Response):
            return upload
        name, data, media, comment = upload
        with self.wiki.lock:
            page = self._page(request)
            if isinstance(page, Response):
                return page
            taken = any(a.title == name for a in page.attachments.values())
            if taken and not again:
                told = "Cannot add a new attachment with same file name as an existing attachment: "
                return refused(400, told + name)
            made = self.wiki.attach(page.id, name, data, media, comment)
            return answers.json(
                {
                    "results": [self.show_attachment(page, made)],
                    "start": 0,
                    "limit": 50,
                    "size": 1,
                    "_links": {},
                }
            )

    async def attach_version(self, request: Request) -> Response:
        upload = await self._upload(request)
        if isinstance(upload, Response):
            return upload
        _, data, media, comment = upload
        with self.wiki.lock:
            page = self._page(request)
            if isinstance(page, Response):
                return page
            file = page.attachments.get(request.path_params["file"])
            if file is None:
                return refused(404, f"No attachment {request.path_params['file']} on this page.")
            made = self.wiki.attach(page.id, file.title, data, media, comment)
            return answers.json(self.show_attachment(page, made))

    async def download(self, request: Request) -> Response:
        page = self._page(request)
        if isinstance(page, Response):
            return page
        wanted = whole(request.query_params.get("version"), 0)
        for file in page.attachments.values():
            if file.title == request.path_params["name"]:
                kept = next((v for v in file.versions if v.number == wanted), file.latest)
                return Response(kept.data, media_type=file.media_type)
        return refused(404, "No such attachment.")

    # Properties, labels, people ------------------------------------------------

    def show_property(self, made: Property) -> dict[str, Any]:
        version = {"when": stamp(made.at), "message": "", "number": made.version, "minorEdit": False}
        return {"id": made.id, "key": made.key, "value": made.value, "version": version, "_links": {}}

    async def properties(self, request: Request) -> Response:
        page = self._page(request)
        if isinstance(page, Response):
            return page
        return self.listing(request, [self.show_property(made) for made in page.properties.values()])

    async def property(self, request: Request) -> Response:
        page = self._page(request)
        if isinstance(page, Response):
            return page
        made = page.properties.get(request.path_params["key"])
        if made is None:
            return refused(404, f"No property with key {request.path_params['key']}.")
        return answers.json(self.show_property(made))

    async def add_property(self, request: Request) -> Response:
        body = await answers.body_of(request)
        return self._write_property(request, str(body.get("key") or ""), body, fresh=True)

    async def set_property(self, request: Request) -> Response:
        body = await answers.body_of(request)
        return self._write_property(request, request.path_params["key"], body, fresh=False)

    def _write_property(self, request: Request, key: str, body: Any, *, fresh: bool) -> Response:
        with self.wiki.lock:
            page = self._page(request)
            if isinstance(page, Response):
                return page
            if not key or "value" not in body:
                return refused(400, "A property needs a key and a value.")
            if len(answers.encoded(body["value"])) > 32_768:
                return refused(400, "The value of a property may hold at most 32 KB.")
            if fresh and key in page.properties:
                return refused(409, f"A property with key {key} exists already.")
            number = whole((body.get("version") or {}).get("number"), 0)
            try:
                made = self.wiki.set_property(page.id, key, body["value"], number)
            except StaleVersionError as stale:
                return refused(
                    409, f"Version must be incremented on update. Current version is: {stale.current}"
                )
            return answers.json(self.show_property(made))

    async def labels(self, request: Request) -> Response:
        page = self._page(request)
        return page if isinstance(page, Response) else self.listing(request, self._labels(page))

    async def me(self, request: Request) -> Response:
        return answers.json(self._user("demo"))

    async def space(self, request: Request) -> Response:
        if request.path_params["key"] != self.wiki.space.key:
            return refused(404, "No space with that key.")
        return answers.json(self.show_space())
