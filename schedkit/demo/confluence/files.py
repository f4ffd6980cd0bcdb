"""Attachments and their versions: v1 in both dialects."""

from __future__ import annotations

from typing import Any

from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from schedkit.demo import answers, questions
from schedkit.demo.confluence.model import Attachment, FileVersion, Page
from schedkit.demo.confluence.room1 import Room1, refused
from schedkit.demo.confluence.v2 import stamp


class Files(Room1):
    """Attachments; only Cloud takes a PUT that creates or adds a version."""

    def routes(self) -> list[Route]:
        guarded, api = self.door.guard, "/rest/api/content/{id}/child/attachment"
        routes = [
            Route(api, guarded(self.attachments), methods=["GET"]),
            Route(api, guarded(self.attach), methods=["POST"]),
            Route(f"{api}/{{file}}/data", guarded(self.attach_version), methods=["POST"]),
            Route("/download/attachments/{id}/{name}", guarded(self.download)),
        ]
        if self.cloud:
            routes.append(Route(api, guarded(self.put_attachment), methods=["PUT"]))
        return routes

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
                "by": self.user("demo"),
                "when": stamp(latest.at),
                "message": latest.comment,
                "number": latest.number,
                "minorEdit": False,
            },
            "_links": {"download": path, "webui": path, "self": f"{self.base}/rest/api/content/{file.id}"},
        }

    async def attachments(self, request: Request) -> Response:
        with self.wiki.lock:
            page = self.page(request)
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
            page = self.page(request)
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
            page = self.page(request)
            if isinstance(page, Response):
                return page
            file = page.attachments.get(request.path_params["file"])
            if file is None:
                return refused(404, f"No attachment {request.path_params['file']} on this page.")
            made = self.wiki.attach(page.id, file.title, data, media, comment)
            return answers.json(self.show_attachment(page, made))

    async def download(self, request: Request) -> Response:
        page = self.page(request)
        if isinstance(page, Response):
            return page
        wanted = questions.whole(request.query_params.get("version"), 0)
        for file in page.attachments.values():
            if file.title == request.path_params["name"]:
                kept = next((v for v in file.versions if v.number == wanted), file.latest)
                return Response(kept.data, media_type=file.media_type)
        return refused(404, "No such attachment.")
