"""Messages as services get them, and addresses that reach no log."""

from __future__ import annotations

import email
import email.policy
import json
import logging
import sys
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import requests
from notify.conftest import Mailbox, Webhook
from support.notices import ended, failure

from schedkit.core.states import State
from schedkit.errors import MissingExtraError
from schedkit.notify import Channel, Notifier
from schedkit.notify.digest import message
from schedkit.notify.notices import Watch
from schedkit.notify.sender import Sender


def test_mail_arrives(mailbox: Mailbox, notifier: Any) -> None:
    url = f"mailto://127.0.0.1:{mailbox.port}?from=sched@example.org&to=team@example.org&mode=insecure"
    listening = notifier(Channel("MAIL", every=0), environ={"MAIL": url})
    listening(failure())
    mail = mailbox.mails.get(timeout=60)
    assert "Subject: bugs: failed" in mail
    assert "To: " in mail
    assert "team@example.org" in mail


NASTY = (
    "@ann <!here> <@U1> <https://evil.example|ok> [a][1] [b](https://evil.example) <b>bold</b> "
    "https://bare.example/login www.bare.example bare.com/login mailto:bo@bare.example ~town"
)
BROKEN = ("@\u200bann", "]\u200b[1]", "]\u200b(https")
# What a service would make a link or a mention of.
LIVE = (
    "@ann", "<!here", "<@U1", "<https:", "][1]", "](http", "https://evil", "evil.example", "https://bare",
    "www.bare", "bare.com", "mailto:bo", "~town",
)  # fmt: skip
LINK = "https://sched.example.org/#r1"


SERVICES = {
    "mattermost": "mmosts://chat.example.org/3ccdd113474722377935511fc85d3dd4",
    "slack": "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#general",
    "teams": "workflows://prod.example.org:443/abcdef0123/SIGNATUREsignature",
    "json": "json://user:Passw0rd99@chat.example.org/hook",
}


@pytest.fixture
def to_the_receiver(webhook: Webhook, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have requests to any service arrive at the webhook: the real bytes of each plug-in, over HTTP."""
    request: Callable[..., Any] = requests.Session.request

    def redirected(session: Any, method: str, url: str, **options: Any) -> Any:
        place = url.partition("://")[2].partition("/")[2]
        return request(session, method, f"http://127.0.0.1:{webhook.port}/{place}", **options)

    monkeypatch.setattr(requests.Session, "request", redirected)


@pytest.mark.usefixtures("to_the_receiver")
@pytest.mark.parametrize("service", SERVICES)
def test_words_of_others_are_inert_in_the_bytes_sent(webhook: Webhook, notifier: Any, service: str) -> None:
    listening = notifier(
        Channel("SERVICE", every=0), environ={"SERVICE": SERVICES[service]}, link=LINK.replace("r1", "{run}")
    )
    error = {"type": "ValueError", "message": NASTY, "hint": "see https://bare.example/hint"}
    listening(ended(State.FAILED, task="bugs", seconds=1.0, error=error))
    # For Teams, Apprise escapes what Markdown means something by.
    sent = json.dumps(webhook.next()[1], ensure_ascii=False).replace("\\\\", "")
    assert all(broken in sent for broken in BROKEN)
    assert [live for live in LIVE if live in sent] == []
    assert "ValueError" in sent
    assert LINK in sent, "our own address stays a link"


def test_words_of_others_are_inert_in_a_mail(mailbox: Mailbox, notifier: Any) -> None:
    url = f"mailto://127.0.0.1:{mailbox.port}?from=sched@example.org&to=team@example.org&mode=insecure"
    listening = notifier(Channel("MAIL", every=0), environ={"MAIL": url}, link=LINK.replace("r1", "{run}"))
    words = f"{NASTY}\r\nBcc: evil@example.org\r\n\r\n"
    listening(ended(State.FAILED, task="bugs\r\nBcc: evil@example.org", error={"message": words}))
    mail = email.message_from_string(mailbox.mails.get(timeout=60), policy=email.policy.default)
    assert mail["Bcc"] is None
    assert mail.get_content_type() == "text/plain"
    assert "failed after an unknown time" in mail.get_content()
    assert [live for live in LIVE if live in mail.get_content()] == []
    assert LINK in mail.get_content()


@pytest.mark.usefixtures("to_the_receiver")
@pytest.mark.parametrize(
    ("state", "kind"), [(State.FAILED, "failure"), (State.TIMEOUT, "failure"), (State.DONE, "success")]
)
def test_a_failure_is_sent_as_a_failure(webhook: Webhook, notifier: Any, state: State, kind: str) -> None:
    listening = notifier(Channel("J", on=["failed", "done"], every=0), environ={"J": SERVICES["json"]})
    listening(ended(state, seconds=1.0))
    assert webhook.next()[1]["type"] == kind


@pytest.mark.usefixtures("to_the_receiver")
@pytest.mark.parametrize("service", SERVICES)
def test_no_address_reaches_a_log_at_debug(
    webhook: Webhook, notifier: Any, caplog: pytest.LogCaptureFixture, service: str
) -> None:
    parts = SERVICES[service].replace(":", "/").split("/")
    secrets = [part for part in parts[1:] if len(part) > 8 and "." not in part and "@" not in part]
    with caplog.at_level(logging.DEBUG):
        listening = notifier(Channel("SERVICE", every=0), environ={"SERVICE": SERVICES[service]})
        listening(failure())
        webhook.next()
        listening.close()
        requests.post(f"http://127.0.0.1:{webhook.port}/others", json={}, timeout=60)
    # What others send is logged as ever.
    assert "/others" in caplog.text
    for secret in [*secrets, "Passw0rd99", "/hook"]:
        assert secret not in caplog.text


@pytest.mark.parametrize(
    ("url", "path", "text"),
    [
        (
            "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#general",
            "/services/T1JJ3T3L2/",
            "attachments",
        ),
        ("workflows://prod.example.org:443/abcdef/sig", "/workflows/abcdef/", "attachments"),
        ("json://chat.example.org/hook", "/hook", "message"),
    ],
)
@pytest.mark.usefixtures("to_the_receiver")
def test_other_services_get_their_form(webhook: Webhook, url: str, path: str, text: str) -> None:
    sender = Sender(Channel("SERVICE"), {"SERVICE": url})
    watch = Watch(timedelta(minutes=1))
    notices = [n for run in range(60) for n in watch.feed(failure("task" + "x" * 200, f"r{run}"))]
    assert sender.send(*message(notices, 0, {}, sender.limit))
    where, body = webhook.next()
    digest = str(body[text])
    assert path in where
    assert "taskxxx" in digest
    assert " more" in digest
    # A digest keeps to what the service takes in one message: Apprise has nothing to cut.
    assert webhook.arrived.empty()


def test_a_machine_without_apprise_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)
    with pytest.raises(MissingExtraError, match="need the package apprise"):
        Notifier([Channel("CHAT")], environ={"CHAT": "json://x"})


def test_the_environment_is_the_processs_own_by_default(
    webhook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHAT", webhook.mattermost()["CHAT"])
    listening = Notifier([Channel("CHAT")])
    listening(failure())
    assert "bugs failed" in webhook.text()
    assert repr(Sender(Channel("CHAT"))) == "Sender('CHAT')"
    listening.close()
