"""What follows from the seed of an unedited issue: description, comments, worklogs, changelog."""

from __future__ import annotations

from random import Random

from schedkit.demo.world import words
from schedkit.demo.world.model import Change, Comment, History, Issue, Past, Status, User, Worklog

# One long text, cut differently for each issue: twenty times faster than generating each.
_CORPUS = words.prose(Random(0), 250_000)
_STARTS = tuple(i + 2 for i in range(len(_CORPUS) - 60_000) if _CORPUS.startswith("\n\n", i))
_LONG_EVERY = 997


def describe(issue: Issue, length: int) -> str | None:
    """The description in wiki markup: about `length` characters, 40,000 for a few, None for some."""
    if issue.description is not None:
        return issue.description or None
    seed = issue.seed
    if issue.id % _LONG_EVERY == 35:
        length = words.LONG
    elif not length:
        length = 80 + seed % 900
        if seed % 11 == 0:
            return None
    start = _STARTS[seed % len(_STARTS)]
    text = _CORPUS[start : start + length - 60]
    opening = (
        "h2. Report\n\n*Since yesterday* the {{export}} fails:\n\n{code}\nValueError: <none> & more\n{code}",
        words.HOSTILE[seed % len(words.HOSTILE)],
        "||Browser||Works||\n|Firefox|yes|\n|Safari|no|",
        "{panel}Known issue{panel}\n\n{futureBlock}of a kind nobody knows yet{futureBlock}\n\n!screen.png!",
        "Asked by [~user3] (/) see https://docs.example/?a=1\n\n- first\n- second\n\n{expand}more{expand}",
    )[seed % 5]
    return f"{opening}\n\n{text}"


def past(issue: Issue, users: tuple[User, ...]) -> Past:
    """All of it but the description."""
    return Past(comments(issue, users), worklogs(issue, users), history(issue, users))


def comments(issue: Issue, users: tuple[User, ...]) -> tuple[Comment, ...]:
    """Comments, oldest first."""
    count = (0, 0, 0, 0, 0, 0, 1, 3)[issue.seed // 7 % 8]
    if not count:
        return ()
    rng = Random(issue.seed ^ 0xC0)
    span = max(issue.updated - issue.created, 1)
    times = sorted(issue.created + int(rng.random() * span) for _ in range(count))
    return tuple(
        Comment(
            issue.id * 100 + n,
            rng.choice(users) if rng.random() < 0.95 else None,
            at,
            rng.choice(words.SENTENCES) if rng.random() < 0.8 else rng.choice(words.HOSTILE),
        )
        for n, at in enumerate(times)
    )


def worklogs(issue: Issue, users: tuple[User, ...]) -> tuple[Worklog, ...]:
    """Worklogs that add up to the issue's time spent."""
    if not issue.spent:
        return ()
    rng = Random(issue.seed ^ 0xB0)
    pieces = max(1, min(25, issue.spent // 14_400))
    each, rest = divmod(issue.spent, pieces)
    span = max(issue.updated - issue.created, 1)
    times = sorted(issue.created + int(rng.random() * span) for _ in range(pieces))
    return tuple(
        Worklog(
            issue.id * 100 + n,
            rng.choice(users),
            at,
            each + (rest if n == 0 else 0),
            rng.choice(words.SENTENCES),
        )
        for n, at in enumerate(times)
    )


def history(issue: Issue, users: tuple[User, ...]) -> tuple[History, ...]:
    """The changelog, oldest first: how the issue came to where the seed put it."""
    rng = Random(issue.seed ^ 0xA0)
    entries: list[tuple[int, tuple[Change, ...]]] = []
    start, end = issue.created, issue.resolved or issue.updated
    path = _path(issue, issue.status, rng)
    times = sorted(start + int(rng.random() * max(end - start, 1)) for _ in range(len(path) - 1))
    if issue.resolved and times:
        times[-1] = issue.resolved
    for at, was, now in zip(times, path, path[1:], strict=False):
        changes = [Change("status", "status", str(was.id), was.name, str(now.id), now.name)]
        if now.category == "done" and issue.resolution is not None:
            changes.append(
                Change(
                    "resolution", "resolution", None, None, str(issue.resolution.id), issue.resolution.name
                )
            )
        entries.append((at, tuple(changes)))
    entries += _asides(issue, rng, start, end)
    entries.sort(key=lambda entry: entry[0])
    return tuple(
        History(issue.id * 100 + n, at, rng.choice(users) if rng.random() < 0.97 else None, changes)
        for n, (at, changes) in enumerate(entries)
    )


def _path(issue: Issue, last: Status, rng: Random) -> list[Status]:
    flow = issue.project.statuses
    path = [flow[0]]
    between = [s for s in flow[1:] if s is not last and s.category != "done"]
    if last.category != "new":
        path += sorted(rng.sample(between, min(len(between), rng.randrange(4))), key=flow.index)
        if rng.random() < 0.1 and len(path) > 1:
            path += [path[-2], path[-1]]  # sent back once
    if path[-1] is not last:
        path.append(last)
    return path


def _asides(issue: Issue, rng: Random, start: int, end: int) -> list[tuple[int, tuple[Change, ...]]]:
    made: list[tuple[int, tuple[Change, ...]]] = []

    def note(*changes: Change) -> None:
        made.append((start + int(rng.random() * max(end - start, 1)), changes))

    if issue.assignee is not None and rng.random() < 0.5:
        user = issue.assignee
        note(Change("assignee", "assignee", None, None, user.account_id, user.display))
    if issue.sprints:
        was = ", ".join(str(s.id) for s in issue.sprints[:-1])
        now = ", ".join(str(s.id) for s in issue.sprints)
        names = ", ".join(s.name for s in issue.sprints)
        note(Change("Sprint", "sprint", was, ", ".join(s.name for s in issue.sprints[:-1]), now, names))
    if issue.custom.get("points") is not None:
        note(Change("Story Points", "points", None, "", None, f"{issue.custom['points']:g}"))
    if issue.moved_from is not None:
        project = issue.moved_from.rpartition("-")[0]
        note(
            Change("project", "project", "10999", project, str(issue.project.id), issue.project.name),
            Change("Key", "", None, issue.moved_from, None, issue.key),
        )
    if rng.random() < 0.2:
        note(Change("description", "description", None, rng.choice(words.SENTENCES), None, words.HOSTILE[1]))
    for _ in range(50 if rng.random() < 0.01 else 0):
        # Automation that ranks for ever: changelogs beyond the forty that search answers hold.
        note(Change("Rank", "rank", "", "", "", "Ranked higher"))
    return made
