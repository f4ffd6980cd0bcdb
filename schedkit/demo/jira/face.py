"""Serialized values: what one dialect shows of the world, as bytes encoded once.

Everything an issue refers to (users, statuses, projects, …) is encoded once per dialect; an issue is a join
of such pieces, kept per set of fields until the issue changes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from schedkit.demo.jira import markup
from schedkit.demo.text import plain
from schedkit.demo.world.fields import FIELDS, OPTIONS, Field
from schedkit.demo.world.model import (
    Component,
    Issue,
    IssueType,
    Named,
    Project,
    Sprint,
    Status,
    User,
    Version,
)

encode = msgspec.json.encode
_CATEGORIES = {
    "new": (2, "blue-gray", "To Do"),
    "indeterminate": (4, "yellow", "In Progress"),
    "done": (3, "green", "Done"),
}
_CLOCK = tuple(f"{minute // 60:02d}:{minute % 60:02d}" for minute in range(1440))
_EPOCH = date(1970, 1, 1)


@lru_cache(maxsize=8192)
def _date(day: int) -> str:
    return (_EPOCH + timedelta(days=day)).isoformat()


@dataclass(frozen=True)
class Dialect:
    """How a site spells things."""

    cloud: bool
    api: str  # "2" or "3"

    @property
    def adf(self) -> bool:
        return self.api == "3"


class Values:
    """JSON-able values and their encoded bytes for one dialect, base URL and time zone."""

    def __init__(self, dialect: Dialect, base: str, zone: str) -> None:
        self.dialect, self.base = dialect, base
        self.zone = ZoneInfo(zone)
        self.rest = f"{base}/rest/api/{dialect.api}"
        self.rest_bytes = self.rest.encode()
        self._bytes: dict[Any, bytes] = {}
        self._offsets: dict[int, tuple[int, str]] = {}
        fields = FIELDS if dialect.cloud else tuple(f for f in FIELDS if f.dc)
        self.fields: tuple[tuple[str, Field], ...] = tuple(
            (id_, field) for field in fields if (id_ := self.id_of(field)) is not None
        )

    def id_of(self, field: Field) -> str | None:
        return field.cloud if self.dialect.cloud else field.dc

    def bytes_of(self, thing: Any, show: Callable[[Any], Any]) -> bytes:
        """The encoded form of a catalog value, made once (the values live as long as the site)."""
        made = self._bytes.get(thing)
        if made is None:
            made = self._bytes[thing] = encode(show(thing))
        return made

    def time(self, at: int) -> str:
        """Jira's timestamp in the reader's time zone: ``2026-01-02T03:04:05.000+0100``."""
        seconds, millis = divmod(at, 1000)
        # strftime costs eight times as much: the offset is kept per quarter of an hour, dates per day.
        offset, told = self._offset(seconds // 900)
        day, second = divmod(seconds + offset, 86_400)
        return f"{_date(day)}T{_CLOCK[second // 60]}:{second % 60:02d}.{millis:03d}{told}"

    def _offset(self, quarter: int) -> tuple[int, str]:
        known = self._offsets.get(quarter)
        if known is None:
            moment = datetime.fromtimestamp(quarter * 900, self.zone)
            known = (int((moment.utcoffset() or timedelta()).total_seconds()), f"{moment:%z}")
            self._offsets[quarter] = known
        return known

    def time_bytes(self, at: int) -> bytes:
        return b'"%b"' % self.time(at).encode()

    def array(self, items: Iterable[Any], show: Callable[[Any], bytes]) -> bytes:
        return b"[" + b",".join([show(item) for item in items]) + b"]"

    def avatars(self, path: str) -> dict[str, str]:
        return {f"{n}x{n}": f"{self.base}/avatar/{path}?s={n}" for n in (48, 24, 16, 32)}

    def user(self, user: User) -> dict[str, Any]:
        made: dict[str, Any]
        if self.dialect.cloud:
            made = {
                "self": f"{self.rest}/user?accountId={user.account_id}",
                "accountId": user.account_id,
                "accountType": user.kind,
            }
        else:
            made = {"self": f"{self.rest}/user?username={user.name}", "name": user.name}
            made["key"] = self.user_key(user)
        if user.email is not None:
            made["emailAddress"] = user.email
        made["avatarUrls"] = self.avatars(f"u{user.number}")
        if user.display is not None:
            made["displayName"] = user.display
        return made | {"active": user.active, "timeZone": user.zone}

    def user_key(self, user: User) -> str:
        """What identifies a user on Data Center, whatever he is called and logs in as."""
        return f"JIRAUSER{10100 + user.number}"

    def category(self, key: str) -> dict[str, Any]:
        number, color, name = _CATEGORIES[key]
        return {
            "self": f"{self.rest}/statuscategory/{number}",
            "id": number,
            "key": key,
            "colorName": color,
            "name": name,
        }

    def status(self, status: Status) -> dict[str, Any]:
        return {
            "self": f"{self.rest}/status/{status.id}",
            "description": "",
            "iconUrl": f"{self.base}/images/icons/statuses/generic.png",
            "name": status.name,
            "id": str(status.id),
            "statusCategory": self.category(status.category),
        }

    def issue_type(self, kind: IssueType) -> dict[str, Any]:
        made = {
            "self": f"{self.rest}/issuetype/{kind.id}",
            "id": str(kind.id),
            "description": kind.description,
            "iconUrl": f"{self.base}/secure/viewavatar?size=xsmall&avatarId={kind.id}&avatarType=issuetype",
            "name": kind.name,
            "subtask": kind.level < 0,
            "avatarId": kind.id,
        }
        return made | {"hierarchyLevel": kind.level} if self.dialect.cloud else made

    def priority(self, priority: Named) -> dict[str, Any]:
        return {
            "self": f"{self.rest}/priority/{priority.id}",
            "iconUrl": f"{self.base}/images/icons/priorities/{priority.name.lower()}.svg",
            "name": priority.name,
            "id": str(priority.id),
        }

    def resolution(self, resolution: Named) -> dict[str, Any]:
        return {
            "self": f"{self.rest}/resolution/{resolution.id}",
            "id": str(resolution.id),
            "description": "",
            "name": resolution.name,
        }

    def project(self, project: Project) -> dict[str, Any]:
        made: dict[str, Any] = {
            "self": f"{self.rest}/project/{project.id}",
            "id": str(project.id),
            "key": project.key,
            "name": project.name,
            "projectTypeKey": "software",
        }
        if self.dialect.cloud:
            made["simplified"] = False
        return made | {"avatarUrls": self.avatars(f"p{project.id}")}

    def component(self, component: Component) -> dict[str, Any]:
        url = f"{self.rest}/component/{component.id}"
        return {"self": url, "id": str(component.id), "name": component.name}

    def version(self, version: Version) -> dict[str, Any]:
        return {
            "self": f"{self.rest}/version/{version.id}",
            "id": str(version.id),
            "name": version.name,
            "archived": False,
            "released": version.released,
            "releaseDate": version.date,
        }

    def sprint(self, sprint: Sprint) -> Any:
        """Cloud: an object. Data Center: the string Java makes of it, commas and brackets unescaped."""
        times = (("startDate", sprint.start), ("endDate", sprint.end), ("completeDate", sprint.complete))
        if self.dialect.cloud:
            made: dict[str, Any] = {
                "id": sprint.id,
                "name": sprint.name,
                "state": sprint.state,
                "boardId": sprint.board,
                "goal": sprint.goal,
            }
            return made | {name: self.instant(at) for name, at in times if at is not None}
        told = ",".join(f"{name}={self.time(at) if at is not None else '<null>'}" for name, at in times)
        return (
            f"com.atlassian.greenhopper.service.sprint.Sprint@{0x5F00000 + sprint.id * 7919:x}["
            f"id={sprint.id},rapidViewId={sprint.board},state={sprint.state.upper()},name={sprint.name},"
            f"{told},activatedDate={'<null>' if sprint.start is None else self.time(sprint.start)},"
            f"sequence={sprint.id},goal={sprint.goal},synced=false,autoStartStop=false,"
            "incompleteIssuesDestinationId=<null>]"
        )

    def instant(self, at: int) -> str:
        """A UTC timestamp as the agile endpoints of Cloud write it."""
        seconds, millis = divmod(at, 1000)
        return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{millis:03d}Z"

    def option(self, slug: str, name: str) -> dict[str, Any]:
        number = OPTIONS[slug][name]
        made: dict[str, Any] = {
            "self": f"{self.rest}/customFieldOption/{number}",
            "value": name.rpartition("/")[2],
            "id": str(number),
        }
        return made if self.dialect.cloud else made | {"disabled": False}

    def text(self, text: Any) -> bytes:
        """Rich text: a document on Cloud's v3, wiki markup elsewhere; a written document is kept as it is."""
        if self.dialect.adf:
            return encode(text) if isinstance(text, dict) else markup.to_adf(text)
        return encode(plain(text))

    def compact(self, issue: Issue, seen: bool) -> bytes:
        """An issue as parents, sub-tasks and links show it; only its address where it may not be seen."""
        head = b'{"id":"%d","key":"%b","self":"%b/issue/%d"' % (
            issue.id, issue.key.encode(), self.rest_bytes, issue.id,
        )  # fmt: skip
        if not seen:
            return head + b"}"
        priority = b"null" if issue.priority is None else self.bytes_of(issue.priority, self.priority)
        return head + b',"fields":{"summary":%b,"status":%b,"priority":%b,"issuetype":%b}}' % (
            encode(issue.summary),
            self.bytes_of(issue.status, self.status),
            priority,
            self.bytes_of(issue.type, self.issue_type),
        )
