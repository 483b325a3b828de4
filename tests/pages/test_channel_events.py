"""Events: what came in, what came of it, what was refused at the door, and handling again."""

from __future__ import annotations

import asyncio
import datetime as dt
import re

import pytest
import time_machine
from django.utils import timezone

from channels_app import inbound
from channels_app.models import Connection, InboundEvent
from channels_app.providers.base import SignatureInvalid
from channels_app.providers.events import CallEnded, NotUsed, StatusReported
from convoship.lib.tenancy import tenant
from deployments.models import Assistant, Conversation
from tests import factories
from tests.channels.conftest import Bridge
from tests.channels.requests import request_of
from tests.pages.conftest import Browser, form_of, text, words
from workspaces.models import AuditEvent


def list_of(bridge: Bridge, query: str = "") -> str:
    return f"/app/channels/{bridge.connection.id}/events{query}"


def refuse(bridge: Bridge, reason: str, detail: str, times: int = 1) -> None:
    call = request_of()
    with tenant(bridge.workspace.id):
        for _ in range(times):
            inbound.refuse(bridge.connection, call, SignatureInvalid(reason, detail))


def test_nothing_received_yet_leads_to_the_addresses(member: Browser, bridge: Bridge) -> None:
    page = words(member.get(list_of(bridge)))
    assert "Nothing received yet What Custom webhook sends to the inbound address shows up here by itself." in page


def test_an_event_says_what_it_was_and_what_came_of_it(member: Browser, bridge: Bridge) -> None:
    asyncio.run(bridge.say("hello", event_id="a"))
    asyncio.run(bridge.say("hello", event_id="a"))
    asyncio.run(bridge.drain())
    page = member.get(list_of(bridge))
    assert "Message hello room-1 Handled sent 2 times, counted once" in words(page)
    with tenant(bridge.workspace.id):
        assert f"/app/conversations/{Conversation.objects.get().id}/" in text(page)


def test_other_kinds_of_events_have_words_of_their_own(member: Browser, bridge: Bridge) -> None:
    events = [
        StatusReported(key="a", address="room-1", status="delivered"),
        CallEnded(key="b", address="room-1"),
        NotUsed(key="c", what="a reaction"),
    ]
    with tenant(bridge.workspace.id):
        inbound.record(bridge.connection, events, request_of())
    page = words(member.get(list_of(bridge)))
    assert "Status report Delivered" in page
    assert "Hang-up" in page
    assert "A reaction" in page
    assert "Convoship does nothing with this: a reaction." in page


@pytest.mark.parametrize(
    ("show", "state"), [("waiting", "received"), ("handled", "handled"), ("ignored", "ignored"), ("failed", "failed")]
)
def test_a_filter_shows_its_state(member: Browser, bridge: Bridge, show: str, state: str) -> None:
    states = ("received", "handled", "ignored", "failed")
    with tenant(bridge.workspace.id):
        stored = inbound.record(bridge.connection, [NotUsed(key=one) for one in states], request_of())
        ids = {one: row.event_id for one, row in zip(states, stored, strict=True)}
        for one, event_id in ids.items():
            InboundEvent.objects.filter(id=event_id).update(state=one)
    for path in (list_of(bridge, f"?show={show}"), list_of(bridge, f"/rows?show={show}")):
        assert re.findall(r'id="e-([^"]+)"', text(member.get(path))) == [str(ids[state])]
    assert "Nothing here" not in words(member.get(list_of(bridge, "?show=nonsense")))


def test_refused_requests_stand_at_the_head_counted_by_reason(member: Browser, bridge: Bridge) -> None:
    with time_machine.travel(timezone.now() - dt.timedelta(hours=3)):
        refuse(bridge, "wrong_signature", "The signature is of an older body.", 2)
    refuse(bridge, "wrong_signature", "The signature was made for https://old.example.", 3)
    refuse(bridge, "stale", "It was signed an hour ago.")
    with time_machine.travel(timezone.now() - dt.timedelta(days=8)):
        refuse(bridge, "no_headers", "It is not signed.")
    page = words(member.get(list_of(bridge)))
    assert "5× The signature was made for https://old.example." in page
    assert "1× It was signed an hour ago." in page
    assert "older body" not in page
    assert "It is not signed." not in page
    assert page.index("Refused") < page.index("Nothing received yet")


def test_a_refused_call_shows_up_there_from_the_door(member: Browser, bridge: Bridge) -> None:
    answer = asyncio.run(bridge.post(b"{}", headers={}))
    assert answer.status_code == 403
    assert "1×" in words(member.get(list_of(bridge)))


def test_a_failed_event_is_handled_again(member: Browser, bridge: Bridge) -> None:
    with tenant(bridge.workspace.id):
        Connection.objects.update(assistant=None)
        Assistant.objects.all().delete()
    asyncio.run(bridge.say("hello"))
    for _ in range(len(inbound.RETRY_AFTER) + 1):
        asyncio.run(bridge.now())
        asyncio.run(bridge.drain())
    page = member.get(list_of(bridge, "?show=failed"))
    assert "Failed No assistant answers on this connection: the one that did is deleted." in words(page)
    assert "Events 1 failed" in words(page)
    assistant = factories.make_assistant(bridge.workspace)
    with tenant(bridge.workspace.id):
        Connection.objects.update(assistant=assistant)
    form = form_of(page, "/retry")
    assert "It is handled again now." in words(member.send(form))
    asyncio.run(bridge.drain())
    assert asyncio.run(bridge.events())[0].state == "handled"
    assert "nothing to retry" in words(member.send(form))
    with tenant(bridge.workspace.id):
        assert AuditEvent.objects.filter(action="event.retried").count() == 1
