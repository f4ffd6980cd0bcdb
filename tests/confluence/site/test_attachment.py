"""One attachment per name, a new version only for new bytes, no answer taken for granted."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from confluence.conftest import DemoPage
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from schedkit.confluence import Confluence
from schedkit.confluence.site.attachment import content_digest
from schedkit.demo import DemoSite, Faults
from schedkit.errors import BadAnswerError, FileError, ForbiddenError, NotFoundError, SiteError, UsageError

MakePage = Callable[[str], DemoPage]


@pytest.fixture
def book(tmp_path: Path) -> Path:
    path = tmp_path / "bugs für alle.xlsx"
    path.write_bytes(b"PK one")
    return path


def versions(page: DemoPage, name: str) -> list[bytes]:
    return [
        v.data
        for a in page.demo.wiki.pages[page.id].attachments.values()
        if a.title == name
        for v in a.versions
    ]


def sent(demo: DemoSite, page: DemoPage) -> int:
    path = f"/{page.id}/child/attachment"
    return demo.requests.count(method="POST", path=path) + demo.requests.count(method="PUT", path=path)


def test_a_file_gets_versions_not_twins(
    wiki: Confluence, make_page: MakePage, book: Path, demo: DemoSite
) -> None:
    page = make_page("<p />")
    managed = wiki.page(page.id)
    first = managed.attach(book, message="weekly")
    assert (first.name, first.version, first.written) == (book.name, 1, True)
    again = managed.attach(book)
    assert (again.version, again.written, again.id) == (1, False, first.id)
    assert sent(demo, page) == 1
    book.write_bytes(b"PK two")
    second = managed.attach(book)
    assert (second.version, second.written, second.id) == (2, True, first.id)
    assert versions(page, book.name) == [b"PK one", b"PK two"]
    (file,) = demo.wiki.pages[page.id].attachments.values()
    assert file.versions[0].comment.startswith("weekly (sha256 ")
    assert "spreadsheet" in file.media_type


def test_an_attachment_beyond_the_first_page_is_found(
    wiki: Confluence, make_page: MakePage, tmp_path: Path
) -> None:
    page = make_page("<p />")
    for n in range(60):
        page.demo.wiki.attach(page.id, f"a-{n:02d}.txt", b"x", "text/plain")
    file = tmp_path / "chart.png"
    file.write_bytes(b"new")
    done = wiki.page(page.id).attach(file, name="a-57.txt")
    assert done.version == 2
    assert versions(page, "a-57.txt") == [b"x", b"new"]
    assert len(page.demo.wiki.pages[page.id].attachments) == 60


@pytest.mark.parametrize(("kind", "count"), [("lost", 1), ("reset", 2), ("truncate", 1)])
def test_an_unsure_upload_is_looked_up(
    wiki: Confluence, make_page: MakePage, book: Path, demo: DemoSite, kind: str, count: int
) -> None:
    page = make_page("<p />")
    method = "PUT" if wiki.page(1).aio.server.site.credentials.user else "POST"
    demo.faults = Faults(rate=1, kinds=(kind,), method=method, path=page.id, times=1)
    done = wiki.page(page.id).attach(book)
    assert (done.written, done.version) == (True, 1)
    assert versions(page, book.name) == [b"PK one"]
    assert sent(demo, page) == count


@pytest.mark.parametrize("wiki", ["dc"], indirect=True)
def test_a_twin_that_attaches_the_name_meanwhile(
    wiki: Confluence, make_page: MakePage, book: Path, demo: DemoSite
) -> None:
    page = make_page("<p />")
    todo = [1]

    def hook(request: Request) -> Response | None:
        if request.method == "POST" and page.id in request.url.path and todo:
            todo.pop()
            demo.wiki.attach(page.id, book.name, b"theirs", "text/plain")
        return None

    undo = demo.before(hook)
    done = wiki.page(page.id).attach(book)
    undo()
    assert done.version == 2
    assert versions(page, book.name) == [b"theirs", b"PK one"]


@pytest.mark.parametrize(("status", "error"), [(403, ForbiddenError), (400, SiteError)])
def test_a_refusal_stays_one(
    wiki: Confluence, make_page: MakePage, book: Path, demo: DemoSite, status: int, error: type[Exception]
) -> None:
    page = make_page("<p />")
    undo = demo.before(
        lambda request: JSONResponse({"message": "no"}, status) if request.method in ("PUT", "POST") else None
    )
    with pytest.raises(error):
        wiki.page(page.id).attach(book)
    undo()


def test_an_upload_that_stays_unsure_ends_at_the_deadline(
    wiki: Confluence, make_page: MakePage, book: Path, demo: DemoSite
) -> None:
    page = make_page("<p />")
    demo.faults = Faults(
        rate=1, kinds=("reset",), method="PUT" if wiki.page(1).aio.server.site.credentials.user else "POST"
    )
    with pytest.raises(SiteError, match="no answer"):
        wiki.page(page.id).attach(book, deadline=0.2)


def test_what_cannot_be_attached(wiki: Confluence, tmp_path: Path, book: Path) -> None:
    with pytest.raises(FileError, match=r"cannot read .*no such file"):
        wiki.page(1).attach(tmp_path / "none.xlsx")
    for name in ("a/b.txt", "a\\b", " "):
        with pytest.raises(UsageError, match="invalid attachment name"):
            wiki.page(1).attach(book, name=name)
    with pytest.raises(NotFoundError):
        wiki.page(1).attach(book)


def test_an_answer_that_is_no_attachment(
    wiki: Confluence, make_page: MakePage, book: Path, demo: DemoSite
) -> None:
    page = make_page("<p />")
    undo = demo.before(
        lambda request: JSONResponse({"odd": 1}) if request.method in ("PUT", "POST") else None
    )
    with pytest.raises(BadAnswerError, match="is not an attachment"):
        wiki.page(page.id).attach(book)
    undo()


def test_links_and_images_of_it(wiki: Confluence, make_page: MakePage, tmp_path: Path) -> None:
    chart = tmp_path / "chart.png"
    chart.write_bytes(b"\x89PNG")
    done: Any = wiki.page(make_page("<p />").id).attach(chart)
    assert '<ri:attachment ri:filename="chart.png" />' in done.link().storage
    assert "CDATA[see it]" in done.link("see it").storage
    assert done.image(alt="Bugs", width=400).storage.startswith('<ac:image ac:width="400" ac:alt="Bugs">')


CORE = (
    '<cp:coreProperties xmlns:dcterms="x"><dcterms:created>{0}</dcterms:created>'
    "<dcterms:modified>{0}</dcterms:modified></cp:coreProperties>"
)


def package(moment: str, sheet: str = "one", note: str = "", order: int = 1) -> bytes:
    members = [("docProps/core.xml", CORE.format(moment)), ("xl/sheet1.xml", sheet)]
    members.append(("customXml/item1.xml", note))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as made:
        for name, content in members[::order]:
            made.writestr(zipfile.ZipInfo(name, (2026, 1, 2, 3, 4, int(moment))), content)
    return buffer.getvalue()


def test_when_a_workbook_was_saved_is_no_difference(
    wiki: Confluence, make_page: MakePage, book: Path, demo: DemoSite
) -> None:
    page = make_page("<p />")
    for data in (package("10"), package("20", note="x"), package("30", order=-1)):
        book.write_bytes(data)
        assert wiki.page(page.id).attach(book).version == 1
    book.write_bytes(package("40", sheet="two"))
    assert wiki.page(page.id).attach(book).version == 2
    assert sent(demo, page) == 2


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04 no package", package("10")[:-30], b"plain"])
def test_what_is_no_package_is_compared_byte_by_byte(data: bytes) -> None:
    assert content_digest(data) == hashlib.sha256(data).hexdigest()


def test_a_redirected_upload_is_told_at_once(
    wiki: Confluence, make_page: MakePage, book: Path, demo: DemoSite
) -> None:
    page = make_page("<p />")
    elsewhere = RedirectResponse("https://wiki.example.org/", 301)
    undo = demo.before(lambda request: None if request.method == "GET" else elsewhere)
    with pytest.raises(SiteError, match="a redirect to https://wiki"):
        wiki.page(page.id).attach(book)
    undo()
    assert sent(demo, page) == 1
