"""A customer's voice gateway: what callers say is answered by one signed reply, and a call's end is final."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
from typing import Any

import pytest
from django.utils import timezone

from channels_app import connections, health, inbound
from channels_app.drain import handle
from channels_app.models import Connection
from convoship.lib.problems import Problem
from convoship.lib.threads import in_thread
from deployments import conversations, handoff, sweeping
from deployments.models import Conversation, Identity
from tests import factories
from tests.channels.far_end import FarEnd, Said
from tests.channels.gateway import Gateway, make_gateway

pytestmark = pytest.mark.asyncio


@pytest.fixture
def gateway(transactional_db: None, far: FarEnd) -> Gateway:
    return make_gateway(factories.make_workspace(), far)


async def the_conversations(gateway: Gateway) -> list[Conversation]:
    return await gateway.inside(lambda: list(Conversation.objects.order_by("started_at")))


async def end(gateway: Gateway) -> None:
    """A person ends the call in Convoship."""

    def run() -> None:
        handoff.resolve(gateway.who, "Kim", conversations.lock(Conversation.objects.get().id))

    await gateway.inside(run)


async def test_a_turn_is_accepted_and_its_answer_posted_with_its_number_signed_the_same_way(gateway: Gateway) -> None:
    taken = await gateway.turn("hello", turn=3)
    (conversation,) = await the_conversations(gateway)
    assert taken.status_code == 202
    assert taken.data == {"accepted": True, "conversation_id": str(conversation.id)}
    (reply,) = await gateway.spoken()
    assert set(reply) == {"call_id", "text", "end_call", "turn"}
    assert (reply["call_id"], reply["end_call"], reply["turn"]) == ("call-1", False, 3)
    said = [m for m in await gateway.messages() if m.author_kind == "assistant"]
    assert all(m.text.splitlines()[0] in reply["text"] for m in said)
    assert {m.status for m in said} == {"delivered"}
    (seen,) = gateway.far.seen
    signed = seen.headers["x-convoship-timestamp"].encode() + b"." + seen.body
    key = gateway.secrets["inbound_secret"].encode()
    assert seen.headers["x-convoship-signature"] == hmac.new(key, signed, hashlib.sha256).hexdigest()
    assert conversation.channel == "voice"


async def test_an_empty_transcript_is_answered_by_the_welcome(gateway: Gateway) -> None:
    await gateway.turn("")
    (reply,) = await gateway.spoken()
    assert "turn" not in reply
    welcome = await gateway.messages()
    assert [m.author_kind for m in welcome] == ["assistant"] * len(welcome)
    assert welcome[0].text.splitlines()[0].replace("**", "") in reply["text"]
    # Silence in the middle of a call has its answer as well, without words.
    await gateway.turn("", turn=2)
    assert (await gateway.spoken())[1:] == [{"call_id": "call-1", "text": "", "end_call": False, "turn": 2}]


async def test_all_messages_of_an_answer_are_one_reply_in_plain_words(gateway: Gateway) -> None:
    await gateway.turn("hello")
    await gateway.spoken()
    # Asking for a person is answered by the assistant's words and the product's own.
    await gateway.turn("I want to talk to a human", turn=2)
    replies = await gateway.spoken()
    assert len(replies) == 2
    said = [m for m in await gateway.messages() if m.author_kind in {"assistant", "system"}]
    assert replies[1]["text"].endswith(f"{said[-1].text}\n1. Back to the assistant")
    assert (await the_conversations(gateway))[0].control == "waiting"


async def test_while_a_person_answers_each_turn_is_answered_at_once_and_their_words_follow(gateway: Gateway) -> None:
    await gateway.turn("hello")
    await gateway.spoken()

    def reply(text: str) -> None:
        conversation = conversations.lock(Conversation.objects.get().id)
        handoff.reply(gateway.who, factories.owner_of(gateway.workspace), conversation, text, None)

    await gateway.inside(reply, "I am **here**, see [our page](https://shop.example/a)")
    joined, words = (await gateway.spoken())[1:]
    assert "turn" not in words
    assert (words["text"], joined["end_call"]) == ("I am here, see our page, shop.example", False)
    await gateway.turn("good", turn=5)
    assert (await gateway.spoken())[3:] == [{"call_id": "call-1", "text": "", "end_call": False, "turn": 5}]


async def test_hanging_up_ends_the_conversation_and_nothing_is_said_any_more(gateway: Gateway) -> None:
    await gateway.turn("hello", turn=1)
    assert [event.state for event in await gateway.events()] == ["received"]
    over = await gateway.turn("", hangup=True)
    (conversation,) = await the_conversations(gateway)
    assert (over.status_code, over.data["conversation_id"]) == (202, str(conversation.id))
    for _ in range(2):
        for claimed in await gateway.inside(lambda: inbound.claim(gateway.workspace.id, 10)):
            await handle(claimed)
    assert await gateway.spoken() == []
    (conversation,) = await the_conversations(gateway)
    assert (conversation.status, conversation.ended_reason) == ("abandoned", "They hung up.")
    assert [d.status for d in await gateway.deliveries()] == ["suppressed"]
    assert {m.status for m in await gateway.messages() if m.author_kind == "assistant"} == {"suppressed"}


@pytest.mark.parametrize("said", [{"transcript": "bye"}, {"transcript": ""}, {}])
async def test_a_hang_up_may_carry_last_words_and_may_lack_a_transcript(gateway: Gateway, said: dict[str, str]) -> None:
    await gateway.turn("hello", turn=1)
    await gateway.drain()
    assert (await gateway.post({"call_id": "call-1", "hangup": True, "turn": 1} | said)).status_code == 202
    await gateway.drain()
    assert [c.status for c in await the_conversations(gateway)] == ["abandoned"]


async def test_a_turn_on_a_call_that_is_over_says_so_again_and_opens_nothing(gateway: Gateway) -> None:
    await gateway.turn("hello", turn=1)
    await gateway.spoken()
    await end(gateway)
    assert (await gateway.spoken())[-1]["end_call"] is True
    before = len(gateway.far.seen)
    again = await gateway.turn("are you there?", turn=2)
    (conversation,) = await the_conversations(gateway)
    assert again.data == {"accepted": True, "conversation_id": str(conversation.id)}
    replies = await gateway.spoken()
    assert replies[before:] == [{"call_id": "call-1", "text": "", "end_call": True, "turn": 2}]
    asked = await gateway.turn("hello?", turn=3, inline=True)
    assert asked.data == {"call_id": "call-1", "text": "", "end_call": True, "turn": 3}
    assert len(await the_conversations(gateway)) == 1
    assert "are you there?" not in [m.text for m in await gateway.messages()]
    # Another call is another conversation.
    await gateway.turn("hello", call="call-2")
    await gateway.drain()
    assert len(await the_conversations(gateway)) == 2


async def test_a_turn_that_comes_after_its_calls_hang_up_opens_nothing(gateway: Gateway) -> None:
    await gateway.turn("", hangup=True)
    await gateway.drain()
    late = await gateway.turn("hello", turn=1)
    assert late.data == {"accepted": True, "conversation_id": None}
    assert await gateway.spoken() == []
    asked = await gateway.turn("hello", turn=2, inline=True)
    assert asked.data == {"call_id": "call-1", "text": "", "end_call": True, "turn": 2}
    assert await the_conversations(gateway) == []


async def test_keys_count_as_what_was_said_and_choose_among_numbered_options(gateway: Gateway) -> None:
    await gateway.turn("")
    await gateway.drain()
    greeting = next(m for m in await gateway.messages() if m.blocks)
    buttons = greeting.blocks[0]["buttons"]
    (reply,) = await gateway.spoken()
    assert f"2. {buttons[1]['label']}." in reply["text"].splitlines()
    await gateway.turn("", dtmf="2#")
    await gateway.drain()
    pressed = [m for m in await gateway.messages() if m.author_kind == "visitor"]
    assert [(m.text, m.payload) for m in pressed] == [("2", buttons[1]["payload"])]


async def test_a_caller_is_known_by_their_number_and_without_one_by_the_call(gateway: Gateway) -> None:
    for call, number in (
        ("a", "+43 660 123-4567"),
        ("b", "+436601234567"),
        ("c", "anonymous"),
        ("d", None),
        ("e", "+0123456789"),
    ):
        await gateway.post({"call_id": call, "transcript": "hello", "from": number})
    await gateway.drain()
    people = {c.person_id for c in await the_conversations(gateway)}
    known = await gateway.inside(lambda: list(Identity.objects.order_by("kind", "value").values_list("kind", "value")))
    here = gateway.connection.id
    assert known == [*(("bridge", f"{here}:{call}") for call in "cde"), ("phone", "+436601234567")]
    assert len(people) == 4


async def test_the_language_is_the_gateways_word_or_the_connections(far: FarEnd, transactional_db: None) -> None:
    gateway = await in_thread(lambda: make_gateway(factories.make_workspace(), far, language="de-AT"))
    await gateway.turn("hello", call="a")
    await gateway.turn("hello", call="b", language="en")
    assert [c.locale for c in await the_conversations(gateway)] == ["de-AT", "en"]


async def test_a_gateway_that_does_not_answer_shows_on_the_connection_and_is_called_again(gateway: Gateway) -> None:
    gateway.far.script(Said(500), Said(200))
    await gateway.turn("hello")
    await gateway.drain()
    connection = await gateway.inside(lambda: Connection.objects.select_related("assistant").get())
    standing = health.standing(connection)
    assert (standing.tone, standing.words) == ("bad", "The gateway answered 500: it broke.")
    assert standing.remedy
    await gateway.now()
    assert len(await gateway.spoken()) == 2
    assert (await gateway.refresh()).fault == ""


async def test_a_gateway_that_can_not_be_reached_shows_with_what_to_do(gateway: Gateway, far: FarEnd) -> None:
    far.server.shutdown()
    far.server.server_close()
    await gateway.turn("hello")
    await gateway.drain()
    connection = await gateway.refresh()
    assert "nothing answers there" in connection.fault
    assert connection.fault_remedy


async def test_an_answer_of_unknown_outcome_is_not_spoken_twice(gateway: Gateway) -> None:
    gateway.far.script(Said(cut=True), Said(200))
    await gateway.turn("hello")
    await gateway.drain()
    await gateway.now()
    assert len(await gateway.spoken()) == 1
    (delivery,) = await gateway.deliveries()
    assert delivery.status == "unknown"
    assert "Nobody knows whether it arrived" in delivery.reason


async def test_a_gateway_that_has_a_call_no_more_says_nothing_of_the_connection(gateway: Gateway) -> None:
    gateway.far.script(Said(410))
    await gateway.turn("hello")
    await gateway.drain()
    assert [d.status for d in await gateway.deliveries()] == ["failed"]
    connection = await gateway.refresh()
    assert (connection.state, connection.fault) == ("active", "")


async def test_a_call_that_nobody_hung_up_is_over_after_its_time(gateway: Gateway) -> None:
    await gateway.turn("hello")
    await gateway.drain()
    at = timezone.now() - sweeping.IDLE - dt.timedelta(minutes=1)
    await gateway.inside(lambda: Conversation.objects.update(last_activity_at=at))
    assert await sweeping.sweep() == 1
    assert [c.status for c in await the_conversations(gateway)] == ["abandoned"]
    assert (await gateway.spoken())[-1] == {"call_id": "call-1", "text": "", "end_call": True}


async def test_while_the_secret_is_rotated_each_answer_is_signed_as_its_turn_was(gateway: Gateway) -> None:
    def rotate() -> str:
        held = connections.held(gateway.connection.id)
        return connections.rotate_secret(gateway.who, held, which="inbound_secret", overlap_seconds=60).value

    old, new = gateway.secrets["inbound_secret"], await gateway.inside(rotate)
    for number, secret in enumerate((old, new, old)):
        body = b'{"call_id": "c", "transcript": "hello", "turn": %d}' % number
        assert (await gateway.post(body, gateway.signed(body, secret=secret))).status_code == 202
        await gateway.drain()
        seen = gateway.far.seen[-1]
        signed = seen.headers["x-convoship-timestamp"].encode() + b"." + seen.body
        assert seen.headers["x-convoship-signature"] == hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"", "body"),
        (b"\xff", "body"),
        (b'"hello"', ""),
        (b"[" * 10_000 + b"]" * 10_000, "body"),
        (b'{"transcript": "hello"}', "call_id"),
        (b'{"call_id": "a"}', "transcript"),
        (b'{"call_id": "a", "transcript": null}', "transcript"),
        (b'{"call_id": "", "transcript": ""}', "call_id"),
        (b'{"call_id": 7, "transcript": ""}', "call_id"),
        (b'{"call_id": "a", "transcript": "", "turn": "one"}', "turn"),
        (b'{"call_id": "a", "transcript": "", "turn": -1}', "turn"),
        (b'{"call_id": "a", "transcript": "", "dtmf": "hash"}', "dtmf"),
        (b'{"call_id": "a", "transcript": "", "hangup": "yes"}', "hangup"),
        (b'{"call_id": "a", "transcript": "\\u0000"}', "body"),
    ],
)
async def test_a_signed_turn_that_can_not_be_read_says_what_is_wrong(gateway: Gateway, body: bytes, field: str) -> None:
    answer = await gateway.post(body)
    assert answer.status_code == 422, answer.content
    assert not field or field in answer.data["errors"]
    assert await gateway.events() == []


async def test_what_else_a_gateway_sends_and_what_it_leaves_empty_are_left_alone(gateway: Gateway) -> None:
    more: dict[str, Any] = {"confidence": 0.9, "from": None, "turn": None, "event_id": None, "dtmf": None}
    assert (await gateway.turn("hello", **more)).status_code == 202
    assert len(await gateway.spoken()) == 1


@pytest.mark.parametrize(
    ("config", "field"),
    [
        ({"mode": "morse"}, "config.mode"),
        ({"gateway_url": "nonsense"}, "config.gateway_url"),
        ({"gateway_url": "http://gateway.example/"}, "config.gateway_url"),
        ({"language": "Deutsch!"}, "config.language"),
        ({"dialect": "morse"}, "config.dialect"),
        ({"speech": "x"}, "config.speech"),
    ],
)
async def test_what_can_not_be_set_up_is_refused_at_its_field(
    gateway: Gateway, far: FarEnd, config: dict[str, Any], field: str
) -> None:
    with pytest.raises(Problem) as refused:
        await in_thread(lambda: make_gateway(gateway.workspace, far, **config))
    assert field in refused.value.errors


async def test_testing_posts_what_a_gateway_can_tell_from_a_reply(gateway: Gateway, far: FarEnd) -> None:
    provider = await gateway.inside(lambda: connections.provider_to_check(Connection.objects.get()))
    found = await provider.check()  # type: ignore[union-attr]
    assert found.is_good
    assert "answered 200" in found.findings[0].words
    (seen,) = far.seen
    assert (seen.json["type"], seen.json["end_call"]) == ("connection.test", True)
    far.script(Said(401))
    found = await provider.check()  # type: ignore[union-attr]
    assert not found.is_good
    assert "inbound secret" in found.findings[0].remedy
