"""Calls by SIP: who may call, how a call is heard and spoken to, keys, hold, and how each call ends."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from django.core.management import CommandError, call_command
from django.db import OperationalError

from channels_app import connections
from channels_app.models import Call, CallRecording, CallStep, CallTurn, RefusedRequest
from channels_app.voice.engines import installed, registry
from channels_app.voice.sip import admitting
from channels_app.voice.sip import edge as edges
from channels_app.voice.sip.edge import Edge
from convoship.lib.actors import SYSTEM
from convoship.lib.problems import Problem
from convoship.lib.tenancy import tenant
from convoship.lib.threads import in_thread
from deployments import conversations, handoff
from deployments.models import Conversation
from tests import factories
from tests.channels import relays, sip_phone
from tests.channels.far_end import FarEnd
from tests.channels.gateway import Gateway
from tests.channels.hearing import BOOKING, share_heard
from tests.channels.sip_phone import Raw, SipPhone, authorization, sdp
from tests.channels.streams import words_of
from tests.channels.test_gateway_recording import tracks
from workspaces import secret_store

PASSWORD = "a-long-word-for-a-trunk"


def make(far: FarEnd, *, password: str = PASSWORD, **config: Any) -> Gateway:
    """A connection that takes calls by SIP."""
    workspace = factories.make_workspace()
    assistant = factories.make_assistant(workspace)
    who = factories.actor(workspace)
    with tenant(workspace.id):
        if password:
            secret_store.write(who, "sip-password", password)
        made = connections.create(
            who,
            kind="voice_gateway",
            name="Our trunk",
            assistant_id=assistant.id,
            config={"mode": "stream", "dialect": "sip", **config},
            credentials={"sip_password": "sip-password"} if password else {},
        )
    return Gateway(workspace, made.connection, dict(made.secrets), far, who, factories.owner_of(workspace).email)


@pytest.fixture
def gateway(transactional_db: None, far: FarEnd) -> Gateway:
    return make(far)


@pytest_asyncio.fixture
async def edge(transactional_db: None) -> AsyncIterator[Edge]:
    made = Edge("127.0.0.1", 0, (30000, 30199), algorithms=("SHA-256", "MD5"))
    await made.start()
    yield made
    await sip_phone.let_go()
    await made.stop()
    await registry.close()
    await relays.let_go()


@pytest_asyncio.fixture
async def raw(edge: Edge) -> AsyncIterator[Raw]:
    made = Raw(edge.port)
    yield made
    made.close()


def phone_of(gateway: Gateway, edge: Edge, codec: int = 0, password: str = PASSWORD) -> SipPhone:
    return SipPhone(edge.port, str(gateway.connection.id), password, codec)


async def until(gateway: Gateway, holds: Any, seconds: float = 30) -> Any:
    return await relays.Telephone(gateway.workspace, gateway.connection, gateway.who).until(holds, seconds)


async def refusal(gateway: Gateway, reason: str) -> str:
    """What the connection's page says of it, to its owner."""
    row = await until(gateway, lambda: RefusedRequest.objects.filter(reason=reason).first())
    return str(row.detail)


async def ended(gateway: Gateway) -> Call:
    found: Call = await until(gateway, lambda: Call.objects.filter(state="ended").first())
    return found


# --- A call -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("codec", [0, 8], ids=["mu-law", "a-law"])
@pytest.mark.asyncio
async def test_a_caller_is_heard_and_spoken_to_and_hangs_up(gateway: Gateway, edge: Edge, codec: int) -> None:
    phone = phone_of(gateway, edge, codec)
    await phone.ring()
    greeting = await phone.hears()
    # It took longer than silence may: that was ours.
    assert await gateway.inside(lambda: CallStep.objects.filter(kind="silence").count()) == 0
    place = len(phone.heard)
    await phone.says(BOOKING)
    answer = await phone.hears(since=place)
    await until(gateway, lambda: CallTurn.objects.filter(number=1, speech_ms__gt=0).first())
    heard = await gateway.inside(lambda: CallTurn.objects.get(number=1).message)
    assert heard is not None
    assert share_heard(BOOKING, heard.text) > 0.6
    phone.hang_up()
    call = await ended(gateway)
    assert (call.outcome, call.reason, call.caller) == ("hung_up", "They hung up.", "+15551230001")
    assert call.mode == "stream"
    assert len((await words_of(greeting)).split()) > 2
    assert len((await words_of(answer)).split()) > 2
    await phone.until(lambda: not edge.calls)


@pytest.mark.asyncio
async def test_keys_are_taken_from_the_packets(gateway: Gateway, edge: Edge) -> None:
    phone = phone_of(gateway, edge)
    await phone.ring()
    await phone.hears()
    for key in "42#":
        phone.press(key)
        await asyncio.sleep(0)
    turn = await until(gateway, lambda: CallTurn.objects.filter(number=1).first())
    assert turn.keys.startswith("42")
    phone.hang_up()
    await ended(gateway)


@pytest.mark.parametrize("codec", [0, 8], ids=["mu-law", "a-law"])
@pytest.mark.asyncio
async def test_with_a_yes_a_call_is_recorded_as_it_was_played(far: FarEnd, edge: Edge, codec: int) -> None:
    gateway = await in_thread(lambda: make(far, record="with_consent"))
    phone = phone_of(gateway, edge, codec)
    await phone.ring()
    question = await phone.hears()
    place = len(phone.heard)
    phone.press("1")
    await phone.hears(since=place)
    await phone.says(BOOKING)
    await until(gateway, lambda: CallTurn.objects.filter(number=1, speech_ms__gt=0).first())
    phone.hang_up()
    await ended(gateway)
    await until(gateway, lambda: CallRecording.objects.filter(seconds__gt=0).first())
    await gateway.drain()
    row = await until(gateway, lambda: CallRecording.objects.select_related("file").filter(state="kept").first())
    theirs, ours = await in_thread(tracks, row)
    assert share_heard(BOOKING, await words_of(theirs)) > 0.5
    assert len((await words_of(ours)).split()) > 2
    assert "record" in await words_of(question)


@pytest.mark.asyncio
async def test_on_hold_nothing_is_said_and_afterwards_what_was_not_heard(gateway: Gateway, edge: Edge) -> None:
    phone = phone_of(gateway, edge)
    await phone.ring()
    await phone.until(lambda: len(phone.heard) > 10)
    phone.offers("sendonly")
    await phone.until(lambda: phone.call.sdp_answer and phone.call.sdp_answer.media[0].direction == "recvonly")
    packets, said = phone.packets, len(phone.heard)
    # Longer than silence would be asked about, were it none of ours.
    call = next(iter(edge.calls.values()))
    assert call.sound.is_held
    began = time.monotonic()
    await phone.until(lambda: time.monotonic() - began > 2.5)
    # (What was on its way.)
    assert phone.packets - packets <= 5
    phone.offers("sendrecv")
    await phone.until(lambda: not call.sound.is_held)
    await phone.hears(since=said)
    phone.hang_up()
    assert (await ended(gateway)).outcome == "hung_up"


@pytest.mark.asyncio
async def test_where_the_conversation_is_over_the_call_is_hung_up(gateway: Gateway, edge: Edge) -> None:
    phone = phone_of(gateway, edge)
    await phone.ring()
    await phone.until(lambda: phone.heard)
    await gateway.inside(lambda: handoff.resolve(SYSTEM, "Kim", conversations.lock(Conversation.objects.get().id)))
    await phone.until(phone.was_hung_up.is_set, 60)
    call = await ended(gateway)
    assert call.outcome == "completed"


@pytest.mark.asyncio
async def test_a_process_that_ends_says_goodbye_to_its_calls_within_two_seconds(gateway: Gateway, edge: Edge) -> None:
    phones = [phone_of(gateway, edge) for _ in range(2)]
    for phone in phones:
        await phone.ring()
    await phones[0].until(lambda: all(phone.heard for phone in phones))
    began = time.monotonic()
    await edge.stop()
    assert time.monotonic() - began < 2.2
    for phone in phones:
        await phone.until(phone.was_hung_up.is_set, 2)
    found = await gateway.inside(lambda: list(Call.objects.values_list("state", "outcome", "reason")))
    assert [(state, outcome) for state, outcome, _ in found] == [("ended", "failed")] * 2
    assert all("was stopped" in reason for *_, reason in found)


# --- Who may call -----------------------------------------------------------------------------------------------------


@pytest.mark.asyncio
async def test_a_wrong_password_and_a_user_that_is_nobodys_look_the_same(gateway: Gateway, raw: Raw) -> None:
    told = []
    for user in (str(gateway.connection.id), str(uuid.uuid4()), "sales"):
        asked = await raw.asks(raw.request("INVITE", user, body=sdp()))
        challenge = asked.headers.get("www-authenticate")[0]
        given = authorization(challenge, user, "not-the-password")
        refused = await raw.asks(raw.request("INVITE", user, body=sdp(), Authorization=given))
        told.append([asked.status_code, refused.status_code, sorted(name for name, _ in refused.headers.items())])
    assert told == [told[0]] * 3
    assert told[0][:2] == [401, 403]
    assert "wrong password" in await refusal(gateway, "sip_password")
    assert await gateway.inside(lambda: Call.objects.count()) == 0


@pytest.mark.parametrize("at", [0, 1], ids=["sha-256", "md5"])
@pytest.mark.asyncio
async def test_both_digests_are_taken_and_each_answer_once(gateway: Gateway, raw: Raw, at: int) -> None:
    user = str(gateway.connection.id)
    asked = await raw.asks(raw.request("INVITE", user, body=sdp()))
    challenges = asked.headers.get("www-authenticate")
    assert ["SHA-256" in one for one in challenges] == [True, False]
    given = authorization(challenges[at], user, PASSWORD)
    taken = await raw.asks(raw.request("INVITE", user, body=sdp(), Authorization=given))
    assert taken.status_code == 200
    again = await raw.asks(raw.request("INVITE", user, body=sdp(), Authorization=given))
    while again.call_id == taken.call_id:
        # (The 200 comes again until it is confirmed.)
        again = await raw.answer()
    assert again.status_code == 401
    assert "stale=true" in again.headers.get("www-authenticate")[0]
    assert await gateway.inside(lambda: Call.objects.count()) == 1


@pytest.mark.asyncio
async def test_an_answer_for_one_connection_opens_no_other(gateway: Gateway, far: FarEnd, raw: Raw) -> None:
    other = await in_thread(lambda: make(far))
    user, there = str(gateway.connection.id), str(other.connection.id)
    asked = await raw.asks(raw.request("INVITE", user, body=sdp()))
    given = authorization(asked.headers.get("www-authenticate")[0], user, PASSWORD)
    refused = await raw.asks(raw.request("INVITE", there, body=sdp(), Authorization=given))
    assert refused.status_code == 403


@pytest.mark.asyncio
async def test_calls_come_from_the_allowed_addresses_alone(far: FarEnd, edge: Edge, raw: Raw) -> None:
    near = await in_thread(lambda: make(far, password="", sip_allowed_ips="127.0.0.0/8"))
    away = await in_thread(lambda: make(far, sip_allowed_ips="192.0.2.7, 198.51.100.0/24"))
    phone = phone_of(near, edge, password="")
    await phone.ring()
    phone.hang_up()
    refused = await raw.asks(raw.request("INVITE", str(away.connection.id), body=sdp()))
    assert refused.status_code == 403
    assert "127.0.0.1" in await refusal(away, "sip_address")


@pytest.mark.asyncio
async def test_more_calls_than_a_connection_may_have_are_busy(far: FarEnd, edge: Edge, raw: Raw) -> None:
    gateway = await in_thread(lambda: make(far, password="", sip_allowed_ips="127.0.0.1", sip_most_calls=1))
    phone = phone_of(gateway, edge, password="")
    await phone.ring()
    busy = await raw.asks(raw.request("INVITE", str(gateway.connection.id), body=sdp()))
    assert (busy.status_code, busy.get_header("retry-after")) == (486, "10")
    assert "1 already" in await refusal(gateway, "sip_busy")
    phone.hang_up()
    await phone.until(lambda: not edge.calls)


@pytest.mark.asyncio
async def test_more_calls_than_a_process_may_have_go_elsewhere(
    far: FarEnd, edge: Edge, raw: Raw, settings: Any
) -> None:
    gateway = await in_thread(lambda: make(far, password="", sip_allowed_ips="127.0.0.1"))
    settings.MEDIA_MOST_CALLS = 0
    full = await raw.asks(raw.request("INVITE", str(gateway.connection.id), body=sdp()))
    assert (full.status_code, full.get_header("retry-after")) == (503, "10")
    assert "MEDIA_MOST_CALLS" in await refusal(gateway, "sip_full")


@pytest.mark.asyncio
async def test_a_paused_connection_takes_no_calls_and_says_why(far: FarEnd, raw: Raw) -> None:
    gateway = await in_thread(lambda: make(far, password="", sip_allowed_ips="127.0.0.1"))
    await gateway.inside(lambda: connections.pause(gateway.who, gateway.connection))
    refused = await raw.asks(raw.request("INVITE", str(gateway.connection.id), body=sdp()))
    assert refused.status_code == 480
    assert "paused" in await refusal(gateway, "sip_not_taken")


@pytest.mark.asyncio
async def test_where_the_database_is_away_once_a_call_is_answered_it_is_hung_up(
    far: FarEnd, edge: Edge, raw: Raw, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise OperationalError("the server closed the connection unexpectedly")

    gateway = await in_thread(lambda: make(far, password="", sip_allowed_ips="127.0.0.1"))
    monkeypatch.setattr(admitting, "admit", away)
    answered = await raw.asks(raw.request("INVITE", str(gateway.connection.id), body=sdp()))
    assert answered.status_code == 200
    assert (await raw.asked()).method == "BYE"
    assert (await ended(gateway)).outcome == "canceled"


@pytest.mark.asyncio
async def test_an_invite_that_nobody_thought_of_is_answered(
    far: FarEnd, raw: Raw, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(*_: object) -> None:
        raise AttributeError("no such thing")

    gateway = await in_thread(lambda: make(far, password="", sip_allowed_ips="127.0.0.1"))
    monkeypatch.setattr(admitting, "open_call", breaks)
    refused = await raw.asks(raw.request("INVITE", str(gateway.connection.id), body=sdp()))
    assert refused.status_code == 503


# --- SIP itself -------------------------------------------------------------------------------------------------------


@pytest.mark.asyncio
async def test_options_are_answered(raw: Raw) -> None:
    answer = await raw.asks(raw.request("OPTIONS", "anybody"))
    assert answer.status_code == 200
    assert "INVITE" in ", ".join(answer.headers.get("allow"))


@pytest.mark.asyncio
async def test_an_invite_that_comes_twice_is_one_call(far: FarEnd, raw: Raw) -> None:
    gateway = await in_thread(lambda: make(far, password="", sip_allowed_ips="127.0.0.1"))
    invite = raw.request("INVITE", str(gateway.connection.id), body=sdp(), Record_Route="<sip:127.0.0.9;lr>")
    for _ in range(3):
        raw.send(invite)
    answer = await raw.answer()
    assert answer.status_code == 200
    assert answer.headers.get("record-route") == ["<sip:127.0.0.9;lr>"]
    raw.send(invite)
    # The same 200 again, until it is confirmed.
    again = await raw.answer()
    assert again.get_header("to") == answer.get_header("to")
    assert await gateway.inside(lambda: Call.objects.count()) == 1


@pytest.mark.parametrize(
    ("offer", "words"),
    [
        ({"proto": "RTP/SAVP"}, "without SRTP"),
        ({"formats": "9", "codec": "G722"}, "no G.711"),
        (None, "no late offer"),
    ],
    ids=["srtp", "g722", "none"],
)
@pytest.mark.asyncio
async def test_what_we_dont_speak_is_refused_and_says_what_to_set(
    far: FarEnd, raw: Raw, offer: dict[str, str] | None, words: str
) -> None:
    gateway = await in_thread(lambda: make(far, password="", sip_allowed_ips="127.0.0.1"))
    body = sdp(**offer) if offer is not None else ""
    refused = await raw.asks(raw.request("INVITE", str(gateway.connection.id), body=body))
    assert refused.status_code == 488
    assert words in await refusal(gateway, "sip_offer")


@pytest.mark.asyncio
async def test_a_transfer_asked_by_the_far_side_is_refused_and_the_call_goes_on(gateway: Gateway, edge: Edge) -> None:
    phone = phone_of(gateway, edge)
    statuses: list[int] = []
    call = await phone.ring()
    inner = phone.wire.on_message
    assert inner is not None

    def seen(message: Any, addr: tuple[str, int]) -> None:
        if getattr(message, "status_code", 0) and message.cseq.method == "REFER":
            statuses.append(message.status_code)
        inner(message, addr)

    phone.wire.on_message = seen
    phone.uac.send_refer(call.dialog, "sip:kim@example.com", phone.edge)
    await phone.until(lambda: statuses)
    assert statuses == [501]
    await phone.hears()
    phone.hang_up()
    assert (await ended(gateway)).outcome == "hung_up"


@pytest.mark.asyncio
async def test_what_is_no_sip_is_dropped_and_answers_go_back_to_who_asked(edge: Edge, raw: Raw) -> None:
    for junk in (
        b"\r\n\r\n",
        b"\x00" * 100,
        b"GET / HTTP/1.1\r\n\r\n",
        b"INVITE sip:a@b SIP/2.0\r\n\r\n",
        b"x" * 20000,
    ):
        raw.send(junk)
    asked = raw.request("OPTIONS", "anybody")
    # As if it came from elsewhere.
    asked.headers.set_single("Via", "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1;received=192.0.2.2;rport=9")
    assert (await raw.asks(asked)).status_code == 200


@pytest.mark.asyncio
async def test_what_no_request_may_lack_is_asked_for_before_a_call_is_opened(far: FarEnd, edge: Edge, raw: Raw) -> None:
    gateway = await in_thread(lambda: make(far, password="", sip_allowed_ips="127.0.0.1"))
    lacking = raw.request("INVITE", str(gateway.connection.id), body=sdp())
    lacking.headers.remove("From")
    assert (await raw.asks(lacking)).status_code == 400
    assert await gateway.inside(lambda: Call.objects.count()) == 0
    assert not edge._ready
    assert not edge.wire.record_routes


@pytest.mark.asyncio
async def test_what_strangers_write_for_names_is_kept_as_it_can_be_shown(far: FarEnd, raw: Raw) -> None:
    gateway = await in_thread(lambda: make(far, password="", sip_allowed_ips="127.0.0.1"))
    asked = raw.request("INVITE", str(gateway.connection.id), body=sdp(), call_id="a\x00b")
    asked.headers.set_single("From", "<sip:ki\x00m@example.com>;tag=1")
    assert (await raw.asks(asked)).status_code == 200
    found = await gateway.inside(lambda: Call.objects.get())
    assert (found.caller, len(found.sid)) == ("kim", 64)


@pytest.mark.asyncio
async def test_one_address_that_sends_many_invites_keeps_no_other_out(
    gateway: Gateway, raw: Raw, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(edges, "MOST_DECIDING_ALIKE", 2)
    goes_on, door = threading.Event(), admitting.door

    def slowly(user: str) -> Any:
        goes_on.wait(10)
        return door(user)

    monkeypatch.setattr(admitting, "door", slowly)
    user = str(gateway.connection.id)
    for _ in range(3):
        raw.send(raw.request("INVITE", user, body=sdp()))
    assert (await raw.answer()).status_code == 503
    goes_on.set()
    assert {(await raw.answer()).status_code for _ in range(2)} == {401}


@pytest.mark.asyncio
async def test_what_strangers_write_wrongly_fills_no_log(
    edge: Edge, raw: Raw, caplog: pytest.LogCaptureFixture
) -> None:
    wrong = raw.request("OPTIONS", "anybody")
    wrong.headers.remove("Via")
    raw.send(wrong)
    odd = raw.request("INVITE", "anybody")
    odd.headers.set_single("CSeq", "many INVITE")
    raw.send(odd)
    assert (await raw.asks(raw.request("OPTIONS", "anybody"))).status_code == 200
    assert not [one for one in caplog.records if one.levelno >= logging.WARNING]


# --- Its settings -----------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_without_a_password_and_without_addresses_anybody_could_call(far: FarEnd) -> None:
    with pytest.raises(Problem) as refused:
        make(far, password="")
    assert "anybody could" in str(refused.value.errors["credentials.sip_password"])
    with pytest.raises(Problem) as wrong:
        make(far, sip_allowed_ips="10.0.0.0/8, example.com")
    assert "“example.com” is neither" in str(wrong.value.errors["config.sip_allowed_ips"])


@pytest.mark.django_db(transaction=True)
def test_the_command_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CommandError, match="first and the last"):
        call_command("sip_edge", rtp_ports="many")
    monkeypatch.setattr(installed, "find_spec", lambda name: None)
    with pytest.raises(CommandError, match="make voice"):
        call_command("sip_edge")
