"""Deliveries: a list that can be filtered, the story of each, sending again, and the way there from a conversation."""

from __future__ import annotations

import asyncio
import datetime as dt
import re
from typing import Any

import pytest
from django.utils import timezone

from channels_app import enqueueing, inbound, statuses
from channels_app.models import Connection, Delivery, InboundEvent
from channels_app.models.outbound import DeliveryStatus
from channels_app.pages import queries
from channels_app.providers.events import StatusReported
from convoship.lib.tenancy import tenant
from deployments.models import Conversation
from tests import factories
from tests.channels.conftest import Bridge
from tests.channels.far_end import Said
from tests.channels.requests import request_of
from tests.pages.conftest import Browser, browser_of, form_of, forms_of, text, words
from workspaces.models import AuditEvent


def list_of(bridge: Bridge, query: str = "") -> str:
    return f"/app/channels/{bridge.connection.id}/deliveries{query}"


def say(bridge: Bridge, said: str = "hello", key: str = "room-1") -> Delivery:
    """Something is said, handled and answered; the delivery of the (last) answer as it then stands."""
    asyncio.run(bridge.say(said, key))
    asyncio.run(bridge.drain())
    return asyncio.run(bridge.deliveries())[-1]


def failed(bridge: Bridge, key: str = "room-1") -> Delivery:
    """An answer that the far end refuses for good."""
    bridge.far.script(Said(410, body=b"<script>alert('gone')</script>"))
    delivery = say(bridge, key=key)
    assert delivery.status == "failed"
    with tenant(bridge.workspace.id):
        Connection.objects.update(state="active", state_reason="")
    bridge.far.script(Said(200))
    return delivery


def fresh(delivery: Delivery) -> Delivery:
    with tenant(delivery.workspace_id):
        return Delivery.objects.get(id=delivery.id)


def story_of(bridge: Bridge, delivery: Delivery) -> str:
    return f"/app/channels/{bridge.connection.id}/deliveries/{delivery.id}"


def make(bridge: Bridge, address: str = "room-1", **fields: Any) -> Delivery:
    with tenant(bridge.workspace.id):
        made = enqueueing.enqueue_alone(bridge.connection, "message.created", {}, address)
        Delivery.objects.filter(id=made.id).update(is_test=False, **fields)
        return Delivery.objects.get(id=made.id)


# --- The list ---------------------------------------------------------------------------------------------------------


def test_nothing_sent_yet_is_said_in_words(member: Browser, bridge: Bridge) -> None:
    assert "Nothing sent yet" in words(member.get(list_of(bridge)))
    assert "No dead letters" in words(member.get(list_of(bridge, "?show=dead")))


def test_what_failed_says_why_in_the_list_and_is_sent_again_from_there(member: Browser, bridge: Bridge) -> None:
    delivery = failed(bridge)
    page = member.get(list_of(bridge, "?show=dead"))
    assert delivery.reason in words(page)
    assert delivery.remedy in words(page)
    answer = member.send(form_of(page, f"{delivery.id}/replay"))
    assert "It is sent again now." in words(answer)
    assert answer.request["QUERY_STRING"] == "show=dead"
    asyncio.run(bridge.drain())
    assert fresh(delivery).status == "delivered"
    assert "No dead letters" in words(member.get(list_of(bridge, "?show=dead")))


@pytest.mark.parametrize(
    ("show", "statuses"),
    [
        ("all", DeliveryStatus.values),
        ("waiting", ["queued", "parked"]),
        ("under-way", ["accepted", "sent"]),
        ("arrived", ["delivered", "read"]),
        ("held-back", ["suppressed"]),
        ("dead", ["failed", "unknown"]),
        ("nonsense", DeliveryStatus.values),
    ],
)
def test_a_filter_shows_its_statuses(member: Browser, bridge: Bridge, show: str, statuses: list[str]) -> None:
    made = {status: make(bridge, status=status) for status in DeliveryStatus.values}
    page = text(member.get(list_of(bridge, f"?show={show}")))
    assert {status for status, row in made.items() if f'id="d-{row.id}"' in page} == set(statuses)
    live = text(member.get(f"/app/channels/{bridge.connection.id}/deliveries/rows?show={show}"))
    assert set(re.findall(r'id="d-([^"]+)"', live)) == {str(made[status].id) for status in statuses}
    assert "<html" not in live


def test_an_address_is_searched_for(member: Browser, bridge: Bridge) -> None:
    here, there = make(bridge, "+4930123"), make(bridge, "+4989456")
    page = text(member.get(list_of(bridge, "?q=%2B4930")))
    assert str(here.id) in page
    assert str(there.id) not in page
    assert "Nothing found for “555\N{RIGHT DOUBLE QUOTATION MARK}" in words(member.get(list_of(bridge, "?q=555%00")))


def test_older_ones_are_on_the_next_pages_and_each_stands_on_one(member: Browser, bridge: Bridge) -> None:
    made = {str(make(bridge).id) for _ in range(queries.PAGE_SIZE + 3)}
    seen: list[str] = []
    address: str | None = list_of(bridge)
    while address:
        page = text(member.get(address))
        seen += re.findall(r'id="d-([^"]+)"', page)
        older = re.search(r'href="([^"]+)">Older', page)
        address = older[1].replace("&amp;", "&") if older else None
    assert len(seen) == len(made)
    assert set(seen) == made


@pytest.mark.parametrize("after", ["x", "%00", "MjAyNg", "9" * 500])
def test_a_made_up_place_in_the_list_is_its_beginning(member: Browser, bridge: Bridge, after: str) -> None:
    delivery = make(bridge)
    assert str(delivery.id) in text(member.get(list_of(bridge, f"?after={after}")))


# --- Its story --------------------------------------------------------------------------------------------------------


def test_the_story_is_told_from_what_it_answers_to_what_became_of_it(member: Browser, bridge: Bridge) -> None:
    bridge.far.script(Said(500, body=b"first"), Said(200, body=b"then"))
    delivery = say(bridge, "hello there")
    asyncio.run(bridge.now())
    asyncio.run(bridge.drain())
    page = member.get(story_of(bridge, delivery))
    told = words(page)
    order = ["Received", "Verified", "Answered by", "Queued", "Attempt 1", "Attempt 2", "Delivered"]
    places = [told.index(what, told.index("Timeline")) for what in order]
    assert places == sorted(places), told
    assert "hello there" in told
    assert "HTTP 500" in told
    assert "HTTP 200" in told
    assert re.search(r"HTTP 500 · [0-9.]+ m?s", told)
    assert "Conversation with" in told


def test_what_the_other_side_answered_is_shown_and_never_run(member: Browser, bridge: Bridge) -> None:
    page = text(member.get(story_of(bridge, failed(bridge))))
    assert "&lt;script&gt;alert(" in page
    assert "<script>alert(" not in page


def test_a_failure_says_reason_and_remedy_and_one_button_repairs_it(member: Browser, bridge: Bridge) -> None:
    delivery = failed(bridge)
    page = member.get(story_of(bridge, delivery))
    assert delivery.reason in words(page)
    assert delivery.remedy in words(page)
    answer = member.send(form_of(page, "/replay"))
    assert "It is sent again now." in words(answer)
    assert "Waiting to be sent" in words(answer)
    asyncio.run(bridge.drain())
    told = words(member.get(story_of(bridge, delivery)))
    assert "Attempt 2: taken" in told
    assert re.search(r"Sent again by \S+", told)
    assert "Replay" not in told.split("Timeline")[0]


def test_what_waits_for_its_next_try_is_tried_at_once(member: Browser, bridge: Bridge) -> None:
    bridge.far.script(Said(500))
    delivery = say(bridge)
    page = member.get(story_of(bridge, delivery))
    assert "Its next try is at" in words(page)
    bridge.far.script(Said(200))
    assert "It is tried now." in words(member.send(form_of(page, "/replay")))
    asyncio.run(bridge.drain())
    assert fresh(delivery).status == "delivered"


def test_what_waits_behind_another_is_tried_after_it_which_is_tried_at_once(member: Browser, bridge: Bridge) -> None:
    bridge.far.script(Said(500))
    first, second = say(bridge), say(bridge, "and again")
    page = member.get(story_of(bridge, second))
    assert "it waits for 1 earlier one" in words(page)
    bridge.far.script(Said(200))
    answer = member.send(form_of(page, "/replay"))
    assert "What goes before it in its conversation is tried now, and then it." in words(answer)
    asyncio.run(bridge.drain())
    assert [fresh(one).status for one in (first, second)] == ["delivered"] * 2


def test_what_was_taken_is_not_sent_again(member: Browser, bridge: Bridge) -> None:
    bridge.far.script(Said(500))
    delivery = say(bridge)
    form = form_of(member.get(story_of(bridge, delivery)), "/replay")
    with tenant(bridge.workspace.id):
        Delivery.objects.update(status="delivered", settled_at=timezone.now())
    assert "sending it again would double it. Write a new message instead." in words(member.send(form))


def test_the_story_says_what_it_waits_for(member: Browser, bridge: Bridge) -> None:
    delivery = make(bridge)
    assert "as soon as the worker gets to it" in words(member.get(story_of(bridge, delivery)))
    behind = make(bridge, lane=delivery.lane, position=2)
    assert "To keep the order it waits for 1 earlier one of its conversation." in words(
        member.get(story_of(bridge, behind))
    )
    with tenant(bridge.workspace.id):
        Connection.objects.update(rests_until=timezone.now() + dt.timedelta(minutes=5), failures=6)
    assert "Sending failed 6 times in a row, so the other side is given a rest until" in words(
        member.get(story_of(bridge, delivery))
    )
    with tenant(bridge.workspace.id):
        Connection.objects.update(failures=0)
    assert "As much was sent as the sender may send" in words(member.get(story_of(bridge, delivery)))
    with tenant(bridge.workspace.id):
        Connection.objects.update(state="paused")
    page = member.get(story_of(bridge, delivery))
    assert "It waits until Our bridge is enabled." in words(page)
    assert "once the connection is enabled" in words(member.send(form_of(page, "/replay")))


def test_reports_of_the_provider_stand_in_the_order_they_came(member: Browser, bridge: Bridge) -> None:
    delivery = make(bridge, status="delivered", provider_id="SM1", accepted_at=timezone.now())
    with tenant(bridge.workspace.id):
        for number, (status, code) in enumerate((("sent", ""), ("delivered", ""), ("failed", "30003"))):
            event = StatusReported(key=f"k{number}", provider_id="SM1", status=status, code=code)
            (stored,) = inbound.record(bridge.connection, [event], request_of())
            InboundEvent.objects.filter(id=stored.event_id).update(delivery=delivery, state="handled")
    told = words(member.get(story_of(bridge, delivery)))
    places = [told.index(f"The provider reports: {what}") for what in ("sent", "delivered", "failed")]
    assert places == sorted(places)
    assert "code 30003" in told


# --- Many at once -----------------------------------------------------------------------------------------------------


def test_all_that_a_filter_shows_is_sent_again_in_order(member: Browser, bridge: Bridge) -> None:
    first, second = failed(bridge, "room-1"), failed(bridge, "room-2")
    other = make(bridge, "elsewhere", status="failed")
    page = member.get(list_of(bridge, "?show=dead&q=room"))
    assert "All 2 of these can be sent again, the oldest first." in words(page)
    bridge.far.seen.clear()
    answer = member.send(form_of(page, "/deliveries/replay"))
    assert "2 are sent again." in words(answer)
    assert "show=waiting&q=room" in answer.request["QUERY_STRING"]
    asyncio.run(bridge.drain())
    assert [fresh(one).status for one in (first, second, other)] == ["delivered", "delivered", "failed"]
    assert len(bridge.far.seen) == 2
    with tenant(bridge.workspace.id):
        assert AuditEvent.objects.filter(action="connection.deliveries_replayed").count() == 1
    assert "Sent again by" in words(member.get(story_of(bridge, first)))


def test_a_list_of_what_arrived_offers_no_replay(member: Browser, bridge: Bridge) -> None:
    make(bridge, status="delivered")
    page = member.get(list_of(bridge))
    assert [form.action for form in forms_of(page) if form.action.endswith("replay")] == []


def test_who_may_only_read_reads_the_story_and_can_send_nothing(bridge: Bridge) -> None:
    delivery = failed(bridge)
    viewer = browser_of(bridge.workspace, factories.member(bridge.workspace, "viewer"))
    for path in (list_of(bridge, "?show=dead"), story_of(bridge, delivery)):
        page = viewer.get(path)
        assert delivery.reason in words(page)
        assert "/replay" not in text(page)
        assert "/dismiss" not in text(page)


# --- Put aside --------------------------------------------------------------------------------------------------------


def dead(bridge: Bridge) -> int:
    with tenant(bridge.workspace.id):
        return queries.dead_count()


def test_a_dead_letter_is_dismissed_counts_no_more_and_can_still_be_replayed(member: Browser, bridge: Bridge) -> None:
    delivery = failed(bridge)
    assert dead(bridge) == 1
    answer = member.send(form_of(member.get(story_of(bridge, delivery)), "/dismiss"))
    assert "It is dismissed" in words(answer)
    assert re.search(r"Dismissed by \S+", words(answer).split("Timeline")[1])
    assert "/dismiss" not in text(answer)
    assert dead(bridge) == 0
    assert "not delivered" not in words(member.get("/app/channels/"))
    assert "No dead letters" in words(member.get(list_of(bridge, "?show=dead")))
    page = member.get(list_of(bridge, "?show=dismissed"))
    assert str(delivery.id) in text(page)
    assert "Dismissed" in words(page)
    member.send(form_of(page, f"{delivery.id}/replay"))
    asyncio.run(bridge.drain())
    assert (fresh(delivery).status, fresh(delivery).dismissed_at) == ("delivered", None)


def test_one_that_fails_again_after_a_replay_counts_again(member: Browser, bridge: Bridge) -> None:
    delivery = failed(bridge)
    member.send(form_of(member.get(story_of(bridge, delivery)), "/dismiss"))
    bridge.far.script(Said(410))
    member.send(form_of(member.get(story_of(bridge, delivery)), "/replay"))
    asyncio.run(bridge.drain())
    assert dead(bridge) == 1


def test_all_dead_letters_that_are_shown_are_dismissed_at_once(member: Browser, bridge: Bridge) -> None:
    first, second = make(bridge, "room-1", status="failed"), make(bridge, "room-2", status="unknown")
    other, sent = make(bridge, "elsewhere", status="failed"), make(bridge, "room-3", status="delivered")
    answer = member.send(form_of(member.get(list_of(bridge, "?show=dead&q=room")), "/deliveries/dismiss"))
    assert "2 are dismissed, and still here under Dismissed." in words(answer)
    assert [fresh(one).dismissed_at is not None for one in (first, second, other, sent)] == [True, True, False, False]
    assert dead(bridge) == 1
    with tenant(bridge.workspace.id):
        assert AuditEvent.objects.filter(action="delivery.dismissed").count() == 2
        assert AuditEvent.objects.get(action="connection.deliveries_dismissed").data == {"deliveries": 2}
    # One of the list, which stays where it was looked at.
    answer = member.send(form_of(member.get(list_of(bridge, "?show=dead")), f"{other.id}/dismiss"))
    assert answer.request["QUERY_STRING"] == "show=dead"
    assert dead(bridge) == 0


def test_what_dies_after_the_page_was_drawn_is_not_dismissed_with_what_it_shows(
    member: Browser, bridge: Bridge
) -> None:
    shown = make(bridge, status="failed", settled_at=timezone.now() - dt.timedelta(minutes=1))
    form = form_of(member.get(list_of(bridge, "?show=dead")), "/deliveries/dismiss")
    unseen = make(bridge, status="failed", settled_at=timezone.now())
    assert "1 is dismissed" in words(member.send(form))
    assert [fresh(one).dismissed_at is None for one in (shown, unseen)] == [False, True]


def test_a_dismissed_one_that_is_reported_as_failed_counts_again(bridge: Bridge) -> None:
    delivery = make(bridge, status="unknown", dismissed_at=timezone.now())
    report = StatusReported(key="r", address="room-1", provider_id="", delivery_id=str(delivery.id), status="failed")
    with tenant(bridge.workspace.id):
        statuses.apply(bridge.connection, report)
    assert (fresh(delivery).status, fresh(delivery).dismissed_at) == ("failed", None)
    assert dead(bridge) == 1


def test_what_is_no_dead_letter_is_not_dismissed(member: Browser, bridge: Bridge) -> None:
    delivery = failed(bridge)
    form = form_of(member.get(story_of(bridge, delivery)), "/dismiss")
    with tenant(bridge.workspace.id):
        Delivery.objects.update(status="delivered")
    assert "This is no dead letter: delivered." in words(member.send(form))
    assert fresh(delivery).dismissed_at is None


# --- From a conversation ----------------------------------------------------------------------------------------------


def conversation_of(bridge: Bridge) -> str:
    with tenant(bridge.workspace.id):
        return f"/app/conversations/{Conversation.objects.get().id}/"


def test_a_message_that_did_not_arrive_leads_from_its_conversation_to_its_story(
    member: Browser, bridge: Bridge
) -> None:
    delivery = failed(bridge)
    page = member.get(conversation_of(bridge))
    assert f"Not delivered {delivery.reason} {delivery.remedy} See what happened, and send it again" in words(page)
    assert f'href="{story_of(bridge, delivery)}"' in text(page)
    # One click to the story, one to mend it.
    member.send(form_of(member.get(story_of(bridge, delivery)), "/replay"))
    waiting = member.get(conversation_of(bridge))
    assert "Waiting to be sent" in words(waiting)
    assert "See what it waits for" in words(waiting)
    asyncio.run(bridge.drain())
    page = member.get(conversation_of(bridge))
    assert "Not delivered" not in words(page)
    # What arrived keeps its way to the story, quietly.
    assert f'href="{story_of(bridge, delivery)}"' in text(page)
    assert "Delivered : how message" in words(page)


def test_a_conversation_says_over_which_connection_it_runs(member: Browser, bridge: Bridge) -> None:
    say(bridge, key="room-7")
    page = words(member.get(conversation_of(bridge)))
    assert "Channel Custom webhook: Our bridge Address room-7" in page
    assert "none: a program" not in page
    assert "Deployment" not in page
    assert "is not enabled" not in page
    with tenant(bridge.workspace.id):
        Connection.objects.update(state="paused")
    page = words(member.get(conversation_of(bridge)))
    assert "Our bridge is not enabled, so nothing arrives here, and what you send waits until it is." in page
    with tenant(bridge.workspace.id):
        Connection.objects.all().delete()
    assert "nobody reads what you send" in words(member.get(conversation_of(bridge)))
