"""Content properties: small, versioned, v1 in both dialects."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from schedkit.demo import answers, questions
from schedkit.demo.confluence.model import Property
from schedkit.demo.confluence.room1 import Room1, refused
from schedkit.demo.confluence.store import StaleVersionError
from schedkit.demo.confluence.v2 import stamp


class Properties(Room1):
    """The properties of a page."""

    def routes(self) -> list[Route]:
        guarded, api = self.door.guard, "/rest/api/content/{id}/property"
        return [
            Route(api, guarded(self.properties), methods=["GET"]),
            Route(api, guarded(self.add_property), methods=["POST"]),
            Route(f"{api}/{{key}}", guarded(self.property), methods=["GET"]),
            Route(f"{api}/{{key}}", guarded(self.set_property), methods=["PUT"]),
        ]

    def show_property(self, made: Property) -> dict[str, Any]:
        version = {"when": stamp(made.at), "message": "", "number": made.version, "minorEdit": False}
        return {"id": made.id, "key": made.key, "value": made.value, "version": version, "_links": {}}

    async def properties(self, request: Request) -> Response:
        page = self.page(request)
        if isinstance(page, Response):
            return page
        return self.listing(request, [self.show_property(made) for made in page.properties.values()])

    async def property(self, request: Request) -> Response:
        page = self.page(request)
        if isinstance(page, Response):
            return page
        made = page.properties.get(request.path_params["key"])
        if made is None:
            return refused(404, f"No property with key {request.path_params['key']}.")
        return answers.json(self.show_property(made))

    async def add_property(self, request: Request) -> Response:
        body = await questions.body_of(request)
        return self._write_property(request, str(body.get("key") or ""), body, fresh=True)

    async def set_property(self, request: Request) -> Response:
        body = await questions.body_of(request)
        return self._write_property(request, request.path_params["key"], body, fresh=False)

    def _write_property(self, request: Request, key: str, body: Any, *, fresh: bool) -> Response:
        with self.wiki.lock:
            page = self.page(request)
            if isinstance(page, Response):
                return page
            if not key or "value" not in body:
                return refused(400, "A property needs a key and a value.")
            if len(answers.encoded(body["value"])) > 32_768:
                return refused(400, "The value of a property may hold at most 32 KB.")
            if fresh and key in page.properties:
                return refused(409, f"A property with key {key} exists already.")
            number = questions.whole((body.get("version") or {}).get("number"), 0)
            try:
                made = self.wiki.set_property(page.id, key, body["value"], number)
            except StaleVersionError as stale:
                return refused(
                    409, f"Version must be incremented on update. Current version is: {stale.current}"
                )
            return answers.json(self.show_property(made))
