"""A Jira and a Confluence over real HTTP, with seeded synthetic data: for demos, tests and benchmarks.

Imported by entry points and tests; imports nothing from the packages whose sites it simulates.

What goes wrong on real sites, and how to make it happen here::

    slow answers                    latency="150ms", or the header X-Demo-Latency
    429 (four forms), 503, 401, a   faults="rate=0.1,kinds=429|503|401|html|reset|truncate|stall", or the
    login page, a broken, cut or    header X-Demo-Faults; narrowed by path=, method= and times=
    silent connection
    a write whose answer is lost    faults="kinds=lost,method=PUT,times=1"
    a rate limit that is kept       rate_limit=20
    a page token that repeats       site.quirks.repeat_token = True
    an empty page in the middle     site.quirks.empty_page = 2
    a page cap lowered midway       site.page_cap = 50
    a bulk fetch with errors        site.quirks.bulk_errors = {"DEMO-3"}
    startAt beyond 10,000           site.quirks.beyond_window = "empty" or "fail"
    issues changed between pages    site.after(…) with site.store.create, edit, move, delete, link, transition
    an answer of one's own          site.before(…) returning a Response
    an editor saving meanwhile      site.wiki.edit_by_hand(…), from site.before(…)
    an inline comment               site.wiki.touch(…)
    the editor's rewriting          site.wiki.normalise = True
    a lock the database noticed     site.dc_wiki.lock_failures = True
    access tokens that run out      site.oauth.expire()
    another time zone or clock      zone="America/New_York", now=datetime(…)
    HTTPS, client certificates      tls=Tls(cert, key, client_ca)
"""

from schedkit.values.extras import check_package, requires_extra

with requires_extra("demo", "demo sites"):
    check_package("python_multipart", "demo", "demo sites")  # starlette imports it at the first upload
    from schedkit.demo.endpoints import Endpoint
    from schedkit.demo.knobs import Faults, parse_faults, parse_latency
    from schedkit.demo.serve import serve
    from schedkit.demo.server import Tls
    from schedkit.demo.site import DemoSite

__all__ = ["DemoSite", "Endpoint", "Faults", "Tls", "parse_faults", "parse_latency", "serve"]
