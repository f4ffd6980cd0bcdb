"""Issues from a seed: hierarchy, links, dates that make sense, a few of every oddity."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random
from typing import Any

from schedkit.demo.world import catalog as c
from schedkit.demo.world import words
from schedkit.demo.world.catalog import DAY, Catalog
from schedkit.demo.world.links import make_links
from schedkit.demo.world.model import Issue, IssueType, Link, Project, Status, User
from schedkit.demo.world.values import custom_values, iso_day

_FIRST_ID = 10_001
_TYPE_WEIGHTS = ((c.INITIATIVE, 1), (c.EPIC, 8), (c.STORY, 45), (c.TASK, 35), (c.BUG, 70), (c.SUBTASK, 40))
_PROJECT_WEIGHTS = (40, 25, 15, 12, 8)
_FIRST_HIDDEN_ID = 9_001
_SPAN_DAYS = 900


@dataclass(frozen=True, slots=True)
class World:
    """What a seed makes. `hidden` issues exist besides `issues`: parents that are not visible."""

    catalog: Catalog
    issues: tuple[Issue, ...]
    hidden: tuple[Issue, ...]
    links: tuple[Link, ...]


def generate(count: int, seed: int, anchor: int, zone: str = "Europe/Berlin") -> World:
    """Make `count` issues, oldest first, the last created shortly before `anchor` (epoch milliseconds)."""
    cat = c.build(anchor, zone)
    maker = _Maker(cat, Random(seed), seed, count)
    with _collector_paused():
        return _make(cat, maker, count, seed)


@contextmanager
def _collector_paused() -> Iterator[None]:
    # Half a million objects that all stay: looking for garbage among them takes most of the time.
    paused = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if paused:
            gc.enable()


def _make(cat: Catalog, maker: _Maker, count: int, seed: int) -> World:
    hidden = tuple(maker.hidden_epic(i) for i in range(2 + min(count // 200, 500)))
    issues = tuple(maker.issue(i) for i in range(count))
    return World(cat, issues, hidden, tuple(make_links(issues, Random(seed + 1))))


class _Maker:
    def __init__(self, cat: Catalog, rng: Random, seed: int, count: int) -> None:
        self.cat, self.rng, self.seed, self.count = cat, rng, seed, count
        self.numbers = dict.fromkeys((p.key for p in cat.projects), 0)
        self.people = cat.users[1:]
        self.types = [t for t, weight in _TYPE_WEIGHTS for _ in range(weight)]
        self.open_projects = [p for p in cat.projects if not p.hidden]
        self.projects = [
            p for p, w in zip(self.open_projects, _PROJECT_WEIGHTS, strict=True) for _ in range(w)
        ]
        self.step = _SPAN_DAYS * DAY / max(count, 1)
        self.initiatives: list[Issue] = []
        self.epics: list[Issue] = []
        self.hidden: list[Issue] = []
        self.by_project: dict[str, list[Issue]] = {p.key: [] for p in cat.projects}

    def hidden_epic(self, i: int) -> Issue:
        project = next(p for p in self.cat.projects if p.hidden)
        created = self.cat.anchor - _SPAN_DAYS * DAY
        epic = Issue(
            id=_FIRST_HIDDEN_ID + i,
            key=f"{project.key}-{i + 1}",
            project=project,
            number=i + 1,
            type=c.EPIC,
            summary="Acquisition, confidential",
            status=project.statuses[0],
            priority=c.PRIORITIES[2],
            resolution=None,
            assignee=None,
            reporter=project.lead,
            created=created,
            updated=created,
            resolved=None,
            due=None,
            parent=None,
            labels=(),
            components=(),
            fix_versions=(),
            versions=(),
            sprints=(),
            spent=None,
            estimate=None,
            custom={},
            seed=i,
        )
        self.hidden.append(epic)
        return epic

    def issue(self, i: int) -> Issue:
        rng, random = self.rng, self.rng.random
        project = self.projects[int(random() * len(self.projects))]
        kind = self._type(i, project)
        parent = self._parent(kind, project)
        if kind is c.SUBTASK and parent is not None:
            project = parent.project
        created = int(self.cat.anchor - (self.count - i) * self.step + random() * min(self.step, DAY))
        created = min(created, self.cat.anchor - 60_000)
        status = self._status(project, created)
        done = status.category == "done"
        age = self.cat.anchor - created
        touched = created + int(age * random() ** 2)
        number = self.numbers[project.key] = self.numbers[project.key] + 1
        moved = None
        if random() < 0.02:
            moved = f"OLD-{i + 1}" if random() < 0.5 else f"{self.cat.projects[0].key}X-{i + 1}"
        assignee = self._user(0.25)
        seconds = self._spent(i)
        issue = Issue(
            id=_FIRST_ID + i,
            key=f"{project.key}-{number}",
            project=project,
            number=number,
            type=kind,
            summary=self._summary(i),
            status=status,
            priority=c.PRIORITIES[min(4, int(abs(rng.gauss(2.2, 1.1))))] if random() < 0.97 else None,
            resolution=c.RESOLUTIONS[0 if random() < 0.8 else int(random() * 4)] if done else None,
            assignee=assignee,
            reporter=self._user(0.03),
            created=created,
            updated=touched,
            resolved=touched - int((touched - created) * random() * 0.3) if done else None,
            due=iso_day(created + int(random() * 120) * DAY) if random() < 0.3 else None,
            parent=parent.id if parent is not None else None,
            labels=tuple(sorted({c.LABELS[int(random() * 9)] for _ in range(int(random() * 4))})),
            components=self._some(project.components, 0.5),
            fix_versions=self._some(project.versions, 0.4),
            versions=self._some(project.versions[:4], 0.5) if kind is c.BUG else (),
            sprints=self._sprints(project, kind, done),
            spent=seconds or None,
            estimate=seconds + 3600 if seconds and random() < 0.7 else None,
            custom=custom_values(self.rng, self.people, kind, project, created),
            seed=(self.seed << 32) ^ (i * 2654435761 & 0xFFFFFFFF),
            moved_from=moved,
        )
        self._remember(issue)
        return issue

    def _spent(self, i: int) -> int | None:
        if i % 500 == 7:
            return 200 * 3600  # more worklogs than an issue shows at once
        return 1800 * (1 + int(self.rng.random() * 20)) if self.rng.random() < 0.2 else None

    def _type(self, i: int, project: Project) -> IssueType:
        # The first issues make sure that a site of two hundred has every level to offer.
        if i < 6:
            return (c.INITIATIVE, c.EPIC, c.EPIC, c.STORY, c.SUBTASK, c.BUG)[i]
        kind = self.types[int(self.rng.random() * len(self.types))]
        return c.TASK if kind is c.SUBTASK and not self.by_project[project.key] else kind

    def _parent(self, kind: IssueType, project: Project) -> Issue | None:
        random = self.rng.random
        if kind is c.SUBTASK:
            near = self.by_project[project.key] or self.by_project[self.cat.projects[0].key]
            near = near or next(found for found in self.by_project.values() if found)
            return near[-1 - int(random() * min(len(near), 12))]
        if kind is c.EPIC and self.initiatives and random() < 0.6:
            return self.initiatives[int(random() * len(self.initiatives))]
        if kind.level == 0 and random() < 0.01:
            return self.hidden[int(random() * len(self.hidden))]
        if kind.level == 0 and self.epics and random() < 0.6:
            pool = self.epics[-30:]
            same = [epic for epic in pool if epic.project is project]
            # One child in five hangs under an epic of another project.
            if same and random() < 0.8:
                pool = same
            return pool[int(random() * len(pool))]
        return None

    def _remember(self, issue: Issue) -> None:
        if issue.type is c.INITIATIVE:
            self.initiatives.append(issue)
        elif issue.type is c.EPIC:
            self.epics.append(issue)
        elif issue.type.level == 0:
            self.by_project[issue.project.key].append(issue)

    def _status(self, project: Project, created: int) -> Status:
        age = (self.cat.anchor - created) / (_SPAN_DAYS * DAY)
        flow = project.statuses
        done = [s for s in flow if s.category == "done"]
        todo = [s for s in flow if s.category != "done"]
        pool = done if self.rng.random() < age * 1.2 else todo
        return pool[int(self.rng.random() * len(pool))]

    def _summary(self, i: int) -> str:
        if i % 9 == 8:
            return words.HOSTILE[i // 9 % len(words.HOSTILE)]
        return words.title(self.rng)

    def _user(self, nobody: float) -> User | None:
        if self.rng.random() < nobody:
            return None
        # The demo account owns some work of its own, so that currentUser() finds something.
        if self.rng.random() < 0.05:
            return self.cat.me
        return self.people[int(self.rng.random() * len(self.people))]

    def _some(self, of: tuple[Any, ...], chance: float) -> tuple[Any, ...]:
        if not of or self.rng.random() > chance:
            return ()
        first = int(self.rng.random() * len(of))
        return of[first : first + 1 + int(self.rng.random() * 2)]

    def _sprints(self, project: Project, kind: IssueType, done: bool) -> tuple[Any, ...]:
        if kind.level != 0 or self.rng.random() < 0.45:
            return ()
        sprints = self.cat.sprints[project.board]
        last = int(self.rng.random() * 23) if done else 22 + int(self.rng.random() * 4)
        first = max(0, last - int(self.rng.random() * 3))
        return sprints[first : last + 1]
