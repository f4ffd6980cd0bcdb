"""One demo site for the room; every test has a page of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count

import pytest
import tzlocal

from schedkit.confluence import Confluence
from schedkit.demo import DemoSite

_numbers = count(900_000)


@pytest.fixture(scope="session")
def demo() -> Iterator[DemoSite]:
    with DemoSite(issues=60) as site:
        yield site


@pytest.fixture(params=["cloud", "dc"])
def wiki(request: pytest.FixtureRequest, demo: DemoSite) -> Iterator[Confluence]:
    """The same site, in either dialect."""
    place = demo.confluence_cloud if request.param == "cloud" else demo.confluence_dc
    yield Confluence(place.url, place.user, place.token, backoff=0.01)
    demo.faults = None
    demo.wiki.normalise = False


class DemoPage:
    """A page of the demo site as its server and its other editors see it."""

    def __init__(self, demo: DemoSite, body: str) -> None:
        self.demo = demo
        self.id = str(next(_numbers))
        demo.wiki.create(f"Page {self.id}", body, page_id=self.id)

    @property
    def body(self) -> str:
        return self.demo.wiki.pages[self.id].body

    @property
    def version(self) -> int:
        return self.demo.wiki.pages[self.id].latest.number

    def puts(self, status: int | None = None) -> int:
        return self.demo.requests.count(method="PUT", path=f"/{self.id}", status=status)

    def edit(self, old: str, new: str) -> None:
        """Save the page by hand, as a colleague would in the editor."""
        assert old in self.body
        self.demo.wiki.edit_by_hand(self.id, lambda body: body.replace(old, new, 1))


@pytest.fixture
def make_page(demo: DemoSite) -> type[DemoPage]:
    class Here(DemoPage):
        def __init__(self, body: str) -> None:
            super().__init__(demo, body)

    return Here


@pytest.fixture
def machine_zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Set the time zone of this machine."""

    def set_zone(name: str) -> None:
        monkeypatch.setenv("TZ", name)
        tzlocal.reload_localzone()

    yield set_zone
    monkeypatch.undo()
    tzlocal.reload_localzone()
