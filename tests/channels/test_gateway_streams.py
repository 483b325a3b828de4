"""A gateway that streams: its tickets, the sound of its calls in each dialect, and how they end without Twilio."""

from __future__ import annotations

import base64
import json
import time
import uuid
from collections.abc import AsyncIterator
from functools import partial
from typing import Any
from urllib.parse import quote

import httpx
import pytest
import pytest_asyncio
from django.db import OperationalError

from channels_app import connections
from channels_app.models import Call, CallTurn, Delivery, RefusedRequest, RelayTicket
from channels_app.voice import relay_acts, sweeping
from channels_app.voice.engines import registry
from channels_app.voice.engines.base import EngineFailed, FaultKind
from channels_app.voice.engines.flite_local import Flite
from channels_app.voice.media import socket, waiting
from convoship.lib.actors import SYSTEM
from convoship.lib.tenancy import tenant
from convoship.lib.threads import in_thread
from deployments import conversations, handoff
from deployments.models import Conversation, Message
from tests import factories
from tests.channels import relays, streams
from tests.channels.far_end import FarEnd
from tests.channels.gateway import Gateway
from tests.channels.hearing import BOOKING, share_heard
from tests.channels.media_sender import Sender
from tests.channels.media_senders import AsteriskSender, JambonzSender, TelnyxSender, TwilioSender
from tests.channels.streams import Line, words_of

pytestmark = pytest.mark.asyncio

GREETING = "Hello, I would like to help you."


@pytest_asyncio.fixture(autouse=True)
async def loop_of_its_own(transactional_db: None) -> AsyncIterator[None]:
    yield
    await streams.let_go()
    await registry.close()
    await relays.let_go()


def make(far: FarEnd, **config: Any) -> Gateway:
    workspace = factories.make_workspace()
    assistant = factories.make_assistant(workspace)
    who = factories.actor(workspace)
    with tenant(workspace.id):
        made = connections.create(
            who,
            kind="voice_gateway",
            name="Our telephones",
            assistant_id=assistant.id,
            config={"mode": "stream", **config},
            credentials={},
        )
    return Gateway(workspace, made.connection, dict(made.secrets), far, who, factories.owner_of(workspace).email)


@pytest.fixture
def gateway(transactional_db: None, far: FarEnd) -> Gateway:
    return make(far)


async def ask(gateway: Gateway, call: str = "call-1", *, is_timed: bool = True, **more: Any) -> Any:
    """Ask for a ticket."""
    body = json.dumps({"call_id": call, "nonce": uuid.uuid4().hex, **more}).encode()
    headers = {"Content-Type": "application/json"} | gateway.signed(body, at=time.time() if is_timed else None)
    return await gateway.post(body, headers=headers, path=f"{gateway.path}/ticket")


def sender_of(dialect: str, ticket: str, call: str) -> Sender:
    match dialect:
        case "telnyx":
            return TelnyxSender(parameters={"ticket": ticket}, call=call)
        case "asterisk":
            return AsteriskSender()
        case "jambonz":
            return JambonzSender(parameters={"ticket": ticket}, call=call)
    return TwilioSender(parameters={"ticket": ticket}, call=call)


async def call(gateway: Gateway, dialect: str = "media_streams", name: str = "call-1", **more: Any) -> Line:
    """A call whose sound is on its way."""
    given = await ask(gateway, name, **more)
    assert given.status_code == 201, given.content
    url, ticket = given.data["socket_url"], given.data["ticket"]
    if dialect == "asterisk":
        url += f"?ticket={quote(ticket)}"
    line = Line(url, sender_of(dialect, ticket, name))
    await line.open()
    return line


async def row(gateway: Gateway, name: str = "call-1") -> Call:
    return await gateway.inside(lambda: Call.objects.select_related("conversation").get(sid=name))


def all_said() -> str:
    """What was heard of callers, turn after turn."""
    turns = CallTurn.objects.exclude(message=None).order_by("number")
    return " ".join(turns.values_list("message__text", flat=True))


async def until(gateway: Gateway, holds: Any, seconds: float = 20) -> Any:
    return await relays.Telephone(gateway.workspace, gateway.connection, gateway.who).until(holds, seconds)


@pytest.mark.parametrize("dialect", ["media_streams", "telnyx", "asterisk", "jambonz"])
async def test_callers_are_heard_and_spoken_to_in_each_dialect(far: FarEnd, dialect: str) -> None:
    gateway = await in_thread(lambda: make(far, dialect=dialect))
    line = await call(gateway, dialect)
    greeting = await line.hears()
    place = line.place
    await line.says(BOOKING)
    answer = await line.hears(since=place)
    await until(gateway, lambda: CallTurn.objects.filter(call__sid="call-1", number=1, speech_ms__gt=0).first())
    # On a busy machine one sentence may be two turns, as a part of it comes late.
    heard = await gateway.inside(all_said)
    assert share_heard(BOOKING, heard) > 0.5
    assert await gateway.inside(lambda: Delivery.objects.count()) == 0
    await line.hangs_up()
    ended = await until(gateway, lambda: Call.objects.filter(sid="call-1", state="ended").first())
    assert (ended.outcome, ended.reason) == ("hung_up", "They hung up.")
    assert len((await words_of(greeting)).split()) > 2
    assert len((await words_of(answer)).split()) > 2


async def test_the_ticket_is_signed_for_with_a_timestamp(gateway: Gateway) -> None:
    assert (await ask(gateway, is_timed=False)).status_code == 403
    given = await ask(gateway)
    assert given.status_code == 201
    assert set(given.data) == {"ticket", "expires_at", "socket_url"}
    assert given.headers["cache-control"] == "no-store"
    kept = await gateway.inside(lambda: RelayTicket.objects.get())
    assert given.data["ticket"].encode() not in bytes(kept.digest)


async def test_a_nonce_is_answered_once(gateway: Gateway) -> None:
    assert (await ask(gateway, nonce="abcdefgh")).status_code == 201
    again = await ask(gateway, nonce="abcdefgh")
    assert again.status_code == 409
    assert "another nonce" in json.dumps(again.data)
    assert (await ask(gateway)).status_code == 201
    assert await gateway.inside(lambda: Call.objects.count()) == 1


@pytest.mark.parametrize("body", ["no JSON", "[]", '{"call_id": "a"}', '{"call_id": "", "nonce": "12345678"}', "{}"])
async def test_a_request_that_cant_be_read_says_why(gateway: Gateway, body: str) -> None:
    headers = {"Content-Type": "application/json"} | gateway.signed(body.encode(), at=time.time())
    answer = await gateway.post(body.encode(), headers=headers, path=f"{gateway.path}/ticket")
    assert answer.status_code == 422
    assert await gateway.inside(lambda: Call.objects.count()) == 0


async def test_turn_by_turn_there_are_no_tickets(far: FarEnd) -> None:
    gateway = await in_thread(lambda: make(far, mode="turns", gateway_url=far.url))
    answer = await ask(gateway)
    assert answer.status_code == 409
    line = Line(f"ws://127.0.0.1:8000{gateway.path}/stream", TwilioSender())
    accepted, _ = await line.connect(timeout=5)
    assert not accepted


async def test_by_sip_there_are_no_tickets_and_no_socket(far: FarEnd) -> None:
    gateway = await in_thread(lambda: make(far, dialect="sip", sip_allowed_ips="127.0.0.1"))
    answer = await ask(gateway)
    assert answer.status_code == 409
    assert "by SIP" in json.dumps(answer.data)
    line = Line(f"ws://127.0.0.1:8000{gateway.path}/stream", TwilioSender())
    accepted, _ = await line.connect(timeout=5)
    assert not accepted


async def refused(gateway: Gateway) -> tuple[str, str]:
    """Why something was refused, as the connection's page says it."""
    found = await until(gateway, lambda: RefusedRequest.objects.values_list("reason", "detail").first())
    return str(found[0]), str(found[1])


async def test_a_ticket_of_another_connection_opens_nothing(gateway: Gateway, far: FarEnd) -> None:
    other = await in_thread(lambda: make(far))
    ticket = (await ask(other)).data["ticket"]
    line = Line(f"ws://127.0.0.1:8000{gateway.path}/stream", TwilioSender(parameters={"ticket": ticket}, call="call-1"))
    await line.open()
    assert await line.closed() == socket.NO_CALL
    assert (await refused(gateway))[0] == "ticket_unknown"


async def test_a_ticket_of_another_call_opens_nothing(gateway: Gateway) -> None:
    given = (await ask(gateway)).data
    line = Line(given["socket_url"], TwilioSender(parameters={"ticket": given["ticket"]}, call="call-2"))
    await line.open()
    assert await line.closed() == socket.NO_CALL
    reason, words = await refused(gateway)
    assert reason == "ticket_of_another_call"
    assert "has to name the call" in words


async def test_a_ticket_is_good_for_one_socket_and_the_page_says_so(gateway: Gateway) -> None:
    given = (await ask(gateway)).data
    sender = partial(TwilioSender, parameters={"ticket": given["ticket"]}, call="call-1")
    first, second = Line(given["socket_url"], sender()), Line(given["socket_url"], sender())
    await first.open()
    await first.hears()
    await second.open()
    assert await second.closed() == socket.NO_CALL
    assert await refused(gateway) == (
        "ticket_used",
        "A socket showed a ticket that was used before. Ask for another one for each socket.",
    )
    await first.hangs_up()


async def test_an_opening_that_cant_be_read_stands_on_the_connections_page(gateway: Gateway) -> None:
    given = (await ask(gateway)).data
    line = Line(given["socket_url"], TwilioSender(parameters={"ticket": given["ticket"]}, call="call-1"))
    await line.connect()
    form = {"encoding": "audio/l16", "sampleRate": 16000, "channels": 1}
    start = {"streamSid": "s", "callSid": "call-1", "mediaFormat": form}
    await line.send_to(text_data=json.dumps({"event": "start", "streamSid": "s", "start": start}))
    for _ in range(socket.MOST_BAD_FRAMES):
        await line.send_to(text_data=json.dumps({"event": "media", "media": {"payload": "AAAA"}}))
    assert (await line.receive_output(20))["code"] == socket.NO_DIALECT
    reason, words = await refused(gateway)
    assert reason == "frames_unreadable"
    assert "Send mu-law at 8000 Hz, mono." in words


async def test_a_call_that_has_ended_gets_no_ticket(gateway: Gateway) -> None:
    line = await call(gateway)
    await line.hangs_up()
    await until(gateway, lambda: Call.objects.filter(state="ended").first())
    assert (await ask(gateway)).status_code == 409


async def test_a_call_goes_on_over_the_socket_that_was_opened_last(gateway: Gateway) -> None:
    first = await call(gateway)
    # As where a network was lost: the gateway opens another socket, and we don't know yet of the first one's end.
    second = await call(gateway)
    assert await first.closed() == socket.NO_CALL
    await until(gateway, lambda: socket.calls() == 1)
    assert (await row(gateway)).state == "active"
    assert second.close_code is None
    await second.hangs_up()
    ended = await until(gateway, lambda: Call.objects.filter(sid="call-1", state="ended").first())
    assert ended.outcome == "hung_up"


async def test_the_end_of_an_earlier_socket_in_another_process_does_not_end_the_call(gateway: Gateway) -> None:
    first = await call(gateway)
    # Another process knows nothing of it.
    socket._carried.clear()
    second = await call(gateway)
    await first.hangs_up()
    await until(gateway, lambda: socket.calls() == 1)
    assert (await row(gateway)).state == "active"
    await second.hangs_up()
    await until(gateway, lambda: Call.objects.filter(sid="call-1", state="ended").first())


async def test_sockets_that_say_nothing_keep_nobody_out(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "MOST_ALIKE", 3)
    monkeypatch.setattr(socket, "OPENING_SECONDS", 600.0)
    silent = [Line(f"ws://127.0.0.1:8000{gateway.path}/stream", TwilioSender()) for _ in range(5)]
    for one in silent:
        assert (await one.connect(timeout=5))[0]
    # Those that waited longest had to go.
    for one in silent[:2]:
        assert (await one.receive_output(5))["code"] == socket.NO_OPENING
    line = await call(gateway)
    await line.until(lambda: line.sender.heard)
    assert (await silent[2].receive_output(5))["code"] == socket.NO_OPENING
    told = await until(gateway, lambda: RefusedRequest.objects.filter(reason="sockets_waiting").first())
    assert "127.0.0.1" in told.detail
    await line.hangs_up()
    for one in silent:
        await one.disconnect(1006)


async def test_a_process_that_ends_waits_for_no_socket_that_says_nothing(gateway: Gateway) -> None:
    line = Line(f"ws://127.0.0.1:8000{gateway.path}/stream", TwilioSender())
    await line.connect(timeout=5)
    began = time.monotonic()
    await socket.end_all()
    assert time.monotonic() - began < 1
    assert (await line.receive_output(1))["code"] == socket.RESTART


async def test_a_call_whose_ticket_is_looked_at_when_the_process_ends_is_let_go(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    admit = relay_acts.admit_sound

    def slowly(*given: Any) -> Any:
        for one in socket._open:
            one.leave()
        return admit(*given)

    monkeypatch.setattr(relay_acts, "admit_sound", slowly)
    line = await call(gateway)
    assert await line.closed() == socket.RESTART
    assert (await row(gateway)).state == "active"


async def test_where_the_database_is_away_a_socket_is_told_to_come_again(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise OperationalError("the server closed the connection unexpectedly")

    monkeypatch.setattr(relay_acts, "admit_sound", away)
    line = await call(gateway)
    assert await line.closed() == socket.OVERLOAD
    assert (await row(gateway)).state != "ended"


async def test_who_says_much_before_the_opening_is_let_go(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "MOST_OPENING_FRAMES", 20)
    line = Line(f"ws://127.0.0.1:8000{gateway.path}/stream", TwilioSender())
    await line.connect(timeout=5)
    for _ in range(21):
        await line.send_to(text_data='{"event": "connected"}')
    assert (await line.receive_output(4))["code"] == socket.NO_DIALECT


async def test_sound_that_comes_faster_than_time_ends_the_call_and_says_so(gateway: Gateway) -> None:
    line = await call(gateway)
    line.waits_for_close = True
    payload = base64.b64encode(b"\x55" * 40_000).decode()
    for _ in range(8):
        await line._tell(json.dumps({"event": "media", "media": {"track": "inbound", "payload": payload}}))
    assert await line.closed() == socket.RATE
    ended = await until(gateway, lambda: Call.objects.filter(sid="call-1", state="ended").first())
    assert (ended.outcome, "faster than time" in ended.reason) == ("failed", True)


async def test_a_call_in_which_nobody_speaks_for_long_keeps_its_voice(gateway: Gateway) -> None:
    line = await call(gateway)
    await line.hears()
    voice = registry.text_to_speech({"engine": "flite"}, "")
    await registry.close_idle(0)
    assert registry.text_to_speech({"engine": "flite"}, "") is voice
    await line.hangs_up()


async def test_a_call_that_hears_nothing_any_more_ends_though_that_cant_be_written_down(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def speak(self: Flite, words: str, language: str) -> AsyncIterator[bytes]:
        raise EngineFailed(FaultKind.KEY, "No\x00 key.")
        yield b""

    def away(*_: object) -> None:
        raise OperationalError("the server closed the connection unexpectedly")

    monkeypatch.setattr(Flite, "speak", speak)
    monkeypatch.setattr(relay_acts, "gave_up", away)
    line = await call(gateway)
    assert await line.closed(30) == socket.OVER
    ended = await until(gateway, lambda: Call.objects.filter(sid="call-1", state="ended").first())
    assert (ended.outcome, "No\ufffd key." in ended.reason) == ("failed", True)


async def test_a_fault_of_ours_is_no_hang_up_of_theirs(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    async def speak(self: Flite, words: str, language: str) -> AsyncIterator[bytes]:
        raise LookupError("nobody thought of this")
        yield b""

    monkeypatch.setattr(Flite, "speak", speak)
    line = await call(gateway)
    assert await line.closed() == socket.OVER
    ended = await until(gateway, lambda: Call.objects.filter(sid="call-1", state="ended").first())
    assert (ended.outcome, ended.reason) == ("failed", "A fault of this server's ended the call.")


async def test_where_the_conversation_is_over_a_goodbye_is_heard_and_the_call_completed(gateway: Gateway) -> None:
    line = await call(gateway)
    await line.until(lambda: line.sender.heard)
    await gateway.inside(lambda: handoff.resolve(SYSTEM, "Kim", conversations.lock(Conversation.objects.get().id)))
    assert await line.closed(40) == socket.OVER
    ended = await row(gateway)
    assert (ended.state, ended.outcome) == ("ended", "completed")


async def test_a_member_who_takes_over_is_spoken(gateway: Gateway) -> None:
    line = await call(gateway)
    await line.hears()
    place = line.place

    def take_over() -> None:
        found = Conversation.objects.get().id
        handoff.reply(SYSTEM, None, conversations.lock(found), "Hello, this is a person.", None)

    await gateway.inside(take_over)
    assert await line.hears(since=place)
    told = await until(
        gateway, lambda: Message.objects.filter(text="Hello, this is a person.", status="delivered").first()
    )
    assert told is not None
    assert (await row(gateway)).state == "active"
    await line.hangs_up()


@pytest.mark.parametrize(
    ("was_opened", "reason"),
    [
        (True, "The socket of the call's sound broke, and no other one was opened."),
        (False, "Its ticket was given, and no socket was opened with it."),
    ],
)
async def test_a_call_whose_socket_is_gone_is_lost_with_words(gateway: Gateway, was_opened: bool, reason: str) -> None:
    await ask(gateway)
    found = await row(gateway)

    def sweep() -> None:
        Call.objects.update(due_at=found.began_at, answered_at=found.began_at if was_opened else None)

    await gateway.inside(sweep)
    due = await gateway.inside(lambda: sweeping.claim(gateway.workspace.id, 5))
    assert [one.call_id for one in due] == [found.id]
    await sweeping.run(due[0])
    ended = await row(gateway)
    assert ended.outcome == "lost"
    assert ended.reason == reason
    assert ended.remedy


async def test_a_network_that_stalled_gives_all_of_its_sound_at_once_and_the_call_goes_on(gateway: Gateway) -> None:
    line = await call(gateway)
    await line.hears()
    for _ in range(300):
        for frame in line.sender.audio(b"\xff" * 160):
            await line.send_to(text_data=str(frame))
    await line.says(BOOKING)
    assert await until(gateway, lambda: CallTurn.objects.filter(number=1).first())
    assert (await row(gateway)).state == "active"
    await line.hangs_up()


async def test_the_door_of_media_processes_answers_nothing_else() -> None:
    from convoship.media import application

    transport = httpx.ASGITransport(app=application)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        assert (await client.get("/healthz")).json() == {"status": "ok", "calls": 0}
        assert (await client.get("/app/")).status_code == 404
    line = Line("ws://127.0.0.1:8000/v1/public/sessions/x", TwilioSender())
    accepted, _ = await line.connect(timeout=5)
    assert not accepted
