"""Whether a write can be made without mail to those who watch an issue."""

from __future__ import annotations

from schedkit.errors import UsageError
from schedkit.jira.dialect import CLOUD, DATA_CENTER, Dialect

__all__ = ["QUIET", "query"]

# The writes whose endpoint takes `notifyUsers` (Atlassian's OpenAPI documents of Cloud and of Jira 10.3).
QUIET: dict[str, tuple[Dialect, ...]] = {"edit issues": (CLOUD, DATA_CENTER), "log work": (CLOUD,)}


def query(dialect: Dialect, action: str, notify: bool) -> dict[str, str] | None:
    """Return the query parameters of a request that mails, or does not.

    Raises
    ------
    UsageError
        If the site cannot do this without mail.
    """
    if notify:
        return None
    if dialect not in QUIET.get(action, ()):
        site = "Jira Cloud" if dialect is CLOUD else "Jira Data Center"
        raise UsageError(
            f"{site} cannot {action} without mail", hint="leave notify out; the project decides who gets mail"
        )
    return {"notifyUsers": "false"}
