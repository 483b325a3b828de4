"""Whose conversation it is, chosen on its page."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.core import mail
from django.utils import timezone

from convoship.lib.tenancy import tenant
from deployments import conversations, handoff, member_mails
from deployments.models import Conversation
from tests import factories
from tests.pages.conftest import Browser, form_of, forms_of, text, words
from workspaces.models import Membership, User, Workspace


@pytest.fixture
def conversation(workspace: Workspace) -> Conversation:
    return factories.start_session(factories.make_deployment(workspace)).session.conversation


@pytest.fixture
def dana(workspace: Workspace) -> User:
    return factories.member(workspace, "agent", factories.make_user(name="Dana Reyes"))


def page_of(member: Browser, conversation: Conversation) -> Any:
    return member.get(f"/app/conversations/{conversation.id}/")


def assign(member: Browser, conversation: Conversation, user: str) -> Any:
    form = form_of(page_of(member, conversation), "/assign")
    form["user"] = user
    return member.send(form)


def whose(conversation: Conversation) -> Any:
    with tenant(conversation.workspace_id):
        return Conversation.objects.get(id=conversation.id).assigned_to_id


def test_a_member_gives_a_conversation_to_another_to_themselves_and_to_nobody(
    member: Browser, conversation: Conversation, dana: User
) -> None:
    page = assign(member, conversation, str(dana.id))
    assert "Assigned to Dana Reyes." in words(page)
    assert "The assistant answers. Assigned to Dana Reyes." in words(page)
    assert whose(conversation) == dana.id
    mine = [form for form in forms_of(page) if form.values.get("user") == ["me"]]
    assert "Assigned to you." in words(member.send(mine[0]))
    page = page_of(member, conversation)
    assert not [form for form in forms_of(page) if form.values.get("user") == ["me"]]
    assert "Assigned to nobody." in words(assign(member, conversation, ""))
    assert whose(conversation) is None
    assert "/app/conversations/?show=mine" in text(member.get("/app/conversations/"))


def test_the_choice_has_who_may_answer_and_nobody_else(
    member: Browser, workspace: Workspace, conversation: Conversation, dana: User
) -> None:
    viewer = factories.member(workspace, "viewer", factories.make_user(name="Vera Viewer"))
    page = text(page_of(member, conversation))
    assert "Dana Reyes</option>" in page
    assert "Vera Viewer</option>" not in page
    stranger = factories.make_user()
    for other in (viewer.id, stranger.id, "x", "\x00", "me too"):
        answer = assign(member, conversation, str(other))
        assert answer.status_code == 200
        assert "Choose" in words(answer)
        assert whose(conversation) is None


def test_what_is_over_is_nobodys(member: Browser, conversation: Conversation) -> None:
    form = form_of(page_of(member, conversation), "/assign")
    with tenant(conversation.workspace_id):
        conversations.end(conversations.lock(conversation.id), "completed", "Over.", "")
    assert "takes no more messages" in words(member.send(form))
    assert "/assign" not in text(page_of(member, conversation))


def waits(conversation: Conversation) -> None:
    with tenant(conversation.workspace_id):
        handoff.request(conversations.lock(conversation.id), "Asked.")
        # The members on duty were mailed a while ago.
        long_ago = timezone.now() - dt.timedelta(minutes=10)
        Conversation.objects.update(members_told_at=long_ago, members_mailed_at=long_ago)


def mails() -> list[tuple[list[str], str]]:
    member_mails.send_due()
    return [(each.to, str(each.subject)) for each in mail.outbox]


def test_who_is_given_somebody_who_waits_is_mailed_alone_though_away_and_the_giver_is_warned(
    member: Browser, conversation: Conversation, dana: User
) -> None:
    waits(conversation)
    with tenant(conversation.workspace_id):
        Membership.objects.filter(user=dana).update(away_since=timezone.now())
    page = words(assign(member, conversation, str(dana.id)))
    assert "Dana Reyes is away. If they don't answer within 5 minutes, the others are asked." in page
    assert "Dana Reyes will be with you in a moment." in page
    [(to, subject)] = mails()
    assert to == [dana.email]
    assert "is waiting for you" in subject
    assert "a colleague gave you the conversation" in mail.outbox[0].body


def test_who_takes_somebody_who_waits_for_themselves_is_not_mailed(member: Browser, conversation: Conversation) -> None:
    waits(conversation)
    assign(member, conversation, "me")
    assert mails() == []
