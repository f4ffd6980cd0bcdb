"""The log of requests the site has answered."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass

_KEPT = 200_000


@dataclass(frozen=True, slots=True)
class Answered:
    """One request and its end; `fault` names a planned failure, `status` 0 is a broken connection."""

    method: str
    path: str
    query: str
    status: int
    size: int
    fault: str | None = None


class Journal:
    """Requests in the order they were answered; appended by the server, read from anywhere.

    Examples
    --------
    >>> journal = Journal()
    >>> journal.add(Answered("GET", "/rest/api/2/search", "jql=a", 200, 10))
    >>> journal.count(path="/search")
    1
    """

    def __init__(self) -> None:
        self._entries: deque[Answered] = deque(maxlen=_KEPT)

    def add(self, entry: Answered) -> None:
        self._entries.append(entry)

    def clear(self) -> None:
        self._entries.clear()

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Answered]:
        # The server thread appends while others read.
        return iter(tuple(self._entries))

    def matching(
        self, *, method: str | None = None, path: str = "", status: int | None = None
    ) -> list[Answered]:
        """Entries of that method and status whose path holds `path`."""
        return [
            entry
            for entry in self
            if method in (None, entry.method) and path in entry.path and status in (None, entry.status)
        ]

    def count(self, *, method: str | None = None, path: str = "", status: int | None = None) -> int:
        """How many entries match."""
        return len(self.matching(method=method, path=path, status=status))

    def by_status(self) -> dict[int, int]:
        """How many answers of each status."""
        return dict(Counter(entry.status for entry in self))
