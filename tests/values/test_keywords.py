from __future__ import annotations

import asyncio
from dataclasses import dataclass

import pytest

from schedkit.errors import UsageError
from schedkit.loop import blocking, on_own_loop
from schedkit.values.keywords import check_keywords


@check_keywords
def write(path: str, /, sheet: str = "", *, title: str = "") -> str:
    return f"{path} {sheet} {title}"


@check_keywords
class Base:
    def __init__(self, size: int = 1) -> None:
        self.size = size

    def read(self, limit: int = 3) -> int:
        return limit

    def take(self, **anything: int) -> dict[str, int]:
        return anything

    def _own(self, size: int = 1) -> int:
        return size


class Derived(Base):
    pass


@check_keywords
@dataclass(frozen=True, slots=True)
class Value:
    label: str = ""


class AsyncFace:
    @on_own_loop
    async def find(self, name: str = "x") -> str:
        return name


class Face:
    def __init__(self) -> None:
        self.aio = AsyncFace()

    find = blocking(AsyncFace.find)


def test_right_keywords_arrive() -> None:
    assert write("a", "b", title="c") == "a b c"
    assert Base(size=2).size == 2
    assert Base().read(limit=5) == 5
    assert Base().take(more=1) == {"more": 1}
    assert Value(label="x").label == "x"
    assert Face().find(name="y") == asyncio.run(AsyncFace().find(name="y")) == "y"


def test_the_message_names_what_was_called_and_what_may_be_meant() -> None:
    with pytest.raises(UsageError, match=r"^write\(\): unknown option 'shet' \(did you mean 'sheet'\?\)$"):
        write("a", shet="b")
    with pytest.raises(UsageError, match=r"^write\(\): unknown option 'path' \(known: sheet, title\)$"):
        write("a", path="b")
    with pytest.raises(UsageError, match=r"^Derived\.read\(\): unknown option 'limt' \(did you mean 'limit'"):
        Derived().read(limt=1)
    with pytest.raises(UsageError, match=r"^Derived\(\): unknown option 'siz' \(did you mean 'size'"):
        Derived(siz=1)
    with pytest.raises(UsageError, match=r"^Value\(\): unknown option 'labl' "):
        Value(labl="")


def test_both_faces_of_a_method_refuse_it() -> None:
    words = r"\.find\(\): unknown option 'nam' \(did you mean 'name'\?\)$"
    with pytest.raises(UsageError, match=f"^Face{words}"):
        Face().find(nam="y")
    with pytest.raises(UsageError, match=f"^AsyncFace{words}"):
        asyncio.run(AsyncFace().find(nam="y"))


def test_what_is_missing_or_too_much_is_told() -> None:
    with pytest.raises(UsageError, match=r"write\(\) needs path \(give path=…\)"):
        write(title="c")


def test_a_class_is_checked_once() -> None:
    assert check_keywords(Base) is Base
    assert Base.read.__wrapped__.__code__.co_name == "read"
