"""What reports need to run against the demo site of a file of tests."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from schedkit.confluence import Confluence
from schedkit.demo import DemoSite
from schedkit.jira import Jira
from schedkit.report import Tools


@pytest.fixture
def tools(site: DemoSite, tmp_path: Path) -> Tools:
    """Clients of the site's Jira and Confluence, a folder, and a day."""
    jira, wiki = site.jira_cloud, site.confluence_cloud
    clients: dict[str, Any] = {
        "jira": Jira(jira.url, user=jira.user, token=jira.token),
        "wiki": Confluence(wiki.url, user=wiki.user, token=wiki.token),
    }
    return Tools(site=clients.__getitem__, root=tmp_path, clock=lambda: datetime(2026, 3, 1, tzinfo=UTC))
