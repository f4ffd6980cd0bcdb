"""Notifications that really arrive: webhooks over HTTP, mail over SMTP, from a real scheduler."""

from __future__ import annotations

import email
import email.policy
import json
import logging
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
from notify.conftest import Mailbox, Webhook
from notify.test_notices import AT, ended, queued

from schedkit.core.events import Event
from schedkit.core.states import State
from schedkit.errors import MissingExtraError, SettingsError
from schedkit.notify import Channel, Notifier
from schedkit.notify.digest import message
from schedkit.notify.notices import Kind, Watch
from schedkit.notify.sender import Sender

TOKEN = "3ccdd113474722377935511fc85d3dd4"


def mattermost(webhook: Webhook) -> dict[str, str]:
    return {"CHAT": f"mmost://127.0.0.1:{webhook.port}/{TOKEN}"}


def failure(task: str = "bugs", run: str = "r1") -> Event:
    return ended(State.FAILED, run, task, seconds=2.0, error={"message": f"{task} broke", "hint": "mend it"})


@pytest.fixture
def notifier(webhook: Webhook) -> Any:
    made: list[Notifier] = []

    def make(*channels: Channel, **options: Any) -> Notifier:
        options.setdefault("environ", mattermost(webhook))
        made.append(Notifier(channels or [Channel("CHAT", every=0)], retry_pause=0.01, **options))
        return made[-1]

    yield make
    for one in made:
        one.close(2)


def test_a_failure_arrives(webhook: Webhook, notifier: Any) -> None:
    listening = notifier(link="https://s/{run}")
    listening(failure())
    path, body = webhook.next()
    assert path == f"/hooks/{TOKEN}"
    assert (
        body["text"].replace("\r\n", "\n")
        == "bugs: failed\nbugs failed after 2s: bugs broke\nmend it\nhttps://s/r1"
    )
    assert TOKEN not in repr(listening)


def test_what_a_channel_does_not_want_does_not_arrive(webhook: Webhook, notifier: Any) -> None:
    listening = notifier(Channel("CHAT", on=["done"], tasks=["audit*"], every=0))
    for event in (
        failure("audit-1"),
        ended(State.DONE, task="bugs"),
        ended(State.DONE, task="audit-1", seconds=1),
    ):
        listening(event)
    assert "audit-1 is done" in webhook.text()
    listening.close()
    assert webhook.arrived.empty()


def test_what_follows_comes_as_a_digest(webhook: Webhook, notifier: Any) -> None:
    listening = notifier(Channel("CHAT", every=3600))
    listening(failure())
    assert webhook.text().startswith("bugs: failed")
    for n in range(5):
        listening(failure(f"task-{n}", f"r{n}"))
    assert webhook.arrived.empty()
    listening.close()
    text = webhook.text()
    assert text.startswith("5 notices: 5 failed\n- task-0 failed after 2s: task-0 broke mend it\n")
    assert webhook.arrived.empty()


def test_a_digest_goes_when_its_pause_is_over(webhook: Webhook, notifier: Any) -> None:
    listening = notifier(Channel("CHAT", every=0.2))
    listening(failure("a"))
    assert webhook.text().startswith("a: failed")
    listening(failure("b"))
    assert webhook.text().startswith("b: failed")


def test_a_run_that_does_not_start_is_noticed(webhook: Webhook, notifier: Any) -> None:
    listening = notifier(Channel("CHAT", on=["late"], every=0), late_after=30)
    listening(queued())
    listening.check(AT + timedelta(seconds=20))
    listening.check(AT + timedelta(seconds=31))
    assert "bugs is late: due at 2026-01-02 03:04 UTC, and not started yet" in webhook.text()


def test_late_runs_are_looked_for_by_itself(
    webhook: Webhook, notifier: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("schedkit.notify.notifier._CHECK_SECONDS", 0.01)
    listening = notifier(Channel("CHAT", on=["late"], every=0))
    listening(queued(due=datetime.now(UTC) - timedelta(hours=1)))
    assert "is late" in webhook.text()


def test_a_service_that_fails_is_tried_again(webhook: Webhook, notifier: Any) -> None:
    webhook.status = 503
    webhook.hold.clear()
    listening = notifier()
    listening(failure())
    webhook.hold.set()
    webhook.next()
    webhook.status = 200
    assert "bugs failed" in webhook.text()


def test_a_service_that_stays_away_costs_a_log_line(
    webhook: Webhook, notifier: Any, caplog: pytest.LogCaptureFixture
) -> None:
    webhook.status = 500
    with caplog.at_level(logging.WARNING, "schedkit.notify"):
        listening = notifier()
        listening(failure())
        for _ in range(3):
            webhook.next()
        listening.close()
    assert "a notification to CHAT was dropped: the service did not accept it" in caplog.text
    assert TOKEN not in caplog.text


def test_a_plug_in_that_raises_ends_nothing(
    webhook: Webhook, notifier: Any, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    send = Sender.send
    broken = [True] * 3

    def fail_first(sender: Sender, title: str, body: str, kind: Kind) -> bool:
        if broken:
            broken.pop()
            raise RuntimeError(f"secret {TOKEN}")
        return send(sender, title, body, kind)

    monkeypatch.setattr(Sender, "send", fail_first)
    listening = notifier(retry_for=0)
    listening(failure("a"))
    while broken:
        listening(failure("a"))
    listening(failure("b"))
    while "b broke" not in webhook.text():
        pass
    assert "dropped: RuntimeError" in caplog.text
    assert TOKEN not in caplog.text


def test_a_slow_channel_holds_up_nobody(webhook: Webhook, notifier: Any) -> None:
    quick = Webhook()
    webhook.hold.clear()
    environ = {**mattermost(webhook), "QUICK": f"mmost://127.0.0.1:{quick.port}/{TOKEN}"}
    listening = notifier(Channel("CHAT", every=0), Channel("QUICK", every=0), environ=environ)
    listening(failure())
    assert "bugs failed" in quick.text()
    assert webhook.arrived.empty()
    webhook.hold.set()
    assert "bugs failed" in webhook.text()
    quick.server.shutdown()
    quick.server.server_close()


def test_mail_arrives(mailbox: Mailbox, notifier: Any) -> None:
    url = f"mailto://127.0.0.1:{mailbox.port}?from=sched@example.org&to=team@example.org&mode=insecure"
    listening = notifier(Channel("MAIL", every=0), environ={"MAIL": url})
    listening(failure())
    mail = mailbox.mails.get(timeout=10)
    assert "Subject: bugs: failed" in mail
    assert "To: " in mail
    assert "team@example.org" in mail


NASTY = "@ann <!here> <@U1> <https://evil.example|ok> [a][1] [b](https://evil.example) <b>bold</b>"
BROKEN = ("@\u200bann", "]\u200b[1]", "]\u200b(https")
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
    listening = notifier(Channel("SERVICE", every=0), environ={"SERVICE": SERVICES[service]})
    error = {"type": "ValueError", "message": NASTY}
    listening(ended(State.FAILED, task="bugs", seconds=1.0, error=error))
    # For Teams, Apprise escapes what Markdown means something by.
    sent = json.dumps(webhook.next()[1], ensure_ascii=False).replace("\\\\", "")
    assert all(broken in sent for broken in BROKEN)
    for live in ("@ann", "<!here", "<@U1", "<https:", "][1]", "](http"):
        assert live not in sent
    assert "ValueError" in sent


def test_words_of_others_are_inert_in_a_mail(mailbox: Mailbox, notifier: Any) -> None:
    url = f"mailto://127.0.0.1:{mailbox.port}?from=sched@example.org&to=team@example.org&mode=insecure"
    listening = notifier(Channel("MAIL", every=0), environ={"MAIL": url})
    words = f"{NASTY}\r\nBcc: evil@example.org\r\n\r\n"
    listening(ended(State.FAILED, task="bugs\r\nBcc: evil@example.org", error={"message": words}))
    mail = email.message_from_string(mailbox.mails.get(timeout=10), policy=email.policy.default)
    assert mail["Bcc"] is None
    assert mail.get_content_type() == "text/plain"
    assert "failed after an unknown time" in mail.get_content()
    assert "@ann" not in mail.get_content()
    assert "<https" not in mail.get_content()


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
        requests.post(f"http://127.0.0.1:{webhook.port}/others", json={}, timeout=5)
    # What others send is logged as ever.
    assert "/others" in caplog.text
    for secret in [*secrets, "Passw0rd99", "/hook"]:
        assert secret not in caplog.text


def test_a_service_that_comes_back_gets_the_message(webhook: Webhook, notifier: Any) -> None:
    webhook.status = 503
    listening = notifier()
    listening(failure())
    for _ in range(6):
        webhook.next()
    webhook.status = 200
    assert "bugs failed" in webhook.text()
    listening.close()


@pytest.mark.parametrize("every", ["5m", 300, "300"])
def test_pauses_are_durations(every: Any) -> None:
    assert Channel("CHAT", every=every).pause == 300.0


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


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (lambda: Channel("mmost://host/token"), "named by an environment variable, not by an address"),
        (lambda: Channel("CHAT", on=["burnt"]), "unknown kind of notification 'burnt'"),
        (lambda: Channel("CHAT", templates={"burnt": "x"}), "unknown kind of notification 'burnt'"),
        (lambda: Channel("CHAT", every=-1), "channel CHAT: every=-1 .at least 0s"),
        (lambda: Notifier([Channel("NOT_SET")], environ={}), "the environment variable NOT_SET is not set"),
        (
            lambda: Notifier([Channel("CHAT")], environ={"CHAT": "nonsense://s3cret"}),
            "CHAT is not a URL that Apprise",
        ),
    ],
)
def test_channels_that_cannot_be(make: Callable[[], object], problem: str) -> None:
    with pytest.raises(SettingsError, match=problem) as caught:
        make()
    assert "s3cret" not in str(caught.value)
    assert "token" not in str(caught.value)


def test_a_machine_without_apprise_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)
    with pytest.raises(MissingExtraError, match="need the package apprise"):
        Notifier([Channel("CHAT")], environ={"CHAT": "json://x"})


def test_the_environment_is_the_processs_own_by_default(
    webhook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHAT", mattermost(webhook)["CHAT"])
    listening = Notifier([Channel("CHAT")])
    listening(failure())
    assert "bugs failed" in webhook.text()
    assert repr(Sender(Channel("CHAT"))) == "Sender('CHAT')"
    listening.close()


def test_a_schedulers_failures_arrive_and_its_runs_do_not_mind(
    webhook: Webhook, notifier: Any, tmp_path: Any
) -> None:
    from schedkit.core.api.facade import Scheduler

    listening = notifier(Channel("CHAT", on=["failed", "done"], every=0), link="https://s/{run}")
    with Scheduler(ledger=str(tmp_path / "l.db")) as sched:
        listening.listen(sched)

        @sched.task(name="breaks")
        def breaks() -> None:
            raise ValueError("no @channel rows")

        run = breaks.submit()
        text = webhook.text()
        assert text.startswith("breaks: failed\nbreaks failed after ")
        assert "no @\u200bchannel rows" in text
        assert f"https://s/{run.id}" in text
        webhook.server.shutdown()
        webhook.server.server_close()

        @sched.task(name="works")
        def works() -> int:
            return 7

        assert works.submit().result(timeout=20) == 7
