"""What is in force: each setting with its value and where it comes from, secrets masked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any

from pydantic import BaseModel, SecretStr

from schedkit.core.api.options import SCHEDULER_OPTIONS
from schedkit.settings.load import Loaded
from schedkit.values.durations import duration_text
from schedkit.values.secrets import MASK, is_reference, masked_url
from schedkit.values.timezones import timezone_name

__all__ = ["Setting", "in_force"]

Location = tuple[int | str, ...]


@dataclass(frozen=True)
class Setting:
    """One setting: its name, its value as text, and what says so."""

    name: str
    value: str
    source: str


def in_force(loaded: Loaded) -> Iterator[Setting]:
    """Yield each setting; the `source` of one that nothing says is ``default``."""
    for section in type(loaded.settings).model_fields:
        value = getattr(loaded.settings, section)
        if value is not None or loaded.source((section,)):
            yield from _settings(loaded, (section,), value)


def _settings(loaded: Loaded, location: Location, value: Any) -> Iterator[Setting]:
    if isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _settings(loaded, (*location, name), getattr(value, name))
    elif isinstance(value, Mapping) and value and location[-1] != "tasks":
        for name, inner in value.items():
            yield from _settings(loaded, (*location, name), inner)
    elif isinstance(value, tuple) and any(isinstance(each, BaseModel) for each in value):
        for number, inner in enumerate(value):
            yield from _settings(loaded, (*location, number), inner)
    elif not (isinstance(value, Mapping) and not loaded.source(location)):
        source = loaded.source(location) or "default"
        yield Setting(".".join(map(str, location)), _text(loaded, location, value, source), source)


def _text(loaded: Loaded, location: Location, value: Any, source: str) -> str:
    written = loaded.written(location)
    if isinstance(written, str) and is_reference(written):
        return masked_url(written)  # as the file says it: what it stands for may be a secret
    if isinstance(value, SecretStr) or "headers" in location:
        return MASK
    if value is not None:
        return _shown(value)
    if source != "default":
        return "none"
    option = SCHEDULER_OPTIONS.get(str(location[-1])) if location[0] == "scheduler" else None
    return "" if option is None else option.default_text.strip("'")


def _shown(value: Any) -> str:
    match value:
        case bool():
            return str(value).lower()
        case float():
            return duration_text(value)
        case tzinfo():
            return timezone_name(value)
        case tuple() | list():
            return ", ".join(map(_shown, value))
        case Mapping():
            return ", ".join(map(str, value))
        case _:
            return masked_url(str(value))
