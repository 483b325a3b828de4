"""A scripted assistant as visitors meet it: questions over several messages, silence, and what is counted of it."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.db.models import F
from django.utils import timezone

from convoship.lib.tenancy import tenant
from convoship.lib.threads import in_thread
from deployments import publishing, sweeping
from deployments.models import Assistant, Conversation
from deployments.responders.templates import TEMPLATES
from tests import factories
from tests.runtime.conftest import Site
from workspaces.models import Workspace


@pytest.fixture
def lead_site(transactional_db: None) -> Site:
    """A page with the lead capture template."""
    return site_of(TEMPLATES["lead"].content())


def site_of(content: dict[str, Any]) -> Site:
    workspace = factories.make_workspace()
    assistant = factories.make_assistant(workspace, published=False, template=None)
    publish(workspace, assistant, content)
    return Site(factories.make_deployment(workspace, assistant))


def publish(workspace: Workspace, assistant: Assistant, content: dict[str, Any]) -> None:
    with tenant(workspace.id):
        who = factories.actor(workspace)
        publishing.change_draft(who, Assistant.objects.get(id=assistant.id), scripted=content)
        publishing.publish(who, assistant.id)


async def said(site: Site, session: Any, text: str, **more: Any) -> list[str]:
    answer = await site.say(session, text, **more)
    assert answer.status_code == 201, answer.data
    return [reply["text"] for reply in answer.data["replies"]]


async def conversation_of(site: Site) -> Conversation:
    def look() -> Conversation:
        with tenant(site.workspace_id):
            return Conversation.objects.get()

    return await in_thread(look)


async def test_a_whole_lead_is_captured_and_a_person_is_called(lead_site: Site) -> None:
    session = (await lead_site.start(user={"name": "Ada *"})).data
    assert session["messages"][0]["text"].startswith("Hi Ada \\*!")
    assert (await said(lead_site, session, "I'd like a quote please"))[0] == "Gladly. What is your name?"
    assert "Thank you, Ada" in (await said(lead_site, session, "Ada"))[0]
    assert "name@example.com" in (await said(lead_site, session, "later"))[0]
    assert (await said(lead_site, session, "a@example.com"))[0] == "How many of you would use it?"
    assert (await said(lead_site, session, "12", payload="10 to 49"))[0] == "Shall we call you?"
    last = await said(lead_site, session, "yes please")
    assert last[0] == "Thank you, Ada! We write to a@example.com within one working day."
    conversation = await conversation_of(lead_site)
    assert conversation.control == "waiting"
    assert conversation.person_wanted_at is not None
    slots = {name: slot["value"] for name, slot in conversation.flow_state["slots"].items()}
    assert slots == {"name": "Ada", "email": "a@example.com", "team_size": "10 to 49", "call_wanted": True}


QUIET = {
    "intents": [{"name": "Hours", "phrases": ["opening hours"], "answers": [{"text": "9 to 5"}]}],
    "no_input": {"after_seconds": 60, "text": "Still there?", "then": "end"},
}


async def silent_for(site: Site, seconds: int) -> None:
    """Let this much time have passed for the conversation, and sweep."""

    def age() -> None:
        with tenant(site.workspace_id):
            Conversation.objects.update(silent_at=F("silent_at") - dt.timedelta(seconds=seconds))

    await in_thread(age)
    await sweeping.sweep()


async def texts(site: Site, session: Any) -> list[str]:
    path = f"/sessions/{session['session']['id']}/messages"
    answer = await site.call("GET", path, session["session_token"])
    return [message["text"] for message in answer.data["messages"]]


async def test_silence_is_broken_once_and_then_the_conversation_ends(transactional_db: None) -> None:
    site = await in_thread(site_of, QUIET)
    session = (await site.start()).data
    await site.say(session, "opening hours")
    await silent_for(site, 59)
    assert (await texts(site, session))[-1] == "9 to 5"
    await silent_for(site, 2)
    await silent_for(site, 100)
    assert (await texts(site, session)).count("Still there?") == 1
    assert (await conversation_of(site)).status == "completed"


async def test_whatever_the_visitor_says_takes_the_wait_back(transactional_db: None) -> None:
    site = await in_thread(site_of, QUIET | {"no_input": {"after_seconds": 60, "text": "Still there?"}})
    session = (await site.start()).data
    await site.say(session, "opening hours")
    before = (await conversation_of(site)).silent_at
    await site.say(session, "opening hours")
    after = (await conversation_of(site)).silent_at
    assert before is not None
    assert after is not None
    assert after > before
    await site.call("POST", f"/sessions/{session['session']['id']}/handoff", session["session_token"], {})
    assert (await conversation_of(site)).silent_at is None
    await silent_for(site, 100)
    assert "Still there?" not in await texts(site, session)


async def test_silence_may_call_a_person(transactional_db: None) -> None:
    quiet = {"after_seconds": 60, "text": "Shall somebody help?", "then": "hand_over"}
    site = await in_thread(site_of, QUIET | {"no_input": quiet})
    session = (await site.start()).data
    await site.say(session, "opening hours")
    await silent_for(site, 61)
    conversation = await conversation_of(site)
    assert conversation.control == "waiting"
    assert conversation.waiting_since is not None
    assert timezone.now() - conversation.waiting_since < dt.timedelta(minutes=1)


async def test_a_running_conversation_keeps_the_version_that_it_began_with(transactional_db: None) -> None:
    site = await in_thread(site_of, QUIET)
    session = (await site.start()).data
    changed = {"intents": [{"name": "Hours", "phrases": ["opening hours"], "answers": [{"text": "changed"}]}]}

    def again() -> None:
        with tenant(site.workspace_id):
            workspace, assistant = Workspace.objects.get(), Assistant.objects.get()
        publish(workspace, assistant, changed)

    await in_thread(again)
    assert await said(site, session, "opening hours") == ["9 to 5"]
    fresh = (await site.start()).data
    assert await said(site, fresh, "opening hours") == ["changed"]
