"""Older words for the same settings, accepted as written and translated in one place.

Configuration files of the systems this project replaces say ``jira: {url, username, password}``,
``scheduler: {timezone, max_workers, job_store_url, executors: {default_threads}}``, ``storage: {path}``,
``reporting: {interval, report_types, confluence}`` and so on.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from schedkit.core.api.options import SCHEDULER_OPTIONS
from schedkit.core.tasks.defaults import DEFAULT_OPTIONS
from schedkit.errors import SettingsError, UsageError
from schedkit.values.options import refuse_unknown
from schedkit.values.parsers import Parser, duration, mapping, text, texts

__all__ = ["SECTIONS", "Translation", "translated"]

Location = tuple[int | str, ...]

# The sections of older files that are none of ours.
SECTIONS = ("jira", "confluence", "reporting", "storage")
REPORT_TYPES = ("confluence", "mattermost")
# Older files name no address for the chat: this variable holds it.
MATTERMOST = "MATTERMOST_URL"

# What clients of Jira and Confluence in Python call these.
_SITE_WORDS = {"username": "user", "email": "user", "server": "url", "base_url": "url", "api_token": "token"}
_SCHEDULER_WORDS = {
    "job_store_url": "ledger",
    **{spelling: name for name, option in SCHEDULER_OPTIONS.items() for spelling in option.spellings},
}
_JOB_DEFAULTS = [
    spelling for name, option in DEFAULT_OPTIONS.items() for spelling in (name, *option.spellings)
]


class _Section:
    """A mapping of the file: what it says, and where it stands."""

    def __init__(self, value: Any, location: Location, where: Callable[[Location], str]) -> None:
        self.location, self._where = location, where
        self.values = self._parsed(mapping, value, location)

    def error(self, message: str, *keys: str, hint: str = "") -> SettingsError:
        """Return an error that begins with the place of a key of the section."""
        return SettingsError(f"{self._where((*self.location, *keys))}: {message}", hint=hint)

    def only(self, *known: str) -> None:
        """Refuse a key that is not known, with a near match."""
        unknown = [name for name in self.values if name not in known]
        if unknown:
            at = self._where((*self.location, unknown[0]))
            refuse_unknown(unknown, known, f"{at}: {'.'.join(map(str, self.location))}", error=SettingsError)

    def read(self, key: str, parse: Parser, default: Any = None) -> Any:
        """Return a parsed value of the section."""
        if key not in self.values:
            return default
        return self._parsed(parse, self.values[key], (*self.location, key))

    def inner(self, key: str) -> _Section:
        """Return a mapping within the section; an empty one where there is none."""
        return _Section(self.values.get(key), (*self.location, key), self._where)

    def renamed(self, words: Mapping[str, str]) -> dict[str, Any]:
        """Return the values by our words."""
        said: dict[str, str] = {}
        for key in self.values:
            name = words.get(key, key)
            if name in said:
                message = f"{'.'.join(map(str, self.location))}: {said[name]} and {key} say the same thing"
                raise self.error(message, key, hint=f"keep {name}:")
            said[name] = key
        return {name: self.values[key] for name, key in said.items()}

    def _parsed(self, parse: Parser, value: Any, location: Location) -> Any:
        try:
            return parse(value, ".".join(map(str, location)))
        except UsageError as error:
            raise SettingsError(f"{self._where(location)}: {error.message}", hint=error.hint) from None


@dataclass
class Translation:
    """A file's settings in our words.

    Attributes
    ----------
    values : dict
        The settings; keys that were ours already stay as they are.
    moved : dict
        Where in the file a renamed setting stands, by its location in `values`.
    unused : list of str
        What the file says that has no effect here, each with the reason.
    """

    values: dict[str, Any]
    moved: dict[Location, Location] = field(default_factory=dict)
    unused: list[str] = field(default_factory=list)

    def origin(self, location: Location) -> Location:
        """Return where in the file a setting stands."""
        for end in range(len(location), 0, -1):
            if location[:end] in self.moved:
                return self.moved[location[:end]] + location[end:]
        return location


def translated(values: dict[str, Any], where: Callable[[Location], str]) -> Translation:
    """Return settings in our words.

    Parameters
    ----------
    where : callable
        ``where(location)`` says where in the file a key stands.

    Raises
    ------
    SettingsError
        A value of an older section cannot be meant, or an old and a new word say the same thing.
    """
    made = Translation(dict(values))
    whole = _Section(values, (), where)
    for kind in ("jira", "confluence"):
        if whole.values.get(kind) is not None:
            _site(made, whole, kind)
    if isinstance(values.get("scheduler"), dict):
        _scheduler(made, whole.inner("scheduler"))
    if "storage" in values:
        _storage(made, whole.inner("storage"))
    if "reporting" in values:
        _reporting(made, whole)
    for name in SECTIONS:
        made.values.pop(name, None)
    return made


def _site(made: Translation, whole: _Section, kind: str) -> None:
    """Let ``jira:`` or ``confluence:`` be the site of that name."""
    if kind in whole.inner("sites").values:
        raise whole.error(f"{kind}: and sites.{kind}: name the same site", kind, hint="keep sites:")
    old = whole.inner(kind)
    site = {"kind": kind, **old.renamed(_SITE_WORDS)}
    made.values["sites"] = {**(made.values.get("sites") or {}), kind: site}
    made.moved[("sites", kind)] = (kind,)
    for word in old.values.keys() & _SITE_WORDS.keys():
        made.moved[("sites", kind, _SITE_WORDS[word])] = (kind, word)


def _scheduler(made: Translation, old: _Section) -> None:
    ours = old.renamed(_SCHEDULER_WORDS)
    origins = {_SCHEDULER_WORDS.get(key, key): (*old.location, key) for key in old.values}
    if "poll_interval" in ours:
        old.read("poll_interval", duration(above=True))
        made.unused.append("scheduler.poll_interval (due times are waited for, nothing is polled)")
        del ours["poll_interval"]
    if "executors" in ours:
        executors = old.inner("executors")
        names = {_SCHEDULER_WORDS.get(key, key): key for key in executors.values}
        for name, value in executors.renamed(_SCHEDULER_WORDS).items():
            if ours.setdefault(name, value) is value:
                origins[name] = (*executors.location, names[name])
        del ours["executors"]
    loose = {name: ours.pop(name) for name in _JOB_DEFAULTS if name in ours}
    if loose:
        ours["job_defaults"] = {**loose, **old.inner("job_defaults").values}
        origins.setdefault("job_defaults", (*old.location, next(iter(loose))))
    made.values["scheduler"] = ours
    made.moved |= {("scheduler", name): origin for name, origin in origins.items()}


def _storage(made: Translation, storage: _Section) -> None:
    """Let ``storage: {path}`` be the folder of results."""
    storage.only("path")
    path = storage.read("path", text)
    if path is None:
        return
    scheduler = made.values.get("scheduler") or {}
    if "results" in scheduler:
        message = "storage.path and scheduler.results say the same thing"
        raise storage.error(message, "path", hint="keep scheduler.results")
    made.values["scheduler"] = {**scheduler, "results": path}
    made.moved[("scheduler", "results")] = (*storage.location, "path")


def _reporting(made: Translation, whole: _Section) -> None:
    """Let ``reporting:`` be the standing page of the latest runs."""
    reporting = whole.inner("reporting")
    reporting.only("interval", "report_types", "template", "confluence")
    page = reporting.inner("confluence")
    page.only("page_id", "template")
    kinds = reporting.read("report_types", texts, ("confluence",))
    for kind in kinds:
        if kind not in REPORT_TYPES:
            hint = f"write {' or '.join(REPORT_TYPES)}; other channels: notify: {{channels: …}}"
            raise reporting.error(f"reporting.report_types: unknown type {kind!r}", "report_types", hint=hint)
    if "mattermost" in kinds and not whole.inner("notify").values.get("channels"):
        _chat(made, whole.inner("notify"), reporting)
    if "confluence" not in kinds:
        if page.values:
            made.unused.append("reporting.confluence (report_types does not name it)")
    elif made.values.get("standing_page") is None:
        made.values["standing_page"] = _standing_page(made, reporting, page)
        made.moved[("standing_page",)] = reporting.location


def _chat(made: Translation, notify: _Section, reporting: _Section) -> None:
    """Turn ``report_types: [mattermost]`` into a channel for all ended and late runs."""
    if MATTERMOST not in os.environ:
        mend = f"set {MATTERMOST} to its Apprise URL, or write notify: {{channels: …}}"
        made.unused.append(f"reporting.report_types: mattermost ({mend})")
        return
    channel: dict[str, Any] = {"env": MATTERMOST, "on": ["failed", "done", "late"]}
    if "interval" in reporting.values:
        channel["every"] = reporting.read("interval", duration(above=True))
    made.values["notify"] = {**notify.values, "channels": [channel]}
    made.moved[("notify", "channels")] = (*reporting.location, "report_types")


def _standing_page(made: Translation, reporting: _Section, page: _Section) -> dict[str, Any]:
    sites = made.values.get("sites") or {}
    site = sites.get("confluence") if isinstance(sites, dict) else None
    if site is not None and not isinstance(site, dict):
        raise reporting.error("sites.confluence: write a mapping of names to values")
    number = page.values.get("page_id") or (site or {}).get("task_result_page_id")
    if number is None:
        raise reporting.error("reporting: no page is named", hint="write confluence: {page_id: …}")
    result = {"site": "confluence", "page": str(number)}
    if "page_id" in page.values:
        made.moved[("standing_page", "page")] = (*page.location, "page_id")
    for section in (reporting, page):
        if section.values.get("template") is not None:
            result["template"] = section.read("template", text)
            made.moved[("standing_page", "template")] = (*section.location, "template")
    if "interval" in reporting.values:
        result["every"] = reporting.read("interval", duration(above=True))
        made.moved[("standing_page", "every")] = (*reporting.location, "interval")
    return result
