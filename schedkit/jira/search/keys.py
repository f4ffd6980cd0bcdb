"""Issues by their keys: all of them, with the reason for each that could not be read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

import pandas as pd

from schedkit import context
from schedkit.errors import AuthError, NotFoundError, SiteError, UsageError
from schedkit.jira.jql import chunks
from schedkit.jira.pages.session import Session
from schedkit.jira.search.extraction import STAGE, Extraction
from schedkit.jira.table.reader import Page
from schedkit.loop import task_group
from schedkit.values.scalars import plain_text

__all__ = ["fetch_keys", "is_key", "keys_in", "looked_up", "normal", "run_keys"]

_KEY = re.compile(r"[A-Z][A-Z0-9_]*-\d+")
NOT_FOUND = "not found"


def normal(keys: str | Sequence[str]) -> list[str]:
    """Return issue keys in capitals, each once.

    Raises
    ------
    UsageError
        If one is not an issue key.

    Examples
    --------
    >>> normal(["demo-1", " DEMO-2 ", "DEMO-1"])
    ['DEMO-1', 'DEMO-2']
    """
    given = [keys] if isinstance(keys, str) else list(keys)
    clean = [(plain_text(key) if isinstance(key, str) else str(key)).strip().upper() for key in given]
    bad = [key for key, text in zip(given, clean, strict=True) if not _KEY.fullmatch(text)]
    if bad:
        raise UsageError(f"{bad[0]!r} is not an issue key", hint='a key looks like "KAFKA-123"')
    return list(dict.fromkeys(clean))


def is_key(text: str) -> bool:
    """Tell whether a text is an issue key."""
    return _KEY.fullmatch(text.strip().upper()) is not None


async def fetch_keys(extraction: Extraction, keys: Sequence[str], reason: str = NOT_FOUND) -> dict[str, int]:
    """Fetch issues by key into an extraction; moved issues are found under their former keys.

    Returns the id of every key that was found. Keys without an issue end in `completeness.missing`, with what
    the site says, else with `reason`.
    """
    found: dict[str, int] = {}
    errors: dict[str, str] = {}

    def take(page: Page) -> None:
        for key, id in zip(page.batch.columns["Key"].to_pylist(), page.batch.ids.tolist(), strict=True):
            found[key] = id
        errors.update(page.errors)
        extraction.take(page)
        context.progress(STAGE, len(found), len(keys))

    async with task_group() as group:
        for some in chunks(list(keys), extraction.session.dialect.bulk):
            group.start_soon(extraction.fetch, some, take)

    moved, missing = await looked_up(extraction.session, [key for key in keys if key not in found])
    found |= {key: id for key, (id, _) in moved.items()}
    absent = {key: errors.get(key, reason) if why == NOT_FOUND else why for key, why in missing.items()}
    extraction.completeness.missing |= absent
    late = [id for id, _ in moved.values() if id in extraction.seen_ids.missing([id])]
    if late:
        await extraction.fill(late)
    return {key: found[key] for key in keys if key in found}


async def looked_up(
    session: Session, keys: Iterable[str]
) -> tuple[dict[str, tuple[int, str]], dict[str, str]]:
    """Ask for issues one by one: those that have moved come with their ids and present keys.

    Returns also why there are no others.
    """
    found: dict[str, tuple[int, str]] = {}
    missing: dict[str, str] = {}

    async def look(key: str) -> None:
        try:
            answer = await session.get(f"{session.dialect.api}/issue/{key}", {"fields": "updated"})
            found[key] = int(answer["id"]), str(answer["key"])
        except NotFoundError:
            missing[key] = NOT_FOUND
        except SiteError as error:
            if isinstance(error, AuthError) and not session.site.credentials.anonymous:
                raise
            missing[key] = error.message
        except (LookupError, TypeError, ValueError):
            missing[key] = "the site answered with no issue"

    async with task_group() as group:
        for key in keys:
            group.start_soon(look, key)
    return found, missing


async def run_keys(extraction: Extraction, keys: Sequence[str]) -> None:
    """Run an extraction of a list of keys; the frame is in their order."""
    completeness, bulk = extraction.completeness, extraction.session.dialect.bulk
    completeness.jql = f"key in ({', '.join(keys[:20])}{', …' if len(keys) > 20 else ''})"
    found = await fetch_keys(extraction, keys)
    extraction.order = list(dict.fromkeys(found.values()))
    completeness.requested = len(keys)
    # One answer is a snapshot of its own.
    completeness.exact = len(keys) <= bulk
    completeness.ended = datetime.now(UTC)
    await extraction.finish()


def keys_in(issues: pd.DataFrame | Sequence[str] | str) -> list[str]:
    """Return the issue keys of a frame's column Key, or of a list.

    Raises
    ------
    UsageError
        If there are none.
    """
    if isinstance(issues, pd.DataFrame):
        if "Key" not in issues:
            raise UsageError("the frame has no column 'Key'", hint="extract the issues with their keys")
        issues = [str(key) for key in issues["Key"]]
    return normal(issues)
