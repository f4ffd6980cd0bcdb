"""A Jira and a Confluence over real HTTP, with seeded synthetic data: for demos, tests and benchmarks.

Imported by the doors and by tests, importing nothing of the rooms it stands in for.
"""

from schedkit.demo.endpoints import Endpoint
from schedkit.demo.knobs import Faults, parse_faults, parse_latency
from schedkit.demo.serve import serve
from schedkit.demo.server import Tls
from schedkit.demo.site import DemoSite

__all__ = ["DemoSite", "Endpoint", "Faults", "Tls", "parse_faults", "parse_latency", "serve"]
