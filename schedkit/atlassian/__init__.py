"""One Atlassian site: session, login, limiter, HTTP retry and errors, for Jira and Confluence alike."""

from schedkit.atlassian.credentials import OAuth2
from schedkit.atlassian.messages import Answer, Body, Request
from schedkit.atlassian.pace import Clock
from schedkit.atlassian.site import Site
from schedkit.atlassian.tally import Tally, tally

__all__ = ["Answer", "Body", "Clock", "OAuth2", "Request", "Site", "Tally", "tally"]
