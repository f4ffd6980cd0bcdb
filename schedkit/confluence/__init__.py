"""Tables on Confluence pages: updated without changing anything else on the page."""

from schedkit.confluence.chart import Chart
from schedkit.confluence.client import Confluence
from schedkit.confluence.markup import Image, Link, Lozenge, Markup, Mention
from schedkit.confluence.page import Page, Table
from schedkit.confluence.plans.page_set import PagesPlan
from schedkit.confluence.plans.placeholders import Managed
from schedkit.confluence.plans.plan import Plan
from schedkit.confluence.plans.result import Applied
from schedkit.confluence.results import latest_runs
from schedkit.confluence.site.attachment import Attached
from schedkit.confluence.source.regions import Anchor, Heading, LocalId, Macro, Nth, region
from schedkit.confluence.tables.look import Look
from schedkit.confluence.tables.rules import Change

__all__ = [
    "Anchor",
    "Applied",
    "Attached",
    "Change",
    "Chart",
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
    "PagesPlan",
    "Plan",
    "Table",
    "latest_runs",
    "region",
]
