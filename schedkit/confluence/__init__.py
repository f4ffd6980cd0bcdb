"""Confluence: change one table of a page, leave every other byte alone, keep what people typed."""

from schedkit.confluence.applied import Applied
from schedkit.confluence.attachment import Attached
from schedkit.confluence.client import Confluence
from schedkit.confluence.markup import Image, Link, Lozenge, Markup, Mention
from schedkit.confluence.page import Page, Table
from schedkit.confluence.plan import Plan
from schedkit.confluence.publish import PagePlan
from schedkit.confluence.regions import Anchor, Heading, LocalId, Macro, Nth, region
from schedkit.confluence.results import latest_runs
from schedkit.confluence.rules import Change
from schedkit.confluence.table import Look
from schedkit.confluence.template import Managed

__all__ = [
    "Anchor",
    "Applied",
    "Attached",
    "Change",
    "Confluence",
    "Heading",
    "Image",
    "Link",
    "LocalId",
    "Look",
    "Lozenge",
    "Macro",
    "Managed",
    "Markup",
    "Mention",
    "Nth",
    "Page",
    "PagePlan",
    "Plan",
    "Table",
    "latest_runs",
    "region",
]
