"""What tests of templates fill in."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
from confluence.conftest import DemoPage
from support.confluence_pages import anchor

from schedkit.demo import DemoSite

__all__ = ["MakePage", "bare", "block", "bugs", "fresh_title"]


MakePage = Callable[[str], DemoPage]


def bugs(*summaries: str) -> pd.DataFrame:
    return pd.DataFrame({"Key": [f"K-{n}" for n, _ in enumerate(summaries, 1)], "Summary": list(summaries)})


def fresh_title(demo: DemoSite) -> str:
    return f"Weekly {len(demo.wiki.pages)} {demo.wiki.new_id()}"


def bare(name: str) -> str:
    return anchor(name).replace(' ac:macro-id="5f1e"', "")


def block(name: str, content: str) -> str:
    return f"{bare(name)}{content}{bare(f'{name}-end')}"
