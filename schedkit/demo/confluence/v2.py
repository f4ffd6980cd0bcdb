"""Confluence Cloud: pages by v2."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from schedkit.demo import answers, questions
from schedkit.demo.auth import Door
from schedkit.demo.confluence.model import Page, Version
from schedkit.demo.confluence.store import InvalidBodyError, StaleVersionError, WikiStore

AUTHOR = "5b10a2844c20165700ed0000"


def refused(status: int, code: str, title: str, detail: str | None = None) -> Response:
    """v2's error body."""
    return answers.json(
        {"errors": [{"status": status, "code": code, "title": title, "detail": detail}]}, status
    )


def missing(what: str) -> Response:
    return refused(404, "NOT_FOUND", f"Not Found: {what}")


class CloudWiki:
    """The endpoints of Cloud's v2 under ``/wiki``."""

    def __init__(self, wiki: WikiStore, base: str, door: Door) -> None:
        self.wiki, self.base, self.door = wiki, base, door

    def routes(self) -> list[Route]:
        guarded, api = self.door.guard, "/api/v2"
        return [
            Route(f"{api}/pages", guarded(self.pages), methods=["GET"]),
            Route(f"{api}/pages", guarded(self.create), methods=["POST"]),
            Route(f"{api}/pages/{{id}}", guarded(self.page), methods=["GET"]),
            Route(f"{api}/pages/{{id}}", guarded(self.update), methods=["PUT"]),
            Route(f"{api}/pages/{{id}}/children", guarded(self.children)),
            Route(f"{api}/spaces", guarded(self.spaces)),
        ]

    def page_of(self, request: Request) -> Page | None:
        # One in the trash or the archive is still answered, with its status.
        return self.wiki.pages.get(request.path_params["id"])

    def show(self, page: Page, body: bool, number: int | None = None) -> dict[str, Any]:
        version = page.latest if number is None else page.versions[number - 1]
        path = f"/spaces/{page.space}/pages/{page.id}"
        made: dict[str, Any] = {
            "id": page.id,
            "status": page.status,
            "title": version.title,
            "spaceId": self.wiki.space.id,
            "position": 0,
            "authorId": AUTHOR,
            "ownerId": AUTHOR,
            "lastOwnerId": None,
            "createdAt": stamp(page.versions[0].at),
            "version": show_version(version),
            "body": {"storage": {"representation": "storage", "value": version.body}} if body else {},
            "_links": {
                "webui": path,
                "editui": f"/pages/resumedraft.action?draftId={page.id}",
                "tinyui": f"/x/{page.id}",
            },
        }
        if page.live:
            made["subtype"] = "live"
        return made | self.parent(page.parent)

    def parent(self, number: str | None) -> dict[str, Any]:
        """What an answer says of what is above."""
        if number is None:
            return {}
        return {"parentId": number, "parentType": "folder" if number in self.wiki.folders else "page"}

    def operations(self, page: Page) -> dict[str, Any]:
        """What the login may do with a page."""
        allowed = ["read", *(["update", "delete"] if self.wiki.may_edit(page) else [])]
        listed = [{"operation": name, "targetType": "page"} for name in allowed]
        return {"results": listed, "meta": {"hasMore": False}, "_links": {}}

    async def page(self, request: Request) -> Response:
        with self.wiki.lock:
            page = self.page_of(request)
            if page is None:
                return missing(f"page {request.path_params['id']}")
            number = request.query_params.get("version")
            if number is not None and not 1 <= questions.whole(number, 0) <= len(page.versions):
                return missing(f"version {number} of page {page.id}")
            body = request.query_params.get("body-format") == "storage"
            made = self.show(page, body, questions.whole(number, 0) or None)
            if request.query_params.get("include-operations") == "true":
                made["operations"] = self.operations(page)
        made["_links"]["base"] = self.base
        return answers.json(made)

    async def update(self, request: Request) -> Response:
        body = await questions.body_of(request)
        with self.wiki.lock:
            page = self.page_of(request)
            if page is None or not self.wiki.may_edit(page):
                return missing(f"page {request.path_params['id']}")
            for name in ("id", "status", "title", "body", "version"):
                if not body.get(name):
                    return refused(
                        400, "INVALID_REQUEST_PARAMETER", f"Provided value for '{name}' is missing or invalid"
                    )
            content, version = body["body"], body["version"]
            content = content.get("storage", content)
            if content.get("representation") != "storage":
                return refused(
                    400, "INVALID_REQUEST_PARAMETER", "Only representation 'storage' is spoken here"
                )
            try:
                self.wiki.save(
                    page.id,
                    questions.whole(version.get("number"), 0),
                    title=body["title"],
                    body=content.get("value", ""),
                    message=version.get("message") or "",
                    parent=body.get("parentId"),
                )
            except StaleVersionError as stale:
                return refused(
                    409,
                    "CONFLICT",
                    "Version must be incremented when updating a page. Current Version: "
                    f"[{stale.current}]. Provided version: [{stale.given}]",
                )
            except InvalidBodyError as error:
                return refused(400, "INVALID_REQUEST_PARAMETER", str(error))
            made = self.show(page, True)
        made["_links"]["base"] = self.base
        return answers.json(made)

    async def create(self, request: Request) -> Response:
        body = await questions.body_of(request)
        if str(body.get("spaceId")) != self.wiki.space.id:
            return missing(f"space {body.get('spaceId')}")
        content = body.get("body") or {}
        content = content.get("storage", content)
        parent = body.get("parentId")
        if parent is not None and str(parent) not in {**self.wiki.pages, **self.wiki.folders}:
            return missing(f"parent {parent}")
        try:
            page = self.wiki.create(
                body.get("title") or "",
                content.get("value", ""),
                parent=parent and str(parent),
                cloud=True,
            )
        except InvalidBodyError as error:
            return refused(400, "INVALID_REQUEST_PARAMETER", str(error))
        made = self.show(page, True)
        made["_links"]["base"] = self.base
        return answers.json(made)

    async def pages(self, request: Request) -> Response:
        params = request.query_params
        ids, title, spaces = params.getlist("id"), params.get("title"), params.getlist("space-id")
        ids = [one for entry in ids for one in entry.split(",")]
        with self.wiki.lock:
            found = [
                page
                for page in self.wiki.pages.values()
                if page.status == "current"
                and (not ids or page.id in ids)
                and (title is None or page.title == title)
                and (not spaces or self.wiki.space.id in spaces)
            ]
            return self.listing(
                request, [self.show(p, params.get("body-format") == "storage") for p in found]
            )

    def listing(self, request: Request, found: list[dict[str, Any]]) -> Response:
        """A page of results with the link to the next one."""
        params = request.query_params
        start, limit = (
            questions.whole(params.get("cursor"), 0),
            max(1, min(questions.whole(params.get("limit"), 25), 250)),
        )
        links = {"base": self.base}
        if start + limit < len(found):
            query = "&".join(f"{k}={v}" for k, v in params.multi_items() if k != "cursor")
            path = request.url.path
            links["next"] = f"{path}?{query}{'&' if query else ''}cursor={start + limit}"
        return answers.json({"results": found[start : start + limit], "_links": links})

    async def children(self, request: Request) -> Response:
        with self.wiki.lock:
            page = self.page_of(request)
            if page is None:
                return missing(f"page {request.path_params['id']}")
            found = [
                {
                    "id": p.id,
                    "status": p.status,
                    "title": p.title,
                    "spaceId": self.wiki.space.id,
                    "childPosition": n,
                }
                for n, p in enumerate(self.wiki.children(page.id))
            ]
        return self.listing(request, found)

    async def spaces(self, request: Request) -> Response:
        space, keys = self.wiki.space, request.query_params.getlist("keys")
        keys = [one for entry in keys for one in entry.split(",")]
        made = {
            "id": space.id,
            "key": space.key,
            "name": space.name,
            "type": "global",
            "status": "current",
            "homepageId": space.home,
            "_links": {"webui": f"/spaces/{space.key}"},
        }
        return self.listing(request, [made] if not keys or space.key in keys else [])


def show_version(version: Version) -> dict[str, Any]:
    return {
        "number": version.number,
        "message": version.message,
        "minorEdit": version.minor,
        "authorId": AUTHOR,
        "createdAt": stamp(version.at),
    }


def stamp(at: int) -> str:
    """A UTC timestamp with milliseconds."""
    seconds, millis = divmod(at, 1000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{millis:03d}Z"
