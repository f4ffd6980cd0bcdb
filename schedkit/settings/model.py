"""Settings: ``schedkit.yaml`` in the project's root, then the environment, which wins.

A project's root is the nearest parent folder with ``schedkit.yaml``, ``pyproject.toml`` or ``.git``, else
the working folder: a notebook three folders down finds the same ledger as the command line.
Constructors elsewhere take plain arguments; only `app` reads this.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)
from pydantic_settings import (
    SettingsError as SourceError,
)

from schedkit.core.api.options import SCHEDULER_OPTIONS
from schedkit.errors import SettingsError
from schedkit.settings.accepted import translated
from schedkit.settings.environment import NESTED, PREFIX, refuse_misspelt, variable_of
from schedkit.values.failures import translated as foreign_errors
from schedkit.values.parsers import Reads, duration, whole_number
from schedkit.values.yaml import Document, explain, parse_yaml

__all__ = [
    "FILE_NAME",
    "ChannelSettings",
    "NotifySettings",
    "SchedulerSettings",
    "Settings",
    "SiteSettings",
    "StandingPageSettings",
    "expanded",
    "load_settings",
    "project_root",
]

FILE_NAME = "schedkit.yaml"
_ROOT_MARKS = (FILE_NAME, "pyproject.toml", ".git")


def project_root(start: Path | None = None) -> Path:
    """Return the nearest parent of `start` (default: the working folder) that marks a project.

    Examples
    --------
    >>> (project_root() / "anything").parent == project_root()
    True
    """
    here = (start or Path.cwd()).resolve()
    for folder in (here, *here.parents):
        if any((folder / mark).exists() for mark in _ROOT_MARKS):
            return folder
    return here


# In YAML an id is a number where it stands without quotes.
_PageId = Annotated[str, Field(coerce_numbers_to_str=True)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SiteSettings(_Strict):
    """One Jira or Confluence, and how to log in to it.

    Of a Confluence, `main_page_id` is the page or folder below which pages are created, unless their own
    `parent` is named, and `task_result_page_id` the page of the latest runs.

    A token belongs in the environment (``SCHEDKIT_SITES__<NAME>__TOKEN``), in ``${VARIABLE}`` form in the
    file, or in the keyring; it is kept as a secret and never shown.
    """

    kind: Literal["jira", "confluence"] = "jira"
    url: str
    user: str | None = None
    token: SecretStr | None = None
    password: SecretStr | None = None
    cloud: bool | None = None
    main_page_id: _PageId | None = None
    task_result_page_id: _PageId | None = None
    verify: bool | str = True
    cert: str | tuple[str, str] | None = None
    proxies: dict[str, str] | None = None
    timeout: Annotated[float, Reads(duration(above=True))] = 75.0
    concurrency: Annotated[int, Reads(whole_number(1))] = 8
    patience: Annotated[float, Reads(duration())] = 600.0


class _SchedulerSettings(_Strict):
    """Where the ledger is, and the options of `Scheduler`; paths start at the project's root."""

    ledger: str = ".schedkit/ledger.db"
    results: str = ".schedkit/results"

    @property
    def options(self) -> dict[str, Any]:
        """The other options of `Scheduler` that are set."""
        return {name: getattr(self, name) for name in SCHEDULER_OPTIONS if name in self.model_fields_set}


if TYPE_CHECKING:
    SchedulerSettings: TypeAlias = _SchedulerSettings
else:
    SchedulerSettings = SCHEDULER_OPTIONS.model(_SchedulerSettings, exclude=["results"])


class ChannelSettings(_Strict):
    """One chat or mailbox; `env` names the environment variable that holds its secret address."""

    env: str
    on: tuple[Literal["failed", "done", "late"], ...] = ("failed", "late")
    tasks: tuple[str, ...] = ("*",)
    every: Annotated[float, Reads(duration())] = 300.0
    templates: dict[Literal["failed", "done", "late"], str] = Field(default_factory=dict)


class NotifySettings(_Strict):
    """Who is notified of runs; `link` may hold ``{run}`` and ``{task}``."""

    channels: tuple[ChannelSettings, ...] = ()
    link: str = ""
    late_after: Annotated[float, Reads(duration(above=True))] = 60.0


class StandingPageSettings(_Strict):
    """A Confluence page that always shows the latest run of each task.

    `template` is the title of a page of the same space with the anchor of `region`: a standing page without
    it gets that page's text at its end, once, with the table at the anchor.
    """

    site: str
    page: _PageId
    region: str = "anchor:task-results"
    template: str | None = None
    every: Annotated[float, Reads(duration(above=True))] = 1800.0


class Settings(BaseSettings):
    """Everything a project sets."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter=NESTED,
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
    )

    sites: dict[str, SiteSettings] = Field(default_factory=dict)
    scheduler: SchedulerSettings = SchedulerSettings()
    notify: NotifySettings = NotifySettings()
    standing_page: StandingPageSettings | None = None

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        # The file's values arrive as init arguments; a server's environment must be able to override them.
        return env_settings, init_settings


def load_settings(root: Path | None = None) -> Settings:
    """Read the settings of the project at `root` (default: found from the working folder).

    Raises
    ------
    SettingsError
        A key or value that is not understood: which file and line, what was expected.
    """
    path = (root or project_root()) / FILE_NAME
    document = None
    if path.exists():
        with foreign_errors(path, SettingsError):
            document = parse_yaml(path.read_text(encoding="utf-8"), path.name)
    values = document.value if document else {}
    if not isinstance(values, dict):
        # What it is instead may hold a secret.
        raise SettingsError(f"{path.name}:1:1: expected a mapping", hint="write sites: or scheduler:")
    refuse_misspelt(os.environ, Settings.model_fields)
    values = translated(values, path.name)
    # A site's variables are filled in when the site is used: a token that is not set stops nothing else.
    rest = expanded({name: value for name, value in values.items() if name != "sites"}, path.name)
    try:
        return Settings(**{**values, **rest})
    except ValidationError as error:
        raise explain(error, lambda location: _where(location, document), Settings) from None
    except SourceError as error:  # its cause, which quotes the value, may hold a secret
        field = re.search(r'field "(\w+)"', str(error))
        name = f"SCHEDKIT_{field[1].upper()}" if field else "SCHEDKIT_…"
        raise SettingsError(
            f"the environment variable {name} is not valid JSON",
            hint=f"set single values instead, e.g. SCHEDKIT_SITES__<NAME>__URL, or unset {name}",
        ) from None


def _where(location: tuple[int | str, ...], document: Document | None) -> str:
    """Return the variable or the place in the file that says the value at `location`."""
    variable = variable_of(location, os.environ)
    if variable is not None:
        return f"environment variable {variable}"
    return document.where(location) if document else "environment"


def expanded(value: Any, where: str, environment: Mapping[str, str] = os.environ) -> Any:
    """Return `value` with every ``${VARIABLE}`` of its texts filled in.

    Raises
    ------
    SettingsError
        A variable is not set.
    """
    if isinstance(value, dict):
        return {key: expanded(inner, where, environment) for key, inner in value.items()}
    if isinstance(value, list):
        return [expanded(inner, where, environment) for inner in value]
    if not isinstance(value, str):
        return value

    def replaced(match: re.Match[str]) -> str:
        name = match[1]
        if name not in environment:
            raise SettingsError(f"{where}: ${{{name}}} is not set", hint=f"export {name} before starting")
        return environment[name]

    return re.sub(r"\$\{(\w+)\}", replaced, value)
