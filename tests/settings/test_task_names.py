"""A name under `notify:` that no task has is told, with what may be meant."""

from __future__ import annotations

from typing import Any

from schedkit.settings import NotifySettings, unmatched_tasks

NOTIFY: dict[str, Any] = {
    "channels": [{"env": "CHAT"}, {"env": "CHAT", "tasks": ["open_bugs", "weekly*"]}],
    "rules": [{"task": "sale", "not_done_for": "1d"}, {"failures": "30%"}],
    "heartbeats": {"sales": "https://hc.example.org/1", "stokc": "https://hc.example.org/2"},
}


def test_names_and_patterns_that_fit_no_task() -> None:
    notify = NotifySettings.model_validate(NOTIFY)
    assert list(unmatched_tasks(notify, ["open-bugs", "sales", "stock"])) == [
        "notify.channels.1.tasks: no task is called 'open_bugs' (did you mean 'open-bugs'?)",
        "notify.channels.1.tasks: no task is called 'weekly*' (known: open-bugs, sales, stock)",
        "notify.rules.0.task: no task is called 'sale' (did you mean 'sales'?)",
        "notify.heartbeats: no task is called 'stokc' (did you mean 'stock'?)",
    ]
    assert list(unmatched_tasks(notify, [])) == [], "nothing is known yet"
    assert list(unmatched_tasks(NotifySettings(), ["sales"])) == []
