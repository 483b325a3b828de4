"""People take over on every channel as they do on the web: by SMS, over a customer's bridge, in a call."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from convoship.lib.tenancy import tenant
from convoship.lib.threads import in_thread
from deployments import conversations, handoff, handoff_rules, publishing
from deployments.models import Assistant, Conversation, Handoff
from deployments.models.handoff import HandoffOutcome, HandoffState
from tests import factories
from tests.channels.conftest import Bridge, make_bridge
from tests.channels.far_end import FarEnd
from tests.channels.gateway import Gateway, make_gateway
from tests.channels.phones import Phone, make_phone
from tests.channels.twilio_end import TwilioEnd
from workspaces.models import Workspace
from workspaces.permissions import Role

pytestmark = [pytest.mark.asyncio, pytest.mark.django_db(transaction=True)]

RULES = {"keywords": ["human"], "form": ["email", "question"]}


class Line:
    """One person on one channel: what they say, and all that reached them."""

    def __init__(self, bridge: Bridge, say: Callable[[str], Awaitable[Any]], heard: Callable[[], list[str]]) -> None:
        self.bridge, self._say, self._heard = bridge, say, heard

    async def say(self, text: str) -> str:
        """Say this; the last thing that is heard then."""
        await self._say(text)
        await self.bridge.drain()
        return self._heard()[-1]

    async def row(self) -> Conversation:
        return await self.bridge.inside(lambda: Conversation.objects.get())

    async def case(self) -> Handoff:
        return await self.bridge.inside(lambda: Handoff.objects.latest("requested_at"))

    async def person_answers(self, text: str) -> str:
        def run() -> None:
            user = factories.member(self.bridge.workspace, Role.AGENT, factories.make_user(name="Dana"))
            handoff.reply(self.bridge.who, user, conversations.lock(Conversation.objects.get().id), text, None)

        await self.bridge.inside(run)
        await self.bridge.drain()
        return self._heard()[-1]


def assistant_with_rules(workspace: Workspace) -> Assistant:
    assistant = factories.make_assistant(workspace)
    who = factories.actor(workspace)
    with tenant(workspace.id):
        publishing.change_draft(who, assistant, handoff=handoff_rules.validate(dict(RULES)))
        publishing.publish(who, assistant.id)
    return assistant


def by_sms(workspace: Workspace, far: FarEnd, twilio: TwilioEnd) -> Line:
    phone: Phone = make_phone(workspace, twilio, assistant_with_rules(workspace))
    return Line(phone, phone.text, lambda: [taken.body for taken in twilio.taken])


def over_a_bridge(workspace: Workspace, far: FarEnd, twilio: TwilioEnd) -> Line:
    bridge = make_bridge(workspace, far, assistant_with_rules(workspace))

    def heard() -> list[str]:
        return [one.json["data"]["message"]["text"] for one in far.seen if one.json["type"] == "message.created"]

    return Line(bridge, bridge.say, heard)


def in_a_call(workspace: Workspace, far: FarEnd, twilio: TwilioEnd) -> Line:
    gateway: Gateway = make_gateway(workspace, far, assistant_with_rules(workspace))
    return Line(gateway, gateway.turn, lambda: [seen.json["text"] for seen in far.seen])


CHANNELS = {"sms": by_sms, "webhook": over_a_bridge, "voice": in_a_call}


@pytest.fixture(params=CHANNELS)
async def line(request: pytest.FixtureRequest, transactional_db: None, far: FarEnd, twilio: TwilioEnd) -> Line:
    make = CHANNELS[request.param]
    return await in_thread(lambda: make(factories.make_workspace(), far, twilio))


async def test_a_word_asks_for_a_person_who_answers_on_the_same_channel(line: Line) -> None:
    await line.say("hello")
    told = await line.say("a human please")
    if (await line.row()).channel != "voice":  # nobody spells an address by phone
        assert "At which e-mail address" in told
        assert "What is it about?" in await line.say("me@shop.example")
        await line.say("My kettle leaks.")
        assert (await line.case()).answers == {"email": "me@shop.example", "question": "My kettle leaks."}
    assert (await line.row()).control == "waiting"
    assert (await line.case()).state == HandoffState.OFFERED
    assert "Hello, I am here." in (await line.person_answers("Hello, I am **here**.")).replace("**", "")
    assert (await line.row()).control == "human"
    await line.say("Are you there?")
    assert (await line.case()).unanswered_since is not None


@pytest.mark.parametrize("way", ["1", "back", "Back to the assistant"])
async def test_whoever_waits_skips_and_goes_back_to_the_assistant_by_number_or_word(line: Line, way: str) -> None:
    await line.say("hello")
    told = await line.say("a human please")
    channel = (await line.row()).channel
    if channel == "sms":  # a bridge gets the buttons as they are
        assert told.endswith("1. Skip\n2. Back to the assistant")
        assert told.count("1. ") == 1
    if channel != "voice":
        assert "What is it about?" in await line.say("1")
        told = await line.say("skip")
        assert (await line.case()).answers == {}
    assert channel == "webhook" or told.endswith("1. Back to the assistant")
    is_back = "I am back with you." if channel == "voice" else "The assistant is back with you."
    assert is_back in await line.say(way)
    assert (await line.case()).outcome == HandoffOutcome.BY_VISITOR
    assert (await line.row()).control == "assistant"
