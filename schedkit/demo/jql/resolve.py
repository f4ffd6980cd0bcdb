"""Literals of JQL to values of the world: by name in any case, by id; else a complaint in Jira's words."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from schedkit.demo.jql.meaning import Reader, Resolve
from schedkit.demo.jql.tree import JqlError, UnknownValueError
from schedkit.demo.world import fields as f
from schedkit.demo.world.model import User


def missing(value: str, field: str) -> UnknownValueError:
    return UnknownValueError(f"The value '{value}' does not exist for the field '{field}'.")


def among(items: Iterable[Any]) -> Resolve:
    """Resolve by name in any case, or by id."""
    pool = tuple(items)

    def resolve(reader: Reader, text: str, field: str) -> list[Any]:
        wanted = text.casefold()
        found = [item for item in pool if item.name.casefold() == wanted]
        found = found or [item for item in pool if str(item.id) == text]
        if not found:
            raise missing(text, field)
        return found

    return resolve


def status(reader: Reader, text: str, field: str) -> list[Any]:
    return list(among(reader.store.statuses)(reader, text, field))


def project(reader: Reader, text: str, field: str) -> list[Any]:
    found = reader.store.project(text)
    if found is None:
        raise missing(text, field)
    return [found]


def from_projects(part: str) -> Resolve:
    def resolve(reader: Reader, text: str, field: str) -> Iterable[Any]:
        projects = [p for p in reader.store.catalog.projects if p not in reader.store.closed]
        return among(item for p in projects for item in getattr(p, part))(reader, text, field)

    return resolve


def sprint(reader: Reader, text: str, field: str) -> Iterable[Any]:
    return among(s for group in reader.store.catalog.sprints.values() for s in group)(reader, text, field)


def category(reader: Reader, text: str, field: str) -> list[str]:
    for key, (number, name) in CATEGORIES.items():
        if text.casefold() in (key, name.casefold(), str(number)):
            return [key]
    raise missing(text, field)


CATEGORIES = {"new": (2, "To Do"), "indeterminate": (4, "In Progress"), "done": (3, "Done")}


def user(reader: Reader, text: str, field: str) -> list[User]:
    wanted = text.casefold()
    for user in reader.store.catalog.users:
        names = (user.account_id, user.display) if reader.cloud else (user.name, user.display)
        if wanted in (name.casefold() for name in (*names, user.email) if name):
            return [user]
    raise missing(text, field)


def literal(reader: Reader, text: str, field: str) -> list[str]:
    return [text]


def number(reader: Reader, text: str, field: str) -> list[float]:
    try:
        return [float(text)]
    except ValueError:
        raise JqlError(f"Value '{text}' is not a number for the field '{field}'.") from None


def span(reader: Reader, text: str, field: str) -> list[float]:
    """Read ``2h 30m`` as seconds, days of eight hours and weeks of five days; a bare number is of minutes."""
    if text.strip().isdecimal():
        return [60.0 * int(text)]
    if re.fullmatch(r"\s*(\d+[wdhm]\s*)+", text) is None:
        raise JqlError(
            f"Duration '{text}' for field '{field}' is invalid. Valid formats include: '4w 2d 3h 5m'."
        )
    parts = re.findall(r"(\d+)([wdhm])", text)
    return [float(sum(int(count) * _SECONDS[unit] for count, unit in parts))]


_SECONDS = {"m": 60, "h": 3_600, "d": 8 * 3_600, "w": 40 * 3_600}


def option(slug: str) -> Resolve:
    def resolve(reader: Reader, text: str, field: str) -> list[str]:
        for name, number in f.OPTIONS[slug].items():
            if text.casefold() == name.casefold() or text == str(number):
                return [name]
        raise UnknownValueError(f"The option '{text}' for field '{field}' does not exist.")

    return resolve


def issue_of(reader: Reader, text: str, field: str) -> list[int]:
    issue = reader.store.find(text)
    if issue is None:
        if text.isdigit():
            raise UnknownValueError(f"A value with ID '{text}' does not exist for the field '{field}'.")
        if re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*-\d+", text) is None:
            raise JqlError(f"The issue key '{text}' for field '{field}' is invalid.")
        raise UnknownValueError(f"An issue with key '{text}' does not exist for field '{field}'.")
    return [issue.id]
