"""SMS from end to end: what people write reaches the assistant, what it says reaches them, and what became of it."""

from __future__ import annotations

import asyncio
import itertools
import threading
import uuid
from typing import Any
from urllib.parse import parse_qsl

import pytest

from channels_app import accounts, inbound, releasing, statuses
from channels_app.drain import handle
from channels_app.models import Delivery
from channels_app.providers.base import InboundRequest
from channels_app.providers.events import StatusReported
from channels_app.providers.twilio import codes, signing
from channels_app.providers.twilio.messaging import STATUSES
from deployments import conversations
from deployments.conversations import NewMessage
from deployments.models import Conversation
from deployments.models.conversation import AuthorKind
from tests import factories
from tests.channels.far_end import Said
from tests.channels.phones import Phone, make_phone
from tests.channels.twilio_end import ACCOUNT, NUMBER, PERSON, SERVICE, Taken, TwilioEnd, report, signed

pytestmark = pytest.mark.asyncio


async def say(phone: Phone, text: str) -> None:
    """The assistant says this in the only conversation."""

    def run() -> None:
        conversation = conversations.lock(Conversation.objects.get().id)
        conversations.post_message(conversation, NewMessage(author_kind=AuthorKind.ASSISTANT, text=text))

    await phone.inside(run)


async def test_a_text_is_answered_by_texts_in_order_and_their_reports_are_shown(phone: Phone) -> None:
    await phone.text("hello")
    await phone.drain()
    taken = phone.twilio.taken
    assert taken
    assert {(one.form["To"], one.form["From"]) for one in taken} == {(PERSON, NUMBER)}
    deliveries = await phone.deliveries()
    assert [one.content["text"] for one in deliveries] == [one.body for one in taken]
    assert [(one.status, one.provider_id) for one in deliveries] == [("accepted", one.sid) for one in taken]
    assert {delivery.content["segments"] for delivery in deliveries} == {1}
    status = accounts.inbound_url(phone.connection, "status")
    assert [one.form["StatusCallback"] for one in taken] == [f"{status}?delivery={one.id}" for one in deliveries]
    for one in taken:
        for word in ("sent", "delivered"):
            await phone.report(one, word)
    await phone.drain()
    assert {one.status for one in await phone.deliveries()} == {"delivered"}
    visitor, *others = await phone.messages()
    assert (visitor.author_kind, visitor.text) == ("visitor", "hello")
    assert {message.status for message in others} == {"delivered"}
    conversation = await phone.inside(lambda: Conversation.objects.select_related("person").get())
    assert conversation.channel == "sms"


async def test_the_same_text_again_is_no_second_one(phone: Phone) -> None:
    answers = await asyncio.gather(*(phone.text("hello", MessageSid=f"SM{7:032x}") for _ in range(20)))
    assert len(answers) == 20
    await phone.drain()
    assert [event.copies for event in await phone.events()] == [20]
    assert [m.author_kind for m in await phone.messages()].count("visitor") == 1


async def test_what_nobody_knows_is_kept_and_answered(phone: Phone) -> None:
    answer = await phone.form({"CallSid": f"CA{1:032x}", "AccountSid": ACCOUNT, "Direction": "inbound"})
    assert answer.status_code == 200
    status = accounts.inbound_url(phone.connection, "status")
    assert (await phone.form({"MessageSid": "SM1", "MessageStatus": "melted"}, status)).status_code == 200
    events = await phone.events()
    assert [event.state for event in events] == ["ignored", "ignored"]
    assert "CallSid" in events[0].reason


async def test_what_can_not_be_stored_as_it_is_is_stored_all_the_same(phone: Phone) -> None:
    await phone.text("a\0b")
    await phone.drain()
    visitor = (await phone.messages())[0]
    assert visitor.text == "a\N{REPLACEMENT CHARACTER}b"


LONG = "\n\n".join(
    " ".join(f"Sentence {part}.{number} says something that takes its room." for number in range(20))
    for part in range(4)
)


async def test_a_long_text_goes_out_in_pieces_on_sentence_bounds_and_in_order(phone: Phone) -> None:
    await phone.text("hello")
    await phone.drain()
    before = len(phone.twilio.taken)
    await say(phone, LONG)
    await phone.drain()
    pieces = [one.body for one in phone.twilio.taken[before:]]
    assert len(pieces) >= 3
    assert all(len(piece) <= 1500 and piece.endswith(".") for piece in pieces)
    assert " ".join(" ".join(pieces).split()) == " ".join(LONG.split())
    rows = (await phone.deliveries())[before:]
    assert [row.what for row in rows] == [f"SMS {at} of {len(pieces)}" for at in range(1, len(pieces) + 1)]
    assert all(row.content["segments"] > 1 for row in rows)
    taken = phone.twilio.taken[before:]
    # The message is as far as the piece that is furthest behind.
    await phone.report(taken[0], "delivered")
    await phone.drain()
    assert (await phone.messages())[-1].status == "accepted"
    for one in taken[1:]:
        await phone.report(one, "delivered")
    await phone.drain()
    assert (await phone.messages())[-1].status == "delivered"


async def test_a_piece_that_fails_fails_the_message(phone: Phone) -> None:
    await phone.text("hello")
    await phone.drain()
    before = len(phone.twilio.taken)
    await say(phone, LONG)
    await phone.drain()
    first, *rest = phone.twilio.taken[before:]
    await phone.report(first, "undelivered", 30007)
    for one in rest:
        await phone.report(one, "delivered")
    await phone.drain()
    message = (await phone.messages())[-1]
    assert (message.status, message.reason) == ("failed", codes.CODES[30007].words)
    assert message.remedy == codes.CODES[30007].remedy


async def first_taken(phone: Phone) -> Any:
    await phone.text("hello")
    await phone.drain()
    return phone.twilio.taken[0]


ORDERS = list(itertools.permutations(("queued", "sent", "delivered", "read", "failed")))


async def test_in_whatever_order_reports_come_they_end_alike(phone: Phone) -> None:
    taken = await first_taken(phone)
    delivery = (await phone.deliveries())[0]

    def ends(order: tuple[str, ...]) -> tuple[str, ...]:
        Delivery.objects.filter(id=delivery.id).update(status="accepted", code="", reason="", remedy="")
        for word in order:
            statuses.apply(phone.connection, reported(phone, taken, word))
        row = Delivery.objects.select_related("message").get(id=delivery.id)
        assert row.message is not None
        return row.status, row.code, row.reason, row.remedy, row.message.status

    def fold(order: tuple[str, ...]) -> str:
        standing = "accepted"
        for word in order:
            after = STATUSES[word]
            standing = after if statuses.is_forward(standing, after) else standing
        return standing

    assert len(ORDERS) == 120
    assert {fold(order) for order in ORDERS} == {"read"}
    assert await phone.inside(lambda: {ends(order) for order in ORDERS[::11]}) == {("read", "", "", "", "read")}
    without = list(itertools.permutations(("queued", "sent", "failed")))
    wanted = codes.CODES[30008]
    assert await phone.inside(lambda: {ends(order) for order in without}) == {
        ("failed", "30008", wanted.words, wanted.remedy, "failed")
    }


def reported(phone: Phone, taken: Taken, word: str) -> StatusReported:
    """The parser's reading of a report."""
    form = report(taken, word, 30008 if word == "failed" else None)
    body, headers = signed(taken.form["StatusCallback"], form)
    query = dict(parse_qsl(taken.form["StatusCallback"].partition("?")[2]))
    request = InboundRequest("POST", taken.form["StatusCallback"], "status", query, headers, signing.FORM, body)
    (event,) = accounts.to_plan(phone.connection).parse_events(request)
    assert isinstance(event, StatusReported)
    return event


async def test_a_report_that_is_quicker_than_the_answer_is_not_overtaken_by_it(phone: Phone) -> None:
    await phone.text("hello")
    original = phone.twilio.answers
    loop = asyncio.get_running_loop()
    reports: list[Any] = []

    def answers(seen: Any) -> Said:
        said = original(seen)
        if seen.method == "POST" and not reports:
            taken = phone.twilio.taken[-1]
            reports.append(asyncio.run_coroutine_threadsafe(_report_now(phone, taken), loop))
            said.after = _done(reports[0])
        return said

    phone.twilio.answers = answers
    await phone.drain()
    first = (await phone.deliveries())[0]
    assert (first.status, first.provider_id) == ("delivered", phone.twilio.taken[0].sid)


async def _report_now(phone: Phone, taken: Any) -> None:
    await phone.report(taken, "delivered")
    for event in await phone.inside(lambda: inbound.claim(phone.workspace.id, 10)):
        await handle(event)


def _done(future: Any) -> Any:
    done = threading.Event()
    future.add_done_callback(lambda _: done.set())
    return done


async def test_a_report_on_an_earlier_attempt_does_not_count_for_a_later_one(phone: Phone) -> None:
    taken = await first_taken(phone)
    await phone.report(taken, "undelivered", 30003)
    await phone.drain()
    delivery = (await phone.deliveries())[0]
    assert (delivery.status, delivery.code) == ("failed", "30003")
    await phone.inside(lambda: releasing.replay(Delivery.objects.get(id=delivery.id)))
    await phone.drain()
    later = phone.twilio.taken[-1]
    assert later.sid != taken.sid
    await phone.report(taken, "failed", 30008)
    await phone.drain()
    assert (await phone.deliveries())[0].status == "accepted"
    await phone.report(later, "delivered")
    await phone.drain()
    assert (await phone.deliveries())[0].status == "delivered"


async def test_a_report_that_is_not_ours_is_kept_and_says_so(phone: Phone) -> None:
    taken = await first_taken(phone)
    taken.form["StatusCallback"] = taken.form["StatusCallback"].split("?")[0] + f"?delivery={uuid.uuid4()}"
    await phone.report(taken, "delivered")
    await phone.drain()
    event = (await phone.events())[-1]
    assert (event.state, "does not know" in event.reason) == ("received", True)


async def test_over_a_messaging_service_the_service_is_the_sender(transactional_db: None, twilio: TwilioEnd) -> None:
    workspace = await asyncio.to_thread(factories.make_workspace)
    phone = await asyncio.to_thread(lambda: make_phone(workspace, twilio, messaging_service_sid=SERVICE))
    await phone.text("hello", MessagingServiceSid=SERVICE)
    await phone.drain()
    assert {(one.form.get("From"), one.form["MessagingServiceSid"]) for one in twilio.taken} == {(None, SERVICE)}
