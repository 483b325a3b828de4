"""A person's answer to a visitor who has left goes by mail, and only then."""

from __future__ import annotations

import datetime as dt
import re
import smtplib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import time_machine
from django.core import mail
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.utils import timezone

from convoship.lib.problems import Problem
from convoship.lib.tenancy import tenant
from deployments import conversations, handoff, people, reading, reply_mails
from deployments.conversations import NewMessage
from deployments.identity import Verified
from deployments.models import Conversation, Deployment, Handoff, ReplyMail
from tests import factories
from workspaces.models import User, Workspace

LINK = re.compile(r"https?://\S+/continue/(\S+)")


@dataclass
class Talk:
    """A visitor's conversation in which a person answers."""

    workspace: Workspace
    user: User
    id: Any

    def act(self, act: Callable[[Conversation], Any]) -> Any:
        with tenant(self.workspace.id):
            return act(conversations.lock(self.id))

    def answer(self, text: str) -> int:
        """A member answers; the seq of it."""
        who = factories.actor(self.workspace)
        return int(self.act(lambda row: handoff.reply(who, self.user, row, text, None).seq))

    def visitor_says(self, text: str) -> None:
        self.act(lambda row: conversations.post_message(row, NewMessage("visitor", text, status="received")))

    def mails(self) -> list[ReplyMail]:
        with tenant(self.workspace.id):
            return list(ReplyMail.objects.order_by("created_at"))

    def mail(self) -> ReplyMail:
        (row,) = self.mails()
        return row

    def sweep(self, after: dt.timedelta = reply_mails.UNREAD_FOR + dt.timedelta(minutes=1)) -> int:
        """Let so much time go by, and send what is due: the rows are moved, for the database's clock stands."""
        with tenant(self.workspace.id):
            for row in ReplyMail.objects.filter(state="queued"):
                row.due_at -= after
                if row.leased_until:
                    row.leased_until -= after
                row.save()
        return reply_mails.send_due()


@pytest.fixture(autouse=True)
def many_mails(settings: Any) -> None:
    """All tests write to one address on one day: none shall meet the others' count."""
    settings.LIMITS = {**settings.LIMITS, "reply_mails_per_address": "100000/86400"}


@pytest.fixture
def begin(db: None) -> Callable[..., Talk]:
    workspace = factories.make_workspace()
    user = factories.owner_of(workspace)
    user.name = "Dana Reyes"
    user.save()

    def run(email: str | None = "grace@navy.example", **more: Any) -> Talk:
        given: dict[str, Any] = {"user": {"email": email}} if email else {}
        opened = factories.start_session(factories.make_deployment(workspace), **given, **more)
        return Talk(workspace, user, opened.session.conversation_id)

    return run


@pytest.fixture
def talk(begin: Callable[..., Talk]) -> Talk:
    return begin()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> list[Exception]:
    """A mail server that refuses with what stands in this list, one for each mail, and takes all after that."""
    refusals: list[Exception] = []
    send = EmailMultiAlternatives.send

    def refuse_or_take(self: EmailMultiAlternatives, *args: Any, **kwargs: Any) -> int:
        if refusals:
            raise refusals.pop(0)
        return send(self, *args, **kwargs)

    monkeypatch.setattr(EmailMultiAlternatives, "send", refuse_or_take)
    return refusals


def test_an_answer_that_is_not_read_goes_by_mail_after_two_minutes(talk: Talk) -> None:
    first = talk.answer("Your parcel is in **Kiel**.\n\n<script>alert(1)</script>")
    second = talk.answer("It comes on Monday.")
    assert talk.sweep(dt.timedelta(seconds=100)) == 0
    assert talk.sweep(dt.timedelta(seconds=50)) == 1
    (sent,) = mail.outbox
    assert isinstance(sent, EmailMultiAlternatives)
    assert sent.to == ["grace@navy.example"]
    assert sent.subject == "Dana Reyes answered you (Ada)"
    assert sent.from_email.startswith("Ada <")
    assert not sent.reply_to
    assert "Dana Reyes:\nYour parcel is in Kiel." in sent.body
    assert "It comes on Monday." in sent.body
    html = str(sent.alternatives[0][0])
    assert "<strong>Kiel</strong>" in html
    assert "<script>" not in html
    assert LINK.search(str(sent.body))
    assert "shop.example" in sent.body
    assert sent.extra_headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    row = talk.mail()
    assert (row.state, row.from_seq, row.to_seq, row.attempts) == ("sent", first, second, 1)
    assert row.sent_at
    assert talk.sweep() == 0
    assert len(mail.outbox) == 1


def test_what_is_read_in_time_is_not_mailed(talk: Talk) -> None:
    seq = talk.answer("Your parcel is in Kiel.")
    talk.act(lambda row: reading.by_visitor(row.id, seq))
    talk.sweep()
    assert not mail.outbox
    assert (talk.mail().state, talk.mail().reason) == ("cancelled", "They read it here.")


def test_who_writes_on_has_read_what_was_said_before(talk: Talk) -> None:
    talk.answer("Your parcel is in Kiel.")
    talk.visitor_says("Thank you!")
    talk.sweep()
    assert not mail.outbox
    talk.answer("You are welcome.")
    talk.sweep()
    assert "You are welcome." in mail.outbox[0].body
    assert "Kiel" not in mail.outbox[0].body


def test_what_was_mailed_is_not_mailed_again_with_the_next_answer(talk: Talk) -> None:
    talk.answer("Your parcel is in Kiel.")
    talk.sweep()
    talk.answer("Now it is in Lübeck.")
    talk.sweep()
    assert len(mail.outbox) == 2
    assert "Kiel" not in mail.outbox[1].body


def test_only_words_of_people_are_mailed(talk: Talk) -> None:
    talk.visitor_says("hello")
    talk.act(lambda row: conversations.post_message(row, NewMessage("assistant", "How can I help?")))
    assert talk.mails() == []


def test_without_an_address_nothing_is_mailed(begin: Callable[..., Talk]) -> None:
    talk = begin(None)
    talk.answer("Your parcel is in Kiel.")
    assert talk.mails() == []


def test_the_address_of_the_form_before_the_hand_over_is_taken(begin: Callable[..., Talk]) -> None:
    talk = begin(None)
    talk.act(lambda row: handoff.request(row, "Please"))
    with tenant(talk.workspace.id):
        Handoff.objects.update(answers={"email": "grace@navy.example"})
    talk.answer("Your parcel is in Kiel.")
    assert talk.mail().address == "grace@navy.example"


def test_what_this_conversation_says_of_its_visitor_comes_before_what_the_browser_was_known_by(
    begin: Callable[..., Talk],
) -> None:
    talk = begin()

    def another_sat_here_before(row: Conversation) -> None:
        row.person.email = "earlier@navy.example"
        row.person.save()

    talk.act(another_sat_here_before)
    talk.answer("Your parcel is in Kiel.")
    assert talk.mail().address == "grace@navy.example"


@pytest.mark.parametrize("email", ["no address", "two@a.example, b@b.example", "a@b.example\r\nBcc: c@d.example"])
def test_what_is_no_address_gets_no_mail(begin: Callable[..., Talk], email: str) -> None:
    talk = begin(None)

    def claim(row: Conversation) -> None:
        row.visitor_data = {"email": email}
        row.save(update_fields=["visitor_data"])

    talk.act(claim)
    talk.answer("Your parcel is in Kiel.")
    assert talk.mails() == []


def test_a_test_mails_nobody(talk: Talk) -> None:
    with tenant(talk.workspace.id):
        Conversation.objects.update(is_test=True)
    talk.answer("Your parcel is in Kiel.")
    assert talk.mails() == []


def test_a_name_with_line_ends_adds_no_header(talk: Talk) -> None:
    talk.user.name = "Dana\r\nBcc: everybody@navy.example"
    talk.user.save()
    talk.answer("Hello")
    talk.sweep()
    assert mail.outbox[0].subject == "Dana Bcc: everybody@navy.example answered you (Ada)"
    assert mail.outbox[0].bcc == []


def test_the_mail_speaks_the_visitors_language(begin: Callable[..., Talk]) -> None:
    talk = begin(locale="de-AT")
    with tenant(talk.workspace.id):
        Conversation.objects.update(locale="de-AT")
    talk.answer("Ihr Paket ist in Kiel.")
    talk.sweep()
    assert mail.outbox[0].subject == "Dana Reyes hat Ihnen geantwortet (Ada)"
    assert "Gespräch fortsetzen" in mail.outbox[0].body


@pytest.mark.parametrize("origin", ["http://192.0.2.7:8080", "http://[2001:db8::1]", "http://localhost:8000"])
def test_a_site_that_has_only_a_number_is_called_by_whose_it_is(begin: Callable[..., Talk], origin: str) -> None:
    talk = begin()
    with tenant(talk.workspace.id):
        Conversation.objects.update(origin=origin)
    talk.answer("Your parcel is in Kiel.")
    talk.sweep()
    assert "was given in a chat on Acme as the one" in mail.outbox[0].body


def test_a_member_without_a_name_is_called_nothing_at_all(talk: Talk) -> None:
    talk.user.name = ""
    talk.user.save()
    talk.answer("Your parcel is in Kiel.")
    talk.sweep()
    assert mail.outbox[0].subject == "You have an answer (Ada)"
    assert "\n\nYour parcel is in Kiel.\n\n" in mail.outbox[0].body
    assert talk.user.email.split("@")[0] not in mail.outbox[0].body


def test_the_mail_of_an_ended_conversation_has_the_words_and_no_link(talk: Talk) -> None:
    talk.answer("Your parcel is in Kiel.")
    talk.act(lambda row: handoff.resolve(factories.actor(talk.workspace), "Dana", row))
    talk.sweep()
    assert "Kiel" in mail.outbox[0].body
    assert not re.search(r"/continue/\S+$", mail.outbox[0].body.split("it is over")[0], re.MULTILINE)


@pytest.mark.parametrize(
    ("refusal", "words"),
    [
        (smtplib.SMTPRecipientsRefused({"grace@navy.example": (550, b"5.1.1 No such user")}), "550 5.1.1 No such user"),
        (smtplib.SMTPSenderRefused(553, b"5.7.1 Not yours", "no-reply@here"), "553 5.7.1 Not yours"),
        (smtplib.SMTPDataError(554, b"5.7.1 Looks like\r\nspam"), "554 5.7.1 Looks like spam"),
    ],
)
def test_what_the_server_refuses_for_good_is_not_tried_again(
    talk: Talk, server: list[Exception], refusal: Exception, words: str
) -> None:
    talk.answer("Your parcel is in Kiel.")
    server.append(refusal)
    talk.sweep()
    row = talk.mail()
    assert row.state == "failed"
    assert words in row.reason
    assert row.remedy
    assert talk.sweep(dt.timedelta(days=1)) == 0


def test_a_server_that_is_away_is_asked_again_and_given_up_after_four_pauses(
    talk: Talk, server: list[Exception]
) -> None:
    talk.answer("Your parcel is in Kiel.")
    server += [smtplib.SMTPRecipientsRefused({"grace@navy.example": (450, b"4.2.1 Later")})]
    server += [ConnectionRefusedError("nobody listens")] * 4
    talk.sweep()
    for pause in reply_mails.PAUSES:
        row = talk.mail()
        assert row.state == "queued"
        assert abs(row.due_at - timezone.now() - pause) < dt.timedelta(seconds=10)
        assert talk.sweep(pause - dt.timedelta(seconds=30)) == 0
        assert talk.sweep(dt.timedelta(seconds=60)) == 1
    row = talk.mail()
    assert (row.state, row.attempts) == ("failed", 5)
    assert "nobody listens" in row.reason
    assert not mail.outbox


def test_what_is_read_while_the_server_is_away_is_not_mailed(talk: Talk, server: list[Exception]) -> None:
    seq = talk.answer("Your parcel is in Kiel.")
    server.append(ConnectionRefusedError("nobody listens"))
    talk.sweep()
    talk.act(lambda row: reading.by_visitor(row.id, seq))
    talk.sweep(dt.timedelta(hours=1))
    assert not mail.outbox
    assert talk.mail().state == "cancelled"


def test_nobody_else_sends_what_is_being_sent_until_the_lease_is_over(
    talk: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    talk.answer("Your parcel is in Kiel.")

    def dies(self: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(EmailMultiAlternatives, "send", dies)
    with pytest.raises(KeyboardInterrupt):
        talk.sweep()
    monkeypatch.undo()
    assert reply_mails.send_due() == 0
    assert not mail.outbox
    assert talk.sweep(reply_mails.LEASE + dt.timedelta(minutes=1)) == 1
    assert len(mail.outbox) == 1


def test_what_is_said_while_a_mail_is_being_sent_goes_with_the_next(
    talk: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = talk.answer("Your parcel is in Kiel.")
    send = EmailMultiAlternatives.send

    def answer_meanwhile(self: EmailMultiAlternatives) -> int:
        talk.answer("Now it is in Lübeck.")
        return send(self)

    monkeypatch.setattr(EmailMultiAlternatives, "send", answer_meanwhile)
    talk.sweep()
    monkeypatch.undo()
    sent, waiting = talk.mails()
    assert (sent.state, sent.to_seq, waiting.state, waiting.from_seq) == ("sent", first, "queued", first + 1)
    talk.sweep()
    assert "Lübeck" in mail.outbox[1].body
    assert "Kiel" not in mail.outbox[1].body


def test_an_address_gets_only_so_many_mails_a_day_whoever_asks_for_them(
    begin: Callable[..., Talk], settings: Any
) -> None:
    settings.LIMITS = {**settings.LIMITS, "reply_mails_per_address": "2/86400"}
    address = f"stranger-{timezone.now().timestamp()}@navy.example"
    talks = [begin(address) for _ in range(3)]
    for talk in talks:
        talk.answer("Hello")
        talk.sweep()
    assert len(mail.outbox) == 2
    failed = talks[0].mails()[-1]
    assert failed.state == "failed"
    assert failed.reason == "Too many mails to this address: it was not sent."


def test_a_failed_mail_can_be_sent_again_to_where_the_visitor_is_now(talk: Talk, server: list[Exception]) -> None:
    talk.answer("Your parcel is in Kiel.")
    server.append(smtplib.SMTPRecipientsRefused({"grace@navy.example": (550, b"No such user")}))
    talk.sweep()
    who = factories.actor(talk.workspace)

    def correct(row: Conversation) -> None:
        row.visitor_data = {"email": "hopper@navy.example"}
        row.save(update_fields=["visitor_data"])
        reply_mails.send_again(who, row, talk.mail().id)

    talk.act(correct)
    talk.sweep(dt.timedelta(seconds=60))
    assert mail.outbox[0].to == ["hopper@navy.example"]
    assert talk.mail().state == "sent"
    with pytest.raises(Problem, match="nothing to try again"):
        talk.act(lambda row: reply_mails.send_again(who, row, talk.mail().id))


GONE = smtplib.SMTPRecipientsRefused({"grace@navy.example": (550, b"5.1.1 No such user")})


@pytest.mark.parametrize(
    ("refusals", "is_another"),
    [
        ([GONE], True),
        ([TimeoutError("silent after DATA"), GONE], True),
        # Whether it was taken is not known: a server that has it drops the copy.
        ([TimeoutError("silent after DATA")] * 5, False),
        ([smtplib.SMTPServerDisconnected("gone")] * 5, False),
    ],
)
def test_what_is_tried_again_is_another_mail_only_where_the_first_was_surely_refused(
    talk: Talk, monkeypatch: pytest.MonkeyPatch, refusals: list[Exception], is_another: bool
) -> None:
    headers: list[dict[str, str]] = []
    left = list(refusals)

    def send(self: EmailMultiAlternatives) -> int:
        headers.append(dict(self.extra_headers))
        if left:
            raise left.pop(0)
        return 1

    monkeypatch.setattr(EmailMultiAlternatives, "send", send)
    talk.answer("Your parcel is in Kiel.")
    for _ in refusals:
        talk.sweep(dt.timedelta(hours=3))
    assert talk.mail().state == "failed"
    talk.act(lambda row: reply_mails.send_again(factories.actor(talk.workspace), row, talk.mail().id))
    talk.sweep()
    assert talk.mail().state == "sent"
    *tried, again = [each["Message-ID"] for each in headers]
    assert len(set(tried)) == 1, "our own attempts are the same mail"
    assert (again not in tried) == is_another
    assert len({each["References"] for each in headers}) == 1, "they stand together"
    assert talk.mail().id.hex in again


def test_an_address_from_which_a_mail_came_back_is_not_written_to_unasked(begin: Callable[..., Talk]) -> None:
    first, second = begin(), begin()
    first.answer("Hello")
    first.sweep()
    with tenant(first.workspace.id):
        ReplyMail.objects.update(state="bounced")
    second.answer("Hello again")
    second.sweep()
    assert len(mail.outbox) == 1
    row = second.mails()[-1]
    assert (row.state, row.reason) == ("failed", "An earlier mail to this address came back.")
    second.act(lambda it: reply_mails.send_again(factories.actor(second.workspace), it, row.id))
    second.sweep(dt.timedelta(seconds=60))
    assert len(mail.outbox) == 2


def test_who_called_a_mail_unwanted_gets_no_more(begin: Callable[..., Talk]) -> None:
    first, second = begin(), begin()
    first.answer("Hello")
    first.sweep()
    with tenant(first.workspace.id):
        ReplyMail.objects.update(state="complained")
    second.answer("Hello again")
    second.sweep()
    assert len(mail.outbox) == 1
    assert second.mails()[-1].state == "cancelled"


def test_the_link_is_good_for_a_week_from_when_it_was_sent(talk: Talk) -> None:
    talk.answer("Hello")
    with time_machine.travel(timezone.now() + dt.timedelta(hours=3), tick=False):
        now = timezone.now()
        talk.sweep()
    assert talk.mail().link_until == now + dt.timedelta(days=7)


def proved(talk: Talk, email: str) -> None:
    """The visitor signs in on the page, which sends a good token."""
    talk.act(lambda row: people.identify(row, {}, Verified("u-1", email=email)))


@pytest.mark.parametrize("is_required", [True, False])
def test_where_proof_is_needed_a_typed_address_gets_no_mail_and_the_transcript_says_why(
    begin: Callable[..., Talk], is_required: bool
) -> None:
    talk = begin(None)
    if is_required:
        with tenant(talk.workspace.id):
            Deployment.objects.update(identity_required=True)
    else:
        proved(talk, "")
    talk.act(lambda row: handoff.request(row, "Please"))
    with tenant(talk.workspace.id):
        Handoff.objects.update(answers={"email": "mallory@evil.example"})
    talk.answer("Your parcel is in Kiel.")
    talk.sweep()
    assert not mail.outbox
    row = talk.mail()
    assert (row.state, row.reason) == ("cancelled", reply_mails.UNPROVED)
    shown = render_to_string("deployments/conversation_mails.html", {"mails": [row]})
    assert "Not mailed to m…@evil.example: Only the address that their sign-in proves" in " ".join(shown.split())


def test_who_is_proved_is_mailed_at_the_proved_address_also_if_they_signed_in_after_the_answer(
    begin: Callable[..., Talk],
) -> None:
    talk = begin("typed@navy.example")
    talk.answer("Your parcel is in Kiel.")
    proved(talk, "grace@navy.example")
    talk.sweep()
    assert [message.to for message in mail.outbox] == [["grace@navy.example"]]
    talk.act(lambda row: Handoff.objects.filter(conversation=row).update(answers={"email": "other@navy.example"}))
    talk.answer("It comes on Monday.")
    talk.sweep()
    assert [message.to for message in mail.outbox] == [["grace@navy.example"]] * 2


def test_what_failed_is_not_sent_again_to_a_typed_address_of_who_is_proved_since(
    talk: Talk, server: list[Exception]
) -> None:
    talk.answer("Your parcel is in Kiel.")
    server.append(smtplib.SMTPRecipientsRefused({"grace@navy.example": (550, b"No such user")}))
    talk.sweep()
    proved(talk, "")
    with pytest.raises(Problem, match="their sign-in proves"):
        talk.act(lambda row: reply_mails.send_again(factories.actor(talk.workspace), row, talk.mail().id))
