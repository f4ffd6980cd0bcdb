"""Sprints: objects on Cloud, on older Data Centers the text of a Java object."""

from __future__ import annotations

import functools
import re

__all__ = ["parse_sprint", "sprint_name"]

_START = re.compile(r"^com\.atlassian\.greenhopper\.service\.sprint\.Sprint@\w+\[(.*)\]$", re.DOTALL)
# Names may hold commas and equals signs, so a comma separates only where a known attribute follows.
_NEXT = re.compile(
    r",(?=(?:id|rapidViewId|state|name|goal|startDate|endDate|completeDate|activatedDate|sequence|synced|"
    r"autoStartStop|incompleteIssuesDestinationId)=)"
)


def parse_sprint(text: str) -> dict[str, str | None] | None:
    """Return the attributes of a sprint's text, None if it is another text.

    Examples
    --------
    >>> parse_sprint("com.atlassian.greenhopper.service.sprint.Sprint@1f[id=7,name=a, b,goal=<null>]")
    {'id': '7', 'name': 'a, b', 'goal': None}
    """
    match = _START.match(text)
    if match is None:
        return None
    pairs = (part.partition("=") for part in _NEXT.split(match[1]))
    return {key: None if value == "<null>" else value for key, _, value in pairs}


def sprint_name(text: str) -> str:
    """Return the name in a sprint's text; any other text as it is."""
    return _name(text) if text.startswith("com.atlassian.greenhopper.") else text


@functools.lru_cache(maxsize=4096)
def _name(text: str) -> str:
    # The same few sprints come with every issue.
    return (parse_sprint(text) or {}).get("name") or text
