"""What all of v1 shares: the error body, lists in pages, how people are shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from schedkit.demo import answers, questions
from schedkit.demo.auth import Door
from schedkit.demo.confluence.model import Page
from schedkit.demo.confluence.store import WikiStore

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


class Room1:
    """One group of v1's endpoints; `cloud` says which dialect's oddities it has."""

    def __init__(self, wiki: WikiStore, base: str, door: Door, *, cloud: bool) -> None:
        self.wiki, self.base, self.door, self.cloud = wiki, base, door, cloud

    def user(self, name: str) -> dict[str, Any]:
        key = "accountId" if self.cloud else "username"
        return {"type": "known", key: name, "userKey": f"key-{name}", "displayName": name.title()}

    def listing(self, request: Request, found: Sequence[Any], cap: int = 200) -> Response:
        params = request.query_params
        start, limit = (
            questions.whole(params.get("start"), 0),
            max(1, min(questions.whole(params.get("limit"), 25), cap)),
        )
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

    def page(self, request: Request, status: str = "current") -> Page | Response:
        number = request.path_params["id"]
        page = self.wiki.pages.get(number)
        if page is None or (page.status == "trashed") != (status == "trashed"):
            return refused(404, f"No content found with id: ContentId{{id={number}}}")
        return page
