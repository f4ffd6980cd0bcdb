"""Categories of statuses, whichever language the site gives them in."""

from __future__ import annotations

import pandas as pd
import pytest
from support.flow_ties import STATUSES, UNTIL, day, entry, frames

from schedkit import flow

CHINESE = {
    id: {
        **about,
        "category": {"new": "\u5f85\u529e", "indeterminate": "\u8fdb\u884c\u4e2d", "done": "\u5b8c\u6210"}[
            about["key"]
        ],
    }
    for id, about in STATUSES.items()
}


@pytest.mark.parametrize("listed", [True, False])
def test_categories_in_the_language_of_who_read_the_issues(listed: bool) -> None:
    issues, changes = frames(entry(1, day(6), ("1", "3")), entry(2, day(7), ("3", "6")))
    issues["Status Category"] = CHINESE["6"]["category"]
    if listed:  # else the frame was made of saved answers
        issues.attrs["statuses"] = CHINESE
    times = flow.cycle_times(issues, changes, until=UNTIL)
    assert times["Finished"].tolist() == [pd.Timestamp(day(7))]
    spans = flow.status_spans(issues, changes, until=UNTIL)
    assert spans["Status Category"].tolist() == ["To Do", "In Progress", "Done"]
