"""Pages that are created below pages and folders."""

from __future__ import annotations

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from schedkit.confluence import Confluence, Plan
from schedkit.demo import DemoSite
from schedkit.errors import BadAnswerError, NotFoundError, UsageError

cloud_only = pytest.mark.parametrize("wiki", ["cloud"], indirect=True)
HOME = "100000"


def publish(wiki: Confluence, parent: str | int, title: str, text: str = "one") -> Plan:
    values = {"text": text}
    return wiki.publish(title, parent=parent, key="week", template="<p>{{ text }}</p>", values=values)


def folder_url(wiki: Confluence, number: str) -> str:
    return f"{wiki.aio.server.site.url}/wiki/spaces/DEMO/folder/{number}"


@cloud_only
@pytest.mark.parametrize("by_url", [True, False])
def test_a_page_below_a_folder(wiki: Confluence, demo: DemoSite, by_url: bool) -> None:
    folder = demo.wiki.create_folder("Reports", parent=HOME)
    parent = folder_url(wiki, folder.id) if by_url else int(folder.id)
    title = f"In folder {folder.id}"
    plan = publish(wiki, parent, title)
    assert f"creates page {title!r} under folder {folder.id}" in repr(plan)
    made = plan.apply()
    assert demo.wiki.pages[made.page_id].parent == folder.id
    assert folder.properties["schedkit-pages"].value == {"week": made.page_id}
    assert not publish(wiki, parent, title).changed
    # Found again by its key, whatever its title has become.
    again = publish(wiki, parent, f"Renamed {folder.id}", text="two").apply()
    assert (again.page_id, again.version) == (made.page_id, 2)


@cloud_only
def test_a_folder_in_a_folder_is_in_the_space_of_the_page_above(wiki: Confluence, demo: DemoSite) -> None:
    outer = demo.wiki.create_folder("Outer", parent=HOME)
    inner = demo.wiki.create_folder("Inner", parent=outer.id)
    made = publish(wiki, inner.id, f"In folder {inner.id}").apply()
    assert demo.wiki.pages[made.page_id].parent == inner.id


@cloud_only
def test_a_folder_whose_space_is_not_known_by_its_id(wiki: Confluence, demo: DemoSite) -> None:
    top = demo.wiki.create_folder("Top")
    with pytest.raises(UsageError, match=f"does not say which space folder {top.id} is in"):
        publish(wiki, top.id, "x")
    made = publish(wiki, folder_url(wiki, top.id), f"In folder {top.id}").apply()
    assert demo.wiki.pages[made.page_id].parent == top.id


@cloud_only
def test_a_folder_whose_answer_names_its_space(wiki: Confluence, demo: DemoSite) -> None:
    top = demo.wiki.create_folder("Top")

    def newer(request: Request) -> Response | None:
        if request.url.path.endswith(f"/folders/{top.id}"):
            return JSONResponse({"id": top.id, "type": "folder", "status": "current", "spaceId": "65537"})
        return None

    undo = demo.before(newer)
    made = publish(wiki, top.id, f"In folder {top.id}").apply()
    undo()
    assert demo.wiki.pages[made.page_id].parent == top.id
    undo = demo.before(lambda request: JSONResponse([1]) if "/folders/" in request.url.path else None)
    with pytest.raises(BadAnswerError, match=f"the answer about folder {top.id} is not a folder"):
        publish(wiki, folder_url(wiki, top.id), "x")
    undo()


@cloud_only
def test_a_folder_in_the_trash(wiki: Confluence, demo: DemoSite) -> None:
    folder = demo.wiki.create_folder("Old", parent=HOME)
    folder.status = "trashed"
    with pytest.raises(UsageError, match=r"folder [0-9]+ \('Old'\) has the status 'trashed'"):
        publish(wiki, folder.id, "x")


def test_an_id_that_is_neither(wiki: Confluence) -> None:
    with pytest.raises(NotFoundError):
        publish(wiki, 987_654_321, "x")


def test_pages_are_created_below_the_main_page(wiki: Confluence, demo: DemoSite) -> None:
    site = wiki.aio.server.site
    mine = Confluence(site=site, cloud=(site.credentials.user is not None), main_page_id=100003)
    values, template = {"n": 1}, "<p>{{ n }}</p>"
    title = f"Below the main page {demo.wiki.new_id()}"
    made = mine.publish(title, template=template, values=values).apply()
    assert demo.wiki.pages[made.page_id].parent == "100003"
    other = mine.publish(f"{title} two", parent=100002, template=template, values=values).apply()
    assert demo.wiki.pages[other.page_id].parent == "100002"
    with pytest.raises(UsageError, match=f"the page '{title}' has no parent"):
        wiki.publish(title, template=template, values=values)


def test_a_main_page_that_is_none() -> None:
    with pytest.raises(UsageError, match="invalid page id 'Main'"):
        Confluence("https://wiki.example.org", token="s", main_page_id="Main")
    with pytest.raises(UsageError, match=r"is of other\.example\.org"):
        Confluence("https://wiki.example.org", token="s", main_page_id="https://other.example.org/pages/5")


@pytest.mark.parametrize("wiki", ["dc"], indirect=True)
def test_a_data_center_has_no_folders(wiki: Confluence, demo: DemoSite) -> None:
    folder = demo.wiki.create_folder("Reports", parent=HOME)
    with pytest.raises(UsageError, match="is a Data Center, which has no folders"):
        publish(wiki, f"{wiki.aio.server.site.url}/spaces/DEMO/folder/{folder.id}", "x")
    with pytest.raises(NotFoundError):
        publish(wiki, folder.id, "x")
