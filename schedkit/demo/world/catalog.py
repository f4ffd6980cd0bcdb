"""Who and what the issues refer to: users, projects, statuses, versions, sprints."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from schedkit.demo.world.model import Component, IssueType, Named, Project, Sprint, Status, User, Version

DAY = 86_400_000

_PEOPLE = (
    ("Ada Lovelace", "Europe/London"),
    ("Grace Hopper", "America/New_York"),
    ("Jürgen Müller-Lüdenscheidt", "Europe/Berlin"),
    ("Zoë Ångström", "Europe/Stockholm"),
    ("山田 太郎", "Asia/Tokyo"),
    ("Анна Каренина", "Europe/Moscow"),
    ("José da Silva", "America/Sao_Paulo"),
    ("O'Brien, Seán", "Europe/Dublin"),
    ("محمد علي", "Africa/Cairo"),
    ("Priya Iyer", "Asia/Kolkata"),
    ("Kiri Ngata", "Pacific/Auckland"),
    ("=HYPERLINK(1)", "UTC"),
    ("<b>Bob</b> Tables", "America/Los_Angeles"),
    ("Li Wei", "Asia/Shanghai"),
    ("Nguyễn Thị Minh", "Asia/Ho_Chi_Minh"),
    ("Fatima Zahra", "Africa/Casablanca"),
    ("X Æ A-12", "America/Chicago"),
    ("Marie Curie-Skłodowska", "Europe/Warsaw"),
    ("Chidi Anagonye", "Africa/Lagos"),
    ("Sam", "Australia/Lord_Howe"),
)

TODO = Status(10000, "To Do", "new")
BACKLOG = Status(10001, "Backlog", "new")
PROGRESS = Status(3, "In Progress", "indeterminate")
REVIEW = Status(10002, "In Review", "indeterminate")
BLOCKED = Status(10003, "Blocked", "indeterminate")
DONE = Status(10004, "Done", "done")
CLOSED = Status(6, "Closed", "done")
OPEN_DE = Status(10005, "Offen", "new")
PROGRESS_DE = Status(10006, "In Arbeit", "indeterminate")
DONE_DE = Status(10007, "Erledigt", "done")
_FLOW = (BACKLOG, TODO, PROGRESS, REVIEW, BLOCKED, DONE, CLOSED)
_FLOW_DE = (OPEN_DE, PROGRESS_DE, DONE_DE)
STATUSES = (*_FLOW, *_FLOW_DE)

INITIATIVE = IssueType(10100, "Initiative", 2, "A goal of the year.")
EPIC = IssueType(10000, "Epic", 1, "A big user story that needs to be broken down.")
STORY = IssueType(10001, "Story", 0, "Functionality expressed as a user goal.")
TASK = IssueType(10002, "Task", 0, "A small, distinct piece of work.")
BUG = IssueType(10004, "Bug", 0, "A problem or error.")
SUBTASK = IssueType(10003, "Sub-task", -1, "A small piece of work that is part of a larger task.")
TYPES = (INITIATIVE, EPIC, STORY, TASK, BUG, SUBTASK)

PRIORITIES = tuple(Named(i, n) for i, n in enumerate(("Highest", "High", "Medium", "Low", "Lowest"), 1))
RESOLUTIONS = tuple(
    Named(10000 + i, n) for i, n in enumerate(("Done", "Won't Do", "Duplicate", "Cannot Reproduce"))
)
LINK_TYPES = (
    Named(10000, "Blocks", (("inward", "is blocked by"), ("outward", "blocks"))),
    Named(10001, "Relates", (("inward", "relates to"), ("outward", "relates to"))),
    Named(10002, "Duplicate", (("inward", "is duplicated by"), ("outward", "duplicates"))),
    Named(10003, "Cloners", (("inward", "is cloned by"), ("outward", "clones"))),
)
LABELS = ("backend", "frontend", "customer", "tech-debt", "regression", "größe", "q1", "v8.4", "needs_docs")

_PROJECTS = (
    ("DEMO", "Demo Platform", False, ("API", "Web UI", "Billing, Tax & Co", "Search")),
    ("OPS", "Operations", False, ("Network", "Backups", "On-call")),
    ("MOB", "Mobile App 📱", False, ("iOS", "Android")),
    ("GRE", "Größe & Übermaß", False, ("Lager", "Vertrieb")),
    ("LAB", 'Research "Lab" <beta>', False, ()),
    ("VAULT", "Restricted", True, ()),
)
_SPRINT_NAMES = (
    "{key} Sprint {n}",
    "{key} Sprint {n}, the one with commas, [brackets]",
    "{key} {n} = hardening",
)


@dataclass(frozen=True, slots=True)
class Catalog:
    """Everything issues refer to; `me_*` are the demo accounts."""

    users: tuple[User, ...]
    projects: tuple[Project, ...]
    sprints: dict[int, tuple[Sprint, ...]]
    me: User
    anchor: int


def build(anchor: int, zone: str) -> Catalog:
    """Build the catalog with dates around `anchor` (epoch milliseconds), its reader in `zone`."""
    users = _users(zone)
    projects = tuple(
        _project(i, key, name, hidden, parts, users[1 + i], anchor)
        for i, (key, name, hidden, parts) in enumerate(_PROJECTS)
    )
    sprints = {p.board: _sprints(p, anchor) for p in projects}
    return Catalog(users, projects, sprints, users[0], anchor)


def _users(zone: str) -> tuple[User, ...]:
    people = [User(0, _account(0), "demo", "Demo Analyst", "demo@example.com", zone)]
    for n, (display, zone) in enumerate(_PEOPLE, 1):
        email = None if n % 3 == 0 else f"user{n}@example.com"
        people.append(User(n, _account(n), f"user{n}", display, email, zone))
    n = len(people)
    people.append(User(n, _account(n), "automation", "Automation for Jira", None, "UTC", kind="app"))
    people.append(User(n + 1, _account(n + 1), "JIRAUSER10777", "Former user", None, "UTC", active=False))
    people.append(User(n + 2, _account(n + 2), "unnamed", None, None, "UTC", active=False, kind="unknown"))
    return tuple(people)


def _account(n: int) -> str:
    return f"5b10a2844c20165700ed{n:04x}"


def _project(
    i: int, key: str, name: str, hidden: bool, parts: tuple[str, ...], lead: User, anchor: int
) -> Project:
    versions = tuple(
        Version(
            10000 + 20 * i + v, f"{key.lower()} {8 + v // 3}.{v % 3}", key, v < 4, _day(anchor, (v - 4) * 60)
        )
        for v in range(7)
    )
    components = tuple(Component(10000 + 20 * i + c, part, key) for c, part in enumerate(parts))
    flow = _FLOW_DE if key == "GRE" else _FLOW
    return Project(10000 + i, key, name, lead, flow, components, versions, 1 + i, hidden)


def _sprints(project: Project, anchor: int) -> tuple[Sprint, ...]:
    made = []
    for n in range(1, 27):
        start = anchor + (n - 24) * 14 * DAY - 3 * DAY
        state = "closed" if n < 24 else "active" if n == 24 else "future"
        made.append(
            Sprint(
                100 * project.board + n,
                _SPRINT_NAMES[n % 3].format(key=project.key, n=n),
                project.board,
                state,
                start if state != "future" else None,
                start + 14 * DAY if state != "future" else None,
                start + 14 * DAY if state == "closed" else None,
                "Ship it, [finally]" if n % 4 == 0 else "",
            )
        )
    return tuple(made)


def _day(anchor: int, days: int) -> str:
    return (datetime.fromtimestamp(anchor / 1000, UTC) + timedelta(days=days)).date().isoformat()
