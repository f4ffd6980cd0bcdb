"""Files on a page: one attachment per name, a new version of it when its bytes change."""

from __future__ import annotations

import hashlib
import io
import mimetypes
import re
import time
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio.to_thread

from schedkit.atlassian import Request
from schedkit.confluence.markup import Image, Markup, attachment_link
from schedkit.confluence.site.lost_answers import LostAnswers
from schedkit.confluence.site.server import Server, results_in
from schedkit.errors import BadAnswerError, SiteError, UsageError
from schedkit.values.files import file_error
from schedkit.values.text import clean, safe_repr

__all__ = ["Attached", "File", "attach", "content_digest", "not_attached", "read_file"]


@dataclass(frozen=True)
class Attached:
    """A file on a page.

    Attributes
    ----------
    page_id, id, name : str
        Where it is, and what it is called.
    version : int
        Its version now.
    written : bool
        Whether a version was made; False: the page has these very bytes.
    """

    page_id: str
    id: str
    name: str
    version: int
    written: bool

    def link(self, shown: str | None = None) -> Markup:
        """Return a link to the file, as a value of a cell or of a placeholder."""
        return Markup(attachment_link(self.name, shown or self.name))

    def image(self, *, alt: str = "", width: int | None = None) -> Image:
        """Return the file as an image; `width` in pixels."""
        return Image(self.name, alt, width)


@dataclass(frozen=True)
class File:
    """What is to be attached, and by which name."""

    name: str
    data: bytes

    def __post_init__(self) -> None:
        if "/" in self.name or "\\" in self.name or not self.name.strip() or clean(self.name) != self.name:
            raise UsageError(f"invalid attachment name {safe_repr(self.name)}", hint="give a plain file name")


async def read_file(path: str | Path, name: str | None) -> File:
    """Read a file that is to be attached."""
    try:
        data = await anyio.to_thread.run_sync(Path(path).read_bytes)
    except (OSError, ValueError) as error:
        raise file_error(error, path, "read") from None
    return File(name or Path(path).name, data)


async def attach(server: Server, page_id: str, file: File, comment: str, deadline: float) -> Attached:
    """Attach a file, or its next version; nothing is sent if the page has the same content."""
    digest = await _digest(file)
    return await _Upload(server, page_id, file, comment, digest, time.monotonic() + deadline).run()


async def not_attached(server: Server, page_id: str, files: Sequence[File]) -> list[str]:
    """Return the names of the files that a page does not have with this content."""
    missing = []
    for file in files:
        found = await _find(server, page_id, file.name)
        if found is None or await _digest(file) not in _comment(found):
            missing.append(file.name)
    return missing


async def _digest(file: File) -> str:
    # The site keeps no checksum: it is in the comment of the version.
    return f"sha256 {(await anyio.to_thread.run_sync(content_digest, file.data))[:24]}"


# What each save rewrites, and what readers do not see: when it was, and notes for other programs.
_PROPERTIES = "docProps/core.xml"
_UNSEEN = ("customXml/", "docProps/custom.xml", "docProps/app.xml")
# A package that unpacks to more is compared as it is.
_UNPACKED = 500_000_000
_MOMENTS = re.compile(rb"<dcterms:(created|modified)[^>]*>[^<]*</dcterms:(?:created|modified)>")


def content_digest(data: bytes) -> str:
    """Return the SHA-256 of a file's content; of a workbook or document, of what a reader sees of it."""
    digest = hashlib.sha256()
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as package:
            members = sorted(package.infolist(), key=lambda member: member.filename)
            members = [member for member in members if not member.filename.startswith(_UNSEEN)]
            if sum(member.file_size for member in members) > _UNPACKED:
                return hashlib.sha256(data).hexdigest()
            for member in members:
                content = package.read(member)
                if member.filename == _PROPERTIES:
                    content = _MOMENTS.sub(b"", content)
                digest.update(f"{member.filename}\0{len(content)}\0".encode("utf-8", "replace"))
                digest.update(content)
    except (zipfile.BadZipFile, zlib.error, OSError, ValueError, RuntimeError, NotImplementedError):
        return hashlib.sha256(data).hexdigest()
    return digest.hexdigest()


@dataclass
class _Upload:
    server: Server
    page_id: str
    file: File
    comment: str
    digest: str
    until: float

    async def run(self) -> Attached:
        # A 400 or 409 is a twin that has attached the same name meanwhile.
        lost = LostAnswers(self.until, twins=(400, 409))
        while True:
            with lost.looking():
                found = await _find(self.server, self.page_id, self.file.name, lost.retries)
            if found is not None and self.digest in _comment(found):
                return self._attached(found, written=lost.failures > 0)
            lost.check()
            try:
                answer = (await self.server.send(await self._request(found))).json()
                return self._attached(_first(answer), written=True)
            except SiteError as error:
                await lost.failed(error)

    async def _request(self, found: Any) -> Request:
        dialect = await self.server.dialect()
        path = dialect.attachments(self.page_id)
        method = "PUT" if dialect.put_creates_attachment else "POST"
        if found is not None and not dialect.put_creates_attachment:
            path = f"{path}/{found['id']}/data"
        kind = mimetypes.guess_type(self.file.name)[0] or "application/octet-stream"
        return Request(
            method,
            path,
            files={"file": (self.file.name, self.file.data, kind)},
            data={"comment": f"{self.comment} ({self.digest})".strip(), "minorEdit": "true"},
        )

    def _attached(self, found: Any, *, written: bool) -> Attached:
        try:
            version = int(found["version"]["number"])
            return Attached(self.page_id, str(found["id"]), self.file.name, version, written)
        except (KeyError, TypeError, ValueError):
            raise BadAnswerError(
                f"page {self.page_id}: the answer about {self.file.name!r} is not an attachment",
                status=200,
                hint="check any proxy before the site",
                maybe_done=True,
                final=True,
            ) from None


async def _find(server: Server, page_id: str, name: str, retries: int | None = None) -> Any:
    """Ask for the attachment by its name: it may be beyond the first page of the list."""
    dialect = await server.dialect()
    params = {"filename": name, "expand": "version", "limit": 50}
    asked = Request("GET", dialect.attachments(page_id), params=params, retries=retries)
    results = results_in((await server.send(asked)).json())
    return next((found for found in results if found.get("title") == name), None)


def _comment(found: Any) -> str:
    comments = [
        (found.get("metadata") or {}).get("comment"),
        (found.get("extensions") or {}).get("comment"),
        (found.get("version") or {}).get("message"),
    ]
    return " ".join(str(part) for part in comments if part)


def _first(answer: Any) -> Any:
    results = answer.get("results") if isinstance(answer, dict) else None
    return results[0] if results else answer
