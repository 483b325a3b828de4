"""An answer that a responder writes piece by piece, on channels that can't show it grow: they get it whole, once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from convoship.lib.tenancy import tenant
from convoship.lib.threads import in_thread
from deployments.models import AssistantVersion
from deployments.responders import base
from deployments.responders.base import EndOfText, Reply, ResponderError, Say, Token, TurnInput
from tests import factories
from tests.channels.conftest import Bridge
from tests.channels.far_end import FarEnd
from tests.channels.gateway import Gateway, Probe, make_gateway
from tests.channels.phones import Phone

pytestmark = pytest.mark.asyncio

PIECES = ("**Your** par", "cel is on", " its way", " \U0001f69a.")
WHOLE = "".join(PIECES)


async def in_pieces(turn: TurnInput) -> AsyncIterator[Reply]:
    for piece in PIECES:
        yield Token(piece)


@pytest.fixture
def probe(monkeypatch: pytest.MonkeyPatch) -> Probe:
    found = Probe()
    found.script = in_pieces
    monkeypatch.setitem(base._responders, "probe", found)
    return found


async def answered_by(probe: Probe, bridge: Bridge) -> None:
    def publish() -> None:
        with tenant(bridge.workspace.id):
            assistant = bridge.connection.assistant
            assert assistant is not None
            assistant.published = AssistantVersion.objects.create(
                assistant=assistant, number=99, content={"name": "Probe", "responder": probe.kind, probe.kind: {}}
            )
            assistant.save()

    await in_thread(publish)


@pytest.fixture
def gateway(transactional_db: None, far: FarEnd) -> Gateway:
    return make_gateway(factories.make_workspace(), far)


async def said(bridge: Bridge) -> list[tuple[str, str]]:
    return [(it.text, it.status) for it in await bridge.messages() if it.author_kind == "assistant"]


async def test_a_text_message_gets_the_whole_text(phone: Phone, probe: Probe) -> None:
    await answered_by(probe, phone)
    await phone.text("where is my parcel")
    await phone.drain()
    assert [one.body for one in phone.twilio.taken] == ["Your parcel is on its way \U0001f69a."]
    assert await said(phone) == [(WHOLE, "accepted")]


async def test_a_whatsapp_chat_gets_the_whole_text(whatsapp: Phone, probe: Probe) -> None:
    await answered_by(probe, whatsapp)
    await whatsapp.text("where is my parcel")
    await whatsapp.drain()
    assert [one.body for one in whatsapp.twilio.taken] == ["*Your* parcel is on its way \U0001f69a."]


@pytest.mark.parametrize("inline", [True, False])
async def test_a_call_gets_the_whole_text(gateway: Gateway, probe: Probe, inline: bool) -> None:
    await answered_by(probe, gateway)
    answer = await gateway.turn("where is my parcel", turn=1, inline=inline)
    spoken: list[Any] = [answer.data] if inline else await gateway.spoken()
    assert ["Your parcel is on its way" in one["text"] for one in spoken] == [True]


async def test_a_webhook_gets_the_whole_text(bridge: Bridge, probe: Probe) -> None:
    await answered_by(probe, bridge)
    await bridge.say("where is my parcel")
    await bridge.drain()
    assert [text for text, _ in await said(bridge)] == [WHOLE]
    assert len([seen for seen in bridge.far.seen if WHOLE in str(seen.json)]) == 1


async def test_texts_that_are_whole_go_out_in_order_and_half_ones_never(phone: Phone, probe: Probe) -> None:
    async def breaks(turn: TurnInput) -> AsyncIterator[Reply]:
        yield Token("One ")
        yield Token("moment.")
        yield EndOfText()
        yield Say("Still looking.")
        yield Token("It is half")
        raise ResponderError("The model broke off.", "Try again.")

    probe.script = breaks
    await answered_by(probe, phone)
    await phone.text("where is my parcel")
    await phone.drain()
    bodies = [one.body for one in phone.twilio.taken]
    assert bodies[:2] == ["One moment.", "Still looking."]
    assert not any("half" in body for body in bodies)


async def test_a_half_one_that_other_words_stand_in_for_never_goes_out(phone: Phone, probe: Probe) -> None:
    async def breaks(turn: TurnInput) -> AsyncIterator[Reply]:
        yield Say("Still looking.")
        yield Token("It is half")
        yield EndOfText(is_cut=True)
        yield Say("I can't say just now.")

    probe.script = breaks
    await answered_by(probe, phone)
    await phone.text("where is my parcel")
    await phone.drain()
    assert [one.body for one in phone.twilio.taken] == ["Still looking.", "I can't say just now."]
