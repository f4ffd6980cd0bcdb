"""What a project can set, section by section.

Constructors elsewhere take plain arguments; only `app` reads this.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, Literal, NoReturn, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from schedkit.core.api.options import SCHEDULER_OPTIONS
from schedkit.errors import UsageError
from schedkit.settings.environment import NESTED, PREFIX
from schedkit.values.parsers import Reads, duration, hosts_of, invalid, optional, share, text, whole_number
from schedkit.values.rates import parse_rate
from schedkit.values.secrets import masked

__all__ = [
    "JSON_FORMAT",
    "ChannelSettings",
    "LogSettings",
    "NotifySettings",
    "OAuth2Settings",
    "RuleSettings",
    "SchedulerSettings",
    "Settings",
    "SiteSettings",
    "StandingPageSettings",
]

# In place of a format of log lines: each is an object.
JSON_FORMAT = "json"
# In YAML an id is a number where it stands without quotes.
_PageId = Annotated[str, Field(coerce_numbers_to_str=True)]
_Duration = Annotated[float, Reads(duration())]
_LongerThanNothing = Annotated[float, Reads(duration(above=True))]


_Kind = Literal["failed", "done", "late", "recovered", "overdue", "failing"]


def _share_text(value: Any, what: str) -> str:
    # A number would be shown as the duration that numbers of settings are.
    return f"{share(value, what) * 100:g}%"


class _Masked(BaseModel):
    """Shows no password of an address, wherever one stands."""

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        for name, value in super().__repr_args__():
            yield name, masked(value)

    def __reduce__(self) -> NoReturn:
        raise UsageError(
            "settings hold secrets and are never pickled",
            hint="another process reads its own: schedkit.app.app().settings",
        )


class _Strict(_Masked):
    model_config = ConfigDict(extra="forbid", frozen=True)


class OAuth2Settings(_Strict):
    """An OAuth 2.0 login: an application, and the refresh token that a person has granted it."""

    client_id: str = Field(description="Id of the registered application.")
    client_secret: SecretStr = Field(description="Secret of the registered application.")
    refresh_token: SecretStr = Field(
        description="`file:PATH` or `keyring:NAME`: each renewal replaces the token, and it is kept there."
    )
    token_url: str = Field(
        default="https://auth.atlassian.com/oauth/token", description="Where access tokens are renewed."
    )


class SiteSettings(_Strict):
    """A Jira or Confluence, and how to log in to it.

    A secret is kept as one and never shown. In a file write ``${VARIABLE}``, ``file:PATH`` or
    ``keyring:NAME`` for it, or leave it to the environment: ``SCHEDKIT_SITES__<NAME>__TOKEN``.
    """

    kind: Literal["jira", "confluence"] = Field(default="jira", description="What it is.")
    url: str = Field(description="Base URL.")
    user: str | None = Field(
        default=None, description="E-mail address (Cloud) or user name; a personal access token needs none."
    )
    token: SecretStr | None = Field(default=None, description="API token or personal access token.")
    password: SecretStr | None = Field(default=None, description="Password of `user` on Data Center.")
    oauth2: OAuth2Settings | None = Field(
        default=None, description="An OAuth 2.0 login, instead of a token or password."
    )
    cloud: bool | None = Field(default=None, description="Whether it is on Cloud; detected by default.")
    main_page_id: _PageId | None = Field(
        default=None,
        description="Of a Confluence: the page below which pages are created, unless they name a `parent`.",
    )
    task_result_page_id: _PageId | None = Field(
        default=None, description="Of a Confluence: the standing page, where `reporting:` names none."
    )
    verify: bool | str = Field(default=True, description="Check certificates; or the path of a CA file.")
    cert: str | tuple[str, str] | None = Field(
        default=None, description="Path of a client certificate, or of certificate and key."
    )
    proxies: dict[str, str] | None = Field(
        default=None, description="Scheme to proxy URL; by default the environment's."
    )
    headers: dict[str, str] | None = Field(
        default=None, repr=False, description="Sent with every request, e.g. for a gateway."
    )
    redirects: Annotated[tuple[str, ...], Reads(hosts_of, {"type": ["string", "array"]})] = Field(
        default=(),
        description="Other hosts to which the site may redirect reads; login and `headers` do not go there.",
    )
    timeout: _LongerThanNothing = Field(
        default=75.0, description="Time without a received byte after which a request fails."
    )
    concurrency: Annotated[int, Reads(whole_number(1))] = Field(
        default=8, description="Maximum requests at a time."
    )
    rate: Annotated[str | None, Reads(parse_rate)] = Field(
        default=None,
        description="Maximum requests in a period, e.g. `300/min`; by default what the site allows.",
    )
    retries: Annotated[int, Reads(whole_number(0))] = Field(
        default=6, description="How often a read is retried after a network error or a 5xx."
    )
    backoff: _Duration = Field(default=0.5, description="Delay before the first retry; doubles each time.")
    patience: _Duration = Field(
        default=600.0, description="Maximum time a request waits while the site answers 429 or 503."
    )


class _SchedulerSettings(_Strict):
    """Where the ledger is, and the options of `Scheduler`; paths start at the project's root."""

    ledger: str = Field(
        default=".schedkit/ledger.db",
        description="A SQLite file, or an SQLAlchemy URL of PostgreSQL.",
    )
    results: str = Field(
        default=".schedkit/results",
        description="The folder of results, or a URL that fsspec opens: `s3://bucket/results`.",
    )

    @property
    def options(self) -> dict[str, Any]:
        """The other options of `Scheduler` that are set."""
        given = self.model_fields_set - {"ledger", "results"}
        return {name: getattr(self, name) for name in SCHEDULER_OPTIONS if name in given}


if TYPE_CHECKING:
    SchedulerSettings: TypeAlias = _SchedulerSettings
else:
    SchedulerSettings = SCHEDULER_OPTIONS.model(_SchedulerSettings, exclude=["results"])


class ChannelSettings(_Strict):
    """One chat or mailbox."""

    env: str = Field(description="The environment variable that holds its Apprise URL, which is a secret.")
    on: tuple[_Kind, ...] = Field(
        default=("failed", "late", "recovered", "overdue", "failing"),
        description="Which messages it gets; `rules` define when a task is overdue or failing.",
    )
    tasks: tuple[str, ...] = Field(default=("*",), description="Names or patterns of tasks.")
    every: _Duration = Field(default=300.0, description="Messages within this time are joined into one.")
    templates: dict[_Kind, str] = Field(
        default_factory=dict, description="Templates of messages, by their kind."
    )


class RuleSettings(_Strict):
    """A condition for an alarm; sent once, until the task is well again."""

    task: str = Field(default="*", description="Name or pattern of tasks.")
    not_done_for: Annotated[float | None, Reads(optional(duration(above=True)))] = Field(
        default=None, description="A task is overdue when it had no DONE run for this long."
    )
    failures: Annotated[str | None, Reads(optional(_share_text))] = Field(
        default=None,
        description="A task is failing when this share of its last runs have failed, e.g. `30%`.",
    )
    of: Annotated[int, Reads(whole_number(1, 1000))] = Field(
        default=20, description="How many of the last runs are considered."
    )


class NotifySettings(_Strict):
    """Who is notified about runs."""

    channels: tuple[ChannelSettings, ...] = Field(default=(), description="Chats and mailboxes.")
    link: str = Field(default="", description="A link in each message; may hold `{run}` and `{task}`.")
    late_after: _LongerThanNothing = Field(default=60.0, description="How late a run counts as late.")
    rules: tuple[RuleSettings, ...] = Field(
        default=(),
        description="Conditions for alarms: no DONE run for too long, too many failures.",
    )
    heartbeats: dict[str, SecretStr] = Field(
        default_factory=dict,
        description="Web addresses by task: each is requested (GET) after a DONE run, so that a monitor can "
        "raise an alarm when no request comes.",
    )


class StandingPageSettings(_Strict):
    """A Confluence page that always shows the latest run of each task."""

    site: str = Field(description="The Confluence, by its name under `sites:`.")
    page: _PageId = Field(description="The page's id.")
    region: str = Field(default="anchor:task-results", description="Its table.")
    template: str | None = Field(
        default=None,
        description="Title of a page of the space; its text with the anchor is copied to a page without.",
    )
    every: _LongerThanNothing = Field(default=1800.0, description="How often it is updated.")


def _level(value: Any, what: str) -> str:
    name = str(value).upper()
    if name not in logging.getLevelNamesMapping() or name == "NOTSET":
        raise invalid(what, value, "DEBUG, INFO, WARNING, ERROR or CRITICAL")
    return name


def _format(value: Any, what: str) -> str:
    if value == JSON_FORMAT:
        return JSON_FORMAT
    try:
        logging.Formatter(text(value, what), validate=True)
    except ValueError as error:
        words = f"`{JSON_FORMAT}`, or a format of logging: {str(error).lower()}"
        raise invalid(what, value, words) from None
    return str(value)


class LogSettings(_Strict):
    """The log of `schedkit run` and of processes in the background; without `filename`, standard error."""

    level: Annotated[str, Reads(_level)] = Field(
        default="INFO", description="The lowest level that is logged."
    )
    filename: str | None = Field(default=None, description="The file; its folder is made.")
    max_bytes: Annotated[int, Reads(whole_number(0))] = Field(
        default=10 * 1024 * 1024,
        description="Size at which the file is renamed and a new one started; 0: never.",
    )
    backup_count: Annotated[int, Reads(whole_number(0))] = Field(
        default=5, description="How many old files are kept."
    )
    format: Annotated[str, Reads(_format)] = Field(
        default="%(asctime)s - %(name)s - %(levelname)s - %(message)s",
        description="Format of a line, as of Python's logging; or `json`: an object a line.",
    )


def _tasks(value: Any) -> Any:
    return {} if value is None else value


class Settings(_Masked, BaseSettings):
    """Everything a project sets."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter=NESTED,
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
    )

    sites: dict[str, SiteSettings] = Field(
        default_factory=dict, description="Sites by the names that reports and `schedkit.site()` use."
    )
    scheduler: SchedulerSettings = Field(
        default=SchedulerSettings(), description="The ledger and the scheduler."
    )
    notify: NotifySettings = Field(default=NotifySettings(), description="Who is notified about runs.")
    standing_page: StandingPageSettings | None = Field(
        default=None, description="A page that shows the latest run of each task."
    )
    log: LogSettings | None = Field(default=None, description="The log of processes without a notebook.")
    tasks: Annotated[dict[str, Any], BeforeValidator(_tasks)] = Field(
        default_factory=dict,
        description="Task modules by name: `{trigger, args, max_attempts, retry_delay}` and task options; "
        "`schedkit run` without files runs them.",
    )
    package: str | None = Field(
        default=None, description="The package of these modules: `tasks` or `scheduler.tasks` by default."
    )

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
