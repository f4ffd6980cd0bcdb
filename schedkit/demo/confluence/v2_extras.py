"""What hangs on a page or folder, by v2: attachments, properties, labels, versions; and folders."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from schedkit.demo import answers, questions
from schedkit.demo.confluence.model import Attachment, Folder, Page, Property
from schedkit.demo.confluence.store import StaleVersionError
from schedkit.demo.confluence.v2 import AUTHOR, CloudWiki, missing, refused, show_version, stamp


class CloudExtras:
    """Read what hangs on a page, write its properties; new files go through v1, as on the real Cloud."""

    def __init__(self, pages: CloudWiki) -> None:
        self.pages, self.wiki = pages, pages.wiki

    def routes(self) -> list[Route]:
        guarded, api = self.pages.door.guard, "/api/v2/pages/{id}"
        return [
            Route(f"{api}/attachments", guarded(self.attachments)),
            Route(f"{api}/labels", guarded(self.labels)),
            Route(f"{api}/versions", guarded(self.versions)),
            Route("/api/v2/folders/{id}", guarded(self.folder)),
            *(
                route
                for holder in (api, "/api/v2/folders/{id}")
                for route in (
                    Route(f"{holder}/properties", guarded(self.properties), methods=["GET"]),
                    Route(f"{holder}/properties", guarded(self.add_property), methods=["POST"]),
                    Route(f"{holder}/properties/{{property}}", guarded(self.set_property), methods=["PUT"]),
                )
            ),
        ]

    def holder_of(self, request: Request) -> Page | Folder | None:
        """The page or folder that a path names, each below its own."""
        if "/folders/" in request.url.path:
            return self.wiki.folders.get(request.path_params["id"])
        return self.pages.page_of(request)

    async def folder(self, request: Request) -> Response:
        found = self.wiki.folders.get(request.path_params["id"])
        if found is None:
            return missing(f"folder {request.path_params['id']}")
        made = {
            "id": found.id,
            "type": "folder",
            "status": found.status,
            "title": found.title,
            "position": None,
            "authorId": AUTHOR,
            "ownerId": AUTHOR,
            "createdAt": stamp(found.at),
            "version": {"number": 1, "message": "", "minorEdit": False, "createdAt": stamp(found.at)},
            "_links": {
                "webui": f"/spaces/{self.wiki.space.key}/folder/{found.id}",
                "base": self.pages.base,
            },
        }
        return answers.json(made | self.pages.parent(found.parent))

    async def attachments(self, request: Request) -> Response:
        page = self.pages.page_of(request)
        if page is None:
            return missing("page")
        wanted = request.query_params.get("filename")
        files = [file for file in page.attachments.values() if wanted in (None, file.title)]
        return self.pages.listing(request, [_attachment(page, file) for file in files])

    async def labels(self, request: Request) -> Response:
        page = self.pages.page_of(request)
        if page is None:
            return missing("page")
        made = [{"id": str(700 + n), "name": name, "prefix": "global"} for n, name in enumerate(page.labels)]
        return self.pages.listing(request, made)

    async def versions(self, request: Request) -> Response:
        """Newest first."""
        page = self.pages.page_of(request)
        if page is None:
            return missing("page")
        return self.pages.listing(request, [show_version(version) for version in reversed(page.versions)])

    async def properties(self, request: Request) -> Response:
        page = self.holder_of(request)
        if page is None:
            return missing("page or folder")
        key = request.query_params.get("key")
        found = [_property(made) for made in page.properties.values() if key in (None, made.key)]
        return self.pages.listing(request, found)

    async def add_property(self, request: Request) -> Response:
        body = await questions.body_of(request)
        with self.wiki.lock:
            page = self.holder_of(request)
            if page is None:
                return missing("page or folder")
            key = str(body.get("key") or "")
            if not key or "value" not in body:
                return refused(400, "INVALID_REQUEST_PARAMETER", "A property needs a key and a value")
            if key in page.properties:
                return refused(409, "CONFLICT", f"A property with key {key} exists already")
            return answers.json(_property(self.wiki.set_property(page.id, key, body["value"], None)))

    async def set_property(self, request: Request) -> Response:
        body = await questions.body_of(request)
        with self.wiki.lock:
            page = self.holder_of(request)
            number = request.path_params["property"]
            found = (
                None if page is None else next((p for p in page.properties.values() if p.id == number), None)
            )
            if page is None or found is None:
                return missing(f"property {number}")
            version = questions.whole((body.get("version") or {}).get("number"), 0)
            try:
                return answers.json(
                    _property(self.wiki.set_property(page.id, found.key, body.get("value"), version))
                )
            except StaleVersionError as stale:
                return refused(
                    409, "CONFLICT", f"Version must be incremented. Current Version: [{stale.current}]"
                )


def _attachment(page: Page, file: Attachment) -> dict[str, Any]:
    path = f"/download/attachments/{page.id}/{file.title}?version={file.latest.number}"
    return {
        "id": file.id,
        "status": "current",
        "title": file.title,
        "createdAt": stamp(file.versions[0].at),
        "pageId": page.id,
        "mediaType": file.media_type,
        "comment": file.latest.comment,
        "fileSize": len(file.latest.data),
        "webuiLink": path,
        "downloadLink": path,
        "version": {"number": file.latest.number, "createdAt": stamp(file.latest.at), "minorEdit": False},
        "_links": {"webui": path, "download": path},
    }


def _property(made: Property) -> dict[str, Any]:
    version = {"number": made.version, "createdAt": stamp(made.at), "message": "", "minorEdit": False}
    return {"id": made.id, "key": made.key, "value": made.value, "version": version}
