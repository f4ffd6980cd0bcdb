"""The tasks that this process has declared, by name and tag."""

from __future__ import annotations

import threading
from collections.abc import Container, Iterable, Iterator, Mapping

from schedkit.core.model import Task
from schedkit.errors import DeclarationError
from schedkit.values.text import clip, did_you_mean

__all__ = ["Registry"]


class Registry(Mapping[str, Task]):
    """The tasks of one scheduler, by name and by tag. Safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._tasks: dict[str, Task] = {}
        # The file of each, as `origin.here` returned it; and a count of all changes.
        self.origins: dict[str, str | None] = {}
        self.version = 0

    def forked(self) -> None:
        """In a forked child: the holder of the lock stayed with the parent."""
        self._lock = threading.RLock()

    def __getitem__(self, name: str) -> Task:
        return self._tasks[name]

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._tasks))

    def __len__(self) -> int:
        return len(self._tasks)

    def add(self, added: Task, *, known: Container[str] = (), origin: str | None = None) -> Task | None:
        """Add a task, or replace the one of its name; return the replaced one.

        Parameters
        ----------
        origin : str, optional
            The file that declares it.
        known : container of str
            Names beyond the registry's that may be parents: those the ledger remembers.

        Raises
        ------
        DeclarationError
            If a parent is unknown, or it would come after itself.
        """
        with self._lock:
            for parent in added.after:
                if parent.task not in self._tasks and parent.task not in known:
                    raise DeclarationError(
                        f"task {added.name!r} depends on {parent.task!r}, which is not declared here",
                        hint=f"declare the parent first; {did_you_mean(parent.task, self._tasks)}",
                    )
            if circle := self._circle(added):
                raise DeclarationError(
                    f"task {added.name!r} would wait for itself: {clip(' after '.join(circle), 300)}",
                    hint="take one of them out of after=",
                )
            replaced = self._tasks.get(added.name)
            self._tasks[added.name] = added
            self.origins[added.name] = origin
            self.version += 1
            return replaced

    def remove(self, name: str) -> Task | None:
        """Remove a task and return it, None if it was not there.

        Raises
        ------
        DeclarationError
            If another task depends on it.
        """
        with self._lock:
            children = [t.name for t in self._tasks.values() if any(p.task == name for p in t.after)]
            if children:
                raise DeclarationError(
                    f"task {name!r} cannot be removed: {children[0]!r} depends on it",
                    hint="remove that one first, or declare it again without after=",
                )
            return self.drop(name)

    def drop(self, name: str) -> Task | None:
        """Forget a task that continues in another process, also if others follow it here; return it."""
        with self._lock:
            self.version += 1
            self.origins.pop(name, None)
            return self._tasks.pop(name, None)

    def restore(self, name: str, task: Task | None) -> None:
        """Have a task as it was before another of its name was refused; None: it was not there."""
        with self._lock:
            self.version += 1
            if task is None:
                self._tasks.pop(name, None)
                self.origins.pop(name, None)
            else:
                self._tasks[name] = task

    def tagged(self, tag: str) -> tuple[Task, ...]:
        """Return the tasks with a tag, in the order of their declaration."""
        with self._lock:
            return tuple(t for t in self._tasks.values() if tag in t.tags)

    def handler(self, tag_or_name: str, *, also: Iterable[str] = ()) -> Task:
        """Return the one task that a request means, which names a task or a tag but never code.

        Raises
        ------
        DeclarationError
            If no task has that name or tag, or several have the tag.
        """
        with self._lock:
            for wanted in (tag_or_name, *also):
                if wanted in self._tasks:
                    return self._tasks[wanted]
                found = tuple(task for task in self.tagged(wanted) if task.requested is None)
                if len({task.function for task in found}) == 1:
                    return found[0]
                if found:
                    names = ", ".join(repr(t.name) for t in found)
                    raise DeclarationError(
                        f"several tasks have the tag {wanted!r}: {names}", hint="name the task instead"
                    )
            tags = sorted({tag for t in self._tasks.values() for tag in t.tags})
            raise DeclarationError(
                f"no task is named or tagged {tag_or_name!r}",
                hint=did_you_mean(tag_or_name, [*self._tasks, *tags]),
            )

    def _circle(self, added: Task) -> list[str] | None:
        """Return the names along a cycle through `added`, None if there is none."""
        child_of = {added.name: ""}
        pending = [added.name]
        while pending:
            name = pending.pop()
            task = added if name == added.name else self._tasks.get(name)
            for parent in task.after if task is not None else ():
                if parent.task == added.name:
                    trail = [added.name]
                    while name:
                        trail.append(name)
                        name = child_of[name]
                    return trail[::-1]
                if parent.task not in child_of:
                    child_of[parent.task] = name
                    pending.append(parent.task)
        return None
