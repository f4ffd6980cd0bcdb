"""Environment variables as settings: which variable says what, and which are misspelt."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from schedkit.errors import SettingsError
from schedkit.values.options import refuse_unknown
from schedkit.values.text import near_matches

__all__ = ["NESTED", "PREFIX", "refuse_misspelt", "variable_of"]

PREFIX = "SCHEDKIT_"
NESTED = "__"


def variable_of(location: Iterable[object], environment: Mapping[str, str]) -> str | None:
    """Return the variable that sets the value at `location`, or a value that holds it; None: none does."""
    names = {name.upper(): name for name in environment}
    parts = [str(each).upper() for each in location]
    for end in range(len(parts), 0, -1):
        name = PREFIX + NESTED.join(parts[:end])
        if name in names:
            return names[name]
    return None


def refuse_misspelt(environment: Mapping[str, str], sections: Iterable[str]) -> None:
    """Refuse a variable of a section whose name is misspelt.

    Other variables of the prefix are left alone: they may hold what ``${NAME}`` refers to.
    """
    known = list(sections)
    for name in environment:
        section, nested, _ = name.removeprefix(PREFIX).partition(NESTED)
        is_other = not name.startswith(PREFIX) or not nested or section.lower() in known
        if not is_other and near_matches(section, known, least=0.8):
            refuse_unknown([section.lower()], known, f"environment variable {name}", error=SettingsError)
