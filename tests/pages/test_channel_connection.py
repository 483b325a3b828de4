"""A connection's page: how it stands, the test, test events, its settings, its own secrets, a pause, the end."""

from __future__ import annotations

import asyncio
import datetime as dt
import re
from collections.abc import Sequence
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from channels_app import consents
from channels_app.models import Connection, ConnectionSecret, ConversationLink
from channels_app.providers import registry
from channels_app.providers.base import Capability, Finding, Health, Planned
from channels_app.providers.custom_webhook import CustomWebhook
from convoship.lib.tenancy import tenant
from deployments.models import Assistant, Conversation, Message
from tests import factories
from tests.channels.conftest import Bridge
from tests.channels.far_end import Said
from tests.pages.conftest import Browser, browser_of, form_of, forms_of, text, words
from workspaces.models import AuditEvent, Workspace

SECRET = re.compile(r"whsec_[0-9A-Za-z+/=]{40,}")


def page_of(bridge: Bridge, tab: str = "") -> str:
    return f"/app/channels/{bridge.connection.id}/{tab}"


def fresh(bridge: Bridge) -> Connection:
    with tenant(bridge.workspace.id):
        return Connection.objects.select_related("assistant").get(id=bridge.connection.id)


def audited(bridge: Bridge) -> list[str]:
    with tenant(bridge.workspace.id):
        return list(AuditEvent.objects.order_by("created_at").values_list("action", flat=True))


# --- Overview ---------------------------------------------------------------------------------------------------------


def test_the_overview_says_how_it_stands_and_where_it_is_called(member: Browser, bridge: Bridge) -> None:
    page = member.get(page_of(bridge))
    assert "Our bridge Active Custom webhook" in words(page)
    assert "Nothing has gone over it yet. Test it, or send something to its inbound address." in words(page)
    assert f"{bridge.path}</pre>" in text(page)
    asyncio.run(bridge.say("hello"))
    asyncio.run(bridge.drain())
    assert "It works." in words(member.get(page_of(bridge)))


def test_a_failing_far_end_shows_with_its_reason_and_remedy(member: Browser, bridge: Bridge) -> None:
    bridge.far.script(Said(404))
    asyncio.run(bridge.say("hello"))
    asyncio.run(bridge.drain())
    row = fresh(bridge)
    page = words(member.get(page_of(bridge)))
    assert row.fault in page
    assert row.fault_remedy in page
    assert "time in a row" in page


def test_the_test_says_what_came_back(member: Browser, bridge: Bridge) -> None:
    answer = member.send(form_of(member.get(page_of(bridge)), "/test"))
    assert answer.status_code == 200
    assert "127.0.0.1 took a signed test event and answered 200." in words(answer)
    bridge.far.script(Said(500, body=b"<b>broken</b>"))
    assert "answered 500" in words(member.send(form_of(member.get(page_of(bridge)), "/test")))


def test_what_a_test_found_stands_on_the_page_until_the_settings_are_others(member: Browser, bridge: Bridge) -> None:
    assert "it found:" not in words(member.get(page_of(bridge)))
    bridge.far.script(Said(500), Said(200))
    member.send(form_of(member.get(page_of(bridge)), "/test"))
    page = words(member.get(page_of(bridge)))
    assert re.search(r"Tested .* it found: .*answered 500", page)
    member.send(form_of(member.get(page_of(bridge)), "/test"))
    assert re.search(r"Tested .* it found: .*answered 200", words(member.get(page_of(bridge))))
    form = form_of(member.get(page_of(bridge, "settings")), "/change")
    form["config-url"] = f"{bridge.far.url}/other"
    member.send(form)
    assert "it found:" not in words(member.get(page_of(bridge)))


def test_htmx_gets_the_findings_alone(member: Browser, bridge: Bridge) -> None:
    form = form_of(member.get(page_of(bridge)), "/test")
    answer = member.client.post(form.action, form.values, headers={"HX-Request": "true"})
    assert text(answer).strip().startswith("<ul")
    assert "answered 200" in text(answer)
    # What stood above of a failure is over with it, and is drawn anew.
    with tenant(bridge.workspace.id):
        later = timezone.now() + dt.timedelta(minutes=5)
        stands = {"failures": 3, "fault": "It is broken.", "rests_until": later, "failing_since": timezone.now()}
        Connection.objects.update(**stands)
    assert re.search(r"It is broken. Next try at \d\d:\d\d:\d\d UTC.", words(member.get(page_of(bridge))))
    asked_from = {"HX-Request": "true", "HX-Current-URL": f"https://convoship.example{page_of(bridge)}"}
    answer = member.client.post(form.action, form.values, headers=asked_from)
    assert 'id="health" hx-swap-oob="true"' in text(answer)
    assert "It is broken" not in text(answer)
    # Where it was just made nothing stands above.
    asked_from["HX-Current-URL"] = "https://convoship.example/app/channels/new/custom_webhook"
    answer = member.client.post(form.action, form.values, headers=asked_from)
    assert "answered 200" in text(answer)
    assert 'id="health"' not in text(answer)


def test_no_transaction_waits_for_the_other_side(
    member: Browser, bridge: Bridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    class Provider:
        """Notes whether the thread that the view runs on is in a transaction."""

        async def check(self) -> Health:
            seen.append(transaction.get_connection().in_atomic_block)
            return Health()

    def provider_to_check(connection: Connection) -> Provider:
        seen.append(transaction.get_connection().in_atomic_block)
        return Provider()

    monkeypatch.setattr("channels_app.connections.provider_to_check", provider_to_check)
    member.send(form_of(member.get(page_of(bridge)), "/test"))
    assert seen == [True, False]


def test_a_button_that_is_held_down_is_stopped(member: Browser, bridge: Bridge, settings: Any) -> None:
    settings.LIMITS = {**settings.LIMITS, "connection_tests": "1/60"}
    form = form_of(member.get(page_of(bridge)), "/test")
    member.send(form)
    answer = member.send(form)
    assert answer.status_code == 429
    assert "Too many tests" in words(answer)
    assert len(bridge.far.seen) == 1


def test_test_events_of_every_type_are_sent_and_shown(member: Browser, bridge: Bridge) -> None:
    form = form_of(member.get(page_of(bridge)), "/try")
    page = member.send(form, what="")
    assert "3 tests are on the way." in words(page)
    asyncio.run(bridge.drain())
    sent = {seen.json["type"] for seen in bridge.far.seen}
    assert sent == {"message.created", "conversation.handoff", "conversation.ended"}
    assert words(member.get(page_of(bridge, "deliveries"))).count("Delivered") == 3
    member.send(form, what="conversation.ended")
    asyncio.run(bridge.drain())
    assert len(bridge.far.seen) == 4
    assert audited(bridge).count("connection.test_events_sent") == 2


@pytest.mark.parametrize("headers", [{}, {"HX-Request": "true"}])
def test_a_test_event_of_no_type_is_refused_in_words(member: Browser, bridge: Bridge, headers: dict[str, str]) -> None:
    form = form_of(member.get(page_of(bridge)), "/try")
    form.values["what"] = ["message.deleted"]
    answer = member.client.post(form.action, form.values, headers=headers, follow=True)
    assert "There is no such event to try." in words(answer)
    assert asyncio.run(bridge.deliveries()) == []


# --- Kinds that can more ----------------------------------------------------------------------------------------------


class Sms(CustomWebhook):
    """A kind that writes to people, and sets its addresses at the provider."""

    capabilities = frozenset({Capability.CONSENT, Capability.REGISTERS_WEBHOOK})

    def plan(self, conversation: Conversation, messages: Sequence[Message]) -> list[Planned]:
        return [Planned("SMS", {"type": "sms", "data": {"text": message.text}}, [message]) for message in messages]

    def examples(self) -> list[Planned]:
        return []

    async def register_webhook(self) -> Health:
        return Health([Finding(True, f"{self.account.inbound_url} is set.")])


@pytest.fixture
def sms(bridge: Bridge, monkeypatch: pytest.MonkeyPatch) -> Bridge:
    """The bridge, as a kind that can more."""
    monkeypatch.setitem(registry.PROVIDERS, "custom_webhook", Sms)
    return bridge


def test_a_test_message_goes_to_a_number_and_is_shown(member: Browser, sms: Bridge) -> None:
    form = form_of(member.get(page_of(sms)), "/try")
    form["address"] = "+49 (30) 901-820"
    assert "A test is on the way." in words(member.send(form))
    asyncio.run(sms.drain())
    assert "This is a test message" in sms.far.seen[-1].json["data"]["text"]
    assert sms.far.seen[-1].json["data"]["conversation_key"] == "+4930901820"
    assert "SMS +4930901820 · test Delivered" in words(member.get(page_of(sms, "deliveries")))
    assert "connection.test_message_sent" in audited(sms)


@pytest.mark.parametrize("address", ["", "030 901820", "+49", "+493\x00", "+4930901820" * 9])
def test_what_is_no_number_is_said_and_kept(member: Browser, sms: Bridge, address: str) -> None:
    form = form_of(member.get(page_of(sms)), "/try")
    form["address"] = address
    answer = member.send(form)
    assert answer.status_code == 422
    assert "+14155552671" in words(answer) or "is so long or so short" in words(answer)
    assert form_of(answer, "/try")["address"] == address.replace("\x00", "")[:40]
    assert asyncio.run(sms.deliveries()) == []


def test_nobody_who_opted_out_gets_a_test_message(member: Browser, sms: Bridge) -> None:
    with tenant(sms.workspace.id):
        consents.note(sms.connection, "+4930901820", withdrawn=True, source="They wrote STOP.")
    form = form_of(member.get(page_of(sms)), "/try")
    form["address"] = "+4930901820"
    assert "They have opted out" in words(member.send(form))
    assert asyncio.run(sms.deliveries()) == []


def test_a_bridge_sends_no_test_message(member: Browser, bridge: Bridge) -> None:
    form = form_of(member.get(page_of(bridge)), "/try")
    form.values["address"] = ["+4930901820"]
    assert "nobody can be written to first" in words(member.send(form))


def test_the_addresses_are_set_at_the_provider_where_it_lets_us(member: Browser, sms: Bridge) -> None:
    answer = member.send(form_of(member.get(page_of(sms)), "/register"))
    assert f"{sms.path} is set." in words(answer)
    assert "connection.webhook_registered" in audited(sms)


def test_a_kind_that_can_not_set_its_addresses_offers_it_nowhere(member: Browser, bridge: Bridge) -> None:
    page = member.get(page_of(bridge))
    assert "/register" not in text(page)
    form = form_of(page, "/test")
    form.action = form.action.replace("/test", "/register")
    assert member.send(form).status_code == 404


# --- Pausing ----------------------------------------------------------------------------------------------------------


def test_a_pause_keeps_what_comes_and_goes_until_it_is_enabled(member: Browser, bridge: Bridge) -> None:
    answer = member.send(form_of(member.get(page_of(bridge, "settings")), "/pause"))
    assert answer.request["PATH_INFO"].endswith("/settings")
    assert "Our bridge is paused. What comes in and what has to go out is kept." in words(answer)
    asyncio.run(bridge.say("hello"))
    asyncio.run(bridge.drain())
    assert bridge.far.seen == []
    page = member.get(page_of(bridge))
    assert "Paused by" in words(page)
    answer = member.send(form_of(page, "/enable"))
    assert "Our bridge is enabled. What waited goes out now." in words(answer)
    asyncio.run(bridge.drain())
    assert len(bridge.far.seen) == 1
    assert [line for line in audited(bridge) if line in {"connection.paused", "connection.enabled"}] == [
        "connection.paused",
        "connection.enabled",
    ]


def test_a_connection_whose_assistant_is_gone_asks_for_another(member: Browser, bridge: Bridge) -> None:
    with tenant(bridge.workspace.id):
        Connection.objects.update(assistant=None)
        Assistant.objects.all().delete()
    factories.make_assistant(bridge.workspace, name="Bea")
    page = member.get(page_of(bridge))
    assert "No assistant answers: the one that did is deleted. Choose an assistant." in words(page)
    form = form_of(member.get(page_of(bridge, "settings")), "/change")
    assert form["assistant"] == ""
    assert "Choose the assistant that answers." in words(member.send(form))
    with tenant(bridge.workspace.id):
        form["assistant"] = str(Assistant.objects.get().id)
    member.send(form)
    assert fresh(bridge).assistant is not None


# --- Settings ---------------------------------------------------------------------------------------------------------


def test_the_settings_are_changed_and_what_waited_goes_out(member: Browser, bridge: Bridge) -> None:
    bridge.far.script(Said(500))
    asyncio.run(bridge.say("hello"))
    asyncio.run(bridge.drain())
    bridge.far.script(Said(200))
    form = form_of(member.get(page_of(bridge, "settings")), "/change")
    assert form["config-url"] == bridge.far.url
    form["name"], form["config-url"] = "The other bridge", f"{bridge.far.url}/other"
    assert "Saved. What waited for its next try goes out now." in words(member.send(form))
    assert fresh(bridge).name == "The other bridge"
    asyncio.run(bridge.drain())
    assert bridge.far.seen[-1].path == "/hook/other"
    # Nothing waits any more.
    said = words(member.send(form))
    assert "Saved." in said
    assert "goes out now" not in said
    assert "connection.changed" in audited(bridge)


def test_a_change_that_can_not_be_made_changes_nothing_and_keeps_what_was_typed(
    member: Browser, bridge: Bridge
) -> None:
    form = form_of(member.get(page_of(bridge, "settings")), "/change")
    form["name"], form["config-url"] = "The other bridge", "ftp://bridge.example"
    answer = member.send(form)
    assert answer.status_code == 422
    again = form_of(answer, "/change")
    assert (again["name"], again["config-url"]) == ("The other bridge", "ftp://bridge.example")
    assert "1 thing to mend" in words(answer)
    assert '<a href="#id_config-url">' in text(answer)
    # The head still says what is.
    assert re.search(r"<h1>\s*Our bridge", text(answer))
    assert fresh(bridge).name == "Our bridge"
    form["name"], form["config-url"] = "x" * 101, bridge.far.url
    assert member.send(form).status_code == 422
    assert fresh(bridge).name == "Our bridge"


def test_who_may_only_read_sees_the_settings_and_can_change_nothing(workspace: Workspace, bridge: Bridge) -> None:
    viewer = browser_of(workspace, factories.member(workspace, "viewer"))
    for tab in ("", "settings", "deliveries", "events"):
        page = viewer.get(page_of(bridge, tab))
        assert page.status_code == 200
        inside = [form for form in forms_of(page) if str(bridge.connection.id) in form.action]
        assert all(form.is_disabled or "q" in form.values for form in inside), tab


# --- Its own secrets --------------------------------------------------------------------------------------------------


def test_a_rotation_shows_the_new_secret_once_and_the_end_of_the_old_one(member: Browser, bridge: Bridge) -> None:
    form = next(
        one
        for one in forms_of(member.get(page_of(bridge, "settings")))
        if one.action.endswith("/rotate") and one["which"] == "inbound_secret"
    )
    form["overlap"] = "3600"
    answer = member.send(form)
    (new,) = set(SECRET.findall(text(answer)))
    old = bridge.secrets["inbound_secret"]
    assert f"whsec_…{old[-4:]} ends in " in words(answer)
    assert "no-store" in answer["Cache-Control"]
    again = member.send(form)
    assert "That was done already, and a secret is shown only once." in words(again)
    assert new not in text(again)
    assert f"whsec_…{old[-4:]}" in words(again)
    # Both are good until then.
    body = b'{"conversation_key": "room-1", "text": "hello"}'
    for value in (old, new):
        assert asyncio.run(bridge.post(body, bridge.signed(body, secret=value))).status_code in {200, 202}
    assert audited(bridge).count("connection.inbound_secret_rotated") == 1


def test_a_rotation_without_overlap_ends_the_old_one_at_once(member: Browser, bridge: Bridge) -> None:
    form = form_of(member.get(page_of(bridge, "settings")), "/rotate")
    form["overlap"] = "0"
    answer = member.send(form)
    assert "The old one counts no more." in words(answer)
    with tenant(bridge.workspace.id):
        values = ConnectionSecret.objects.filter(connection=bridge.connection, which=form["which"])
        assert [value.is_live for value in values.order_by("created_at")] == [False, True]


@pytest.mark.parametrize(("name", "value"), [("which", "another_secret"), ("overlap", "a while")])
def test_a_rotation_that_makes_no_sense_rotates_nothing(member: Browser, bridge: Bridge, name: str, value: str) -> None:
    form = form_of(member.get(page_of(bridge, "settings")), "/rotate")
    form[name] = value
    assert "Nothing was rotated." in words(member.send(form))
    with tenant(bridge.workspace.id):
        assert ConnectionSecret.objects.count() == 2


# --- The end ----------------------------------------------------------------------------------------------------------


def test_deleting_names_what_is_lost_and_leaves_the_conversations(member: Browser, bridge: Bridge) -> None:
    bridge.far.script(Said(500))
    asyncio.run(bridge.say("hello"))
    asyncio.run(bridge.drain())
    page = member.get(page_of(bridge, "delete"))
    assert "Delete Our bridge?" in words(page)
    assert "1 event and 1 delivery with every attempt" in words(page)
    assert "1 delivery still to be sent , which nobody will get" in words(page)
    assert "1 conversation under way stays to be read" in words(page)
    answer = member.send(form_of(page, "/delete"))
    assert "Our bridge is deleted. Its conversations are still there." in words(answer)
    with tenant(bridge.workspace.id):
        assert not Connection.objects.exists()
        assert not ConversationLink.objects.exists()
        conversation = Conversation.objects.get()
    assert "over a connection that is deleted" in words(member.get(f"/app/conversations/{conversation.id}/"))
    assert asyncio.run(bridge.post({"conversation_key": "room-1", "text": "hello"})).status_code == 404
