"""The state of the Jira side: issues, their keys old and new, links, and every way to change them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from schedkit.demo.changelog_entries import of_project, of_resolution, of_status
from schedkit.demo.saved_filters import saved_filters
from schedkit.demo.world import details
from schedkit.demo.world.catalog import LINK_TYPES, PRIORITIES, RESOLUTIONS, STATUSES, SUBTASK, TASK, Catalog
from schedkit.demo.world.generate import World
from schedkit.demo.world.model import (
    Change,
    Comment,
    History,
    Issue,
    Link,
    Named,
    Past,
    Project,
    Status,
    User,
    Worklog,
)

_FIRST_WRITTEN_ID = 50_000_000


class Store:
    """Issues by id, mutable from any thread.

    Every change happens under `lock`, moves `revision` on and tells the listeners which issue it was.

    Examples
    --------
    >>> from schedkit.demo import DemoSite
    >>> with DemoSite(issues=20) as site:
    ...     issue = site.store.edit("DEMO-1", summary="Renamed while you read")
    >>> issue.summary
    'Renamed while you read'
    """

    def __init__(self, world: World, now: Callable[[], int], text_length: int = 0) -> None:
        self.catalog: Catalog = world.catalog
        self.now = now
        self.text_length = text_length
        self.lock = threading.RLock()
        self.revision = 0
        self.issues: dict[int, Issue] = {i.id: i for i in (*world.hidden, *world.issues)}
        self.keys: dict[str, int] = {}
        self.children: dict[int, list[int]] = {}
        self.links: dict[int, list[Link]] = {}
        # What the demo accounts may not browse: whole projects, and issues by their security level.
        self.closed: set[Project] = {project for project in self.catalog.projects if project.hidden}
        self.secret: set[int] = set()
        self.statuses: list[Status] = list(STATUSES)
        self.listeners: list[Callable[[int], None]] = []
        self.filters = saved_filters(self.catalog.projects)
        # Of issues, comments and entries of work: by id and name.
        self.properties: dict[tuple[int, str], Any] = {}
        self._written = 0
        for issue in self.issues.values():
            self._index(issue)
        for link in world.links:
            self._link(link)

    def _index(self, issue: Issue) -> None:
        self.keys[issue.key] = issue.id
        if issue.moved_from is not None:
            self.keys[issue.moved_from] = issue.id
        if issue.parent is not None:
            self.children.setdefault(issue.parent, []).append(issue.id)

    def _link(self, link: Link) -> None:
        self.links.setdefault(link.source, []).append(link)
        self.links.setdefault(link.target, []).append(link)

    # Reading ---------------------------------------------------------------

    def __len__(self) -> int:
        return sum(1 for _ in self.visible())

    def visible(self) -> Iterator[Issue]:
        """Every issue the demo accounts may browse, oldest id first."""
        return (issue for issue in self.issues.values() if self.may_see(issue))

    def may_see(self, issue: Issue) -> bool:
        """Whether the demo accounts may browse an issue."""
        return issue.project not in self.closed and issue.id not in self.secret

    def named(self, key_or_id: str) -> Issue | None:
        """The issue of that key (also a former one, in any case) or id, whether or not it may be seen."""
        text = key_or_id.strip()
        number = int(text) if text.isascii() and text.isdigit() else self.keys.get(text.upper())
        return self.issues.get(number) if number is not None else None

    def find(self, key_or_id: str) -> Issue | None:
        """The visible issue of that key or id; see `named`."""
        issue = self.named(key_or_id)
        return issue if issue is not None and self.may_see(issue) else None

    def get(self, key_or_id: str) -> Issue:
        """Like `named`, but an unknown key raises KeyError."""
        issue = self.named(key_or_id)
        if issue is None:
            raise KeyError(f"no issue {key_or_id} on the demo site")
        return issue

    def project(self, key_or_id: str) -> Project | None:
        """The visible project of that key, id or name."""
        wanted = key_or_id.casefold()
        for project in self.catalog.projects:
            if project not in self.closed and wanted in (
                project.key.casefold(),
                str(project.id),
                project.name.casefold(),
            ):
                return project
        return None

    def _existing(self, key_or_id: str) -> Project:
        found = self.project(key_or_id)
        if found is None:
            raise KeyError(f"no project {key_or_id} on the demo site")
        return found

    def description(self, issue: Issue) -> str | None:
        return details.describe(issue, self.text_length)

    def comments(self, issue: Issue) -> tuple[Comment, ...]:
        seeded = issue.past.comments if issue.past else details.comments(issue, self.catalog.users)
        return seeded + issue.written_comments

    def history(self, issue: Issue) -> tuple[History, ...]:
        seeded = issue.past.history if issue.past else details.history(issue, self.catalog.users)
        return seeded + issue.written_history

    def worklogs(self, issue: Issue) -> tuple[Worklog, ...]:
        return issue.past.worklogs if issue.past else details.worklogs(issue, self.catalog.users)

    # Writing ---------------------------------------------------------------

    def _changed(self, *ids: int) -> None:
        self.revision += 1
        for listener in self.listeners:
            for issue_id in ids:
                listener(issue_id)

    def _next_id(self) -> int:
        self._written += 1
        return _FIRST_WRITTEN_ID + self._written

    def create(self, project: str = "DEMO", summary: str = "Created meanwhile", **values: Any) -> Issue:
        """Add an issue, an unassigned task in the first status; `values` are attributes of `Issue`."""
        with self.lock:
            found = self._existing(project)
            new_id, at = self._next_id(), self.now()
            number = max((i.number for i in self.issues.values() if i.project is found), default=0) + 1
            made: dict[str, Any] = dict.fromkeys(Issue.__slots__)
            made |= dict.fromkeys(("labels", "components", "fix_versions", "versions", "sprints"), ())
            made |= dict.fromkeys(("written_comments", "written_history"), ())
            made.update(
                id=new_id, key=f"{found.key}-{number}", project=found, number=number, type=TASK,
                summary=summary, status=found.statuses[0], priority=PRIORITIES[2],
                reporter=self.catalog.me, created=at, updated=at, description="", seed=new_id,
                past=Past(), custom={},
            )  # fmt: skip
            issue = Issue(**(made | values))
            self.issues[new_id] = issue
            self._index(issue)
            self._changed(new_id, *([issue.parent] if issue.parent else []))
            return issue

    def edit(self, key: str, /, *changes: Change, author: User | None = None, **values: Any) -> Issue:
        """Set attributes of an issue, move its `updated` on, and record `changes` in its changelog.

        `custom={"points": 5.0}` is merged into the issue's custom values.
        """
        with self.lock:
            issue = self.get(key)
            values.setdefault("updated", max(self.now(), issue.updated + 1))
            if issue.past is None:
                issue.past = details.past(issue, self.catalog.users)
            old_parent = issue.parent
            if "custom" in values:
                values["custom"] = issue.custom | values["custom"]
            for name, value in values.items():
                setattr(issue, name, value)
            if changes:
                entry = History(self._next_id(), issue.updated, author or self.catalog.me, changes)
                issue.written_history += (entry,)
            if issue.parent != old_parent:
                if old_parent is not None:
                    self.children[old_parent].remove(issue.id)
                if issue.parent is not None:
                    self.children.setdefault(issue.parent, []).append(issue.id)
            self._changed(*([] if old_parent is None else [old_parent]), *self._around(issue))
            return issue

    def _around(self, issue: Issue) -> list[int]:
        """An issue, its parent, its children and what it is linked with: all that show it."""
        others = [k.target if k.source == issue.id else k.source for k in self.links.get(issue.id, ())]
        above = [] if issue.parent is None else [issue.parent]
        return [issue.id, *above, *self.children.get(issue.id, ()), *others]

    def conceal(self, *keys: str, secret: bool = True) -> None:
        """Take issues, with their sub-tasks, from what the demo accounts may see, or give them back.

        As where a security level's members change: the issues do not count as updated.
        """
        with self.lock:
            issues = [self.get(key) for key in keys]
            below = [self.issues[n] for issue in issues for n in self.children.get(issue.id, ())]
            for issue in (*issues, *(child for child in below if child.type is SUBTASK)):
                (self.secret.add if secret else self.secret.discard)(issue.id)
                self._changed(*self._around(issue))

    def close(self, key: str, closed: bool = True) -> None:
        """Take a project from what the demo accounts may browse, or give it back."""
        with self.lock:
            project = next(p for p in self.catalog.projects if p.key == key)
            (self.closed.add if closed else self.closed.discard)(project)
            self._changed(*(n for i in self.issues.values() if i.project is project for n in self._around(i)))

    def share(self, number: str, jql: str | None) -> None:
        """Write a saved filter; None: it is no longer shared with the demo accounts."""
        with self.lock:
            if jql is None:
                self.filters.pop(number, None)
            else:
                self.filters[number] = jql
            self._changed()

    def transition(
        self, key: str, status: Status, author: User | None = None, resolution: Named | None = None
    ) -> Issue:
        """Move an issue to another status; done ones get a resolution (the first by default) and its date."""
        with self.lock:
            issue = self.get(key)
            was, at = issue.status, max(self.now(), issue.updated + 1)
            changes = [of_status(was, status)]
            values: dict[str, Any] = {"status": status, "updated": at}
            if (status.category == "done") != (was.category == "done"):
                new = (resolution or RESOLUTIONS[0]) if status.category == "done" else None
                values |= {"resolution": new, "resolved": at if new else None}
                changes.append(of_resolution(issue.resolution, new))
            return self.edit(key, *changes, author=author, **values)

    def comment(self, key: str, text: str, author: User | None = None) -> Comment:
        """Add a comment."""
        with self.lock:
            issue = self.get(key)
            at = max(self.now(), issue.updated + 1)
            made = Comment(self._next_id(), author or self.catalog.me, at, text)
            self.edit(key, written_comments=(*issue.written_comments, made), updated=at)
            return made

    def log_work(
        self, key: str, seconds: int, started: int, text: str, author: User | None = None
    ) -> Worklog:
        """Add a worklog."""
        with self.lock:
            issue = self.edit(key)
            assert issue.past is not None  # an edited issue keeps its past
            made = Worklog(self._next_id(), author or self.catalog.me, started, seconds, text)
            past = replace(issue.past, worklogs=(*issue.past.worklogs, made))
            left = None if issue.remaining is None else max(0, issue.remaining - seconds)
            self.edit(key, past=past, spent=(issue.spent or 0) + seconds, remaining=left)
            return made

    def withdraw(self, key: str, number: int) -> bool:
        """Remove a comment or an entry of work that was added; tells whether there was one."""
        with self.lock:
            issue = self.get(key)
            worklogs = self.worklogs(issue)
            comments = tuple(made for made in issue.written_comments if made.id != number)
            logs = tuple(made for made in worklogs if made.id != number)
            if (comments, logs) == (issue.written_comments, worklogs):
                return False
            past = replace(issue.past or details.past(issue, self.catalog.users), worklogs=logs)
            spent = (sum(made.seconds for made in logs) or None) if logs != worklogs else issue.spent
            self.edit(key, written_comments=comments, past=past, spent=spent)
            return True

    def move(self, key: str, project: str) -> Issue:
        """Move an issue to another project: a new key, the old one still resolves."""
        with self.lock:
            issue = self.get(key)
            target = self._existing(project)
            number = max((i.number for i in self.issues.values() if i.project is target), default=0) + 1
            new_key, old_key = f"{target.key}-{number}", issue.key
            self.keys[new_key] = issue.id
            left, was, status = issue.project, issue.status, issue.status
            if status not in target.statuses:
                alike = [each for each in target.statuses if each.name == was.name]
                status = (alike or target.statuses)[0]
            changes = [of_project(left, target), Change("Key", "", None, old_key, None, new_key)]
            if status is not was:
                changes.append(of_status(was, status))
            return self.edit(
                old_key,
                *changes,
                key=new_key,
                number=number,
                project=target,
                status=status,
                moved_from=old_key,
            )

    def rename_status(self, name: str, new: str) -> None:
        """Rename a status: histories keep the old name, and no issue counts as updated."""
        with self.lock:
            status = next(each for each in self.statuses if each.name == name)
            self._replace({status: replace(status, name=new)}, keep_past=True)

    def rename_element(self, project: str, name: str, new: str) -> None:
        """Rename a version or component of a project, as `rename_status` does."""
        with self.lock:
            found = self._existing(project)
            versions = {each: replace(each, name=new) for each in found.versions if each.name == name}
            components = {each: replace(each, name=new) for each in found.components if each.name == name}
            made: dict[Any, Any] = {**versions, **components}
            touched = [issue for issue in self.issues.values() if issue.project is found]
            for issue in touched:
                if issue.past is None:
                    issue.past = details.past(issue, self.catalog.users)
                for slug in ("fix_versions", "versions", "components"):
                    setattr(issue, slug, tuple(made.get(each, each) for each in getattr(issue, slug)))
                for slug, value in issue.custom.items():
                    if isinstance(value, tuple):
                        issue.custom[slug] = tuple(made.get(each, each) for each in value)
            found.versions = tuple(made.get(each, each) for each in found.versions)
            found.components = tuple(made.get(each, each) for each in found.components)
            self._changed(*(issue.id for issue in touched))

    def own_statuses(self, project: str, categories: Mapping[str, str] | None = None) -> None:
        """Give a project statuses of its own, with the names of the common ones and ids of their own.

        As where a project is managed by its team. `categories` (``new``, ``indeterminate``, ``done``) says
        by name which of them are in another category than the common ones.
        """
        with self.lock:
            found = self._existing(project)
            first = max(each.id for each in self.statuses) + 1
            made = {
                status: replace(
                    status, id=first + n, category=(categories or {}).get(status.name, status.category)
                )
                for n, status in enumerate(found.statuses)
            }
            self._replace(made, keep_past=False, only=found)

    def _replace(self, made: dict[Status, Status], *, keep_past: bool, only: Project | None = None) -> None:
        """Put new statuses in the place of others, in one project or in all."""
        kept = [each if only else made.get(each, each) for each in self.statuses]
        self.statuses = kept + (list(made.values()) if only else [])
        touched = [issue for issue in self.issues.values() if only in (None, issue.project)]
        for issue in touched:
            if keep_past and issue.past is None:
                issue.past = details.past(issue, self.catalog.users)
        for project in [only] if only else self.catalog.projects:
            project.statuses = tuple(made.get(status, status) for status in project.statuses)
        for issue in touched:
            issue.status = made.get(issue.status, issue.status)
        self._changed(*(issue.id for issue in touched))

    def delete(self, key: str) -> None:
        """Delete an issue, its links and its place under its parent. Children stay, without a parent."""
        with self.lock:
            issue = self.get(key)
            del self.issues[issue.id]
            for name in [k for k, v in self.keys.items() if v == issue.id]:
                del self.keys[name]
            touched = [issue.id]
            if issue.parent is not None:
                self.children[issue.parent].remove(issue.id)
                touched.append(issue.parent)
            for child in self.children.pop(issue.id, ()):
                self.issues[child].parent = None
                touched.append(child)
            for link in self.links.pop(issue.id, ()):
                other = link.target if link.source == issue.id else link.source
                if other != issue.id and other in self.links:
                    self.links[other].remove(link)
                touched.append(other)
            self._changed(*touched)

    def link(self, source: str, target: str, type_name: str = "Blocks") -> Link:
        """Link two issues."""
        with self.lock:
            kind = next(t for t in LINK_TYPES if t.name == type_name)
            made = Link(self._next_id(), kind, self.get(source).id, self.get(target).id)
            self._link(made)
            self._changed(made.source, made.target)
            return made
