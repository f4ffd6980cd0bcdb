"""Pages and what hangs on them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Version:
    """One saved state of a page or attachment; `at` is epoch milliseconds."""

    number: int
    at: int
    author: str
    message: str
    title: str
    body: str
    minor: bool = False


@dataclass(frozen=True, slots=True)
class FileVersion:
    number: int
    at: int
    comment: str
    data: bytes = field(repr=False)


@dataclass(slots=True)
class Attachment:
    id: str
    title: str
    media_type: str
    versions: list[FileVersion]

    @property
    def latest(self) -> FileVersion:
        return self.versions[-1]


@dataclass(slots=True)
class Property:
    """A content property, versioned like pages."""

    id: str
    key: str
    value: Any
    version: int
    at: int


@dataclass(slots=True)
class Page:
    """A page: its versions, and what a change of its body must leave alone."""

    id: str
    space: str
    parent: str | None
    versions: list[Version]
    labels: list[str] = field(default_factory=list)
    restrictions: dict[str, list[str]] = field(default_factory=dict)
    properties: dict[str, Property] = field(default_factory=dict)
    attachments: dict[str, Attachment] = field(default_factory=dict)
    status: str = "current"
    live: bool = False

    @property
    def latest(self) -> Version:
        return self.versions[-1]

    @property
    def title(self) -> str:
        return self.latest.title

    @property
    def body(self) -> str:
        return self.latest.body


@dataclass(slots=True)
class Folder:
    """What holds pages and has no body; only Cloud has it."""

    id: str
    title: str
    parent: str | None
    at: int
    properties: dict[str, Property] = field(default_factory=dict)
    status: str = "current"


@dataclass(frozen=True, slots=True)
class Space:
    id: str
    key: str
    name: str
    home: str
