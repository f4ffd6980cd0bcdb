"""What the people of one frame are called: two who share a name are told apart.

A frame shows people by name. The first account of a name is shown by the name alone; any other with its
e-mail address, login name or account behind it. Whether a name is shared is known only when all of the
frame has been read; then the first account gets its address too (`relabelled`).
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow as pa

from schedkit.jira.table.kinds import Kind
from schedkit.jira.table.shapes import User, account_of, name_of
from schedkit.values.text import one_line

__all__ = ["LABEL", "Labels", "PeopleNames", "relabelled", "shared_names", "unlabelled"]

# What is shown of one of several people who share a name: the name, and what means one of them.
LABEL = re.compile(r"(.+) \(([^()]+)\)", re.DOTALL)
# By name, in order of arrival: the label of each account that bears it.
Labels = dict[str, dict[str, str]]


class PeopleNames:
    """The people of one frame; safe in many threads at once.

    Parameters
    ----------
    addresses : dict, optional
        By account, the e-mail address or login name: filled here, and shared by the frames of a site, which
        so show a person alike.

    Attributes
    ----------
    labels : dict
        By name and account, in order of arrival. A frame that continues an earlier one begins with its.

    Examples
    --------
    >>> names = PeopleNames()
    >>> names.cell(User("Ann Lee", accountId="1", emailAddress="ann@example.org"))
    'Ann Lee'
    >>> names.cell(User("Ann Lee", accountId="2"))
    'Ann Lee (2)'
    >>> names.shared()
    {'Ann Lee': 'Ann Lee (ann@example.org)'}
    """

    def __init__(self, addresses: dict[str, str] | None = None) -> None:
        self.labels: Labels = {}
        self._addresses = {} if addresses is None else addresses
        # Data Center's histories may tell a login name where other answers tell a key.
        self._keys: dict[str, str] = {}
        self._lock = threading.Lock()

    def cell(self, user: User) -> str | None:
        """Return what a cell shows of a person."""
        name, account = user.displayName, account_of(user)
        if not name or not account:
            return name or name_of(user)
        label = self.labels.get(name, {}).get(account) or self._register(name, account, user)
        return name if self._is_first(name, account) else label

    def called(self, name: str, id: str) -> str:
        """Return what a cell shows of a person in a history, which tells a name and an id."""
        return self.cell(User(name, accountId=self._keys.get(id, id))) or name

    def cells(self, users: Iterable[User | None]) -> list[str | None]:
        """Return what the cells of a column show."""
        users = list(users)
        accounts = {u.accountId or u.key or u.name: u for u in users if u}
        if all(self.cell(user) == (user.displayName or name_of(user)) for user in accounts.values()):
            # Nearly always so, and five times faster.
            return [u.displayName or name_of(u) if u else None for u in users]
        return [self.cell(u) if u else None for u in users]

    def shared(self) -> dict[str, str]:
        """Return what names that several people share become where the first of them is meant."""
        return {
            name: next(iter(labels.values())) for name, labels in list(self.labels.items()) if len(labels) > 1
        }

    def _is_first(self, name: str, account: str) -> bool:
        with self._lock:
            return next(iter(self.labels[name])) == account

    def _register(self, name: str, account: str, user: User) -> str:
        with self._lock:
            if user.key and user.name:
                self._keys[user.name] = account
            if user.emailAddress or user.name:
                self._addresses.setdefault(account, str(user.emailAddress or user.name))
            labels = self.labels.setdefault(name, {})
            label = f"{name} ({self._addresses.get(account, account)})"
            if label in labels.values():
                label = f"{name} ({account})"
            return labels.setdefault(account, label)


def shared_names(shared: Mapping[str, str]) -> str:
    """Return the warning that several people share a name, empty if none do; see `PeopleNames.shared`."""
    if not shared:
        return ""
    example = one_line(next(iter(shared.values())), 100)
    count = "one name is" if len(shared) == 1 else f"{len(shared)} names are"
    return f"{count} shared by several people; each is shown with an address or account, e.g. {example!r}"


def unlabelled(text: str) -> str:
    """Return a name without what is put behind it where several people share it.

    Examples
    --------
    >>> unlabelled("Ann Lee (ann@example.org)")
    'Ann Lee'
    """
    label = LABEL.fullmatch(text)
    return label[1] if label else text


def relabelled(values: Any, kind: Kind, shared: Mapping[str, str]) -> Any:
    """Return a column of people with labels for the names that several of them share.

    Parameters
    ----------
    values : array, chunked array or list of tuple
        As `Batch` holds them.
    kind : Kind
        Of the column: people, or entries that begin with the name of who made them.
    shared : mapping
        See `PeopleNames.shared`.
    """
    if not shared or not kind.people:
        return values

    def one(cell: str | None) -> str | None:
        if cell is None or not kind.endpoint:
            return shared.get(cell or "", cell)
        name = next((name for name in shared if cell.startswith(f"{name}: ")), None)
        return cell if name is None else shared[name] + cell.removeprefix(name)

    if isinstance(values, list):
        return [tuple([one(text) for text in cell]) if cell else cell for cell in values]
    cells = values.to_pylist()
    if pa.types.is_list(values.type):
        return pa.array([[one(text) for text in cell or ()] for cell in cells], type=values.type)
    return pa.array([one(cell) for cell in cells], type=values.type)
