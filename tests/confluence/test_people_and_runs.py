"""Runs and people take turns on one table, in any order: nobody's words are ever lost."""

from __future__ import annotations

from random import Random

import pandas as pd
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from support.confluence_pages import anchor, hostile_pages, table

from schedkit.confluence.markup import escape
from schedkit.confluence.plans.edit import TableEdit
from schedkit.confluence.source.grid import read_grid
from schedkit.confluence.source.locate import PageIndex, locate
from schedkit.confluence.source.reading import key_text, text
from schedkit.confluence.source.regions import region
from schedkit.confluence.source.storage import check, splice
from schedkit.confluence.tables.render import render
from schedkit.confluence.tables.rules import Rules
from schedkit.demo.confluence.storage import normalise

KEYS = [f"K-{n}" for n in range(6)]
words = st.text(alphabet="abc <&>é😀", min_size=1, max_size=5).map(str.strip).filter(bool)


class PeopleAndRuns(RuleBasedStateMachine):
    """The page as source text, beside what people wrote, by key."""

    @initialize(before=hostile_pages, after=hostile_pages)
    def begin(self, before: str, after: str) -> None:
        self.before = f"{before}<h6>managed</h6>"
        self.after = f"<h6>after</h6>{after}"
        body = table(["Key", "Summary", "Comment"], [])
        self.source = f"{self.before}{anchor('managed')}{body}{self.after}"
        self.words: dict[str, str] = {}
        self.last: TableEdit | None = None

    def grid(self) -> tuple[list[str], dict[str, dict[str, str]]]:
        grid = read_grid(self.source, locate(PageIndex(self.source), region("anchor:managed")), "it")
        key = grid.names.index("Key")
        rows = {}
        for row in grid.rows:
            cells = [self.source[c.inner : c.outer] for c in row.cells]
            rows[key_text(cells[key])] = dict(zip(grid.names, map(text, cells), strict=True))
        return grid.names, rows

    @rule(
        frame=st.dictionaries(st.sampled_from(KEYS), words, max_size=5),
        cap=st.sampled_from([None, 1, 3]),
        due=st.booleans(),
    )
    def run(self, frame: dict[str, str], cap: int | None, due: bool) -> None:
        df = pd.DataFrame({"Key": list(frame), "Summary": list(frame.values())}, dtype="str")
        if due:
            df["Due"] = "soon"
        change = TableEdit(
            region("anchor:managed"), render(df, key="Key"), Rules("Key", ["Comment"], cap=cap)
        )
        draft = change(self.source, "page")
        assert change(draft.new, "page").new == draft.new
        self.source = draft.new
        self.last = change
        _, rows = self.grid()
        visible = [key for key in frame if key in rows]
        assert len(visible) >= min(len(frame), len(frame) if cap is None else cap)
        for key in visible:
            assert rows[key]["Summary"] == " ".join(frame[key].split())
        hidden = [key for key in rows if key.startswith("… and ")]
        assert bool(hidden) == (len(visible) < len(frame))

    @rule(key=st.sampled_from(KEYS), word=words)
    def write_a_comment(self, key: str, word: str) -> None:
        names, rows = self.grid()
        comment = next(name for name in names if name in ("Comment", "Our words"))
        if key not in rows:
            return
        grid = read_grid(self.source, locate(PageIndex(self.source), region("anchor:managed")), "it")
        for row in grid.rows:
            if key_text(self.content(row.cells[grid.names.index("Key")])) == key:
                cell = row.cells[grid.names.index(comment)]
                self.source = splice(self.source, [(cell.inner, cell.outer, f"<p>{escape(word)}</p>")])
        self.words[key] = " ".join(word.split())

    def content(self, cell: object) -> str:
        return self.source[cell.inner : cell.outer]

    @rule(seed=st.integers(0, 9))
    def the_server_rewrites(self, seed: int) -> None:
        self.source = normalise(self.source, Random(seed))
        self.before = self.source[: self.source.index('<ac:structured-macro ac:name="anchor"')]
        self.after = self.source[self.source.rindex("<h6", 0, self.source.rindex(">after</h6>")) :]
        if self.last is not None:
            assert not self.last(self.source, "page").changed

    @rule()
    def rename_the_column(self) -> None:
        self.source = self.source.replace("<th>Comment</th>", "<th>Our words</th>")

    @rule()
    def name_it_back(self) -> None:
        self.source = self.source.replace("<th>Our words</th>", "<th>Comment</th>")

    @rule(word=st.sampled_from(["<p>new &amp; old</p>", "<table><tbody><tr><td>x</td></tr></tbody></table>"]))
    def write_around_it(self, word: str) -> None:
        self.source = self.source.replace(self.before, word + self.before, 1)
        self.before = word + self.before

    @invariant()
    def nothing_around_it_changes(self) -> None:
        assert self.source.startswith(self.before)
        assert self.source.endswith(self.after)
        check(self.source)

    @invariant()
    def every_word_is_still_there(self) -> None:
        names, rows = self.grid()
        comment = next(name for name in names if name in ("Comment", "Our words"))
        assert {key: row[comment] for key, row in rows.items() if row[comment]} == self.words


class ManyPeopleAndRuns(PeopleAndRuns):
    """The same, at length."""


TestManyPeopleAndRuns = pytest.mark.thorough(ManyPeopleAndRuns.TestCase)
TestManyPeopleAndRuns.settings = settings(max_examples=1000, stateful_step_count=20)
TestPeopleAndRuns = PeopleAndRuns.TestCase
TestPeopleAndRuns.settings = settings(max_examples=30, stateful_step_count=12)
