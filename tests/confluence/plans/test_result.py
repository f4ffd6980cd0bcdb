"""What became of a plan, as a notebook shows it."""

from __future__ import annotations

from dataclasses import replace

from schedkit.confluence import Applied

MADE = Applied(
    page_id="1", title="Bugs & <b>", url="https://wiki.example.org/x?a=1&b=2", version=3, written=True,
    changed_cells=2, rows_added=0, rows_removed=1, rows_archived=0, rows_marked=0, rows_hidden=0, puts=1,
    conflicts=0, outside="identical", seconds=0.1,
)  # fmt: skip


def test_the_page_is_a_link_and_its_title_is_text() -> None:
    assert MADE._repr_html_() == (
        '<div><a href="https://wiki.example.org/x?a=1&amp;b=2" target="_blank" rel="noopener">'
        "Bugs &amp; &lt;b&gt;</a>: version 3 written, 1 row removed, 2 cells changed</div>"
    )
    assert repr(MADE) == (
        "page 'Bugs & <b>': version 3 written, 1 row removed, 2 cells changed\n"
        "  https://wiki.example.org/x?a=1&b=2"
    )


def test_a_write_that_is_not_confirmed_is_told_with_what_to_do() -> None:
    made = replace(MADE, written=False, outside="unread", unconfirmed="GET … answered 503: <b>")
    shown = made._repr_html_()
    assert "version 3 not confirmed, 1 row removed, 2 cells changed, the page could not be read back" in shown
    assert "answered 503: &lt;b&gt;. Run it again: it writes only what is missing." in shown
    assert repr(made).endswith("GET … answered 503: <b>. Run it again: it writes only what is missing.")


def test_an_address_that_runs_is_no_link() -> None:
    shown = replace(MADE, url="javascript:alert(1)", written=False, altered=("K-1 S",))._repr_html_()
    assert "<a" not in shown
    assert "nothing to change, version 3" in shown
    assert "1 cell stored otherwise" in shown
