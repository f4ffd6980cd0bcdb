"""Messages on their way through Apprise, and none of its addresses in a log."""

from __future__ import annotations

import logging
import os
import re
import warnings
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, unquote

from schedkit.errors import SettingsError
from schedkit.notify.channel import Channel
from schedkit.notify.notices import Kind
from schedkit.values.extras import requires_extra

__all__ = ["Sender"]

_LIMIT = 4000
_TITLE = 200
# What Apprise calls our kinds: it gives them a colour, and services filter by them.
_TYPES: Mapping[Kind, str] = {
    "failed": "failure",
    "done": "success",
    "late": "warning",
    "recovered": "success",
    "overdue": "failure",
    "failing": "failure",
}


class Sender:
    """Sends the messages of a channel: Apprise with the URL of the environment, read once.

    Raises
    ------
    SettingsError
        If the environment has no such variable, or Apprise does not know the URL.
    """

    def __init__(self, channel: Channel, environ: Mapping[str, str] | None = None) -> None:
        url = (os.environ if environ is None else environ).get(channel.env, "").strip()
        if not url:
            raise SettingsError(
                f"the environment variable {channel.env} is not set",
                hint="set it to the channel's Apprise URL",
            )
        with requires_extra("notify", "notifications"):
            import apprise
        self.channel = channel
        self._text = apprise.NotifyFormat.TEXT
        self._apprise: Any = apprise.Apprise()
        _scrubber.learn(url)
        _scrubber.attach()
        with warnings.catch_warnings():
            # The plug-ins, loaded now, import what later Pythons no longer have.
            warnings.simplefilter("ignore", DeprecationWarning)
            known = self._apprise.add(url)
        if not known:
            raise SettingsError(
                f"{channel.env} is not a URL that Apprise supports",
                hint="see Apprise's list of services for its form",
            )
        # Where a service has no titles, Apprise puts the title into the body.
        self.limit = min([_LIMIT, *(server.body_maxlen for server in self._apprise)]) - _TITLE

    def __repr__(self) -> str:
        return f"Sender({self.channel.env!r})"

    def send(self, title: str, body: str, kind: Kind) -> bool:
        """Send a message; blocking, True if the service took it."""
        _scrubber.attach()
        return bool(
            self._apprise.notify(title=title, body=body, notify_type=_TYPES[kind], body_format=self._text)
        )


# Who logs addresses: with the root logger at DEBUG that is the path of every request.
_LIBRARIES = ("apprise", "urllib3", "requests", "httpx", "httpcore", "slack_sdk", "smtplib", "paho")


class _Scrubber(logging.Filter):
    """Replaces the parts of all channels' URLs in what libraries log."""

    def __init__(self) -> None:
        super().__init__()
        self.secrets: set[str] = set()

    def learn(self, url: str) -> None:
        """Take the parts of a URL behind its scheme as secrets; a host's name is none."""
        rest = url.partition("://")[2]
        # Some services have a token where others have the host.
        host = rest.rpartition("@")[2].partition("/")[0].partition(":")[0]
        named = "." in host or host == "localhost"
        parts = [part for part in re.split(r"[/:@?&=,#\s]", rest) if len(part) >= _SHORTEST]
        parts = [part for part in parts if not (named and part == host)]
        self.secrets |= {form for part in parts for form in (part, unquote(part), quote(part, safe=""))}

    def filter(self, record: logging.LogRecord) -> bool:
        try:
            said = record.getMessage()
        except (TypeError, ValueError):  # arguments that do not fit are for the handler to report
            return True
        # The longest first: a short one may be a part of it.
        for secret in sorted((each for each in self.secrets if each in said), key=len, reverse=True):
            said = said.replace(secret, "***")
            record.msg, record.args = said, ()
        return True

    def attach(self) -> None:
        """Filter every logger of the libraries: a filter of a parent does not see its children's records."""
        for name in (*_LIBRARIES, *list(logging.root.manager.loggerDict)):
            if name.partition(".")[0] in _LIBRARIES and self not in logging.getLogger(name).filters:
                logging.getLogger(name).addFilter(self)


_SHORTEST = 3
_scrubber = _Scrubber()
