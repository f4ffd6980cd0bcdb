"""Whether the site offers a value: told when a write is planned, and not by a request that fails."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from schedkit.errors import UsageError
from schedkit.jira.write.screens import Ask, Screen
from schedkit.jira.write.targets import Target
from schedkit.jira.write.values import CASCADING, missing
from schedkit.values.text import did_you_mean, safe_repr

__all__ = ["AllowedValues"]

# The types of fields, and of the elements of lists, whose values are chosen among those that the site lists.
CHOSEN = frozenset(
    {"option", CASCADING, "priority", "resolution", "issuetype", "securitylevel", "component", "version"}
)


class AllowedValues:
    """The values of fields that screens have shown.

    Which values a field offers depends on the project and the type of an issue: what one issue of a scope
    may have is taken to be allowed for the others, and what is not known so is looked up for the very issue.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], set[str]] = {}

    async def check(
        self, target: Target, value: Any, screen: Ask, *, scope: str = "", held: Collection[str] = ()
    ) -> None:
        """Refuse a value that the site does not offer.

        Parameters
        ----------
        value : object
            As `Cells.value` returns it.
        screen : async callable
            Tells the values that the field may hold, as far as the site lists them.
        scope : str
            What issues have in common that may have the same values.
        held : collection of str
            What the issue has already: it may keep what is no longer offered.

        Raises
        ------
        UsageError
            If the site lists the field's values, and this is none of them.
        """
        kind = (target.field.items or "") if target.field.type == "array" else target.field.type
        if kind not in CHOSEN or missing(value):
            return
        names = value if target.store == "list" else (str(value),)
        known = self._known.setdefault((scope, target.field.id), set())
        wanted = [name for name in names if name not in held]
        if all(name.casefold() in known for name in wanted):
            return
        offered = _offered(await screen(), target)
        known.update(name.casefold() for name in offered)
        for name in wanted:
            if offered and name.casefold() not in known:
                raise UsageError(
                    f"{target.column} cannot be {safe_repr(name, 60)}", hint=did_you_mean(name, offered)
                )


def _offered(screen: Screen, target: Target) -> list[str]:
    if target.field.type == CASCADING:
        return list(screen.cascades(target.field.id))
    return screen.names(target.field.id)
