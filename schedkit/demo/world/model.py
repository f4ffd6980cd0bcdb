"""The values of the world. Identity matters (`is`), so that encoders can cache by object."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, eq=False)
class User:
    """A person or app. Jira hides e-mails of some and names of former users."""

    number: int
    account_id: str
    name: str
    display: str | None
    email: str | None
    zone: str
    active: bool = True
    kind: str = "atlassian"

    def answers_to(self, start: str, cloud: bool) -> bool:
        """Whether a word of the name, the e-mail or (on Data Center) the user name begins so, in any case."""
        names = [self.email or "", self.display or "", *(self.display or "").split()]
        if not cloud:
            names.append(self.name)
        return any(name.casefold().startswith(start) for name in names)


@dataclass(frozen=True, slots=True, eq=False)
class Status:
    id: int
    name: str
    category: str  # new | indeterminate | done


@dataclass(frozen=True, slots=True, eq=False)
class Named:
    """An issue type, priority, resolution or link type: an id, a name, and what else it shows."""

    id: int
    name: str
    more: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class IssueType:
    id: int
    name: str
    level: int  # -1 sub-task, 0 story, 1 epic, 2 initiative
    description: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Component:
    id: int
    name: str
    project: str


@dataclass(frozen=True, slots=True, eq=False)
class Version:
    id: int
    name: str
    project: str
    released: bool
    date: str


@dataclass(frozen=True, slots=True, eq=False)
class Sprint:
    id: int
    name: str
    board: int
    state: str  # closed | active | future
    start: int | None
    end: int | None
    complete: int | None
    goal: str = ""


@dataclass(slots=True, eq=False)
class Project:
    """A project; `hidden` ones exist, but the demo accounts may not browse them.

    Only its `statuses` ever change: where one is renamed, or the project gets statuses of its own.
    """

    id: int
    key: str
    name: str
    lead: User
    statuses: tuple[Status, ...]
    components: tuple[Component, ...]
    versions: tuple[Version, ...]
    board: int
    hidden: bool = False


@dataclass(frozen=True, slots=True)
class Change:
    """One item of a changelog entry: a field left one value for another."""

    field: str
    field_id: str
    was: str | None
    was_text: str | None
    now: str | None
    now_text: str | None


@dataclass(frozen=True, slots=True)
class History:
    """One changelog entry."""

    id: int
    at: int
    author: User | None
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class Comment:
    id: int
    author: User | None
    at: int
    text: str


@dataclass(frozen=True, slots=True)
class Worklog:
    id: int
    author: User | None
    started: int
    seconds: int
    text: str


@dataclass(frozen=True, slots=True)
class Link:
    id: int
    type: Named
    source: int
    target: int


@dataclass(frozen=True, slots=True)
class Past:
    """What was on an issue before anyone wrote to it over the wire."""

    comments: tuple[Comment, ...] = ()
    worklogs: tuple[Worklog, ...] = ()
    history: tuple[History, ...] = ()


@dataclass(slots=True, eq=False)
class Issue:
    """One issue. Times are epoch milliseconds.

    `description`, comments, worklogs and changelog follow from `seed`, so that half a million issues cost
    a few hundred bytes each; `past` keeps them from the first write on, for a write must not change the past.
    """

    id: int
    key: str
    project: Project
    number: int
    type: IssueType
    summary: str
    status: Status
    priority: Named | None
    resolution: Named | None
    assignee: User | None
    reporter: User | None
    created: int
    updated: int
    resolved: int | None
    due: str | None
    parent: int | None
    labels: tuple[str, ...]
    components: tuple[Component, ...]
    fix_versions: tuple[Version, ...]
    versions: tuple[Version, ...]
    sprints: tuple[Sprint, ...]
    spent: int | None
    estimate: int | None
    custom: dict[str, Any]
    seed: int
    description: str | None = None
    moved_from: str | None = None
    past: Past | None = None
    remaining: int | None = None
    written_comments: tuple[Comment, ...] = ()
    written_history: tuple[History, ...] = ()

    @property
    def left(self) -> int | None:
        """The remaining estimate in seconds: as it was set, else what the work leaves of the original."""
        if self.remaining is not None or self.estimate is None:
            return self.remaining
        return max(0, self.estimate - (self.spent or 0))
