"""Misbehaviour seen on real sites, for tests to switch on."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Quirks:
    """Set an attribute, and the Jira sites misbehave from the next request on.

    Attributes
    ----------
    repeat_token : bool
        Cloud hands out the token of the page just asked for, again and again.
    empty_page : int
        So many search answers from now (1: the next), one holds no issues though more follow.
    bulk_errors : set of str
        Ids or keys for which a bulk fetch reports an error instead of the issue.
    beyond_window : str
        What a Data Center `startAt` past 10,000 meets: an answer (``"serve"``), ``"empty"`` or ``"fail"``
        (status 500).
    filtered_late : bool
        What may not be seen is taken out of a page only when it has been cut: pages come short, or empty,
        and Data Center counts what it does not show.
    """

    repeat_token: bool = False
    empty_page: int = 0
    bulk_errors: set[str] = field(default_factory=set)
    beyond_window: str = "serve"
    filtered_late: bool = False

    def page_is_empty(self) -> bool:
        """Count one search answer; whether it is the one without issues."""
        if self.empty_page == 0:
            return False
        self.empty_page -= 1
        return self.empty_page == 0
