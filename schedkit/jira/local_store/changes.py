"""The changelog of a store's issues, kept beside it: only issues that changed are asked for theirs again.

The file tells for each issue as of which update its history was read, so that it mends itself after a crash
between the two files, and after a history that could not be read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio.to_thread
import msgspec
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from schedkit import context
from schedkit.errors import UsageError
from schedkit.jira.history.bulk_read import read_statuses, reported
from schedkit.jira.history.changelog import changelog, told_apart
from schedkit.jira.history.field_names import FieldNames
from schedkit.jira.local_store.store import ID, UPDATED
from schedkit.jira.local_store.sync import OVERLAP
from schedkit.jira.pages.session import Session
from schedkit.jira.table.people import PeopleNames
from schedkit.jira.table.statuses import Statuses
from schedkit.values.failures import translated
from schedkit.values.files import replacing
from schedkit.values.keywords import check_keywords
from schedkit.values.private import PRIVATE
from schedkit.values.whole_history import WholeHistory

__all__ = ["changes_file", "read_changelog", "synchronise_changes"]

Ints = npt.NDArray[np.int64]
_META = b"schedkit.jira.changes"
_CATEGORIES = ("Field", "Field Id")


@dataclass(frozen=True, slots=True)
class StoredChanges:
    """A file's contents: the changes, the issues whose histories were read, and the facts about them.

    Parameters
    ----------
    changes : DataFrame
        As `Jira.changelog` gives them.
    ids, updated : array of int
        The issues, and the update as of which each one's history was read, in microseconds.
    about : dict
        ``site``, ``fields``, ``read`` (when, by the site's clock) and ``people`` (what they are called, see
        `PeopleNames`), and the attrs of the changelog.
    """

    changes: pd.DataFrame
    ids: Ints
    updated: Ints
    about: dict[str, Any]


def changes_file(store: Path) -> Path:
    """Return the file beside a store that holds its changelog."""
    return store.with_name(f"{store.name.removesuffix('.parquet')}.changes.parquet")


@check_keywords
def read_changelog(path: str | Path) -> pd.DataFrame:
    """Return the changelog that `Jira.sync` keeps beside a file of issues, as `Jira.changelog` gives it.

    Parameters
    ----------
    path : str or Path
        The file of issues.

    Raises
    ------
    UsageError
        If there is none beside it.
    """
    stored = _read(changes_file(Path(path)))
    if stored is None:
        raise UsageError(f"there is no changelog beside {path}", hint="give sync history=True")
    stored.changes.attrs = {name: stored.about[name] for name in ("site", "statuses", "history_fields")}
    stored.changes.attrs["statuses"] = Statuses(stored.about["statuses"])
    stored.changes.attrs["history"] = WholeHistory(stored.changes)
    return stored.changes


async def synchronise_changes(
    session: Session, store: Path, fields: Sequence[str] | None, *, full: bool = False
) -> pd.DataFrame:
    """Bring the changelog beside a store up to date, and return all of it.

    Parameters
    ----------
    store : Path
        The file of issues, up to date.
    fields : sequence of str, optional
        Only changes of these fields; all by default.
    full : bool
        Read every history again.

    Raises
    ------
    UsageError
        If the file holds those of other fields or of another site.
    """
    names = FieldNames(session.catalog, session.dialect)
    wanted = names.wanted(fields)
    about: dict[str, Any] = {"site": session.base, "fields": None if wanted is None else sorted(wanted)}
    file = changes_file(store)
    ids, updated, keys = await anyio.to_thread.run_sync(_issues, store)
    stored = await anyio.to_thread.run_sync(_stored_for, file, about)
    stale = np.ones(len(ids), dtype=bool) if full or stored is None else _stale(stored, ids, updated)
    now = datetime.now(UTC) + session.clock_ahead
    await read_statuses(session)
    asked = keys[stale].tolist()
    people = PeopleNames(session.addresses)
    people.labels.update(stored.about["people"] if stored else {})
    fresh, missing = await changelog(session, asked, fields, people)
    unread = np.isin(keys, list(missing))
    changes = await anyio.to_thread.run_sync(_merged, stored, fresh, ids, keys, stale & ~unread)
    changes = told_apart(changes, people, names)
    about |= {
        "read": now.isoformat(),
        "statuses": session.statuses,
        "history_fields": names.described(changes["Field Id"].cat.categories),
        "people": people.labels,
    }
    if stored is None or stale.any() or len(ids) != len(stored.ids):
        now_read = StoredChanges(changes, ids[~unread], updated[~unread], about)
        await anyio.to_thread.run_sync(_write, file, now_read)
    context.artifact(file, file.name)
    changes = reported(changes, session, len(keys), missing, people)
    changes.attrs |= {name: about[name] for name in ("statuses", "history_fields")}
    changes.attrs["history"] = WholeHistory(changes)
    changes.attrs["sync"] = {"asked": len(asked)}
    return changes


def _issues(store: Path) -> tuple[Ints, Ints, npt.NDArray[np.object_]]:
    import pyarrow.parquet as pq  # it is 4 MB, which a search does without

    table = pq.read_table(store, columns=[ID, UPDATED, "Key"])
    ids, updated = (np.asarray(table[name], dtype=np.int64) for name in (ID, UPDATED))
    return ids, updated, np.array(table["Key"].to_pylist(), dtype=object)


def _stored_for(file: Path, about: Mapping[str, Any]) -> StoredChanges | None:
    stored = _read(file)
    for what in ("site", "fields"):
        if stored is not None and stored.about.get(what) != about[what]:
            raise UsageError(
                f"{file} holds {what} {stored.about.get(what)!r}, not {about[what]!r}",
                hint="name another file, or delete this one to start over",
            )
    return stored


def _stale(stored: StoredChanges, ids: Ints, updated: Ints) -> npt.NDArray[np.bool_]:
    """Return which issues have been updated since their history was read, or may have been."""
    order = np.argsort(stored.ids)
    known, was = stored.ids[order], stored.updated[order]
    place = np.minimum(np.searchsorted(known, ids), max(len(known) - 1, 0))
    same = (known[place] == ids) & (was[place] == updated) if len(known) else np.zeros(len(ids), dtype=bool)
    # A history may lag behind the issue's own time of update.
    lately = datetime.fromisoformat(stored.about["read"]) - OVERLAP
    return ~same | (updated >= int(lately.timestamp() * 1_000_000))


def _merged(
    stored: StoredChanges | None,
    fresh: pd.DataFrame,
    ids: Ints,
    keys: npt.NDArray[np.object_],
    read: npt.NDArray[np.bool_],
) -> pd.DataFrame:
    """Return the changes of all issues: new ones of those whose history was read, else those there were."""
    if stored is None:
        return fresh
    key_of = dict(zip(map(str, ids), keys, strict=True))
    stay = set(key_of) - set(map(str, ids[read]))
    old = stored.changes[stored.changes["Id"].isin(stay)]
    # An issue that was not read again may bear another key since.
    old = old.assign(Key=old["Id"].map(key_of).astype("str"))
    plain = [frame.astype(dict.fromkeys(_CATEGORIES, "str")) for frame in (old, fresh)]
    joined = pd.concat([frame for frame in plain if len(frame)] or plain[:1], ignore_index=True)
    numbers = pd.to_numeric(joined["Entry"], errors="coerce")
    order = joined.assign(Entry=numbers).sort_values(["When", "Key", "Entry"], kind="stable").index
    return _typed(joined.loc[order].reset_index(drop=True))


def _typed(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.astype(dict.fromkeys(_CATEGORIES, "category"))


def _write(file: Path, stored: StoredChanges) -> None:
    import pyarrow.parquet as pq

    read = pd.DataFrame({"Id": pd.Series(stored.ids).astype("str"), UPDATED: stored.updated})
    rows = stored.changes.astype(dict.fromkeys(_CATEGORIES, "str"))
    table = pa.Table.from_pandas(pd.concat([rows, read], ignore_index=True), preserve_index=False)
    table = table.replace_schema_metadata({_META: msgspec.json.encode(stored.about)})
    with replacing(file, mode=PRIVATE) as new:
        pq.write_table(table, new.part, compression="zstd")


def _read(file: Path) -> StoredChanges | None:
    import pyarrow.parquet as pq

    if not file.exists():
        return None
    with translated(file, UsageError, hint="delete it to start over, or name another file"):
        table = pq.read_table(file)
        meta = (table.schema.metadata or {}).get(_META)
    if meta is None:
        raise UsageError(f"{file} was not written by schedkit", hint="name another file")
    frame: pd.DataFrame = table.to_pandas()
    marks = frame[UPDATED].notna()
    changes = frame[~marks].drop(columns=UPDATED).reset_index(drop=True)
    changes["When"] = changes["When"].astype("datetime64[us, UTC]")
    texts = [name for name in changes if name not in ("When", *_CATEGORIES)]
    changes = _typed(changes.astype(dict.fromkeys((*texts, *_CATEGORIES), "str")))
    ids, updated = (np.array(frame.loc[marks, name], dtype=np.int64) for name in ("Id", UPDATED))
    return StoredChanges(changes, ids, updated, msgspec.json.decode(meta))
