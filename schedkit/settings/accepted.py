"""Older words for the same settings, accepted as written and translated in one place.

Configuration files of the systems this project replaces say ``jira: {url, username, password}``,
``scheduler: {timezone, max_workers, job_store_url, executors: {default_threads}}`` and so on.
"""

from __future__ import annotations

from typing import Any

from schedkit.core.api.options import SCHEDULER_OPTIONS
from schedkit.core.tasks.defaults import DEFAULT_OPTIONS
from schedkit.errors import SettingsError, UsageError
from schedkit.values.options import refuse_unknown
from schedkit.values.parsers import mapping, texts

__all__ = ["translated"]


def translated(values: dict[str, Any], where: str) -> dict[str, Any]:
    """Return `values` in our words; keys that are ours already stay as they are.

    Raises
    ------
    SettingsError
        An old and a new word say the same thing differently.
    """
    values = dict(values)
    if not isinstance(values.get("sites") or {}, dict):
        return values
    sites = dict(values.pop("sites", None) or {})
    for kind in ("jira", "confluence"):
        old = values.pop(kind, None)
        if old is None:
            continue
        if kind in sites:
            raise SettingsError(f"{where}: {kind}: and sites.{kind}: name the same site", hint="keep sites:")
        if not isinstance(old, dict):
            raise SettingsError(f"{where}: {kind}: is not a mapping", hint="write url:, user: and token:")
        sites[kind] = {"kind": kind, **_renamed(old, {"username": "user"}, f"{where}: {kind}")}
    if sites:
        values["sites"] = sites
    reporting = values.pop("reporting", None)
    if isinstance(reporting, dict):
        try:
            values.setdefault("standing_page", _standing_page(reporting, sites, f"{where}: reporting"))
        except UsageError as error:
            raise SettingsError(error.message, hint=error.hint) from None
    for unused in ("log", "storage"):
        # Logging is the host program's to configure, and everything is stored in the ledger.
        values.pop(unused, None)
    scheduler = values.get("scheduler")
    if isinstance(scheduler, dict):
        values["scheduler"] = _scheduler(scheduler, f"{where}: scheduler")
    return values


_REPORTING = ("interval", "report_types", "confluence", "mattermost")
_PAGE = ("page_id", "template")


def _standing_page(reporting: dict[str, Any], sites: dict[str, Any], where: str) -> dict[str, Any] | None:
    if "confluence" not in texts(reporting.get("report_types", "confluence"), f"{where}.report_types"):
        return None
    refuse_unknown([name for name in reporting if name not in _REPORTING], _REPORTING, where)
    options = mapping(reporting.get("confluence"), f"{where}.confluence")
    refuse_unknown([name for name in options if name not in _PAGE], _PAGE, f"{where}.confluence")
    page = options.get("page_id")
    page = page or mapping(sites.get("confluence"), "sites.confluence").get("task_result_page_id")
    if page is None:
        raise SettingsError(f"{where}: no page is named", hint="write confluence: {page_id: …}")
    made = {"site": "confluence", "page": str(page)}
    if options.get("template") is not None:
        made["template"] = options["template"]
    return {**made, "every": f"{reporting['interval']}s"} if "interval" in reporting else made


_SCHEDULER_WORDS = {
    "job_store_url": "ledger",
    **{spelling: name for name, option in SCHEDULER_OPTIONS.items() for spelling in option.spellings},
}
_JOB_DEFAULTS = [
    spelling for name, option in DEFAULT_OPTIONS.items() for spelling in (name, *option.spellings)
]


def _scheduler(old: dict[str, Any], where: str) -> dict[str, Any]:
    ours = _renamed(old, _SCHEDULER_WORDS, where)
    # Our clock sleeps until the next due time: there is nothing to poll.
    ours.pop("poll_interval", None)
    executors = ours.pop("executors", None)
    if isinstance(executors, dict):
        ours = {**_renamed(executors, _SCHEDULER_WORDS, f"{where}.executors"), **ours}
    loose = {name: ours.pop(name) for name in _JOB_DEFAULTS if name in ours}
    if loose:
        ours["job_defaults"] = {**loose, **(ours.get("job_defaults") or {})}
    return ours


def _renamed(old: dict[str, Any], words: dict[str, str], where: str) -> dict[str, Any]:
    renamed: dict[str, Any] = {}
    for key, value in old.items():
        name = words.get(key, key)
        if name in renamed:
            raise SettingsError(f"{where}: {key} and {name} say the same thing", hint=f"keep {name}:")
        renamed[name] = value
    return renamed
