"""Everything below a root ticket: epics, stories, subtasks, across projects; links on request.

Breadth first. Cloud has one edge, the parent; Data Center has three (a subtask's parent, the epic link, the
parent link). Sets of ids seen stop cycles and double edges.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pandas as pd

from schedkit import context
from schedkit.errors import JqlError, NotFoundError
from schedkit.jira.dialect import CLOUD
from schedkit.jira.jql import Query, chunks, in_list
from schedkit.jira.pages.requests import by_ids
from schedkit.jira.search.extraction import STAGE, Extraction
from schedkit.jira.search.keys import fetch_keys
from schedkit.jira.search.query import ROUNDS
from schedkit.jira.table.fields import EPIC_LINK, PARENT_LINK
from schedkit.jira.table.reader import Page
from schedkit.loop import task_group

__all__ = ["LINKS", "TREE_COLUMNS", "Tree", "children_of", "run_hierarchy"]

LINKS = "issuelinks"
TREE_COLUMNS = ("Level", "Via")


@dataclass(slots=True)
class Tree:
    """What a walk from a root has found.

    Parameters
    ----------
    keys : dict
        Key of every issue found, by id.
    via : dict
        How each was reached, by id: ``root``, the parent's key, or ``blocks DEMO-3``.
    level : dict
        Steps below the root, by id; absent for issues reached by links.
    linked : dict
        The texts of each issue's links, by id.
    links_label : str
        The column they are read from.
    """

    keys: dict[int, str] = field(default_factory=dict)
    via: dict[int, str] = field(default_factory=dict)
    level: dict[int, int] = field(default_factory=dict)
    parents: dict[int, str | None] = field(default_factory=dict)
    linked: dict[int, tuple[str, ...]] = field(default_factory=dict)
    links_label: str = ""

    def take(self, page: Page) -> None:
        """Take note of the issues of a page."""
        columns = page.batch.columns
        ids = page.batch.ids.tolist()
        self.keys.update(zip(ids, columns["Key"].to_pylist(), strict=True))
        if "Parent" in columns:
            self.parents.update(zip(ids, columns["Parent"].to_pylist(), strict=True))
        if self.links_label in columns:
            self.linked.update(zip(ids, columns[self.links_label], strict=True))

    def drop(self, id: int) -> None:
        """Forget an issue that is gone."""
        self.level.pop(id, None)
        self.via.pop(id, None)
        self.keys.pop(id, None)

    def order(self) -> list[int]:
        """Return the ids as a reader expects them: each issue directly before what is below it."""
        by_key = {key: id for id, key in self.keys.items()}
        below: dict[int, list[int]] = {}
        roots: list[int] = []
        for id in self.via:
            parent = by_key.get(self.parents.get(id) or "")
            if self.level.get(id) and parent in self.level and self.level[parent] < self.level[id]:
                below.setdefault(parent, []).append(id)
            else:
                roots.append(id)
        ordered: list[int] = []
        stack = list(reversed(roots))
        while stack:
            id = stack.pop()
            ordered.append(id)
            stack.extend(sorted(below.get(id, ()), reverse=True))
        return ordered

    def annotate(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Add the columns Level and Via."""
        order = [id for id in self.order() if id in self.keys]
        frame["Level"] = pd.array([self.level.get(id) for id in order], dtype="Int64")
        frame["Via"] = pd.array([self.via[id] for id in order], dtype="str")
        return frame


def children_of(extraction: Extraction, keys: Sequence[str]) -> str:
    """Return the condition for everything directly below any of `keys`."""
    edges = [in_list("parent", keys)]
    if extraction.session.dialect is not CLOUD:
        for kind in (EPIC_LINK, PARENT_LINK):
            for link in extraction.session.catalog.custom(kind):
                # By number: names repeat, and are translated.
                edges.append(in_list(f"cf[{link.id.removeprefix('customfield_')}]", keys))
    return " OR ".join(edges)


async def run_hierarchy(extraction: Extraction, root: str, links_depth: int = 0) -> Tree:
    """Run an extraction of a root and everything below it, proven closed.

    Raises
    ------
    NotFoundError
        If the root does not exist or may not be seen.
    """
    completeness = extraction.completeness
    completeness.jql = f"hierarchy of {root}" + (f", links to depth {links_depth}" if links_depth else "")
    labels = [column.label for column in extraction.layout.columns if column.field_ids == [LINKS]]
    tree = Tree(links_label=labels[0] if labels else "")
    extraction.listeners.append(tree.take)
    found = await fetch_keys(extraction, [root])
    if root not in found:
        reason = completeness.missing.get(root, "not found")
        raise NotFoundError(
            f"{extraction.session.site.name} has no issue {root}: {reason}",
            hint="check the key, and that you may see it",
        )
    tree.via[found[root]], tree.level[found[root]] = "root", 0
    await _descend(extraction, tree, [found[root]])
    await _check(extraction, tree, found[root])
    # From the tree's order rather than that of arrival, so that equal sites give equal frames.
    frontier = tree.order()
    for _ in range(links_depth):
        frontier = await _follow(extraction, tree, frontier)
    extraction.order = tree.order()
    completeness.requested = len(extraction.order) + len(completeness.missing)
    await extraction.finish()
    if not completeness.exact:
        completeness.ended = datetime.now(UTC)
    context.progress(STAGE, len(extraction.order), len(extraction.order))
    return tree


async def _descend(extraction: Extraction, tree: Tree, frontier: list[int]) -> None:
    """Fetch everything below the issues of `frontier`, level by level."""
    while frontier:
        level = {tree.keys[id]: tree.level[id] for id in frontier}
        async with task_group() as group:
            for some in chunks(frontier, extraction.session.dialect.bulk):
                group.start_soon(_below, extraction, tree, some, extraction.read)
        frontier = [id for id in tree.keys if id not in tree.via]
        for id in frontier:
            parent = tree.parents.get(id) or ""
            tree.level[id] = level.get(parent, max(level.values())) + 1
            tree.via[id] = parent


async def _below(
    extraction: Extraction, tree: Tree, ids: list[int], act: Callable[[Query], Awaitable[object]]
) -> None:
    """Do `act` with the query for what is directly below the issues `ids`.

    The site refuses a query that names an issue which was deleted meanwhile: then it is left out.
    """
    try:
        await act(Query(children_of(extraction, [tree.keys[id] for id in ids]), "key ASC"))
    except JqlError:
        alive: set[int] = set()
        requests = by_ids(ids, ["updated"], extraction.id_reader.page, extraction.session.dialect)
        await extraction.pages.read(requests, lambda page: alive.update(page.batch.ids.tolist()))
        gone = [id for id in ids if id not in alive]
        if not gone:
            raise
        for id in gone:
            tree.drop(id)
        extraction.completeness.left += len(gone)
        if alive:
            await _below(extraction, tree, [id for id in ids if id in alive], act)


async def _check(extraction: Extraction, tree: Tree, root: int) -> None:
    """Ask again what is below every issue found, until that is exactly what was found."""
    completeness = extraction.completeness
    for _ in range(ROUNDS):
        moment = datetime.now(UTC)
        since = extraction.since(completeness.started)
        before = extraction.seen_ids.counts
        below: set[int] = set()

        async def list_below(query: Query, below: set[int] = below, since: int = since) -> None:
            # Asked last, so that it also shows what left and came back before it was listed.
            below.update((await extraction.list_ids(query)).ids)
            await extraction.read(query.also(f"updated >= {since}"))

        async with task_group() as group:
            group.start_soon(extraction.pages.confirm_login)
            group.start_soon(extraction.fetch, [root])
            for some in chunks(list(tree.level), extraction.session.dialect.bulk):
                group.start_soon(_below, extraction, tree, some, list_below)
        left = set(tree.level) - below - {root}
        for id in left:
            tree.drop(id)
        # Also what is held from before it had left.
        await extraction.fetch_all(sorted(below - set(tree.keys)))
        appeared, changed = (now - then for now, then in zip(extraction.seen_ids.counts, before, strict=True))
        completeness.appeared += appeared
        completeness.changed += changed
        completeness.left += len(left)
        new = [id for id in tree.keys if id not in tree.via and id in below]
        for id in new:
            parent = tree.parents.get(id) or ""
            above = [
                tree.level[other] for other, key in tree.keys.items() if key == parent and other in tree.level
            ]
            tree.level[id], tree.via[id] = (above[0] if above else 0) + 1, parent
        await _descend(extraction, tree, new)
        if not (left or new or appeared or changed):
            completeness.exact, completeness.ended = True, moment
            return
        completeness.started = moment


async def _follow(extraction: Extraction, tree: Tree, frontier: list[int]) -> list[int]:
    """Fetch the issues that those of `frontier` link to; returns the new ones."""
    known = set(tree.keys.values())
    wanted: dict[str, str] = {}
    for id in frontier:
        for text in tree.linked.get(id, ()):
            relation, _, key = text.rpartition(" ")
            if key not in known:
                wanted.setdefault(key, f"{relation} {tree.keys[id]}")
    if not wanted:
        return []
    found = await fetch_keys(extraction, list(wanted), "linked, but not to be seen")
    new = [id for id in dict.fromkeys(found.values()) if id not in tree.via]
    via = {id: wanted[key] for key, id in found.items()}
    tree.via.update({id: via[id] for id in new})
    return new
