"""The state of the Confluence side, mutable from any thread; both dialects show the same pages."""

from __future__ import annotations

import threading
from collections.abc import Callable
from random import Random
from typing import Any

from schedkit.demo.confluence import storage
from schedkit.demo.confluence.model import Attachment, FileVersion, Folder, Page, Property, Space, Version

_FIRST_WRITTEN = 200_000
_TAKEN = "A page with this title already exists: A page already exists with the same TITLE in this space"


class StaleVersionError(Exception):
    """A write that does not name the version after the current one."""

    def __init__(self, current: int, given: int) -> None:
        super().__init__(f"current {current}, given {given}")
        self.current, self.given = current, given


class InvalidBodyError(Exception):
    """A body or title the server refuses."""


class WikiStore:
    """Pages by id.

    Parameters
    ----------
    now : callable
        Epoch milliseconds.
    seed : int
        Of the ids a normalising save makes up.
    """

    def __init__(self, now: Callable[[], int], seed: int) -> None:
        self.now = now
        self.lock = threading.RLock()
        self.space = Space("65537", "DEMO", "Demo space", "100000")
        self.pages: dict[str, Page] = {}
        self.folders: dict[str, Folder] = {}
        self.normalise = False
        self._rng = Random(seed)
        self._next = _FIRST_WRITTEN

    def new_id(self) -> str:
        with self.lock:
            self._next += 1
            return str(self._next)

    # Pages -----------------------------------------------------------------

    def create(
        self,
        title: str,
        body: str,
        *,
        parent: str | None = None,
        page_id: str | None = None,
        cloud: bool | None = None,
    ) -> Page:
        """Add a page to the space; `cloud` names the editor that saves it, None leaves the body as it is.

        Raises
        ------
        InvalidBodyError
            For a taken title or a body that is not well-formed.
        """
        with self.lock:
            if self.by_title(title) is not None:
                raise InvalidBodyError(_TAKEN)
            page = Page(page_id or self.new_id(), self.space.key, parent or self.space.home, [])
            complaint = storage.fault(body)
            if complaint is not None:
                raise InvalidBodyError(complaint)
            kept = body if cloud is None else self._kept(body, cloud)
            page.versions.append(self._version(1, title, kept, ""))
            if page.id == self.space.home:
                page.parent = None
            self.pages[page.id] = page
            return page

    def create_folder(self, title: str, *, parent: str | None = None) -> Folder:
        """Add a folder below a page, a folder, or the space itself."""
        with self.lock:
            made = Folder(self.new_id(), title, parent, self.now())
            self.folders[made.id] = made
            return made

    def save(
        self,
        page_id: str,
        number: int,
        *,
        title: str | None = None,
        body: str | None = None,
        message: str = "",
        author: str = "demo",
        minor: bool = False,
        parent: str | None = None,
        cloud: bool = True,
    ) -> Page:
        """Save version `number` of a page, which must be the one after the current.

        Raises
        ------
        StaleVersionError
            For any other number: the page was saved meanwhile.
        InvalidBodyError
            For a body that is not well-formed.
        """
        with self.lock:
            page = self.pages[page_id]
            if number != page.latest.number + 1:
                raise StaleVersionError(page.latest.number, number)
            new_title = page.title if title is None else title
            other = self.by_title(new_title)
            if other is not None and other is not page:
                raise InvalidBodyError(_TAKEN)
            kept = page.body if body is None else self._kept(body, cloud)
            page.versions.append(self._version(number, new_title, kept, message, author, minor))
            # A save publishes the page, wherever it was.
            page.status = "current"
            if parent is not None:
                page.parent = parent
            return page

    def touch(self, page_id: str, body: str) -> Page:
        """Change the stored body without a new version, as adding an inline comment does."""
        with self.lock:
            page = self.pages[page_id]
            v = page.latest
            page.versions[-1] = Version(v.number, v.at, v.author, v.message, v.title, body, v.minor)
            return page

    def edit_by_hand(self, page_id: str, change: Callable[[str], str], author: str = "colleague") -> Page:
        """Save a changed body as a person in the editor would: always on the current version."""
        with self.lock:
            page = self.pages[page_id]
            return self.save(page_id, page.latest.number + 1, body=change(page.body), author=author)

    def may_edit(self, page: Page) -> bool:
        """Tell whether the login of the demo may change a page."""
        allowed = page.restrictions.get("update")
        return not allowed or "demo" in allowed

    def _version(
        self, number: int, title: str, body: str, message: str, author: str = "demo", minor: bool = False
    ) -> Version:
        if not title or len(title) > 255:
            raise InvalidBodyError("Title must be between 1 and 255 characters long.")
        return Version(number, self.now(), author, message, title, body, minor)

    def _kept(self, body: str, cloud: bool) -> str:
        """What the server stores of a body that is sent."""
        complaint = storage.fault(body)
        if complaint is not None:
            raise InvalidBodyError(complaint)
        return storage.normalise(body, self._rng, cloud=cloud) if self.normalise else body

    def by_title(self, title: str) -> Page | None:
        """The current page of that title; titles are unique in a space, in any case."""
        for page in self.pages.values():
            if page.status == "current" and page.title.casefold() == title.casefold():
                return page
        return None

    def children(self, page_id: str) -> list[Page]:
        return [page for page in self.pages.values() if page.parent == page_id and page.status == "current"]

    def delete(self, page_id: str) -> None:
        """Move a page to the trash."""
        with self.lock:
            self.pages[page_id].status = "trashed"

    # Attachments and properties ---------------------------------------------

    def attach(self, page_id: str, name: str, data: bytes, media_type: str, comment: str = "") -> Attachment:
        """Add a file, or a new version of the one of that name."""
        with self.lock:
            page = self.pages[page_id]
            found = next((a for a in page.attachments.values() if a.title == name), None)
            if found is None:
                number = f"att{self.new_id()}"
                found = page.attachments[number] = Attachment(number, name, media_type, [])
            made = FileVersion(len(found.versions) + 1, self.now(), comment, data)
            found.versions.append(made)
            return found

    def holder(self, number: str) -> Page | Folder:
        """The page or folder of a number."""
        return self.folders.get(number) or self.pages[number]

    def set_property(self, page_id: str, key: str, value: Any, number: int | None) -> Property:
        """Create a content property (`number` None) or write its next version.

        Raises
        ------
        StaleVersionError
            For a number that is not the next, or a key that exists already.
        """
        with self.lock:
            page = self.holder(page_id)
            found = page.properties.get(key)
            if found is None:
                found = page.properties[key] = Property(self.new_id(), key, value, 1, self.now())
                return found
            if number != found.version + 1:
                raise StaleVersionError(found.version, number or 0)
            found.value, found.version, found.at = value, number, self.now()
            return found
