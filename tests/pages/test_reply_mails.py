"""What became of a mail to a visitor who had left, on the conversation's page and in the API."""

from __future__ import annotations

import smtplib
from typing import Any

import pytest
from django.core import mail
from django.test import Client

from convoship.lib.tenancy import tenant
from deployments import handoff, member_mails
from deployments.models import ReplyMail
from tests import factories
from tests.pages.conftest import Browser, browser_of, form_of, text, words
from tests.runtime import test_reply_mail
from tests.runtime.test_reply_mail import Talk
from workspaces.models import AuditEvent, Workspace

server, many_mails = test_reply_mail.server, test_reply_mail.many_mails


@pytest.fixture
def talk(workspace: Workspace) -> Talk:
    made = factories.make_deployment(workspace)
    opened = factories.start_session(made, user={"email": "grace@navy.example", "name": "Grace"})
    return Talk(workspace, factories.owner_of(workspace), opened.session.conversation_id)


def page_of(member: Browser, talk: Talk) -> Any:
    return member.get(f"/app/conversations/{talk.id}/")


def refuse(talk: Talk, server: list[Exception]) -> None:
    talk.answer("Your parcel is in Kiel.")
    server.append(smtplib.SMTPRecipientsRefused({"grace@navy.example": (550, b"<b>No such</b> user")}))
    talk.sweep()


def test_a_mail_stands_below_the_last_message_in_it(member: Browser, talk: Talk) -> None:
    talk.answer("Your parcel is in Kiel.")
    assert "Mailed" not in words(page_of(member, talk))
    talk.sweep()
    talk.answer("The words after it.")
    page = words(page_of(member, talk))
    assert "Mailed to g…@navy.example at" in page
    assert page.index("in Kiel") < page.index("Mailed to g…") < page.index("The words after it.")


def test_what_was_read_here_is_not_spoken_of(member: Browser, talk: Talk) -> None:
    talk.answer("Your parcel is in Kiel.")
    talk.visitor_says("Thank you")
    talk.sweep()
    assert talk.mail().state == "cancelled"
    assert "mailed" not in words(page_of(member, talk)).lower()


def test_a_refused_mail_says_why_and_can_be_tried_again(member: Browser, talk: Talk, server: list[Exception]) -> None:
    refuse(talk, server)
    page = page_of(member, talk)
    assert "Could not be mailed" in words(page)
    assert "550 <b>No such</b> user" in words(page)
    assert "<b>No such</b>" not in text(page)
    again = member.send(form_of(page, f"/mails/{talk.mail().id}/again"))
    assert "It is mailed to g…@navy.example in a moment." in words(again)
    assert "is on its way" in words(again)
    with tenant(talk.workspace.id):
        assert AuditEvent.objects.filter(action="conversation.mailed_again", target_id=str(talk.id)).count() == 1
    talk.sweep()
    assert len(mail.outbox) == 1
    assert "Mailed to" in words(page_of(member, talk))


def test_pressing_it_twice_says_that_there_is_nothing_to_do(
    member: Browser, talk: Talk, server: list[Exception]
) -> None:
    refuse(talk, server)
    form = form_of(page_of(member, talk), f"/mails/{talk.mail().id}/again")
    member.send(form)
    assert "nothing to try again" in words(member.send(form))
    with tenant(talk.workspace.id):
        assert ReplyMail.objects.count() == 1


def test_who_may_only_read_sees_it_without_a_button(workspace: Workspace, talk: Talk, server: list[Exception]) -> None:
    refuse(talk, server)
    page = page_of(browser_of(workspace, factories.member(workspace, "viewer")), talk)
    assert "Could not be mailed" in words(page)
    assert "/again" not in text(page)


def test_the_mail_of_another_conversation_is_not_there(
    member: Browser, workspace: Workspace, talk: Talk, server: list[Exception]
) -> None:
    refuse(talk, server)
    form = form_of(page_of(member, talk), f"/mails/{talk.mail().id}/again")
    other = factories.start_session(factories.make_deployment(workspace)).session.conversation_id
    form.action = form.action.replace(str(talk.id), str(other))
    assert member.send(form).status_code == 404
    assert talk.mail().state == "failed"


def test_the_api_tells_of_the_mails(workspace: Workspace, talk: Talk, server: list[Exception]) -> None:
    refuse(talk, server)
    key = factories.make_api_key(workspace, ["conversations:read"])
    headers = {"Authorization": f"Bearer {key.token}"}
    (shown,) = Client().get(f"/v1/conversations/{talk.id}", headers=headers).json()["mails"]
    assert (shown["state"], shown["address"], shown["attempts"]) == ("failed", "grace@navy.example", 1)
    assert "No such" in shown["reason"]
    assert shown["sent_at"] is None


def test_a_call_that_no_member_got_is_seen_until_one_does(
    member: Browser, talk: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(*_: object, **__: object) -> None:
        raise smtplib.SMTPRecipientsRefused({"x@y.example": (451, b"4.3.0 Disk full")})

    talk.act(lambda row: handoff.request(row, "Please"))
    monkeypatch.setattr(member_mails, "send_mail", refuses)
    member_mails.tell(talk.workspace.id, talk.id)
    page = words(page_of(member, talk))
    assert "Members could not be mailed" in page
    assert "451 4.3.0 Disk full" in page
    monkeypatch.undo()
    member_mails.tell(talk.workspace.id, talk.id)
    assert len(mail.outbox) == 1
    assert "Members could not be mailed" not in words(page_of(member, talk))
