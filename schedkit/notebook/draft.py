"""The report that the builder's form describes; without widgets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

from schedkit.core.triggers.base import Trigger
from schedkit.core.triggers.constructors import at, cron, every
from schedkit.errors import UsageError
from schedkit.report import Extract, Report, loads_reports

__all__ = ["Draft", "save", "saved", "schedule_of", "upcoming"]

TRY_ROWS = 50
# Without these columns of the issues there are no metrics.
NEEDED = ("Created", "Status", "Status Category")
# A report needs an output; a trial extracts only.
NOWHERE = {"excel": {"path": "trial.xlsx"}}


@dataclass(frozen=True)
class Draft:
    """A report in the making; all texts as typed.

    Parameters
    ----------
    source : {"jql", "project", "root"}
        What `question` is: a query, a project's key, or a root ticket.
    schedule : str
        ``"every 1h"``, ``"at 2026-12-24 12:00"``, a crontab line, or nothing: on demand.
    metrics, metrics_page : str
        The workbook of the figures of `schedkit.flow.pack`, and the title of a page of them; empty: none.
    split_by : str
        A column whose values the figures tell apart.
    """

    name: str = ""
    site: str = ""
    source: str = "jql"
    question: str = ""
    fields: tuple[str, ...] = ()
    schedule: str = ""
    workbook: str = ""
    wiki: str = ""
    page: str = ""
    region: str = ""
    metrics: str = ""
    metrics_page: str = ""
    split_by: str = ""

    @property
    def _wants_metrics(self) -> bool:
        return bool(self.metrics.strip() or self.metrics_page.strip())

    def document(self) -> dict[str, Any]:
        """Return the report as the YAML file's document."""
        made: dict[str, Any] = {"name": self.name.strip()}
        when = schedule_of(self.schedule)
        if when is not None:
            made["schedule"] = when
        extract = self._extract()
        if self._wants_metrics:
            extract = {"issues": extract, "history": {"changelog": "issues"}}
        return {**made, "extract": extract, "check": [{"complete": True}], "deliver": self._deliver()}

    def _extract(self) -> dict[str, Any]:
        extract: dict[str, Any] = {"site": self.site, self.source: self.question.strip()}
        if self.fields:
            needed = (*NEEDED, self.split_by.strip()) if self._wants_metrics else ()
            extract["fields"] = list(dict.fromkeys([*self.fields, *filter(None, needed)]))
        return extract

    def _deliver(self) -> list[dict[str, Any]]:
        deliver: list[dict[str, Any]] = []
        if self.workbook.strip():
            deliver.append({"excel": {"path": self.workbook.strip()}})
        if self.page.strip():
            table = {
                "site": self.wiki,
                "page": self.page.strip(),
                "region": self.region.strip(),
                "key": "Key",
            }
            deliver.append({"confluence": table})
        if self._wants_metrics:
            page = (
                {"site": self.wiki, "title": self.metrics_page.strip()} if self.metrics_page.strip() else {}
            )
            given = {"path": self.metrics.strip(), "by": self.split_by.strip()}
            chosen = {name: value for name, value in given.items() if value}
            deliver.append({"metrics": {"frame": "issues", "changes": "history", **chosen, **page}})
        return deliver

    def yaml(self) -> str:
        """Return the report as YAML."""
        return _yaml(self.document())

    def report(self) -> Report:
        """Return the report.

        Raises
        ------
        SettingsError
            What is missing or wrong, by its key.
        """
        if not self.question.strip():
            raise UsageError(f"{self.source} is empty", hint="write a query, a project or a root ticket")
        if not self._deliver():
            raise UsageError("the report has no output", hint="name a workbook, a Confluence page, or both")
        (report,) = loads_reports(self.yaml(), "the form")
        return report

    def trial(self) -> Extract:
        """Return the extraction alone, with at most 50 rows."""
        alone = replace(self, metrics="", metrics_page="")
        trial = {**alone.document(), "name": self.name.strip() or "trial", "deliver": [NOWHERE]}
        (report,) = loads_reports(_yaml(trial), "the form")
        (extract,) = report.extract.values()
        return extract.model_copy(update={"limit": TRY_ROWS})


def _yaml(document: dict[str, Any]) -> str:
    text: str = yaml.safe_dump(document, sort_keys=False, allow_unicode=True)
    return text


def schedule_of(words: str) -> dict[str, str] | None:
    """Return a schedule's key and value as a report spells them, None for nothing.

    Examples
    --------
    >>> schedule_of("every 90m"), schedule_of("0 7 * * mon-fri")
    ({'every': '90m'}, {'cron': '0 7 * * mon-fri'})
    """
    text = words.strip()
    if not text:
        return None
    first, _, rest = text.partition(" ")
    return {first.lower(): rest.strip()} if first.lower() in ("every", "at") else {"cron": text}


def upcoming(words: str, now: datetime, count: int = 5) -> tuple[str, list[datetime]]:
    """Return a schedule in plain words, and its next times after `now`.

    Raises
    ------
    TriggerError
        If it is not understood, or never fires.
    """
    when = schedule_of(words)
    if when is None:
        return "on demand", []
    ((kind, spelled),) = when.items()
    trigger = _TRIGGERS[kind](spelled)
    bound = trigger if trigger.bound else trigger.bind(now)
    return trigger.text(), bound.upcoming(count, after=now)


_TRIGGERS: dict[str, Callable[[str], Trigger]] = {"cron": cron, "every": every, "at": at}


def save(draft: Draft, folder: Path) -> Path:
    """Write the report's file into `folder`; one that is there with other content is left alone.

    Raises
    ------
    UsageError
        If another report has that file name.
    """
    draft.report()
    path = _path(draft, folder)
    if path.exists() and saved(draft, folder) is None:
        raise UsageError(
            f"{path.name} is there already, and differs", hint="choose another name, or delete it"
        )
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text(draft.yaml(), encoding="utf-8")
    return path


def saved(draft: Draft, folder: Path) -> Path | None:
    """Return the report's file in `folder` if it says what the form says."""
    path = _path(draft, folder)
    return path if path.is_file() and path.read_text(encoding="utf-8") == draft.yaml() else None


def _path(draft: Draft, folder: Path) -> Path:
    return folder / f"{draft.name.strip()}.yaml"
