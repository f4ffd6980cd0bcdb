"""What Jira's values look like on the wire, as far as cells need them."""

from __future__ import annotations

from typing import Any

import msgspec

__all__ = [
    "Approval",
    "Asset",
    "Attachment",
    "Comment",
    "Comments",
    "Cycle",
    "Feedback",
    "Issue",
    "Link",
    "LinkType",
    "Named",
    "Option",
    "ParentData",
    "Progress",
    "Request",
    "Sla",
    "Status",
    "StatusCategory",
    "Tracking",
    "User",
    "Votes",
    "Watches",
    "Work",
    "Worklogs",
    "account_of",
    "name_of",
]


class Named(msgspec.Struct, gc=False):
    name: str


class User(msgspec.Struct, gc=False):
    displayName: str | None = None
    name: str | None = None
    emailAddress: str | None = None
    accountId: str | None = None
    key: str | None = None
    id: str | int | None = None


class StatusCategory(msgspec.Struct, gc=False):
    key: str | None = None
    name: str | None = None


class Status(msgspec.Struct, gc=False):
    name: str
    statusCategory: StatusCategory | None = None


class Option(msgspec.Struct, gc=False):
    value: str
    child: Option | None = None


class Issue(msgspec.Struct, gc=False):
    key: str


class LinkType(msgspec.Struct, gc=False):
    inward: str
    outward: str


class Link(msgspec.Struct, gc=False):
    type: LinkType
    inwardIssue: Issue | None = None
    outwardIssue: Issue | None = None


class Votes(msgspec.Struct, gc=False):
    votes: int


class Watches(msgspec.Struct, gc=False):
    watchCount: int


class Attachment(msgspec.Struct, gc=False):
    filename: str


class Comment(msgspec.Struct):
    body: str | dict[str, Any]
    author: User | None = None


class Comments(msgspec.Struct):
    items: list[Comment] = msgspec.field(name="comments")
    total: int | None = None


class Work(msgspec.Struct, gc=False):
    timeSpent: str | None = None
    author: User | None = None


class Worklogs(msgspec.Struct):
    items: list[Work] = msgspec.field(name="worklogs")
    total: int | None = None


class Duration(msgspec.Struct, gc=False):
    millis: int


class Cycle(msgspec.Struct, gc=False):
    breached: bool = False
    paused: bool = False
    goalDuration: Duration | None = None
    elapsedTime: Duration | None = None
    remainingTime: Duration | None = None


class Sla(msgspec.Struct, gc=False):
    ongoingCycle: Cycle | None = None
    completedCycles: list[Cycle] = []


class Request(msgspec.Struct, gc=False):
    requestType: Named | None = None


class Feedback(msgspec.Struct, gc=False):
    rating: int | None = None


class Approval(msgspec.Struct, gc=False):
    name: str | None = None
    finalDecision: str | None = None


class Asset(msgspec.Struct, gc=False):
    label: str | None = None
    objectKey: str | None = None
    objectId: str | int | None = None
    id: str | int | None = None


class Progress(msgspec.Struct, gc=False):
    progress: float
    total: float


class Tracking(msgspec.Struct, gc=False):
    originalEstimate: str | None = None
    remainingEstimate: str | None = None
    timeSpent: str | None = None


class ParentData(msgspec.Struct, gc=False):
    data: Issue | None = None


def name_of(user: User) -> str | None:
    name = user.displayName or user.name or user.emailAddress or user.accountId or user.key
    return name or (None if user.id is None else str(user.id))


def account_of(user: User | None) -> str | None:
    """Return the id of a person's account, which two people of one name do not share."""
    return user.accountId or user.key or user.name if user else None
