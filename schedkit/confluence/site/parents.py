"""What a page is created under: another page, or on Cloud a folder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from schedkit.confluence.site.addresses import PageAddress
from schedkit.confluence.site.server import Server
from schedkit.errors import BadAnswerError, NotFoundError, UsageError

__all__ = ["Parent", "find_parent"]


@dataclass(frozen=True)
class Parent:
    """The page or folder above a page; `space` is what requests call their space."""

    id: str
    space: str
    folder: bool = False

    def __str__(self) -> str:
        return f"folder {self.id}" if self.folder else f"page {self.id}"


async def find_parent(server: Server, address: PageAddress) -> Parent:
    """Look up the page or folder of an address; an id alone may be either's.

    Raises
    ------
    NotFoundError
        If there is none.
    UsageError
        For a folder of a Data Center, a folder in the trash, or one whose space is not known.
    """
    cloud = (await server.dialect()).cloud
    if address.folder and not cloud:
        raise UsageError(
            f"{server.site.url} is a Data Center, which has no folders", hint="name a page as parent="
        )
    if address.folder:
        return await _folder(server, address)
    page_id = await server.resolve(address)
    try:
        return Parent(page_id, await server.space_of(page_id))
    except NotFoundError as error:
        if not cloud:
            raise
        try:
            return await _folder(server, address)
        except NotFoundError:
            raise error from None


async def _folder(server: Server, address: PageAddress) -> Parent:
    folder_id = str(address.id)
    found = await _read_folder(server, folder_id)
    if str(found.get("status") or "current").lower() != "current":
        raise UsageError(
            f"folder {folder_id} ({found.get('title')!r}) has the status {found['status']!r}",
            hint="restore it in Confluence, or name another parent",
        )
    if address.space:
        return Parent(folder_id, await server.space_id(address.space), folder=True)
    return Parent(folder_id, await _space_above(server, folder_id, found), folder=True)


async def _space_above(server: Server, folder_id: str, found: dict[str, Any]) -> str:
    """Return the space of a folder: its answer may not name it, that of a page above it does."""
    above = found
    while not above.get("spaceId"):
        kind, parent = above.get("parentType"), str(above.get("parentId") or "")
        if parent and kind == "page":
            return await server.space_of(parent)
        if not parent or kind != "folder":
            raise UsageError(
                f"the site does not say which space folder {folder_id} is in",
                hint="give the folder's URL, which names its space",
            )
        above = await _read_folder(server, parent)
    return str(above["spaceId"])


async def _read_folder(server: Server, folder_id: str) -> dict[str, Any]:
    dialect = await server.dialect()
    found = (await server.send(dialect.read_folder(folder_id))).json()
    if not isinstance(found, dict):
        raise BadAnswerError(f"the answer about folder {folder_id} is not a folder")
    return found
