"""A plan as it is shown and applied."""

from __future__ import annotations

import pytest
from support.confluence_pages import anchor
from support.confluence_templates import MakePage, fresh_title

from schedkit.confluence import Confluence
from schedkit.demo import DemoSite
from schedkit.errors import (
    UsageError,
)


def test_apply_takes_durations_and_flags(wiki: Confluence, make_page: MakePage) -> None:
    page = make_page(f"<p>{anchor('n')}x{anchor('n-end')}</p>")
    plan = wiki.page(page.id).fill({"n": 1})
    with pytest.raises(UsageError, match="invalid duration 'soon'"):
        plan.apply(deadline="soon")
    with pytest.raises(UsageError, match="deadline=-1 is negative"):
        plan.apply(deadline=-1)
    with pytest.raises(UsageError, match="quiet='no' is not True or False"):
        plan.apply(quiet="no")
    assert plan.apply(deadline="10s").written
    assert (plan.region, plan.creates) == ("", False)


def test_what_a_template_page_becomes_is_shown_line_by_line(wiki: Confluence, demo: DemoSite) -> None:
    template = "".join(f"<p>line {n} {{{{ v{n} }}}}</p>" for n in range(20))
    given = {f"v{n}": n for n in range(20)}
    shown = repr(wiki.publish(fresh_title(demo), parent=100003, template=template, values=given)).splitlines()
    assert shown[1] == "line 0 0"
    assert shown[-1] == "… 8 further lines"
