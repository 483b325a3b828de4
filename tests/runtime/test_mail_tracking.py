"""What a mail provider says of our mails later: real bodies of each provider's documentation, at our own door."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.core import mail
from django.core.mail import EmailMultiAlternatives
from django.test import Client

from convoship.lib.tenancy import tenant
from deployments import reply_mails
from deployments.models import ReplyMail
from tests import factories
from tests.runtime import test_reply_mail
from tests.runtime.test_reply_mail import Talk

begin, talk, many_mails = test_reply_mail.begin, test_reply_mail.talk, test_reply_mail.many_mails

SECRET, KEY = "hook:a-long-random-word", "the signing key"
HEADERS = {"Authorization": "Basic " + base64.b64encode(SECRET.encode()).decode()}
ADDRESS = "grace@navy.example"


def signed(event: dict[str, Any], key: str = KEY) -> dict[str, Any]:
    """As Mailgun signs: HMAC-SHA256 of timestamp and token."""
    signature = hmac.new(key.encode(), b"1700000000abc", hashlib.sha256).hexdigest()
    return {"signature": {"timestamp": "1700000000", "token": "abc", "signature": signature}, "event-data": event}


def mailgun(row: ReplyMail, sent: Any) -> Any:
    mark = json.loads(sent.extra_headers["X-Mailgun-Variables"])
    status = {"code": 550, "message": "5.1.1 No such user", "description": ""}
    event = {"event": "failed", "severity": "permanent", "reason": "bounce", "recipient": ADDRESS, "timestamp": 1.7e9}
    headers = {"message-id": sent.extra_headers["Message-ID"].strip("<>")}
    return signed({**event, "delivery-status": status, "user-variables": mark, "message": {"headers": headers}})


def postmark(row: ReplyMail, sent: Any) -> Any:
    mark = {name.removeprefix("X-PM-Metadata-"): value for name, value in sent.extra_headers.items() if "PM" in name}
    return {
        "RecordType": "Bounce",
        "Type": "HardBounce",
        "ID": 42,
        "MessageID": "883953f4-6105-42a2-a16a-77a8eac79483",
        "Email": ADDRESS,
        "Description": "The server was unable to deliver your message.",
        "Details": "smtp;550 5.1.1 No such user",
        "BouncedAt": "2026-11-27T15:00:00Z",
        "Metadata": mark,
    }


def sendgrid(row: ReplyMail, sent: Any) -> Any:
    mark = json.loads(sent.extra_headers["X-SMTPAPI"])["unique_args"]
    reason = "550 5.1.1 No such user"
    return [{"event": "bounce", "email": ADDRESS, "timestamp": 1700000000, "reason": reason, "type": "bounce", **mark}]


def brevo(row: ReplyMail, sent: Any) -> Any:
    return {
        "event": "hard_bounce",
        "email": ADDRESS,
        "message-id": sent.extra_headers["Message-ID"],
        "ts_event": 1700000000,
        "reason": "550 5.1.1 No such user",
        "X-Mailin-custom": sent.extra_headers["X-Mailin-custom"],
    }


def resend(row: ReplyMail, sent: Any) -> Any:
    headers = [{"name": "X-Metadata", "value": sent.extra_headers["X-Metadata"]}]
    bounce = {"message": "The recipient's server said: 550 5.1.1 No such user"}
    data = {"email_id": "e1", "to": [ADDRESS], "headers": headers, "bounce": bounce}
    return {"type": "email.bounced", "created_at": "2026-11-27T15:00:00Z", "data": data}


BODIES: dict[str, Callable[[ReplyMail, Any], Any]] = {
    "mailgun": mailgun,
    "postmark": postmark,
    "sendgrid": sendgrid,
    "brevo": brevo,
    "resend": resend,
}


@pytest.fixture
def configure(settings: Any) -> Callable[[str], None]:
    def run(provider: str) -> None:
        settings.EMAIL_TRACKING = provider
        settings.ANYMAIL = {"WEBHOOK_SECRET": SECRET, "MAILGUN_WEBHOOK_SIGNING_KEY": KEY}

    return run


def mailed(talk: Talk) -> tuple[ReplyMail, Any]:
    talk.answer("Your parcel is in Kiel.")
    talk.sweep()
    return talk.mail(), mail.outbox[-1]


def tell(provider: str, body: Any, **headers: str) -> Any:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    address = f"/v1/public/mail/{provider}/tracking"
    return Client().post(address, raw, content_type="application/json", headers={**HEADERS, **headers})


@pytest.mark.parametrize("provider", BODIES)
def test_a_mail_that_comes_back_is_seen(talk: Talk, configure: Callable[[str], None], provider: str) -> None:
    configure(provider)
    row, sent = mailed(talk)
    body = BODIES[provider](row, sent)
    for _ in range(2):  # providers say it again
        assert tell(provider, body).status_code == 200
    row = talk.mail()
    assert row.state == "bounced"
    assert "No such user" in row.reason
    assert row.remedy
    assert row.can_go_again


@pytest.mark.parametrize("provider", BODIES)
def test_what_came_back_is_another_mail_when_it_is_sent_again(
    talk: Talk, configure: Callable[[str], None], provider: str
) -> None:
    configure(provider)
    row, first = mailed(talk)
    assert tell(provider, BODIES[provider](row, first)).status_code == 200
    talk.act(lambda it: reply_mails.send_again(factories.actor(talk.workspace), it, row.id))
    talk.sweep()
    second = mail.outbox[-1]
    ids = [sent.extra_headers["Message-ID"] for sent in (first, second)]
    assert ids[0] != ids[1], "a server that has seen the first would drop the second as a copy"
    tell(provider, BODIES[provider](row, first))  # said once more, of the first
    assert talk.mail().state == "sent"
    tell(provider, BODIES[provider](row, second))
    assert talk.mail().state == "bounced"


@pytest.mark.parametrize("provider", BODIES)
def test_what_is_not_genuine_changes_nothing(talk: Talk, configure: Callable[[str], None], provider: str) -> None:
    configure(provider)
    row, sent = mailed(talk)
    body = BODIES[provider](row, sent)
    for wrong in ("", "Basic " + base64.b64encode(b"hook:another").decode(), "Bearer x"):
        answer = tell(provider, body, Authorization=wrong)
        assert (answer.status_code, answer.json()["code"]) == (403, "signature_invalid")
    assert talk.mail().state == "sent"


def test_mailguns_signature_is_checked(talk: Talk, configure: Callable[[str], None]) -> None:
    configure("mailgun")
    row, sent = mailed(talk)
    forged = signed(mailgun(row, sent)["event-data"], key="another key")
    assert tell("mailgun", forged).status_code == 403
    assert talk.mail().state == "sent"


@pytest.mark.parametrize("provider", BODIES)
@pytest.mark.parametrize("body", [b"", b"\x00\xff", b"[]", b"{}", b'"x"', b"[1]", b'{"event": []}', b"null"])
def test_what_can_not_be_read_is_refused_in_words(
    configure: Callable[[str], None], db: None, provider: str, body: bytes
) -> None:
    configure(provider)
    answer = tell(provider, body)
    assert answer.status_code in {200, 400, 403, 422}


def test_a_complaint_ends_the_mails_to_this_address(talk: Talk, configure: Callable[[str], None]) -> None:
    configure("postmark")
    row, sent = mailed(talk)
    complaint = {**postmark(row, sent), "RecordType": "SpamComplaint", "Type": "SpamComplaint"}
    assert tell("postmark", complaint).status_code == 200
    assert talk.mail().state == "complained"
    assert not talk.mail().can_go_again
    tell("postmark", postmark(row, sent))  # a bounce that is told later
    assert talk.mail().state == "complained"
    talk.answer("One more thing.")
    talk.sweep()
    assert len(mail.outbox) == 1


def test_events_of_other_mails_are_nobodys(talk: Talk, configure: Callable[[str], None]) -> None:
    configure("postmark")
    row, sent = mailed(talk)
    event = postmark(row, sent)
    others = [
        {**event, "Metadata": {}},
        {**event, "Metadata": {"convoship-mail": "4fd4bb63-1d62-4a80-8c53-111111111111"}},
        {**event, "Metadata": {"convoship-mail": "\x00"}},
        {**event, "Email": "somebody.else@navy.example"},
        {**event, "RecordType": "Open"},
        {**event, "Type": "Transient"},
    ]
    for other in others:
        assert tell("postmark", other).status_code == 200
    assert talk.mail().state == "sent"


def test_there_is_nothing_where_nothing_is_configured(configure: Callable[[str], None], db: None) -> None:
    assert tell("postmark", {}).status_code == 404
    configure("postmark")
    assert tell("mailgun", {}).status_code == 404
    assert tell("nobody", {}).status_code == 404
    assert Client().head("/v1/public/mail/postmark/tracking").status_code == 200
    assert Client().get("/v1/public/mail/postmark/tracking").status_code == 405


def test_a_mail_names_itself_to_nobody_unless_a_provider_is_configured(talk: Talk) -> None:
    row, sent = mailed(talk)
    named = [name for name in sent.extra_headers if name.startswith("X-")]
    assert named == []
    with tenant(talk.workspace.id):
        assert row.id.hex in sent.extra_headers["Message-ID"]


def test_what_is_said_before_the_mail_is_settled_is_asked_for_again(
    talk: Talk, configure: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    configure("postmark")
    send, answers = EmailMultiAlternatives.send, []

    def bounces_at_once(self: EmailMultiAlternatives) -> int:
        count = send(self)
        answers.append(tell("postmark", postmark(talk.mail(), mail.outbox[-1])))
        return count

    monkeypatch.setattr(EmailMultiAlternatives, "send", bounces_at_once)
    row, sent = mailed(talk)
    assert (row.state, answers[0].status_code) == ("sent", 503)
    assert answers[0]["Retry-After"]
    assert tell("postmark", postmark(row, sent)).status_code == 200
    assert talk.mail().state == "bounced"
