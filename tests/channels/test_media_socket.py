"""Calls whose sound is brought to us, end to end: a voice speaks, an ear hears, and nothing stands in between."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from functools import partial
from typing import Any
from xml.etree import ElementTree

import pytest
import pytest_asyncio

from channels_app.models import Call, CallTurn
from channels_app.voice.engines import registry
from channels_app.voice.media import socket
from convoship.lib.threads import in_thread
from tests.channels import relays, streams
from tests.channels.hearing import BOOKING, share_heard
from tests.channels.media_senders import TwilioSender
from tests.channels.relays import Telephone, make_telephone
from tests.channels.streams import Line, words_of
from tests.channels.twilio_end import ACCOUNT

pytestmark = pytest.mark.asyncio

GREETING = "Hello, I would like to help you."
LONG = "We are open from nine to five. " * 6


@pytest_asyncio.fixture(autouse=True)
async def loop_of_its_own(transactional_db: None) -> AsyncIterator[None]:
    """Each test has an event loop of its own: its sockets, engines and hub end with it."""
    yield
    await streams.let_go()
    await registry.close()
    await relays.let_go()


@pytest.fixture
def phone(transactional_db: None) -> Telephone:
    """A connection whose calls are heard and spoken on this server."""
    return make_telephone(mode="stream", silence_seconds=30, greeting=GREETING)


def stream_of(twiml: ElementTree.Element) -> ElementTree.Element:
    found = twiml.find("./Connect/Stream")
    assert found is not None, ElementTree.tostring(twiml)
    return found


def ticket_of(twiml: ElementTree.Element) -> str:
    parameter = stream_of(twiml).find("Parameter")
    assert parameter is not None
    assert parameter.attrib["name"] == "ticket"
    return parameter.attrib["value"]


def line_to(phone: Telephone, twiml: ElementTree.Element, *, ticket: str = "", **sender: Any) -> Line:
    """A socket as Twilio opens it for this TwiML."""
    url = stream_of(twiml).attrib["url"]
    given = {"ticket": ticket or ticket_of(twiml)}
    made = TwilioSender(parameters=given, call=phone.sid, account=ACCOUNT, stream=f"MZ{phone.sid[2:]}", **sender)
    return Line(url, made, {"X-Twilio-Signature": phone.sign(url)})


async def called(phone: Telephone) -> Line:
    """Somebody calls, and the greeting is still to be heard."""
    line = line_to(phone, await phone.ring())
    await line.open()
    return line


async def test_a_caller_is_greeted_asks_by_voice_and_is_answered_by_voice(phone: Telephone) -> None:
    line = await called(phone)
    greeting = await line.hears()
    place = line.place
    await line.says(BOOKING)
    answer = await line.hears(since=place)
    messages = await phone.messages()
    assert share_heard(BOOKING, messages[1].text) > 0.5
    await phone.until(lambda: CallTurn.objects.filter(call__sid=phone.sid, number=1, speech_ms__gt=0).first())
    turn = (await phone.turns())[1]
    # Told by stage: until they were done, ours, until the voice began.
    assert 250 <= (turn.endpoint_ms or 0) <= 3000
    assert (turn.platform_ms or 0) < 1000
    assert (turn.speech_ms or 0) < 3000
    row = await phone.row()
    assert (row.mode, row.state) == ("stream", "active")
    await line.hangs_up()
    assert share_heard(GREETING, await words_of(greeting)) > 0.6
    assert share_heard(messages[2].text, await words_of(answer)) > 0.4


async def test_the_twiml_brings_the_sound_to_us_and_asks_what_comes_next(phone: Telephone) -> None:
    twiml = await phone.ring()
    assert stream_of(twiml).attrib["url"].endswith(f"/v1/public/channels/twilio_voice/{phone.connection.id}/stream")
    redirect = twiml.find("Redirect")
    assert redirect is not None
    assert (redirect.text or "").endswith("/stream-done")


async def test_who_speaks_over_the_answer_silences_it_and_it_is_stored_as_far_as_it_was_heard() -> None:
    phone = await in_thread(partial(make_telephone, mode="stream", silence_seconds=30, greeting=LONG))
    line = await called(phone)
    await line.until(lambda: len(line.sender.heard) > 3 * 8000)
    await line.says(BOOKING)
    last = [one.at for one in line.heard if one.at < line.began_at + 1.5][-1]
    # From the beginning of their recording, which has a little silence of its own.
    assert last - line.began_at < 0.6
    assert line.sender.cleared == 1
    await phone.until(lambda: CallTurn.objects.filter(call__sid=phone.sid, number=1).first(), 20)
    states = list((await phone.speeches()).values())
    assert states[0][0] == "cut"
    assert LONG.startswith(states[0][1])
    assert 20 < len(states[0][1]) < len(LONG) - 40
    steps = [step.words for step in await phone.steps("interrupted")]
    assert steps == ["The caller spoke over it."]
    await line.hangs_up()


@pytest.mark.parametrize("what", ["another", "used", "none"])
async def test_a_socket_without_a_good_ticket_is_closed(phone: Telephone, what: str) -> None:
    twiml = await phone.ring()
    if what == "used":
        first = line_to(phone, twiml)
        await first.open()
        await first.hears()
    line = line_to(phone, twiml, ticket={"another": "x" * 32, "none": "-"}.get(what, ""))
    await line.open()
    assert await line.closed() == socket.NO_CALL


async def test_a_socket_that_is_not_signed_is_refused(phone: Telephone) -> None:
    url = stream_of(await phone.ring()).attrib["url"]
    accepted, _ = await Line(url, TwilioSender()).connect(timeout=5)
    assert not accepted


async def test_no_more_calls_are_taken_than_a_process_carries(phone: Telephone, settings: Any) -> None:
    settings.MEDIA_MOST_CALLS_PER_CONNECTION = 0
    line = await called(phone)
    assert await line.closed() == socket.OVERLOAD
    # Twilio goes on with what stands behind the socket: the caller is heard sentence by sentence.
    twiml = await phone.twiml("stream-done")
    assert twiml.find("Redirect") is not None
    assert twiml.find("Say") is not None
    assert (await phone.row()).mode == "gather"
    fallback = (await phone.steps("fallback"))[0]
    assert fallback.words.startswith("The socket of the call's sound was not opened.")


async def test_a_process_that_ends_lets_go_of_its_calls_within_two_seconds_and_they_go_on(phone: Telephone) -> None:
    line = await called(phone)
    await line.until(lambda: line.sender.heard)
    began = time.monotonic()
    await socket.end_all()
    assert time.monotonic() - began < 2
    assert await line.closed() == socket.RESTART
    twiml = await phone.twiml("stream-done")
    said = twiml.find("Say")
    assert said is not None
    assert (await phone.row()).state == "active"
    assert [step.words for step in await phone.steps("relay_lost")] == ["It broke off while the call went on."]


async def test_keys_are_taken_from_the_sound_socket() -> None:
    menu = "1 = What are your opening hours?"
    phone = await in_thread(partial(make_telephone, mode="stream", silence_seconds=30, greeting=GREETING, menu=menu))
    line = await called(phone)
    await line.hears()
    await line.presses("1")
    await phone.until(lambda: CallTurn.objects.filter(call__sid=phone.sid, number=1, keys="1").first())
    await line.hangs_up()


async def test_a_caller_who_says_nothing_is_asked_and_at_last_said_goodbye_to() -> None:
    phone = await in_thread(
        partial(make_telephone, mode="stream", silence_seconds=1, most_silences=2, greeting=GREETING)
    )
    line = await called(phone)
    assert await line.closed(40) == socket.OVER
    twiml = await phone.twiml("stream-done")
    assert twiml.find("Hangup") is not None
    assert len(await phone.steps("silence")) == 2


async def test_without_speech_packages_the_call_is_taken_sentence_by_sentence_and_says_why(
    phone: Telephone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    twiml = await phone.ring()
    assert twiml.find("Gather") is not None
    step = (await phone.steps("fallback"))[0]
    assert "flite is missing" in step.words
    assert "make voice" in step.remedy


async def test_frames_that_are_none_end_the_socket(phone: Telephone) -> None:
    line = await called(phone)
    await line.until(lambda: line.sender.heard)
    for _ in range(socket.MOST_BAD_FRAMES):
        await line.send_to(text_data="no JSON")
    assert await line.closed() == socket.NO_DIALECT


async def test_the_rest_of_a_call_that_is_hung_up_is_told_by_twilio(phone: Telephone) -> None:
    line = await called(phone)
    await line.until(lambda: line.sender.heard)
    await line.hangs_up()
    await phone.twiml("stream-done", {"CallStatus": "completed"})
    row = await phone.until(lambda: Call.objects.filter(sid=phone.sid, state="ended").first())
    assert row.outcome == "hung_up"
