"""What Cloud (v2) and Data Center (v1) call the same things: dialects as data, and no I/O."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from schedkit.atlassian import Request
from schedkit.errors import BadAnswerError

# What v2 lists at most.
_OPERATIONS = 50

__all__ = ["CLOUD", "DATA_CENTER", "Dialect", "PageState"]


@dataclass(frozen=True)
class PageState:
    """One version of a page as it was read.

    `editable` tells whether this login may edit it; None: the site does not say. `live` documents have no
    versions that a client could replace.
    """

    id: str
    title: str
    version: int
    source: str
    url: str = ""
    kind: str = "page"
    status: str = "current"
    live: bool = False
    editable: bool | None = None

    @property
    def name(self) -> str:
        """What messages call the page."""
        return f"page {self.id} ({self.title!r})"


@dataclass(frozen=True)
class Dialect:
    """The paths, parameters and bodies of one kind of Confluence.

    `content` is v1 on both: v2 has no upload.
    """

    name: str
    page: str
    pages: str
    folder: str
    read_params: Mapping[str, str]
    trash_params: Mapping[str, str] | None
    find_only: Mapping[str, str]
    old_version_params: Callable[[int], Mapping[str, Any]]
    content: str
    body: Callable[[PageState, str, str, bool], dict[str, Any]]
    new_body: Callable[[str, str, str, str], dict[str, Any]]
    space_params: Mapping[str, str]
    space: Callable[[Any], str]
    find_params: Callable[[str, str], Mapping[str, Any]]
    put_creates_attachment: bool

    @property
    def cloud(self) -> bool:
        return self.name == "cloud"

    @property
    def myself(self) -> str:
        """The path of the account that is logged in; v1 on both."""
        return self.content.removesuffix("content") + "user/current"

    def attachments(self, page_id: str) -> str:
        """The path of a page's attachments."""
        return f"{self.content}/{page_id}/child/attachment"

    def labels(self, page_id: str) -> str:
        """The path of a page's labels; v1 on both."""
        return f"{self.content}/{page_id}/label"

    def read(self, page_id: str) -> Request:
        return Request("GET", self.page.format(page_id), params=self.read_params)

    def read_trashed(self, page_id: str) -> Request | None:
        """Ask for a page in the trash; None where `read` returns it too, with its status."""
        if self.trash_params is None:
            return None
        return Request("GET", self.page.format(page_id), params={**self.read_params, **self.trash_params})

    def read_old(self, page_id: str, version: int) -> Request:
        return Request(
            "GET",
            self.page.format(page_id),
            params={**self.find_only, **self.old_version_params(version)},
        )

    def write(self, state: PageState, source: str, message: str, quiet: bool) -> Request:
        """Make the PUT of the version after `state`; a second one of the same number is refused there."""
        return Request("PUT", self.page.format(state.id), json=self.body(state, source, message, quiet))

    def property(self, content: str, key: str) -> Request:
        """Ask for a property of the content at a path; v2 lists those of that key."""
        if self.cloud:
            return Request("GET", f"{content}/properties", params={"key": key})
        return Request("GET", f"{content}/property/{key}")

    def set_property(self, content: str, key: str, value: Any, known: tuple[str, int] | None) -> Request:
        """Make or replace a property; `known` are the id and version of the one that is there."""
        path = f"{content}/{'properties' if self.cloud else 'property'}"
        body: dict[str, Any] = {"key": key, "value": value}
        if known is None:
            return Request("POST", path, json=body)
        body["version"] = {"number": known[1] + 1}
        return Request("PUT", f"{path}/{known[0] if self.cloud else key}", json=body)

    def space_by_key(self, key: str) -> Request:
        """Ask which space has a key; v1 needs no other name of it."""
        return Request("GET", f"{self.pages.removesuffix('pages')}spaces", params={"keys": key})

    def read_folder(self, folder_id: str) -> Request:
        """Ask for a folder; only Cloud has them."""
        return Request("GET", self.folder.format(folder_id))

    def read_space(self, page_id: str) -> Request:
        return Request("GET", self.page.format(page_id), params=self.space_params)

    def find(self, space: str, title: str) -> Request:
        return Request("GET", self.pages, params={**self.find_only, **self.find_params(space, title)})

    def create(self, space: str, parent: str, title: str, source: str) -> Request:
        return Request("POST", self.pages, json=self.new_body(space, parent, title, source))


def state_of(value: Any, base: str) -> PageState:
    """Read a page out of either dialect's answer."""
    try:
        return PageState(
            id=str(value["id"]),
            title=value["title"],
            version=int(value["version"]["number"]),
            source=value["body"]["storage"]["value"],
            url=address_in(value, base),
            kind=value.get("type") or "page",
            status=str(value.get("status") or "current").lower(),
            live=value.get("subtype") == "live",
            editable=_may_edit(value.get("operations")),
        )
    except (AttributeError, KeyError, TypeError, ValueError):
        raise BadAnswerError(
            "the site's answer is not a page with a version and a storage body",
            hint="check that the URL is that of a Confluence, and cloud=",
        ) from None


def address_in(value: Any, base: str) -> str:
    """Return the address of a page out of an answer; `base` where the answer has none."""
    links = value.get("_links", {})
    webui = links.get("webui") or links.get("tinyui") or ""
    return f"{(links.get('base') or base).rstrip('/')}{webui}" if webui else base


def _may_edit(operations: Any) -> bool | None:
    """Read the operations that a login is allowed; a list that is cut or empty says nothing."""
    listed = operations.get("results") if isinstance(operations, dict) else operations
    if not isinstance(listed, list) or not listed or len(listed) >= _OPERATIONS:
        return None
    return any(isinstance(each, dict) and each.get("operation") == "update" for each in listed)


def version_in(value: Any) -> int | None:
    """Return the version in the answer to a PUT; None if it has none."""
    try:
        return int(value["version"]["number"])
    except (KeyError, TypeError, ValueError):
        return None


def _cloud_body(state: PageState, source: str, message: str, quiet: bool) -> dict[str, Any]:
    # Neither space, parent nor properties are sent: what is not sent stays, the page's width too.
    return {
        "id": state.id,
        "status": "current",
        "title": state.title,
        "body": {"representation": "storage", "value": source},
        "version": {"number": state.version + 1, "message": message},
    }


def _data_center_body(state: PageState, source: str, message: str, quiet: bool) -> dict[str, Any]:
    return {
        "id": state.id,
        "type": state.kind,
        "title": state.title,
        "body": {"storage": {"value": source, "representation": "storage"}},
        "version": {"number": state.version + 1, "message": message, "minorEdit": quiet},
    }


def _cloud_new_body(space: str, parent: str, title: str, source: str) -> dict[str, Any]:
    return {
        "spaceId": space,
        "status": "current",
        "title": title,
        "parentId": parent,
        "body": {"representation": "storage", "value": source},
    }


def _data_center_new_body(space: str, parent: str, title: str, source: str) -> dict[str, Any]:
    return {
        "type": "page",
        "title": title,
        "space": {"key": space},
        "ancestors": [{"id": parent}],
        "body": {"storage": {"value": source, "representation": "storage"}},
    }


CLOUD = Dialect(
    name="cloud",
    page="/wiki/api/v2/pages/{}",
    pages="/wiki/api/v2/pages",
    folder="/wiki/api/v2/folders/{}",
    read_params={"body-format": "storage", "include-operations": "true"},
    trash_params=None,
    find_only={"body-format": "storage"},
    old_version_params=lambda version: {"version": version},
    content="/wiki/rest/api/content",
    body=_cloud_body,
    new_body=_cloud_new_body,
    space_params={},
    space=lambda value: str(value["spaceId"]),
    find_params=lambda space, title: {"space-id": space, "title": title, "status": "current"},
    put_creates_attachment=True,
)
DATA_CENTER = Dialect(
    name="data center",
    page="/rest/api/content/{}",
    pages="/rest/api/content",
    folder="",
    read_params={"expand": "body.storage,version,operations"},
    trash_params={"status": "trashed"},
    find_only={"expand": "body.storage,version"},
    old_version_params=lambda version: {"status": "historical", "version": version},
    content="/rest/api/content",
    body=_data_center_body,
    new_body=_data_center_new_body,
    space_params={"expand": "space"},
    space=lambda value: str(value["space"]["key"]),
    find_params=lambda space, title: {"spaceKey": space, "title": title, "type": "page"},
    put_creates_attachment=False,
)


def data_center(prefix: str) -> Dialect:
    """Return the dialect of a Data Center that lives below `prefix`, e.g. ``/wiki``."""
    below = {name: prefix + getattr(DATA_CENTER, name) for name in ("page", "pages", "content")}
    return replace(DATA_CENTER, **below)
