"""Reading settings: the file, then the environment, which wins; and where each value comes from."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_settings import SettingsError as SourceError

from schedkit.errors import SettingsError
from schedkit.settings.accepted import SECTIONS, Translation, translated
from schedkit.settings.environment import refuse_misspelt, variable_of
from schedkit.settings.model import Settings
from schedkit.settings.project import FILE_NAME, project_root
from schedkit.values.failures import translated as foreign_errors
from schedkit.values.options import refuse_unknown
from schedkit.values.secrets import expanded, is_reference, masked_url
from schedkit.values.yaml import Document, explain, parse_yaml

__all__ = ["Loaded", "load_settings", "read_settings"]

Location = tuple[int | str, ...]
_SECRETS: tuple[Location, ...] = (
    ("token",),
    ("password",),
    ("oauth2", "client_secret"),
    ("oauth2", "refresh_token"),
)


@dataclass(frozen=True)
class Loaded:
    """Settings, and where they come from.

    Parameters
    ----------
    settings : Settings
        What is in force.
    file : Path
        The file, which need not exist.
    document : Document or None
        What is in the file; None where it does not exist or is empty.
    translation : Translation
        The file's settings in our words.
    """

    settings: Settings
    file: Path
    document: Document | None = field(repr=False)  # both hold secrets
    translation: Translation = field(repr=False)

    def source(self, location: Location) -> str:
        """Return what says the value at `location`: a variable, a place in the file, or nothing."""
        variable = variable_of(location, os.environ)
        if variable is not None:
            return f"environment variable {variable}"
        if self.document is None or _said(self.translation.values, location, _NOTHING) is _NOTHING:
            return ""
        return self.document.where(self.translation.origin(location))

    def written(self, location: Location) -> Any:
        """Return the value at `location` as the file says it, None where the file says nothing."""
        if variable_of(location, os.environ) is not None:
            return None
        return _said(self.translation.values, location)

    @property
    def warnings(self) -> list[str]:
        """What to say of the file: what has no effect, and secrets in plain text."""
        found = []
        if self.translation.unused:
            found.append(f"{self.file.name}: without effect: {'; '.join(self.translation.unused)}")
        plain = [".".join(map(str, each)) for each in self._plain_secrets()]
        if plain:
            found.append(
                f"{self.file.name}: in plain text: {', '.join(plain)} (write ${{VARIABLE}}, file:PATH or "
                "keyring:NAME instead)"
            )
        return found

    def _plain_secrets(self) -> list[Location]:
        found: list[Location] = []
        for name in self.settings.sites:
            for key in _SECRETS:
                said = self.written(("sites", name, *key))
                if said is not None and not is_reference(str(said)):
                    found.append(self.translation.origin(("sites", name, *key)))
            for address in ("url", "proxies"):
                found += self._plain_urls(("sites", name, address))
        return found + self._plain_urls(("scheduler", "ledger"))

    def _plain_urls(self, location: Location) -> list[Location]:
        said = self.written(location)
        texts = said.values() if isinstance(said, dict) else [said]
        return [self.translation.origin(location)] if any(map(_holds_password, texts)) else []


def _holds_password(text: object) -> bool:
    return isinstance(text, str) and not is_reference(text) and masked_url(text) != text


_NOTHING = object()


def _said(values: Any, location: Location, default: Any = None) -> Any:
    """Return what nested mappings and lists hold at `location`."""
    for part in location:
        try:
            values = values[part]
        except (LookupError, TypeError):
            return default
    return values


def load_settings(root: Path | None = None) -> Settings:
    """Return the settings of the project at `root` (default: found from the working folder).

    Raises
    ------
    SettingsError
        A key or value that is not understood: which file and line, what was expected.
    """
    return read_settings((root or project_root()) / FILE_NAME).settings


def read_settings(file: Path) -> Loaded:
    """Read a settings file, which need not exist, and the environment.

    Raises
    ------
    SettingsError
        A key or value that is not understood: which file and line, what was expected.
    """
    document = None
    if file.exists():
        with foreign_errors(file, SettingsError):
            document = parse_yaml(file.read_text(encoding="utf-8-sig"), file.name)
    values = document.value if document else {}
    if not isinstance(values, dict):
        # What it is instead may hold a secret.
        raise SettingsError(f"{file.name}:1:1: expected a mapping", hint="write sites: or scheduler:")
    refuse_misspelt(os.environ, Settings.model_fields)
    _refuse_unknown_sections(values, document, file)
    translation = translated(values, document.where if document else str)
    return Loaded(_validated(translation, document, file), file, document, translation)


def _refuse_unknown_sections(values: dict[str, Any], document: Document | None, file: Path) -> None:
    known = (*Settings.model_fields, *SECTIONS)
    for name in values:
        if name not in known:
            where = document.where((name,)) if document else file.name
            refuse_unknown([name], known, where, error=SettingsError)


def _validated(translation: Translation, document: Document | None, file: Path) -> Settings:
    values = translation.values
    # A site's variables are filled in when the site is used: a token that is not set stops nothing else.
    late = {name: value for name, value in values.items() if name in ("sites", "tasks")}
    rest = {
        name: expanded(value, document.where(translation.origin((name,))) if document else file.name)
        for name, value in values.items()
        if name not in late
    }
    try:
        return Settings(**{**late, **rest})
    except ValidationError as error:
        raise explain(error, lambda location: _where(location, translation, document), Settings) from None
    except SourceError as error:  # its cause, which quotes the value, may hold a secret
        field = re.search(r'field "(\w+)"', str(error))
        name = f"SCHEDKIT_{field[1].upper()}" if field else "SCHEDKIT_…"
        raise SettingsError(
            f"the environment variable {name} is not valid JSON",
            hint=f"set single values instead, e.g. SCHEDKIT_SITES__<NAME>__URL, or unset {name}",
        ) from None


def _where(location: Location, translation: Translation, document: Document | None) -> str:
    """Return the variable or the place in the file that says the value at `location`."""
    variable = variable_of(location, os.environ)
    if variable is not None:
        return f"environment variable {variable}"
    return document.where(translation.origin(location)) if document else "environment"
