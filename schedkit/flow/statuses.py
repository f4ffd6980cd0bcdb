"""The stays of issues in statuses, each with the status's present name and category, by its id.

A category belongs to a status's id: projects of one site may use one name in two categories. The site's
list of statuses (``attrs["statuses"]``) tells names and categories; an issue's own row wins for its present.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from schedkit.flow.frames import Coded, Instants, as_instants, cell_texts, naive, per_value, without_zone
from schedkit.flow.gaps import missing_changes
from schedkit.flow.log import Log
from schedkit.flow.steps import Objects, Steps, shown, steps_of

__all__ = ["CATEGORIES", "Statuses", "Stays", "stays_of"]

# By the key that no language changes.
CATEGORIES = {"undefined": "No Category", "new": "To Do", "indeterminate": "In Progress", "done": "Done"}


_UNCOUNTED = "stays in it count as no category; say which it is, e.g. categories={{{0!r}: 'In Progress'}}"


class Statuses:
    """What is known of statuses: names, categories and what the categories are called in English.

    Parameters
    ----------
    log : Log
        Its frames' ``attrs["statuses"]``, by id: name, category and the category's key. Frames made by hand
        may have the category of each status by its name.
    given : mapping, optional
        Categories by a status's name or id, as the caller says.
    """

    def __init__(self, log: Log, given: Mapping[str, str] | None = None) -> None:
        told = {**log.attrs[0].get("statuses", {}), **log.attrs[1].get("statuses", {})}
        known = {id: about for id, about in told.items() if isinstance(about, Mapping)}
        named = {name: category for name, category in told.items() if isinstance(category, str)}
        self.given = dict(given or {})
        self.listed = frozenset(known)
        self.names: dict[str, str] = {id: about["name"] for id, about in known.items()}
        self.ids_of: dict[str, list[str]] = {}
        for id, name in self.names.items():
            self.ids_of.setdefault(name, []).append(id)
        self.order = list(dict.fromkeys([*self.names.values(), *named]))
        self.known_names = frozenset(self.order)
        self.by_id: dict[str, str] = {
            id: about["category"] for id, about in known.items() if about.get("category")
        }
        self.by_name: dict[str, set[str]] = {name: {category} for name, category in named.items()}
        for id, category in self.by_id.items():
            self.by_name.setdefault(self.names[id], set()).add(category)
        self.categories = list(dict.fromkeys([*self.by_id.values(), *named.values()]))
        self.english = {name: name for name in CATEGORIES.values() if name in self.categories}
        for attrs in log.attrs:  # each in the language of who read it
            for about in attrs.get("statuses", {}).values():
                if isinstance(about, Mapping) and about.get("category") and about.get("key") in CATEGORIES:
                    self.english[about["category"]] = CATEGORIES[about["key"]]

    def learn(self, id: str | None, name: str, category: str | None) -> None:
        """Take what an issue says of its status; the site's list takes precedence."""
        if id is not None:
            self.names.setdefault(id, name)
            if category is not None:
                self.by_id.setdefault(id, category)
        if category is not None and name not in self.known_names:
            self.by_name.setdefault(name, set()).add(category)

    def name(self, id: str | None, text: str | None) -> str | None:
        """Return the present name of a status."""
        return self.names.get(id, text) if id is not None else text

    def as_listed(self, category: str) -> str:
        """Return a category as the site's list calls it, whichever language it is in."""
        meant = self.english.get(category)
        if meant is None or category in self.categories:
            return category
        return next((each for each in self.categories if self.english.get(each) == meant), category)

    def id_of(self, name: str, category: str | None) -> str | None:
        """Return the id of the only listed status of a name, in a category if that is known."""
        found = [id for id in self.ids_of.get(name, ()) if category in (None, self.by_id.get(id))]
        return found[0] if len(found) == 1 else None

    def category(self, id: str | None, text: str | None) -> str | None:
        """Return the category of a status; None if it is not known."""
        name = self.name(id, text)
        told = self.given.get(str(id)) or self.given.get(str(name)) or self.by_id.get(str(id))
        if told:
            return told
        # One without an id, or whose id is gone, is what all of its name are today.
        same = self.by_name.get(str(name), set())
        return next(iter(same)) if len(same) == 1 else None


@dataclass(frozen=True, eq=False)
class Stays:
    """Stays in statuses, one for each step.

    Parameters
    ----------
    log : Log
        The issues and changes.
    steps : Steps
        When, and of which issue.
    names, ids, categories : array
        Of each stay's status; None where not known.
    statuses : Statuses
        What is known of them.
    gone : dict
        By id, the name of statuses that the site's list no longer has.
    moved : list of str
        Issues whose present status is not what their last change says.
    newer : array of datetime64
        When those of them were updated that were updated after that change: since then they are counted in
        their present status.
    """

    log: Log
    steps: Steps
    names: Objects
    ids: Objects
    categories: Objects
    statuses: Statuses
    gone: dict[str, str]
    moved: list[str]
    newer: Instants

    @cached_property
    def coded_names(self) -> Coded:
        """The names as codes, and the different ones; -1 where not known."""
        return pd.factorize(self.names)

    @cached_property
    def coded_categories(self) -> Coded:
        """The categories as codes, and the different ones; -1 where not known."""
        return pd.factorize(self.categories)

    def until(self, end: pd.Timestamp) -> Stays:
        """Return the stays that had begun at an instant, as they were then."""
        begun = np.isnat(self.steps.entered) | (self.steps.entered <= naive(end))
        return replace(
            self,
            steps=self.steps.until(end),
            names=self.names[begun],
            ids=self.ids[begun],
            categories=self.categories[begun],
        )

    def warnings(self, end: pd.Timestamp | None) -> list[str]:
        """Return what a reader of figures must know; `end` is where they were cut, None for now."""
        found = [self._of_gone(id, name) for id, name in self.gone.items() if (self.ids == id).any()]
        found += [self._of_unknown(name) for name in self._unknown()]
        found += missing_changes(self.log, end)
        if self.moved and (end is None or (self.newer <= naive(end)).any()):
            counted = f": {len(self.newer)} are counted in their present status since their last update"
            found.append(
                f"{len(self.moved)} issues have moved since their changes were read (e.g. {self.moved[0]})"
                f"{counted if len(self.newer) else ''}; read the changes again to see those moves"
            )
        return found

    def _of_gone(self, id: str, name: str) -> str:
        category = self.statuses.category(id, name)
        if category is None:
            return f"the status {name!r} ({id}) is gone from the site: {_UNCOUNTED.format(name)}"
        return f"the status {name!r} ({id}) is gone from the site; it is counted as {category!r}"

    def _of_unknown(self, name: str) -> str:
        return f"the category of the status {name!r} is not known: {_UNCOUNTED.format(name)}"

    def _unknown(self) -> list[str]:
        """Return statuses without a category, where others have one."""
        lacking = per_value(self.categories, lambda category: category is None)
        if lacking.all():
            return []
        gone = set(self.gone)
        left = lacking & ~per_value(self.ids, lambda id: id in gone)
        return sorted({str(name) for name in self.names[left] if name is not None})


def stays_of(log: Log, given: Mapping[str, str] | None = None) -> Stays:
    """Return the stays of issues in statuses, to this day."""
    steps = steps_of(log, "status")
    statuses = Statuses(log, given)
    last = steps.last
    agreed, own, category = _present(log, steps, statuses)
    strayed = ~agreed & pd.notna(own) & (steps.code[last] >= 0)
    keys = log.issues["Key"].astype("str").to_numpy(dtype=object)
    moved = keys[steps.issue[last[strayed]]].tolist()
    later = strayed & _updated_later(log, steps)
    newer = np.empty(0, dtype="datetime64[us]")
    if later.any():
        steps = _moved_on(log, steps, statuses, later)
        newer = steps.entered[steps.last[later]]
        last = steps.last
        agreed, own, category = _present(log, steps, statuses)
    # The id of an issue's present status is told by its last change, or by a column of its own.
    told = ((np.bincount(steps.issue) > 1) | ("Status Id" in log.issues))[steps.issue[last]]
    known = np.where(told, steps.code[last], -1)[agreed]
    for code, name, of in dict.fromkeys(zip(known.tolist(), own[agreed], category[agreed], strict=True)):
        statuses.learn(steps.ids[code] if code >= 0 else None, name, of)
    codes = list(zip(steps.ids, steps.texts, strict=True))
    names = shown(steps.code, [statuses.name(*code) for code in codes])
    categories = shown(steps.code, [statuses.category(*code) for code in codes])
    ids = steps.shown_ids()
    for place, name, of in zip(last[~told], own[~told], category[~told], strict=True):
        if name in statuses.known_names:
            ids[place] = statuses.id_of(name, of)
            categories[place] = statuses.category(ids[place], name)
    said = [per_value(each[last], lambda name: name in statuses.given) for each in (names, ids)]
    wins = agreed & pd.notna(category) & ~said[0] & ~said[1]
    # A category that is not in the site's list is of another language, if the list has the status.
    in_list, as_listed = (
        per_value(each, statuses.english.__contains__) for each in (category, categories[last])
    )
    wins = wins & (in_list | ~as_listed)
    categories[last[wins]] = [statuses.as_listed(each) for each in category[wins]]
    present = {steps.ids[code] for code in steps.code[last[agreed]] if code >= 0}
    gone = {
        id: str(text)
        for id, text in codes
        if statuses.listed and id is not None and id not in statuses.listed and id not in present
    }
    return Stays(log, steps, names, ids, categories, statuses, gone, moved, newer)


def _updated_later(log: Log, steps: Steps) -> npt.NDArray[np.bool_]:
    """Return which issues' rows are younger than the last change of their status."""
    last = steps.last
    if "Updated" not in log.issues:
        return np.zeros(len(last), dtype=bool)
    updated = without_zone(as_instants(log.issues, "Updated"))
    return np.asarray(updated[steps.issue[last]] > steps.entered[last], dtype=bool)


def _moved_on(log: Log, steps: Steps, statuses: Statuses, moved: npt.NDArray[np.bool_]) -> Steps:
    """Add a step into their present status for issues whose last move is not among the changes.

    It is taken to have happened when the issue was last updated: not later than that, at least.
    """
    last = steps.last[moved]
    rows = log.issues.iloc[steps.issue[last]]
    own = cell_texts(rows["Status"])
    category = cell_texts(rows["Status Category"]) if "Status Category" in rows else [None] * len(rows)
    if "Status Id" in rows:
        ids = list(cell_texts(rows["Status Id"]))
    else:
        ids = [statuses.id_of(*pair) for pair in zip(own, category, strict=True)]
    pairs = list(zip(steps.texts, steps.ids, strict=True))
    codes = []
    for pair in zip(own, ids, strict=True):
        if pair not in pairs:
            pairs.append(pair)
        codes.append(pairs.index(pair))
    when = without_zone(as_instants(rows, "Updated"))
    left = steps.left.copy()
    left[last] = when
    return replace(
        steps,
        issue=np.insert(steps.issue, last + 1, steps.issue[last]),
        entered=np.insert(steps.entered, last + 1, when),
        left=np.insert(left, last + 1, np.datetime64("NaT", "us")),
        code=np.insert(steps.code, last + 1, codes),
        texts=[text for text, _ in pairs],
        ids=[id for _, id in pairs],
    )


def _present(log: Log, steps: Steps, statuses: Statuses) -> tuple[npt.NDArray[np.bool_], Objects, Objects]:
    """Return whether each issue's row agrees with its last change, and its own status and category."""
    last = steps.last
    none = np.full(len(last), None, dtype=object)
    rows = log.issues.iloc[steps.issue[last]]
    own = cell_texts(rows["Status"]) if "Status" in rows else none
    category = cell_texts(rows["Status Category"]) if "Status Category" in rows else none
    names = [statuses.name(*code) for code in zip(steps.ids, steps.texts, strict=True)]
    agreed = shown(steps.code[last], names) == own
    # The row may be from before the status was renamed; unless another one bears that name now.
    was_called = ~per_value(own, lambda name: name in statuses.known_names)
    agreed |= was_called & (shown(steps.code[last], steps.texts) == own)
    if "Status Id" in rows:
        agreed |= cell_texts(rows["Status Id"]) == shown(steps.code[last], steps.ids)
    return np.asarray(agreed & pd.notna(own), dtype=bool), own, category
