"""The relay's socket: who is let in, by which signature and which ticket, and how much of what they send is taken."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from django.utils import timezone

from channels_app import connections
from channels_app.models import Connection, RefusedRequest, RelayTicket
from channels_app.voice import ending, relay_session, relay_socket, relay_tickets
from convoship.lib.tenancy import tenant
from convoship.lib.threads import in_thread
from tests.channels.relays import Session, Telephone, let_go, make_telephone

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture(autouse=True)
async def hub_of_this_loop(transactional_db: None) -> AsyncIterator[None]:
    """Each test has an event loop of its own, and so a hub of its own, which ends with it."""
    yield
    await let_go()


@pytest.fixture
def phone(transactional_db: None) -> Telephone:
    """A connection whose calls a scripted assistant answers."""
    return make_telephone()


async def test_a_caller_is_greeted_and_answered_word_by_word(phone: Telephone) -> None:
    session = await phone.call()
    assert await session.words()
    await session.say("hel", last=False)
    await session.say("hello")
    assert await session.words()
    said = await phone.messages()
    assert [one.author_kind for one in said] == ["assistant", "visitor", "assistant"]
    assert said[1].text == "hello"
    await phone.until(lambda: turn(phone, 1).finished_at)
    assert {state for state, _ in (await phone.speeches()).values()} == {"spoken"}
    assert {one.status for one in await phone.messages()} == {"delivered", "received"}
    await session.break_off(1000)


def turn(phone: Telephone, number: int) -> Any:
    from channels_app.models import CallTurn

    return CallTurn.objects.get(call__sid=phone.sid, number=number)


async def test_the_twiml_asks_for_a_signed_socket_with_a_ticket_and_what_comes_after(phone: Telephone) -> None:
    twiml = await phone.ring()
    connect = twiml.find("Connect")
    assert connect is not None
    assert connect.attrib["action"].endswith(f"/{phone.connection.id}/relay-done")
    relay = phone.relay_of(twiml)
    assert relay.attrib["url"].endswith(f"/v1/public/channels/twilio_voice/{phone.connection.id}/relay")
    assert relay.attrib["url"].startswith("ws")
    assert {name: relay.attrib[name] for name in ("language", "interruptible", "dtmfDetection", "partialPrompts")} == {
        "language": "en-US",
        "interruptible": "any",
        "dtmfDetection": "true",
        "partialPrompts": "true",
    }
    [parameter] = relay.findall("Parameter")
    assert parameter.attrib["name"] == "ticket"
    # 128 bits and more, of which only a digest is kept.
    assert len(parameter.attrib["value"]) >= 22
    [row] = await phone.inside(lambda: list(RelayTicket.objects.all()))
    assert parameter.attrib["value"].encode() not in bytes(row.digest)
    assert (row.expires_at - timezone.now()).total_seconds() <= 60


async def test_a_voice_is_named_as_the_relay_names_it(transactional_db: None) -> None:
    given: Any = {"voice": "Polly.Amy-Neural", "language": "en-GB", "hints": "Acme, Zephyr", "barge_in": "off"}
    phone = await in_thread(lambda: make_telephone(**given))
    relay = phone.relay_of(await phone.ring())
    assert relay.attrib["voice"] == "Amy-Neural"
    assert relay.attrib["ttsProvider"] == "Amazon"
    assert (relay.attrib["language"], relay.attrib["hints"]) == ("en-GB", "Acme, Zephyr")
    assert relay.attrib["interruptible"] == "none"


# --- The signature ----------------------------------------------------------------------------------------------------


async def refused(phone: Telephone, url: str, signature: str | None) -> bool:
    """Whether a handshake is turned away before it is accepted."""
    session = Session(url, signature)
    accepted, code = await session.connect(timeout=5)
    if accepted:
        await session.disconnect()
        return False
    assert code == 4403
    return True


@pytest.fixture
def secure(settings: Any, phone: Telephone) -> str:
    """As it stands on the internet: the address of the socket in TwiML."""
    settings.PUBLIC_BASE_URL = settings.FILES_BASE_URL = "https://calls.example"
    return f"wss://calls.example/v1/public/channels/twilio_voice/{phone.connection.id}/relay"


@pytest.mark.parametrize(
    "form",
    [
        lambda url: url,
        lambda url: f"{url}/",
        lambda url: url.replace("wss://", "https://"),
        lambda url: url.replace("wss://", "https://") + "/",
        lambda url: url.replace("calls.example", "calls.example:443"),
    ],
)
async def test_each_form_of_the_address_that_twilio_signs_is_taken(phone: Telephone, secure: str, form: Any) -> None:
    twiml = await phone.ring()
    assert phone.relay_of(twiml).attrib["url"] == secure
    session = Session(secure, phone.sign(form(secure)))
    accepted, _ = await session.connect(timeout=5)
    assert accepted
    await phone.set_up(session, twiml)
    assert await session.words()
    await session.break_off(1000)


async def test_whatever_is_signed_otherwise_is_refused_and_counted(phone: Telephone, secure: str) -> None:
    other = await in_thread(make_telephone)
    for signature in (
        None,
        "",
        "bm90IGl0",
        phone.sign(secure, "another-token"),
        phone.sign(secure.replace("calls.example", "calls.test")),
        phone.sign(secure + "?a=1"),
        phone.sign(secure.replace(str(phone.connection.id), str(other.connection.id))),
    ):
        assert await refused(phone, secure, signature)
    rows = await phone.inside(lambda: list(RefusedRequest.objects.filter(connection=phone.connection)))
    assert {row.reason: row.count for row in rows} == {"headers_missing": 2, "signature_wrong": 5}
    assert await other.inside(RefusedRequest.objects.count) == 0


async def test_there_is_a_socket_for_calls_of_this_kind_alone(phone: Telephone) -> None:
    for path in (
        f"twilio_sms/{phone.connection.id}",
        f"twilio_voice/{phone.workspace.id}",
        "twilio_voice/nobody",
        f"voice_gateway/{phone.connection.id}",
    ):
        url = f"ws://127.0.0.1:8000/v1/public/channels/{path}/relay"
        assert await refused(phone, url, phone.sign(url))


async def test_a_secondary_token_signs_while_it_is_rotated(phone: Telephone) -> None:
    from workspaces import secret_store

    def rotate() -> None:
        secret_store.write(phone.who, "next-token", "the-next-token-of-this-account")
        held = connections.held(phone.connection.id)
        named = {"auth_token": "twilio-token", "secondary_auth_token": "next-token"}
        connections.change(phone.who, held, {"credentials": named})

    await phone.inside(rotate)
    url = phone.relay_of(await phone.ring()).attrib["url"]
    assert not await refused(phone, url, phone.sign(url, "the-next-token-of-this-account"))


# --- The ticket -------------------------------------------------------------------------------------------------------


async def opened(phone: Telephone, twiml: Any, **setup: Any) -> Session:
    """A signed socket of this connection, with the ticket of this TwiML."""
    url = f"ws://127.0.0.1:8000/v1/public/channels/twilio_voice/{phone.connection.id}/relay"
    from django.conf import settings

    url = url.replace("http://127.0.0.1:8000", settings.PUBLIC_BASE_URL)
    session = Session(url, phone.sign("ws" + settings.PUBLIC_BASE_URL[4:] + url[url.index("/v1") :]))
    accepted, _ = await session.connect(timeout=5)
    assert accepted
    await phone.set_up(session, twiml, **setup)
    return session


async def test_a_ticket_is_good_once(phone: Telephone) -> None:
    twiml = await phone.ring()
    first = await opened(phone, twiml)
    assert await first.words()
    second = await opened(phone, twiml)
    assert await second.closed() == relay_socket.NO_CALL
    # Who was let in stays so.
    await first.say("hello")
    assert await first.words()
    await first.break_off(1000)


async def test_of_two_that_come_at_once_one_gets_in(phone: Telephone) -> None:
    await phone.ring()

    def issue() -> str:
        from channels_app.models import Call

        return relay_tickets.issue(Call.objects.get(sid=phone.sid))

    value = await phone.inside(issue)

    def spend() -> bool:
        with tenant(phone.workspace.id):
            return relay_tickets.spend(phone.connection.id, phone.sid, value, "VX1") is not None

    assert sorted(await asyncio.gather(*(in_thread(spend) for _ in range(8)))) == [False] * 7 + [True]


async def test_a_ticket_of_another_call_opens_nothing(phone: Telephone) -> None:
    twiml = await phone.ring()
    session = await opened(phone, twiml, callSid="CA" + "f" * 32)
    assert await session.closed() == relay_socket.NO_CALL
    session = await opened(phone, twiml, callSid="")
    assert await session.closed() == relay_socket.NO_CALL
    session = await opened(phone, twiml, customParameters={})
    assert await session.closed() == relay_socket.NO_CALL
    session = await opened(phone, twiml, accountSid="AC" + "f" * 32)
    assert await session.closed() == relay_socket.NO_CALL


async def test_a_ticket_of_another_workspace_opens_nothing(phone: Telephone) -> None:
    other = await in_thread(make_telephone)
    twiml = await phone.ring()
    session = await opened(other, twiml, callSid=phone.sid)
    assert await session.closed() == relay_socket.NO_CALL
    # And it is not spent by that.
    session = await opened(phone, twiml)
    assert await session.words()
    await session.break_off(1000)


async def test_an_old_ticket_opens_nothing(phone: Telephone) -> None:
    twiml = await phone.ring()
    await phone.inside(lambda: RelayTicket.objects.update(expires_at=timezone.now()))
    session = await opened(phone, twiml)
    assert await session.closed() == relay_socket.NO_CALL


async def test_a_call_that_is_over_has_no_socket(phone: Telephone) -> None:
    twiml = await phone.ring()
    row = await phone.row()
    await phone.inside(ending.end, row.id, "hung_up")
    session = await opened(phone, twiml)
    assert await session.closed() == relay_socket.NO_CALL


async def test_the_end_of_a_call_closes_its_socket_within_two_seconds(
    phone: Telephone, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Even where no bell rings.
    monkeypatch.setattr(relay_session.Session, "_ring", lambda *_: None)
    session = await phone.call()
    await session.words()
    row = await phone.row()
    await phone.inside(ending.end, row.id, "completed")
    assert await session.closed(2.5) == relay_socket.OVER


# --- Limits -----------------------------------------------------------------------------------------------------------


async def test_who_says_nothing_is_let_go(phone: Telephone, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay_socket, "SETUP_SECONDS", 0.2)
    url = phone.relay_of(await phone.ring()).attrib["url"]
    session = Session(url, phone.sign(url))
    await session.connect(timeout=5)
    assert await session.closed() == relay_socket.NO_SETUP


@pytest.mark.parametrize("first", ['{"type":"prompt","voicePrompt":"hello","last":true}', "hello", "[]", "{}"])
async def test_the_first_frame_has_to_be_the_setup(phone: Telephone, first: str) -> None:
    url = phone.relay_of(await phone.ring()).attrib["url"]
    session = Session(url, phone.sign(url))
    await session.connect(timeout=5)
    await session.send_to(text_data=first)
    assert await session.closed() == relay_socket.NO_SETUP


async def test_a_frame_that_is_too_large_ends_the_socket(phone: Telephone) -> None:
    session = await phone.call()
    await session.words()
    await session.say("ä" * 8200)
    assert await session.closed() == relay_socket.TOO_LARGE


async def test_more_frames_than_a_call_has_end_the_socket(phone: Telephone) -> None:
    session = await phone.call()
    await session.words()
    for _ in range(relay_socket.FRAMES_PER_SECOND + 5):
        await session.say("he", last=False)
    assert await session.closed() == relay_socket.RATE


async def test_frames_that_mean_nothing_are_passed_over(phone: Telephone) -> None:
    session = await phone.call()
    await session.words()
    for text in ("", "nonsense", '{"type":"info","name":"tokensPlayed"}', '{"type":"setup"}', '{"type":"dtmf"}', "[]"):
        await session.send_to(text_data=text or "{}")
    await session.send_to(bytes_data=b"\x00\x01")
    await session.say("  ")
    await session.say("hello")
    assert await session.words()
    assert [one.text for one in await phone.messages() if one.author_kind == "visitor"] == ["hello"]
    await session.break_off(1000)


async def test_who_sends_nothing_else_is_let_go(phone: Telephone) -> None:
    session = await phone.call()
    await session.words()
    for _ in range(relay_socket.MOST_BAD_FRAMES):
        await session.send_to(text_data="nonsense")
    assert await session.closed() == relay_socket.RATE


async def test_no_frame_of_another_form_leaves_whatever_is_said(phone: Telephone) -> None:
    """`Session` takes none of another form; here the words are such as break forms."""
    session = await phone.call()
    await session.words()
    for text in ('"}{"type":"play"}', "\u2028\u0000\ud800x".encode("utf-8", "replace").decode(), "<Say>&amp;</Say>"):
        await session.say(text)
        assert await session.words()
    assert {json.dumps(frame["type"]) for frame in session.frames} == {'"text"'}
    await session.break_off(1000)


async def test_a_paused_connection_keeps_the_calls_that_go_on(phone: Telephone) -> None:
    session = await phone.call()
    await session.words()
    await phone.inside(lambda: Connection.objects.update(state="paused", state_reason="Paused."))
    await session.say("hello")
    assert await session.words()
    await session.break_off(1000)
