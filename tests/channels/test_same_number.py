"""One telephone under several numbers: WhatsApp has old forms of those of Brazil, Mexico and Argentina."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from django.test import Client

from channels_app import consents, windows
from channels_app.models import Consent, ConsentChange, ConversationLink, Delivery
from channels_app.models.consent import ConsentState
from convoship.lib import same_number
from convoship.lib.tenancy import tenant
from deployments import erasing
from deployments.models import Conversation, Person
from tests import factories
from tests.channels.phones import ROOMY, Phone, make_phone
from tests.channels.test_sms_spending import queue
from tests.channels.twilio_end import TwilioEnd

# (as WhatsApp has it, as it is dialled)
FORMS = (
    ("+551187654321", "+5511987654321"),
    ("+5215512345678", "+525512345678"),
    ("+5491123456789", "+541123456789"),
)
COUNTRIES = ["AR", "BR", "DE", "GB", "MX", "US"]
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def sms(transactional_db: None, twilio: TwilioEnd) -> Phone:
    return make_phone(factories.make_workspace(), twilio, allowed_countries=COUNTRIES, **ROOMY)


@pytest.fixture
def whatsapp(sms: Phone, twilio: TwilioEnd) -> Phone:
    """Another connection of the same workspace, whose STOP holds for all."""
    more: dict[str, Any] = {"allowed_countries": COUNTRIES, "stop_everywhere": True}
    return make_phone(sms.workspace, twilio, kind="twilio_whatsapp", name="Our WhatsApp", **more)


def begin(phone: Phone, to: str, **body: Any) -> Any:
    headers = {"authorization": f"Bearer {factories.make_api_key(phone.workspace).token}"}
    asked = {"connection_id": str(phone.connection.id), "to": to, "text": "Your order is here.", **body}
    asked = {name: value for name, value in asked.items() if value is not None}
    return Client().post("/v1/conversations", asked, content_type="application/json", headers=headers)


def test_landlines_and_other_countries_have_one_form() -> None:
    for number in ("+551133334444", "+14155550123", "+4915112345678", "+52155123456789", "conversation-17", ""):
        assert same_number.forms(number) == (number,)
    for theirs, dialled in FORMS:
        assert set(same_number.forms(theirs)) == set(same_number.forms(dialled)) == {theirs, dialled}
        assert same_number.key(theirs) == same_number.key(dialled)


def test_stop_holds_for_every_form_of_a_number_and_outlives_its_person(sms: Phone, whatsapp: Phone) -> None:
    for theirs, dialled in FORMS:
        asyncio.run(whatsapp.text("Hello", sender=theirs))
        asyncio.run(whatsapp.drain())
        asyncio.run(whatsapp.text("STOP", sender=theirs))
        asyncio.run(whatsapp.drain())
        answer = begin(sms, dialled)
        assert (answer.status_code, answer.json()["code"]) == (409, "conflict"), answer.content
        assert "opted out" in answer.json()["detail"]
    theirs, dialled = FORMS[0]
    with tenant(sms.workspace.id):
        assert Person.objects.count() == len(FORMS)
        erasing.begin(sms.who, Person.objects.get(identities__value=theirs))
        assert not Consent.objects.filter(address__in=(theirs, dialled)).exists()
    assert begin(sms, dialled).status_code == 409
    asyncio.run(sms.text("START", sender=dialled))
    asyncio.run(sms.drain())
    answer = begin(sms, dialled, consent="At the desk")
    assert answer.status_code == 201, answer.content


def test_of_rows_kept_under_two_forms_before_the_one_that_says_no_holds(sms: Phone) -> None:
    theirs, dialled = FORMS[1]
    with tenant(sms.workspace.id):
        for place, (address, state) in enumerate(((theirs, ConsentState.WITHDRAWN), (dialled, ConsentState.GIVEN))):
            at = sms.connection.created_at
            row = Consent.objects.create(connection=sms.connection, address=address, state=state, changed_at=at)
            ConsentChange.objects.create(consent=row, state=state, source=f"Earlier {place}", at=at)
        assert consents.is_withdrawn(sms.connection, dialled)
    asyncio.run(sms.text("START", sender=dialled))
    asyncio.run(sms.drain())
    with tenant(sms.workspace.id):
        assert not consents.is_withdrawn(sms.connection, theirs)


def test_an_answer_from_another_form_belongs_to_the_conversation_and_is_answered_there(
    sms: Phone, whatsapp: Phone, twilio: TwilioEnd
) -> None:
    theirs, dialled = FORMS[0]
    twilio.add_content("Hello {{1}}.", name="hello")
    asyncio.run(whatsapp.drain())
    begun = begin(whatsapp, dialled, text=None, template="hello", variables={"1": "Ada"})
    assert begun.status_code == 201, begun.content
    asyncio.run(whatsapp.drain())
    assert twilio.taken[-1].form["To"] == f"whatsapp:{dialled}"
    asyncio.run(whatsapp.text("hello", sender=theirs))
    asyncio.run(whatsapp.drain())
    assert twilio.taken[-1].form["To"] == f"whatsapp:{theirs}"
    asyncio.run(sms.text("And here?", sender=dialled))
    asyncio.run(sms.drain())
    with tenant(sms.workspace.id):
        over = Conversation.objects.filter(link__connection=whatsapp.connection)
        assert str(over.get().id) == begun.json()["id"]
        assert ConversationLink.objects.get(conversation=over.get()).address == theirs
        assert windows.is_open(windows.of(whatsapp.connection, dialled))
        assert Person.objects.count() == 1
    # Nor is another begun beside it.
    assert (begin(whatsapp, dialled).status_code, begin(sms, theirs).status_code) == (409, 409)


def test_what_goes_to_several_forms_is_counted_as_one_and_an_old_form_is_dialled_as_it_is_now(sms: Phone) -> None:
    theirs, dialled = FORMS[1]
    asyncio.run(sms.allow(unasked_per_hour=1))
    asyncio.run(queue(sms, dialled, theirs))
    asyncio.run(sms.drain())
    assert len(sms.twilio.taken) == 1
    assert sorted(row.status for row in asyncio.run(sms.deliveries())) == ["accepted", "suppressed"]
    answer = begin(sms, theirs)
    assert answer.status_code == 201, answer.content
    with tenant(sms.workspace.id):
        assert ConversationLink.objects.get().address == dialled


def test_a_test_message_reads_its_number_as_everything_else_does(sms: Phone) -> None:
    asyncio.run(sms.text("STOP", sender="+4915112345678"))
    client = Client()
    client.force_login(factories.owner_of(sms.workspace))
    tried = f"/app/channels/{sms.connection.id}/try"
    answer = client.post(tried, {"address": "+49 (0) 151 12345678"})
    assert answer.status_code == 422
    assert "They have opted out" in answer.content.decode()


@pytest.mark.parametrize("number", ["+19005550123", "+449012345678", "+448451234567", "+445512345678", "+447012345678"])
def test_nothing_is_sent_to_a_number_whose_owner_earns_by_it(sms: Phone, number: str) -> None:
    answer = begin(sms, number)
    assert answer.status_code == 422, answer.content
    assert "can cost any amount" in answer.json()["errors"]["to"][0]
    client = Client()
    client.force_login(factories.owner_of(sms.workspace))
    tried = client.post(f"/app/channels/{sms.connection.id}/try", {"address": number})
    assert (tried.status_code, "can cost any amount" in tried.content.decode()) == (422, True)
    # Nor as an answer to who writes from one.
    asyncio.run(sms.text("hello", sender=number))
    asyncio.run(sms.drain())
    assert sms.twilio.taken == []
    with tenant(sms.workspace.id):
        assert {(row.status, "can cost any amount" in row.reason) for row in Delivery.objects.all()} == {
            ("suppressed", True)
        }
