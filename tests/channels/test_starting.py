"""Beginning a conversation: over the API and on its page, with what is checked before anything is sent."""

from __future__ import annotations

import asyncio
import re
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from django.test import Client

from channels_app import consents
from channels_app.models import Connection, Consent, ConsentChange, Delivery
from convoship.lib.tenancy import tenant
from deployments import blocking, people
from deployments.models import Conversation, Message
from deployments.models.person import IdentityKind
from tests import factories
from tests.channels.phones import Phone, make_phone
from tests.channels.twilio_end import PERSON, TwilioEnd
from tests.pages.conftest import forms_of, words
from workspaces.models import AuditEvent

GERMAN = "+4915112345678"
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def key(phone: Phone) -> str:
    return factories.make_api_key(phone.workspace).token


def post(key: str, phone: Phone, **body: Any) -> Any:
    headers = {"authorization": f"Bearer {key}"}
    if "idempotency" in body:
        headers["idempotency-key"] = body.pop("idempotency")
    asked = {"connection_id": str(phone.connection.id), "to": PERSON, "text": "Your order is here.", **body}
    asked = {name: value for name, value in asked.items() if value is not None}
    return Client().post("/v1/conversations", asked, content_type="application/json", headers=headers)


def only(phone: Phone) -> Conversation:
    with tenant(phone.workspace.id):
        return Conversation.objects.select_related("person").get()


def test_a_program_begins_a_conversation_that_the_assistant_goes_on_with(phone: Phone, key: str) -> None:
    answer = post(key, phone, to="+1 (415) 555-0123", consent="Signed at the shop")
    assert answer.status_code == 201, answer.content
    said = answer.json()
    assert (said["channel"], said["control"], said["message"]["text"]) == ("sms", "assistant", "Your order is here.")
    assert said["message"]["status"] == "queued"
    row = only(phone)
    assert said["id"] == str(row.id)
    with tenant(phone.workspace.id):
        delivery = Delivery.objects.get()
        assert (delivery.address, delivery.content["text"]) == (PERSON, "Your order is here.")
        assert row.person.identities.get().value == PERSON
        change = ConsentChange.objects.get()
    assert (change.state, change.source.endswith("Signed at the shop")) == ("given", True)


def test_the_same_key_begins_one(phone: Phone, key: str) -> None:
    answers = [post(key, phone, idempotency="order-17") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json()["id"] == answers[1].json()["id"]
    with tenant(phone.workspace.id):
        assert Delivery.objects.count() == 1


def test_their_answer_belongs_to_it(phone: Phone, key: str) -> None:
    post(key, phone)
    asyncio.run(phone.drain())
    asyncio.run(phone.text("hello"))
    asyncio.run(phone.drain())
    row = only(phone)
    with tenant(phone.workspace.id):
        kinds = list(Message.objects.filter(conversation=row).order_by("seq").values_list("author_kind", flat=True))
    assert kinds[:2] == ["assistant", "visitor"]
    assert len(kinds) > 2


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"to": "0151 12345678"}, "to"),
        ({"to": "+1"}, "to"),
        ({"to": GERMAN}, "to"),  # not among the connection's countries
        ({"text": "  "}, "text"),
        ({"text": None}, "text"),
        ({"connection_id": str(uuid4())}, "connection_id"),
        ({"connection_id": "x"}, "connection_id"),
        ({"control": "nobody"}, "control"),
        ({"variables": {"1": 7}}, "variables.1"),
        ({"bogus": 1}, "bogus"),
    ],
)
def test_what_can_not_be_is_said_beside_its_field_and_nothing_is_begun(
    phone: Phone, key: str, body: dict[str, Any], field: str
) -> None:
    answer = post(key, phone, **body)
    assert answer.status_code == 422, answer.content
    assert field in answer.json()["errors"], answer.json()
    assert "short code" not in str(answer.json())
    with tenant(phone.workspace.id):
        assert not Conversation.objects.exists()
        assert not Consent.objects.exists()


def test_who_opted_out_or_talks_already_is_not_written_to_first(phone: Phone, key: str) -> None:
    first = post(key, phone).json()
    again = post(key, phone)
    assert (again.status_code, again.json()["conversation_id"]) == (409, first["id"])
    with tenant(phone.workspace.id):
        consents.note(phone.connection, GERMAN, withdrawn=True, source="They wrote 'STOP'.")
    answer = post(key, phone, to=GERMAN)
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert "opted out" in answer.json()["detail"]


def test_who_is_blocked_is_not_written_to_and_the_persons_page_leads_here(
    phone: Phone, key: str, member: Client
) -> None:
    with tenant(phone.workspace.id):
        person = people.person_at([(IdentityKind.PHONE, PERSON)], {})
    page = member.get(f"/app/people/{person.id}/").content.decode()
    path = f"/app/conversations/new?person={person.id}"
    assert f'href="{path}"' in page
    assert f'value="{PERSON}"' in member.get(path).content.decode()
    with tenant(phone.workspace.id):
        blocking.block(phone.who, person)
    answer = post(key, phone)
    assert (answer.status_code, answer.json()["detail"]) == (409, "They are blocked, so nothing is sent to them.")
    assert "conversations/new" not in member.get(f"/app/people/{person.id}/").content.decode()


def test_over_whatsapp_it_takes_a_template_unless_they_wrote_lately(transactional_db: None, twilio: TwilioEnd) -> None:
    whatsapp = make_phone(factories.make_workspace(), twilio, kind="twilio_whatsapp", name="Our WhatsApp")
    key = factories.make_api_key(whatsapp.workspace).token
    answer = post(key, whatsapp)
    assert answer.status_code == 422
    assert "takes only a template" in answer.json()["errors"]["text"][0]
    asyncio.run(whatsapp.text("STOP"))
    asyncio.run(whatsapp.text("START"))
    asyncio.run(whatsapp.drain())
    answer = post(key, whatsapp)
    assert answer.status_code == 201, answer.content


@pytest.fixture
def whatsapp_with(transactional_db: None, twilio: TwilioEnd) -> tuple[Phone, str, str]:
    """A WhatsApp connection, the id of its approved template, and a key."""
    whatsapp = make_phone(factories.make_workspace(), twilio, kind="twilio_whatsapp", name="Our WhatsApp")
    sid = twilio.add_content("Hello {{1}}, your order {{2}} is here.", name="order_here")
    twilio.add_content("Not yet", name="waits", status="pending")
    asyncio.run(whatsapp.drain())
    return whatsapp, sid, factories.make_api_key(whatsapp.workspace).token


@pytest.mark.parametrize("by", ["id", "name"])
def test_with_a_template_a_conversation_begins_over_whatsapp(whatsapp_with: tuple[Phone, str, str], by: str) -> None:
    whatsapp, sid, key = whatsapp_with
    named = sid if by == "id" else "order_here"
    answer = post(key, whatsapp, text=None, template=named, variables={"1": "Ada", "2": "17"})
    assert answer.status_code == 201, answer.content
    assert answer.json()["message"]["text"] == "Hello Ada, your order 17 is here."
    asyncio.run(whatsapp.drain())
    [taken] = whatsapp.twilio.taken
    assert (taken.form["ContentSid"], taken.body) == (sid, "Hello Ada, your order 17 is here.")
    assert taken.form["To"] == f"whatsapp:{PERSON}"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"template": "order_here", "variables": {"1": "Ada"}}, "variables.2"),
        ({"template": "waits"}, "template"),
        ({"template": "no such"}, "template"),
        ({"template": "order_here", "text": "and words"}, "text"),
        ({"variables": {"1": "Ada"}}, "variables"),
    ],
)
def test_a_template_that_can_not_be_sent_is_said_beside_its_field(
    whatsapp_with: tuple[Phone, str, str], body: dict[str, Any], field: str
) -> None:
    whatsapp, _, key = whatsapp_with
    answer = post(key, whatsapp, **{"text": None, **body})
    assert answer.status_code == 422, answer.content
    assert field in answer.json()["errors"], answer.json()
    with tenant(whatsapp.workspace.id):
        assert not Conversation.objects.exists()


def test_on_the_page_a_template_is_chosen_and_filled_in(whatsapp_with: tuple[Phone, str, str]) -> None:
    whatsapp, sid, _ = whatsapp_with
    client = Client()
    client.force_login(factories.owner_of(whatsapp.workspace))
    asked = {"connection": str(whatsapp.connection.id), "to": PERSON, "template": sid, "v-1": "Ada <b>"}
    standing = words(client.post("/app/conversations/new/standing", asked))
    assert "They have not written yet, so only a template is taken." in standing
    assert "A template of the category Utility: WhatsApp charges for it by the country" in standing
    shown = client.post("/app/conversations/new/standing", asked | {"part": "template"}).content.decode()
    assert 'name="v-2"' in shown
    assert 'value="Ada &lt;b&gt;"' in shown
    assert '<mark data-fills="1">Ada &lt;b&gt;</mark>, your order <mark data-fills="2">{{2}}</mark>' in shown
    refused = client.post("/app/conversations/new", asked | {"text": "", "once": uuid4().hex})
    assert refused.status_code == 422
    assert "WhatsApp takes no empty variable" in refused.content.decode()
    sent = client.post("/app/conversations/new", asked | {"text": "", "v-2": "17", "once": uuid4().hex})
    assert sent.status_code == 302
    assert only(whatsapp).last_text == "Hello Ada <b>, your order 17 is here."


def test_a_chosen_template_is_kept_whatever_is_typed_beside_it(whatsapp_with: tuple[Phone, str, str]) -> None:
    whatsapp, sid, _ = whatsapp_with
    sms = make_phone(whatsapp.workspace, whatsapp.twilio)
    client = Client()
    client.force_login(factories.owner_of(whatsapp.workspace))
    over = str(whatsapp.connection.id)
    asked = {"connection": over, "to": "+1415", "template": sid, "v-1": "Ada", "v-2": "17", "once": uuid4().hex}
    # What is replaced while the number is typed has nothing in it that could be lost.
    shown = client.post("/app/conversations/new/standing", asked).content.decode()
    assert "once the number is typed" in shown
    assert not [tag for tag in ("<input", "<select", "<textarea") if tag in shown]
    refused = client.post("/app/conversations/new", asked | {"text": ""})
    assert refused.status_code == 422
    form = forms_of(refused)[-1]
    assert (form["template"], form["v-1"], form["v-2"]) == (sid, "Ada", "17")
    # Over SMS there is no template, and it is back with the connection.
    asked |= {"part": "template", "connection": str(sms.connection.id)}
    without = client.post("/app/conversations/new/standing", asked).content.decode()
    kept = dict(re.findall(r'name="(kept-[^"]+)" value="([^"]*)"', without))
    assert kept == {"kept-template": sid, "kept-v-1": "Ada", "kept-v-2": "17"}
    assert 'name="template"' not in without
    again = client.post("/app/conversations/new/standing", {"part": "template", "connection": over, **kept})
    assert [tag for tag in ('name="v-1"', 'value="Ada"', 'value="17"') if tag not in again.content.decode()] == []


def test_over_a_bridge_nobody_can_be_written_to_first(transactional_db: None, far: Any) -> None:
    from tests.channels.conftest import make_bridge

    bridge = make_bridge(factories.make_workspace(), far)
    answer = Client().post(
        "/v1/conversations",
        {"connection_id": str(bridge.connection.id), "to": PERSON, "text": "Hello"},
        content_type="application/json",
        headers={"authorization": f"Bearer {factories.make_api_key(bridge.workspace).token}"},
    )
    assert answer.status_code == 422
    assert "they have to begin" in answer.json()["errors"]["connection_id"][0]


# --- On the page ------------------------------------------------------------------------------------------------------


@pytest.fixture
def member(phone: Phone) -> Client:
    client = Client()
    client.force_login(factories.owner_of(phone.workspace))
    return client


def send(member: Client, phone: Phone, **typed: str) -> Any:
    form = {"connection": str(phone.connection.id), "to": PERSON, "text": "Hello, **you**", "once": uuid4().hex}
    return member.post("/app/conversations/new", form | typed)


def test_a_member_writes_first_and_has_the_conversation(phone: Phone, member: Client) -> None:
    page = member.get("/app/conversations/new").content.decode()
    assert "Our number: SMS (Twilio)" in page
    answer = send(member, phone, consent="She asked by phone.")
    row = only(phone)
    assert (answer.status_code, answer["Location"]) == (302, f"/app/conversations/{row.id}/")
    assert (row.control, row.assigned_to_id) == ("human", factories.owner_of(phone.workspace).id)
    # Nothing else goes out, and they do not read that somebody has joined what they never began.
    asyncio.run(phone.drain())
    assert [one.body for one in phone.twilio.taken] == ["Hello, you"]


def test_before_it_is_sent_the_page_says_what_is_known(phone: Phone, member: Client) -> None:
    def shown(**typed: str) -> str:
        asked = {"connection": str(phone.connection.id), "to": PERSON, "text": "x" * 200, **typed}
        return " ".join(member.post("/app/conversations/new/standing", asked).content.decode().split())

    assert "Nothing is known of their having agreed" in shown()
    assert "2 segments, each billed" in shown()
    assert "is a number of DE" in shown(to=GERMAN)
    assert "once the number is typed" in shown(to="+1415")
    assert f'href="/app/channels/{phone.connection.id}/settings"' in shown(to=GERMAN)
    with tenant(phone.workspace.id):
        consents.note(phone.connection, PERSON, withdrawn=True, source="They wrote 'STOP'.")
        person = people.person_at([(IdentityKind.PHONE, "+14155550177")], {})
        blocking.block(phone.who, person)
    assert "They have opted out" in shown()
    assert f'<a href="/app/people/{person.id}/">Unblock them on their page</a> first.' in shown(to="+14155550177")


def test_quiet_hours_and_the_window_are_said_by_their_clock(phone: Phone, member: Client) -> None:
    with tenant(phone.workspace.id):
        Connection.objects.update(config={**phone.connection.config, "quiet_hours": "12:00-14:30"})
    asked = {"connection": str(phone.connection.id), "to": PERSON, "text": "Hello"}
    with time_machine.travel("2026-11-27T21:06:00Z", tick=False):  # 13:06 in San Francisco
        member.force_login(factories.owner_of(phone.workspace))
        said = words(member.post("/app/conversations/new/standing", asked))
    assert "It is 13:06 where they are. The message waits and goes in 1 h , at 14:30 there." in said


@pytest.mark.parametrize("typed", [{"text": "x" * 9000}, {"text": "a\0b"}, {"consent": "a\0b"}, {"to": "+1\0"}])
def test_what_can_not_be_stored_is_said_and_never_breaks_the_page(
    phone: Phone, member: Client, typed: dict[str, str]
) -> None:
    answer = send(member, phone, **typed)
    assert answer.status_code == 422, answer.status_code
    with tenant(phone.workspace.id):
        assert not Conversation.objects.exists()


def test_whoever_has_several_numbers_is_written_to_at_the_one_that_is_chosen(phone: Phone, member: Client) -> None:
    with tenant(phone.workspace.id):
        person = people.person_at([(IdentityKind.PHONE, number) for number in (PERSON, "+14155550188")], {})
    path = f"/app/conversations/new?person={person.id}"
    page = member.get(path).content.decode()
    assert f'<option value="{PERSON}" selected>' in page
    assert '<option value="+14155550188">' in page
    asked = {"connection": str(phone.connection.id), "text": "Hello", "once": uuid4().hex}
    assert member.post(path, asked | {"to": "+14155550188"}).status_code == 302
    with tenant(phone.workspace.id):
        assert set(Delivery.objects.values_list("address", flat=True)) == {"+14155550188"}
        assert only_numberless(AuditEvent.objects.get(action="conversation.started"))
    # Whom nobody knows has no number; neither is one taken from the address, which is logged.
    for unknown in ("person=x", f"person={uuid4()}", "to=%2B14155550188"):
        shown = member.get(f"/app/conversations/new?{unknown}")
        assert (shown.status_code, b'value="+1' in shown.content) == (200, False)


def only_numberless(event: AuditEvent) -> bool:
    """Whether the line tells ids alone."""
    return set(event.data) == {"connection"} and "415" not in event.target_label


def test_a_long_message_is_counted_too_and_stands_in_no_address(phone: Phone, member: Client) -> None:
    asked = {"connection": str(phone.connection.id), "to": PERSON, "text": "word " * 1500}
    shown = member.post("/app/conversations/new/standing", asked).content.decode()
    assert "50 segments, each billed" in " ".join(shown.split())
    asked_by_address = member.get("/app/conversations/new/standing", asked)
    assert (asked_by_address.status_code, asked_by_address["Location"]) == (302, "/app/conversations/new")


def test_what_is_refused_keeps_what_was_typed(phone: Phone, member: Client) -> None:
    answer = send(member, phone, to=GERMAN, text="Guten <b>Tag</b>")
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "is a number of DE" in page
    assert "Guten &lt;b&gt;Tag&lt;/b&gt;" in page
    assert GERMAN in page


def test_without_a_channel_for_it_the_page_says_what_to_do(db: None) -> None:
    workspace = factories.make_workspace()
    client = Client()
    client.force_login(factories.owner_of(workspace))
    page = client.get("/app/conversations/new").content.decode()
    assert "neither is connected yet" in page
    assert "/app/channels/" in page
