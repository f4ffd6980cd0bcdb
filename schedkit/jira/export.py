"""The task handler ``JIRA_TASK_EXP``: an extraction described by parameters."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import pandas as pd

from schedkit import context
from schedkit.errors import IncompleteError, ParameterError
from schedkit.jira.client import Jira
from schedkit.jira.sites import search_sites
from schedkit.values.extraction import incomplete
from schedkit.values.keywords import check_keywords

__all__ = ["export_task"]

_KNOWN = {"jira_envs", "key_type", "key_value", "user", "links_depth", "fields", "partial"}


@check_keywords
def export_task(params: Mapping[str, Any], sites: Mapping[str, Jira]) -> pd.DataFrame:
    """Extract what a task's parameters describe.

    Parameters
    ----------
    params : mapping
        ``jira_envs``: hosts or URLs of sites; ``key_type``: ``root_ticket`` or ``project``; ``key_value``:
        an issue key or a project key; ``user``: who asks for it (recorded, never impersonated);
        optionally ``links_depth``, ``fields``, and ``partial``: whether to return what could be had where a
        site fails.
    sites : mapping
        The configured clients by name. Environments are matched with them by host: credentials never go
        to a host that a request names.

    Returns
    -------
    DataFrame
        With a column ``site``; see `search_sites`.

    Raises
    ------
    ParameterError
        For parameters that are missing, unknown or name a site that is not configured.
    IncompleteError
        If a site could not be read, or not every issue, unless ``partial`` allows it.

    Examples
    --------
    >>> export_task({"jira_envs": ["x.example.org"], "key_type": "project", "key_value": "A"}, {})
    Traceback (most recent call last):
    schedkit.errors.ParameterError: jira_envs: 'x.example.org' is not a configured site (none is configured)
    """
    unknown = sorted(set(params) - _KNOWN)
    if unknown:
        raise ParameterError(
            f"unknown parameter {unknown[0]!r}", hint=f"known are {', '.join(sorted(_KNOWN))}"
        )
    chosen = _chosen(params.get("jira_envs"), sites)
    kind, value = params.get("key_type"), params.get("key_value")
    if kind not in ("root_ticket", "project"):
        raise ParameterError(f"key_type: {kind!r} is neither root_ticket nor project")
    if not isinstance(value, str) or not value.strip():
        raise ParameterError(f"key_value: {value!r} is not a key", hint='e.g. "PROJ-123" or "PROJ"')
    context.fact(
        "request", {"requester": str(params.get("user") or ""), "key_type": kind, "key_value": value}
    )
    key, fields, depth = value.strip(), params.get("fields"), params.get("links_depth") or 0
    if kind == "project":
        frame = search_sites(chosen, lambda jira: jira.project(key, fields=fields))
    else:
        frame = search_sites(chosen, lambda jira: jira.root(key, links_depth=depth, fields=fields))
    why = incomplete(frame.attrs)
    if why and not params.get("partial"):
        raise IncompleteError(why, hint="run it again, or allow a partial result: partial=True")
    if why:
        context.log(why, logging.WARNING)
        context.fact("incomplete", {"reason": why})
    return frame


def _chosen(envs: Any, sites: Mapping[str, Jira]) -> dict[str, Jira]:
    if isinstance(envs, str):
        envs = [envs]
    if not isinstance(envs, list | tuple) or not envs:
        raise ParameterError("jira_envs names no site", hint='e.g. ["jira.example.org"]')
    hosts = {_host(jira.site.url): name for name, jira in reversed(list(sites.items()))}
    chosen: dict[str, Jira] = {}
    for env in envs:
        name = hosts.get(_host(str(env)))
        if name is None and str(env) in sites:
            name = str(env)
        if name is None:
            known = ", ".join(sorted(hosts)) or "none is configured"
            raise ParameterError(f"jira_envs: {str(env)!r} is not a configured site", hint=known)
        chosen[name] = sites[name]
    return chosen


def _host(address: str) -> str:
    """Return host, port and path of an address written with or without its scheme."""
    text = address.strip()
    parts = urlsplit(text if "://" in text else f"//{text}")
    return f"{parts.netloc.lower()}{parts.path.rstrip('/')}"
