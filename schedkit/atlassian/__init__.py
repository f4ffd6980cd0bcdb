"""One Atlassian site: session, login, limiter, HTTP retry and errors, for Jira and Confluence alike."""

from schedkit.atlassian.credentials import OAuth2
from schedkit.atlassian.messages import Answer, Body, Request
from schedkit.atlassian.rate_limiter import Clock
from schedkit.atlassian.request_stats import RequestStats, count_requests
from schedkit.atlassian.site import Site

__all__ = ["Answer", "Body", "Clock", "OAuth2", "Request", "RequestStats", "Site", "count_requests"]
