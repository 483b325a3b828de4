"""What a conversation's page tells of the visitor: where they are, by what channel, and what they said before."""

from __future__ import annotations

import asyncio

import pytest

from channels_app import consents
from convoship.lib.tenancy import tenant
from deployments import conversations, sessions, whereabouts
from deployments.deploying import NewDeployment
from deployments.models import Conversation
from tests import factories
from tests.channels.conftest import Bridge
from tests.pages.conftest import Browser, browser_of, text, words
from workspaces.models import Workspace


@pytest.fixture
def made(workspace: Workspace) -> NewDeployment:
    return factories.make_deployment(workspace)


def page_of(member: Browser, conversation: Conversation) -> str:
    return text(member.get(f"/app/conversations/{conversation.id}/"))


def test_other_conversations_of_the_same_person_are_listed_with_their_last_words(
    member: Browser, workspace: Workspace, made: NewDeployment
) -> None:
    first = factories.start_session(made, user={"name": "Zoe"}).session.conversation
    stranger = factories.start_session(made).session.conversation
    second = factories.start_session(made).session.conversation
    with tenant(workspace.id):
        conversations.end(conversations.lock(first.id), "completed", "Over.", "")
        Conversation.objects.filter(id=first.id).update(last_text="about a **blue** kettle <b>")
        Conversation.objects.filter(id=second.id).update(person=first.person)
    page = page_of(member, second)
    assert f'href="/app/conversations/{first.id}/"' in page
    assert "about a blue kettle" in page
    assert "kettle <b>" not in page
    assert str(stranger.id) not in page
    assert "Other conversations" not in page_of(member, stranger)
    other = factories.make_workspace(name="Other")
    theirs = browser_of(other, factories.owner_of(other))
    assert theirs.get(f"/app/conversations/{second.id}/").status_code == 404


def test_where_the_visitor_is_now_stands_beside_where_they_began(
    member: Browser, workspace: Workspace, made: NewDeployment
) -> None:
    began = {"url": "https://shop.example/a", "title": "Kettles"}
    opened = factories.start_session(made, page=began)
    conversation = opened.session.conversation
    assert ">Page</dt>" in page_of(member, conversation)
    now = {"url": "https://shop.example/cart?x=1", "title": "<img src=x> Cart"}
    asked = sessions.SessionRequest(agent_id=made.deployment.assistant_id, resume=opened.token, page=now)
    assert not sessions.start(made.token, factories.caller(), asked).created
    page = page_of(member, conversation)
    assert 'href="https://shop.example/cart?x=1"' in page
    assert "&lt;img src=x&gt; Cart" in page
    assert ">Began on</dt>" in page
    assert "Kettles" in page
    with tenant(workspace.id):
        row = Conversation.objects.get()
        assert row.page_now["at"].endswith("Z")
        for same in (now, {}, {"url": ""}, {"title": "No address"}):
            assert not whereabouts.is_elsewhere(row, same)


def test_how_the_address_stands_to_being_written_to_is_told_over_a_connection(
    bridge: Bridge, member: Browser, workspace: Workspace
) -> None:
    asyncio.run(bridge.say("hello", key="room-7"))
    asyncio.run(bridge.drain())
    with tenant(workspace.id):
        conversation = Conversation.objects.get()
    before = words(member.get(f"/app/conversations/{conversation.id}/"))
    assert "Consent They wrote first. More is not known. All that is known" in before
    assert f'href="/app/people/{conversation.person_id}/#consent"' in page_of(member, conversation)
    with tenant(workspace.id):
        consents.note(bridge.connection, "room-7", withdrawn=True, source="STOP")
    page = words(member.get(f"/app/conversations/{conversation.id}/"))
    assert "Consent Opted out" in page


def test_that_nothing_is_known_of_consent_is_said(member: Browser, made: NewDeployment) -> None:
    conversation = factories.start_session(made).session.conversation
    page = words(member.get(f"/app/conversations/{conversation.id}/"))
    assert "Consent Nothing is asked for on the web: they opened the chat themselves." in page
