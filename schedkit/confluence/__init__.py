"""Confluence: change one table of a page, leave every other byte alone, keep what people typed."""

from schedkit.confluence.attachment import Attached
from schedkit.confluence.client import Confluence, Page, Table
from schedkit.confluence.markup import Image, Link, Lozenge, Markup, Mention
from schedkit.confluence.plan import Applied, Plan
from schedkit.confluence.regions import Anchor, Heading, LocalId, Macro, Nth, region
from schedkit.confluence.rules import Change

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
    "Lozenge",
    "Macro",
    "Markup",
    "Mention",
    "Nth",
    "Page",
    "Plan",
    "Table",
    "region",
]
