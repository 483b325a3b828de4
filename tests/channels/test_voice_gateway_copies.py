"""What a gateway sends twice, and what it has not signed: a copy changes nothing, a forgery leaves a count alone."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import time
from collections import Counter

import pytest
import time_machine
from django.db.models import F

from channels_app import connections
from channels_app import inline as inline_answers
from channels_app.models import InboundEvent, RefusedRequest
from convoship.lib import standard_webhooks
from convoship.lib.threads import in_thread
from tests import factories
from tests.channels.far_end import FarEnd, Said
from tests.channels.gateway import Gateway, make_gateway

pytestmark = pytest.mark.asyncio
BODY = json.dumps({"call_id": "call-1", "transcript": "hello"}).encode()
FORM = "X-Convoship-Signature", "X-Convoship-Timestamp"


@pytest.fixture
def gateway(transactional_db: None, far: FarEnd) -> Gateway:
    return make_gateway(factories.make_workspace(), far)


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fifty requests at once may take their time where the machine is busy."""
    monkeypatch.setattr(inline_answers, "LONGEST_WAIT_SECONDS", 60.0)


async def said(gateway: Gateway) -> list[str]:
    await gateway.drain()
    return [m.text for m in await gateway.messages() if m.author_kind == "visitor"]


async def aged(gateway: Gateway, seconds: float) -> None:
    """So much time goes by."""
    await gateway.inside(
        lambda: InboundEvent.objects.update(received_at=F("received_at") - dt.timedelta(seconds=seconds))
    )


def forged(gateway: Gateway, stranger: str) -> dict[str, dict[str, str]]:
    secret, now = gateway.secrets["inbound_secret"], time.time()
    plain, timed = gateway.signed(BODY), gateway.signed(BODY, at=now)
    good, stamp = timed[FORM[0]], timed[FORM[1]]
    flipped = f"{int(good[0], 16) ^ 1:x}{good[1:]}"
    return {
        "no signature": {},
        "a timestamp alone": {FORM[1]: stamp},
        "an empty signature": {FORM[0]: ""},
        "a cut signature": {FORM[0]: plain[FORM[0]][:32]},
        "a longer signature": {FORM[0]: plain[FORM[0]] + "00"},
        "upper case": {FORM[0]: plain[FORM[0]].upper() + ""},
        "a prefix": {FORM[0]: f"sha256={plain[FORM[0]]}"},
        "the version of another scheme": {FORM[0]: "v1,"},
        "twice the header": {FORM[0]: f"{plain[FORM[0]]},{plain[FORM[0]]}"},
        "one bit of the signature": {FORM[0]: flipped, FORM[1]: stamp},
        "without its timestamp": {FORM[0]: good},
        "with a timestamp that was not signed": plain | {FORM[1]: stamp},
        "another timestamp": {FORM[0]: good, FORM[1]: str(int(now) - 1)},
        "no number": {FORM[0]: good, FORM[1]: "now"},
        "an empty timestamp": plain | {FORM[1]: ""},
        "too old": gateway.signed(BODY, at=now - 302),
        "too new": gateway.signed(BODY, at=now + 305),
        "a stranger's secret": gateway.signed(BODY, secret=stranger),
        "the secret without its beginning": gateway.signed(BODY, secret=secret.removeprefix("whsec_")),
        "standard webhooks": standard_webhooks.headers_for([secret], "msg_1", BODY),
    }


async def test_what_is_not_signed_as_it_has_to_be_leaves_a_count_and_nothing_else(
    gateway: Gateway, far: FarEnd
) -> None:
    other = await in_thread(lambda: make_gateway(factories.make_workspace(), far))
    cases = forged(gateway, other.secrets["inbound_secret"])
    for name, headers in cases.items():
        answer = await gateway.post(BODY, headers)
        assert (answer.status_code, answer.data["code"]) == (403, "signature_invalid"), name
    for changed in (BODY + b" ", BODY.replace(b"hello", b"hullo"), BODY.replace(b": ", b":"), b""):
        assert (await gateway.post(changed, gateway.signed(BODY))).status_code == 403
    inline = await gateway.post(BODY, {}, path=f"{gateway.path}?reply=inline")
    assert inline.status_code == 403
    assert await gateway.events() == []
    assert await gateway.messages() == []
    counts: Counter[str] = Counter(
        dict(await gateway.inside(lambda: list(RefusedRequest.objects.values_list("reason", "count"))))
    )
    assert counts.total() == len(cases) + 5
    assert counts["timestamp_stale"] == 2


async def test_a_connection_without_a_secret_takes_nothing(gateway: Gateway) -> None:
    await gateway.inside(lambda: gateway.connection.secrets.all().delete())
    for headers in (gateway.signed(BODY), gateway.signed(BODY, secret="x"), {}):
        assert (await gateway.post(BODY, headers)).status_code == 403


async def test_a_timestamp_counts_five_minutes_either_way(gateway: Gateway) -> None:
    now = time.time()
    for at in (now - 295, now, now + 295):
        assert (await gateway.post(BODY, gateway.signed(BODY, at=at))).status_code == 202
    recorded = gateway.signed(BODY, at=now)
    for apart in (-330, 330):
        with time_machine.travel(dt.datetime.fromtimestamp(now + apart, dt.UTC)):
            assert (await gateway.post(BODY, recorded)).status_code == 403


async def test_a_connection_can_require_the_timestamp(gateway: Gateway) -> None:
    def require() -> None:
        held = connections.held(gateway.connection.id)
        connections.change(gateway.who, held, {"config": {**held.config, "require_timestamp": True}})

    assert (await gateway.post(BODY)).status_code == 202
    await gateway.inside(require)
    assert (await gateway.post(BODY)).status_code == 403
    assert (await gateway.post(BODY, gateway.signed(BODY, at=time.time()))).status_code == 202


async def test_while_a_secret_is_rotated_both_count_and_then_only_the_new_one(gateway: Gateway) -> None:
    def rotate(overlap: int) -> str:
        held = connections.held(gateway.connection.id)
        return connections.rotate_secret(gateway.who, held, which="inbound_secret", overlap_seconds=overlap).value

    old, new = gateway.secrets["inbound_secret"], await gateway.inside(rotate, 60)
    for secret in (old, new):
        assert (await gateway.post(BODY, gateway.signed(BODY, secret=secret))).status_code == 202
    newest = await gateway.inside(rotate, 0)
    for secret, status in ((old, 403), (new, 403), (newest, 202)):
        assert (await gateway.post(BODY, gateway.signed(BODY, secret=secret))).status_code == status


@pytest.mark.parametrize("inline", [False, True])
async def test_the_same_turn_fifty_times_at_once_is_one_row_and_one_effect(
    gateway: Gateway, inline: bool, patient: None
) -> None:
    answers = await asyncio.gather(*(gateway.turn("hello", turn=1, inline=inline) for _ in range(50)))
    assert {answer.status_code for answer in answers} == {200 if inline else 202}
    assert len({answer.content for answer in answers}) == 1
    replies = await gateway.spoken()
    assert len(replies) == (0 if inline else 1)
    assert await said(gateway) == ["hello"]
    assert [(event.state, event.copies) for event in await gateway.events()] == [("handled", 50)]
    assert len(await gateway.deliveries()) == 1


@pytest.mark.parametrize("inline", [False, True])
async def test_a_body_without_a_key_fifty_times_at_once_is_one_effect(
    gateway: Gateway, inline: bool, patient: None
) -> None:
    answers = await asyncio.gather(*(gateway.turn("hello", inline=inline) for _ in range(50)))
    assert len({answer.content for answer in answers}) == 1
    assert await said(gateway) == ["hello"]


async def test_a_turns_number_makes_it_one_of_its_call_for_ever_whatever_it_says(gateway: Gateway) -> None:
    await gateway.turn("hello", turn=1)
    await gateway.drain()
    await aged(gateway, 3600)
    await gateway.turn("hello", turn=1)
    await gateway.turn("hello again", turn=1, event_id="another")
    assert await said(gateway) == ["hello"]
    await gateway.turn("hello", turn=2)
    await gateway.turn("hello", turn=1, call="call-2")
    assert await said(gateway) == ["hello"] * 3


async def test_an_event_id_does_so_too(gateway: Gateway) -> None:
    await gateway.turn("hello", event_id="e-1")
    await gateway.drain()
    await aged(gateway, 3600)
    await gateway.turn("hello", event_id="e-1")
    assert await said(gateway) == ["hello"]
    await gateway.turn("hello", event_id="e-2")
    assert await said(gateway) == ["hello"] * 2


async def test_without_either_the_same_body_is_a_copy_for_five_seconds_and_then_said_again(gateway: Gateway) -> None:
    for number in (1, 2, 3):
        await gateway.turn("yes")
        assert await said(gateway) == ["yes"] * number
        await aged(gateway, 1)
        await gateway.turn("yes")
        assert await said(gateway) == ["yes"] * number
        await aged(gateway, 5)
    assert len(await gateway.spoken()) == 3
    await gateway.turn("yes", call="call-2")
    assert await said(gateway) == ["yes"] * 4


async def test_without_either_it_is_a_copy_as_long_as_the_first_has_no_answer(gateway: Gateway) -> None:
    await gateway.turn("yes")
    await aged(gateway, 60)
    await gateway.turn("yes")  # nobody has looked at the first yet
    gateway.far.script(Said(500), Said(200))
    assert await said(gateway) == ["yes"]
    await gateway.turn("yes")  # its answer has not reached the gateway
    assert await said(gateway) == ["yes"]
    await gateway.now()
    await gateway.drain()
    await gateway.turn("yes")
    assert await said(gateway) == ["yes"] * 2


async def test_a_hang_up_counts_although_its_turn_was_heard_before(gateway: Gateway) -> None:
    await gateway.turn("hello", turn=1)
    await gateway.turn("", turn=1, hangup=True)
    await gateway.turn("", turn=1, hangup=True)
    await gateway.drain()
    assert [(event.kind, event.copies) for event in await gateway.events()] == [("message", 1), ("hang-up", 2)]
