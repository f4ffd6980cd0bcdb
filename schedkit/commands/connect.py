"""``schedkit connect``: log in to a site once; the token is checked, and kept where the settings look."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from schedkit.app import App, app
from schedkit.atlassian.credentials import normalised
from schedkit.atlassian.kept_logins import SECRETS, remember
from schedkit.atlassian.login import ask_login, token_page
from schedkit.commands.output import print_block, print_line
from schedkit.errors import AuthError, UsageError
from schedkit.settings import SiteSettings
from schedkit.values.private import make_private_folder
from schedkit.values.secrets import keep_secret, keyring_works

__all__ = ["connect", "token_reference"]


def connect(url: str, *, user: str | None, kind: str | None, token_stdin: bool) -> None:
    """Ask for a token, check it, keep it, and say what the settings need.

    Raises
    ------
    AuthError
        The site refuses the token.
    """
    url, project = normalised(url), app()
    known = next((site for site in project.settings.sites.values() if _same(site.url, url)), None)
    kind = kind or (known.kind if known else _kind(url))
    user = user or (known.user if known else None)
    print_line(f"create a token at {token_page(url, kind)}")
    if token_stdin:
        token = sys.stdin.readline().strip()
        if not token:
            raise UsageError("standard input holds no token", hint="write the token alone into it")
    elif sys.stdin.isatty():
        user, token = ask_login(url, user)
    else:
        raise UsageError("there is no terminal to type the token in", hint="give it by --token-stdin")
    print_line(f"logged in to {url} as {_whoami(url, kind, user, token, known)}")
    reference = _written_reference(known) or token_reference(url)
    if reference.startswith("${"):
        print_line(f"the settings take the token from {reference}: set that variable")
        return
    print_line(f"the token is kept: {_keep(project.root, reference, url, user, token)}")
    if known is None:
        _show_lines(project, _free_name(project, url, kind), url, kind, user, reference)


def token_reference(url: str) -> str:
    """Return what a settings file says for the token of a site: the keyring, else a file of this project."""
    if keyring_works():
        return f"keyring:{url}"
    host = "".join(char if char.isalnum() or char in ".-" else "_" for char in url.partition("://")[2])
    return f"file:{(SECRETS / host).as_posix()}"


def _same(written: str, url: str) -> bool:
    try:
        return normalised(written) == url
    except UsageError:  # a variable, or a mistake that is told when the site is used
        return False


def _free_name(project: App, url: str, kind: str) -> str:
    """Return a name for a site that the settings do not know: the first word of its host."""
    host = (urlsplit(url).hostname or "").partition(".")[0]
    first = host if host.isidentifier() else kind
    names = (first, *(f"{first}-{number}" for number in range(2, 1000)))
    return next(name for name in names if name not in project.settings.sites)


def _kind(url: str) -> str:
    parts = urlsplit(url)
    host = (parts.hostname or "").partition(".")[0]
    is_wiki = host in ("wiki", "confluence") or parts.path.startswith(("/wiki", "/confluence"))
    return "confluence" if is_wiki else "jira"


def _whoami(url: str, kind: str, user: str | None, token: str, known: SiteSettings | None) -> str:
    client: Any
    options: dict[str, Any] = {}
    if known is not None:
        options = {"verify": known.verify, "timeout": known.timeout, "cloud": known.cloud}
    if kind == "jira":
        from schedkit.jira import Jira

        client = Jira(url, user=user, token=token, **options)
    else:
        from schedkit.confluence import Confluence

        client = Confluence(url, user=user, token=token, **options)
    try:
        found = client.myself()
    except AuthError as error:
        raise AuthError(
            f"{url} refuses the token", hint=f"create one at {token_page(url, kind)}", status=error.status
        ) from None
    return str(found.get("displayName") or found.get("name") or "a user without a name")


def _written_reference(known: SiteSettings | None) -> str:
    written = known.token.get_secret_value() if known is not None and known.token is not None else ""
    return written if written.startswith(("keyring:", "file:", "${")) else ""


def _keep(root: Path, reference: str, url: str, user: str | None, token: str) -> str:
    kind, _, name = reference.partition(":")
    if kind == "keyring":
        if name != url:
            keep_secret(reference, f"{user or ''}\n{token}", root)
        elif not remember(url, None, user, token):
            raise UsageError("there is no keyring", hint="pip install 'schedkit[notebook]', or use file:PATH")
        return f"in the system's keyring, as {name}"
    path = root / name
    ignore = root / SECRETS.parent / ".gitignore"
    if path.is_relative_to(root / SECRETS.parent) and not ignore.exists():
        make_private_folder(ignore.parent)
        ignore.write_text("*\n", encoding="utf-8")
    keep_secret(reference, token, root)
    return f"in {path}, readable by you alone"


def _show_lines(project: App, name: str, url: str, kind: str, user: str | None, reference: str) -> None:
    said = {"kind": kind, "url": url, **({"user": user} if user else {}), "token": reference}
    lines = [f"  {name}:", *(f"    {key}: {json.dumps(value)}" for key, value in said.items())]
    print_line(f"add to {project.file}:")
    print_block("\n".join(["sites:", *lines]))
