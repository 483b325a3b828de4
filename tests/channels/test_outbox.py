"""The outbox: what is accepted is delivered, in order, once in effect, or ends in a state that says why."""

from __future__ import annotations

import asyncio
import datetime as dt
import threading
from typing import Any

import pytest
import time_machine
from django.core import mail
from django.utils import timezone

from channels_app import claims, connections, inbound, ladder, releasing, settling
from channels_app.drain import PLACES_OF_ONE, Drain, handle
from channels_app.models import Connection, Delivery, DeliveryAttempt
from channels_app.providers.base import ProviderError, Receipt
from channels_app.providers.custom_webhook import CustomWebhook
from deployments import conversations, handoff
from deployments.models import Conversation
from tests import factories
from tests.channels.conftest import Bridge, make_bridge
from tests.channels.far_end import FarEnd, Said, running

pytestmark = pytest.mark.asyncio


async def waiting(bridge: Bridge) -> Delivery:
    """The first delivery, after the bridge has said something and before anything was sent."""
    await bridge.say("hello")
    for event in await bridge.inside(lambda: inbound.claim(bridge.workspace.id, 10)):
        await handle(event)
    return (await bridge.deliveries())[0]


async def test_an_answer_and_its_delivery_are_stored_together_or_not_at_all(
    bridge: Bridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_off(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError("the process is gone")

    monkeypatch.setattr("channels_app.enqueueing._write", break_off)
    await bridge.say("hello")
    await bridge.drain()
    assert await bridge.deliveries() == []
    assert await bridge.messages() == []
    event = (await bridge.events())[0]
    assert (event.state, event.attempts) == ("received", 1)
    monkeypatch.undo()
    await bridge.now()
    await bridge.drain()
    assert {delivery.status for delivery in await bridge.deliveries()} == {"delivered"}
    assert (await bridge.events())[0].state == "handled"


@pytest.mark.parametrize(
    ("answer", "tries"),
    [
        (Said(500), len(ladder.GAPS) + 1),
        (Said(429), len(ladder.GAPS) + 1),
        (Said(404), 2),
        (Said(302, {"Location": "http://169.254.169.254/"}), 2),
        (Said(410), 1),
    ],
)
async def test_a_failure_is_tried_as_often_as_it_is_worth_and_then_says_why(
    bridge: Bridge, answer: Said, tries: int
) -> None:
    bridge.far.script(answer)
    delivery = await waiting(bridge)
    for _ in range(len(ladder.GAPS) + 3):
        await bridge.now()
        await bridge.inside(lambda: Connection.objects.update(state="active"))
        await bridge.drain()
    mine = [seen for seen in bridge.far.seen if seen.headers["webhook-id"] == f"msg_{delivery.id}"]
    assert len(mine) == tries
    ended = await bridge.inside(lambda: Delivery.objects.get(id=delivery.id))
    assert ended.status == "failed"
    assert str(answer.status) in ended.reason
    assert ended.remedy
    message = (await bridge.messages())[1]
    assert (message.status, message.reason) == ("failed", ended.reason)


async def test_the_gaps_grow_as_the_ladder_says_with_a_fifth_of_jitter(bridge: Bridge) -> None:
    bridge.far.script(Said(500))
    delivery = await waiting(bridge)
    gaps = []
    for _ in ladder.GAPS:
        await bridge.now()
        before = timezone.now()
        await bridge.drain()
        due_at = (await bridge.inside(lambda: Delivery.objects.get(id=delivery.id))).due_at
        gaps.append((due_at - before).total_seconds())
    for gap, wanted in zip(gaps, ladder.GAPS, strict=True):
        assert wanted.total_seconds() * 0.8 - 1 <= gap <= wanted.total_seconds() * 1.2 + 2


@pytest.mark.parametrize(("header", "seconds"), [("7", 7), ("0", 1), ("999999999", 24 * 3600), ("soon", None)])
async def test_retry_after_wins_within_bounds(bridge: Bridge, header: str, seconds: int | None) -> None:
    bridge.far.script(Said(503, {"Retry-After": header}))
    delivery = await waiting(bridge)
    before = timezone.now()
    await bridge.drain()
    due_at = (await bridge.inside(lambda: Delivery.objects.get(id=delivery.id))).due_at
    wanted = 5 if seconds is None else seconds
    assert wanted * 0.8 - 1 <= (due_at - before).total_seconds() <= wanted * 1.2 + 2


async def test_what_failed_holds_back_what_follows_in_its_conversation_and_nothing_else(bridge: Bridge) -> None:
    stuck = {"room-1"}
    bridge.far.answers = lambda seen: Said(500 if seen.json["data"]["conversation_key"] in stuck else 200)
    await bridge.say("hello", key="room-1")
    await bridge.say("hello", key="room-2")
    await bridge.drain()
    await bridge.inside(lambda: Connection.objects.update(rests_until=None))
    await bridge.say("thanks", key="room-1")
    await bridge.say("thanks", key="room-2")
    await bridge.drain()
    rooms = [seen.json["data"]["conversation_key"] for seen in bridge.far.seen]
    sequences = {
        room: [s.json["data"]["sequence"] for s in bridge.far.seen if s.json["data"]["conversation_key"] == room]
        for room in set(rooms)
    }
    assert set(sequences["room-1"]) == {1}
    assert sequences["room-2"] == sorted(sequences["room-2"])
    assert len(sequences["room-2"]) >= 2
    stuck.clear()
    await bridge.now()
    await bridge.drain()
    assert {delivery.status for delivery in await bridge.deliveries()} == {"delivered"}
    after = [s.json["data"]["sequence"] for s in bridge.far.seen if s.json["data"]["conversation_key"] == "room-1"]
    assert after == sorted(after)


async def test_a_lost_reply_is_sent_again_under_the_same_key(bridge: Bridge) -> None:
    bridge.far.script(Said(cut=True), Said(200))
    await waiting(bridge)
    await bridge.drain()
    await bridge.now()
    await bridge.drain()
    keys = [seen.headers["webhook-id"] for seen in bridge.far.seen]
    assert keys[0] == keys[1]
    assert bridge.far.seen[0].body == bridge.far.seen[1].body
    outcomes = await bridge.inside(
        lambda: list(DeliveryAttempt.objects.order_by("started_at").values_list("outcome", flat=True))
    )
    assert outcomes[:2] == ["retry", "accepted"]


async def test_who_overslept_its_lease_writes_nothing(bridge: Bridge) -> None:
    delivery = await waiting(bridge)
    first = (await bridge.inside(lambda: claims.claim(bridge.workspace.id, 10)))[0]
    past = timezone.now() - dt.timedelta(seconds=1)
    await bridge.inside(lambda: Delivery.objects.filter(id=delivery.id).update(leased_until=past))
    second = (await bridge.inside(lambda: claims.claim(bridge.workspace.id, 10)))[0]
    assert second.token != first.token
    assert second.is_in_doubt
    receipt = settling.Outcome(receipt=Receipt("delivered"))
    assert await bridge.inside(lambda: settling.finish(first, receipt)) is False
    assert (await bridge.deliveries())[0].status == "queued"
    assert await bridge.inside(lambda: settling.finish(second, receipt)) is True
    assert (await bridge.deliveries())[0].status == "delivered"


async def test_a_message_that_kills_the_worker_is_given_up_and_the_others_go_on(bridge: Bridge) -> None:
    poison = await waiting(bridge)
    past = timezone.now() - dt.timedelta(seconds=1)
    for _ in range(claims.MOST_CRASHES):
        assert await bridge.inside(lambda: claims.claim(bridge.workspace.id, 1))
        await bridge.inside(lambda: Delivery.objects.filter(id=poison.id).update(leased_until=past))
    await bridge.say("hello", key="room-2")
    await bridge.drain()
    ended = await bridge.inside(lambda: Delivery.objects.get(id=poison.id))
    assert ended.status == "failed"
    assert "5 times" in ended.reason
    others = [delivery for delivery in await bridge.deliveries() if delivery.id != poison.id]
    assert {delivery.status for delivery in others} == {"delivered"}


async def test_a_workspace_whose_provider_hangs_takes_a_quarter_of_the_places_and_slows_nobody(
    bridge: Bridge, settings: Any
) -> None:
    go_on = threading.Event()
    bridge.far.script(Said(after=go_on))
    for room in range(PLACES_OF_ONE + 4):
        await bridge.say("hello", key=f"room-{room}")
    with running() as quick:
        settings.OUTBOUND_ALLOWLIST = settings.OUTBOUND_ALLOWLIST | {("127.0.0.1", quick.port)}
        other = await asyncio.to_thread(lambda: make_bridge(factories.make_workspace(), quick))
        drain = Drain()
        running_drain = asyncio.create_task(drain.run())
        try:
            await asyncio.to_thread(bridge.far.wait, PLACES_OF_ONE)
            assert drain.busy[bridge.workspace.id] == PLACES_OF_ONE
            await other.say("hello")
            drain.ring()
            await asyncio.to_thread(quick.wait, 1)
            assert len(bridge.far.seen) == PLACES_OF_ONE
        finally:
            go_on.set()
            await drain.stop()
            await running_drain


async def test_what_is_paused_keeps_everything_and_sends_it_when_enabled(bridge: Bridge) -> None:
    who = bridge.who
    await waiting(bridge)
    await bridge.inside(lambda: connections.pause(who, connections.held(bridge.connection.id)))
    await bridge.say("one more thing", key="room-2")
    await bridge.drain()
    assert bridge.far.seen == []
    assert [event.state for event in await bridge.events()] == ["handled", "received"]
    await bridge.inside(lambda: connections.enable(who, connections.held(bridge.connection.id)))
    await bridge.drain()
    assert {delivery.status for delivery in await bridge.deliveries()} == {"delivered"}
    assert len({seen.json["data"]["conversation_key"] for seen in bridge.far.seen}) == 2


async def test_410_disables_the_endpoint_and_its_owner_is_told(bridge: Bridge) -> None:
    bridge.far.script(Said(410))
    await waiting(bridge)
    await bridge.drain()
    connection = await bridge.refresh()
    assert connection.state == "disabled"
    assert "410" in connection.state_reason
    assert [message.to for message in mail.outbox] == [[bridge.owner]]
    assert "410" in str(mail.outbox[0].body)


async def test_five_days_of_failures_alone_disable_and_a_success_between_does_not(bridge: Bridge) -> None:
    bridge.far.script(Said(500))
    began = timezone.now()
    await waiting(bridge)
    for day, works in ((0, False), (3, True), (4, False), (6, False), (8, False), (9, False)):
        bridge.far.script(Said(200 if works else 500))
        with time_machine.travel(began + dt.timedelta(days=day, hours=1), tick=True):
            connection = await bridge.refresh()

            def fail_or_not(connection: Connection = connection, works: bool = works) -> None:
                if works:
                    ladder.note_success(connection, timezone.now())
                else:
                    ladder.note_failure(connection, CustomWebhook, ProviderError("It broke."), timezone.now())

            await bridge.inside(fail_or_not)
        expected = "disabled" if day == 9 else "active"
        assert (await bridge.refresh()).state == expected, day
    assert len(mail.outbox) == 1


async def test_after_five_failures_in_a_row_the_connection_rests_and_then_tries_again(bridge: Bridge) -> None:
    bridge.far.script(Said(500))
    for room in range(8):
        await bridge.say("hello", key=f"room-{room}")
    await bridge.drain()
    assert (await bridge.refresh()).rests_until is not None
    before = len(bridge.far.seen)
    await bridge.inside(lambda: Delivery.objects.update(due_at=timezone.now()))
    await bridge.drain()
    assert len(bridge.far.seen) == before
    bridge.far.script(Said(200))
    await bridge.now()
    await bridge.drain()
    connection = await bridge.refresh()
    assert (connection.rests_until, connection.failures, connection.fault) == (None, 0, "")


async def test_replaying_sends_it_again_under_its_key(bridge: Bridge) -> None:
    bridge.far.script(Said(404))
    delivery = await waiting(bridge)
    await bridge.drain()
    await bridge.now()
    await bridge.drain()
    assert (await bridge.inside(lambda: Delivery.objects.get(id=delivery.id))).status == "failed"
    bridge.far.script(Said(200))
    await bridge.inside(lambda: releasing.replay(Delivery.objects.get(id=delivery.id)))
    await bridge.drain()
    again = await bridge.inside(lambda: Delivery.objects.get(id=delivery.id))
    assert (again.status, again.reason) == ("delivered", "")
    keys = {seen.headers["webhook-id"] for seen in bridge.far.seen if str(delivery.id) in seen.headers["webhook-id"]}
    assert len(keys) == 1


async def test_a_credential_in_an_answer_is_not_kept(bridge: Bridge, far: FarEnd) -> None:
    secret = bridge.secrets["signing_secret"]
    far.script(Said(500, body=f'{{"token": "hunter22222", "seen": "{secret}"}}'.encode()))
    await waiting(bridge)
    await bridge.drain()
    attempt = await bridge.inside(lambda: DeliveryAttempt.objects.first())
    assert attempt is not None
    assert secret not in attempt.answer
    assert "hunter22222" not in attempt.answer


async def test_of_two_drains_at_once_each_delivery_is_sent_by_one(bridge: Bridge) -> None:
    for room in range(10):
        await bridge.say("hello", key=f"room-{room}")
    await asyncio.gather(Drain().idle(), Drain().idle(), Drain().idle())
    keys = [seen.headers["webhook-id"] for seen in bridge.far.seen]
    assert len(keys) == len(set(keys)) == len(await bridge.deliveries())


async def test_an_answer_over_a_connection_that_is_deleted_says_that_it_goes_nowhere(bridge: Bridge) -> None:
    await bridge.say("hello")
    await bridge.drain()
    await bridge.inside(lambda: connections.delete(bridge.who, connections.held(bridge.connection.id)))

    def answer() -> None:
        conversation = conversations.lock(Conversation.objects.get().id)
        handoff.reply(bridge.who, None, conversation, "Are you there?", None)

    await bridge.inside(answer)
    last = (await bridge.messages())[-1]
    assert (last.text, last.status) == ("Are you there?", "failed")
    assert "deleted" in last.reason
    assert last.remedy


async def test_what_a_person_answers_reaches_the_bridge_and_a_hand_over_and_an_end_are_told(bridge: Bridge) -> None:
    answer = await bridge.say("hello")

    def act() -> None:
        conversation = conversations.lock(answer.data["conversation_id"])
        handoff.request(conversation, "They asked for a person.")
        handoff.reply(bridge.who, None, conversation, "A person here.", None)
        handoff.resolve(bridge.who, "Kim", conversation)

    await bridge.drain()
    await bridge.inside(act)
    await bridge.drain()
    told = [(seen.json["type"], seen.json["data"]) for seen in bridge.far.seen]
    sequences = [data["sequence"] for _, data in told]
    assert sequences == list(range(1, len(told) + 1))
    assert [kind for kind, _ in told if kind != "message.created"] == ["conversation.handoff", "conversation.ended"]
    assert "A person here." in [data["message"]["text"] for kind, data in told if kind == "message.created"]
    ended = next(data for kind, data in told if kind == "conversation.ended")
    assert (ended["status"], ended["reason"]) == ("completed", "Resolved by Kim.")
