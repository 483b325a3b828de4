"""*Test* of an SMS connection, and setting our addresses at Twilio."""

from __future__ import annotations

import asyncio

import pytest

from channels_app import accounts, connections
from channels_app.providers.base import Health
from tests import factories
from tests.channels import twilio_end
from tests.channels.phones import Phone, make_phone
from tests.channels.twilio_end import NUMBER, SERVICE, TwilioEnd
from workspaces import secret_store

pytestmark = pytest.mark.asyncio


async def checked(phone: Phone) -> Health:
    provider = await phone.inside(lambda: accounts.to_send(phone.connection))
    return await provider.check()


async def registered(phone: Phone) -> Health:
    provider = await phone.inside(lambda: accounts.to_send(phone.connection))
    return await provider.register_webhook()


def bad(health: Health) -> list[str]:
    assert all(finding.remedy for finding in health.findings if not finding.is_good)
    return [finding.words for finding in health.findings if not finding.is_good]


async def test_it_says_where_twilio_delivers_and_sets_it_right(phone: Phone) -> None:
    assert bad(await checked(phone)) == [
        "Twilio delivers what people write to https://demo.twilio.com/welcome/sms/reply, which is not this connection."
    ]
    phone.twilio.number["sms_url"] = "https://me:sesame@elsewhere.example:8443/sms?token=sesame#sesame"
    (wrong,) = bad(await checked(phone))
    assert "https://elsewhere.example/sms…, which is not this connection." in wrong
    assert "sesame" not in wrong
    phone.twilio.number["sms_url"] = "https://demo.twilio.com/welcome/sms/reply?token=sesame"
    done = await registered(phone)
    assert done.is_good
    assert "sesame" not in done.findings[0].words
    assert "Before, it went to https://demo.twilio.com" in done.findings[0].words
    assert phone.twilio.number["sms_url"] == accounts.inbound_url(phone.connection)
    # Once more, should the first answer be an error.
    assert phone.twilio.number["sms_fallback_url"] == accounts.inbound_url(phone.connection)
    phone.twilio.number["sms_fallback_url"] = "https://elsewhere.example/fallback"
    assert (await registered(phone)).is_good
    assert phone.twilio.number["sms_fallback_url"] == "https://elsewhere.example/fallback"
    assert (await checked(phone)).is_good
    phone.twilio.number["sms_method"] = "GET"
    assert bad(await checked(phone)) == ["Twilio delivers what people write by GET."]
    phone.twilio.number["sms_application_sid"] = "AP1"
    assert "TwiML app" in bad(await checked(phone))[0]
    assert (await registered(phone)).is_good
    assert (await checked(phone)).is_good


async def test_it_says_what_is_wrong_with_the_account_and_the_number(phone: Phone) -> None:
    await registered(phone)
    phone.twilio.account["type"] = "Trial"
    found = await checked(phone)
    assert found.is_good
    assert any("trial account" in finding.words for finding in found.findings)
    phone.twilio.number["capabilities"] = {"sms": True, "mms": False, "voice": True}
    assert (await checked(phone)).is_good
    await phone.allow(sends_mms=True)
    phone.connection = await phone.refresh()
    assert bad(await checked(phone)) == [f"{NUMBER} can't send MMS."]
    phone.twilio.number["capabilities"] = {"sms": False, "voice": True}
    assert bad(await checked(phone)) == [f"{NUMBER} can't send SMS."]
    phone.twilio.number["phone_number"] = "+14155550000"
    assert bad(await checked(phone)) == [f"{NUMBER} is no number of this account."]
    assert bad(await registered(phone)) == [f"{NUMBER} is no number of this account."]
    phone.twilio.account["status"] = "suspended"
    assert "suspended" in bad(await checked(phone))[0]

    def forget() -> None:
        secret_store.write(phone.who, "twilio-token", "another")

    await phone.inside(forget)
    assert bad(await checked(phone))[0] == "Twilio refuses the account SID or the auth token."
    await phone.inside(lambda: secret_store.delete(phone.who, "twilio-token"))
    wrong = await phone.inside(lambda: connections.provider_to_check(phone.connection))
    assert isinstance(wrong, Health)
    assert bad(wrong)


async def test_of_a_messaging_service_it_asks_the_service(transactional_db: None, twilio: TwilioEnd) -> None:
    workspace = await asyncio.to_thread(factories.make_workspace)
    phone = await asyncio.to_thread(lambda: make_phone(workspace, twilio, messaging_service_sid=SERVICE))
    assert bad(await checked(phone)) == ["Twilio does not know where to deliver what people write."]
    assert (await registered(phone)).is_good
    assert twilio.service["inbound_request_url"] == accounts.inbound_url(phone.connection)
    assert twilio.service["status_callback"] == accounts.inbound_url(phone.connection, "status")
    assert twilio.service["fallback_url"] == accounts.inbound_url(phone.connection)
    assert (await checked(phone)).is_good
    twilio.service["status_callback"] = "https://elsewhere.example/reports"
    assert (await registered(phone)).is_good
    assert twilio.service["status_callback"] == "https://elsewhere.example/reports"
    twilio.service["use_inbound_webhook_on_number"] = True
    twilio.senders.clear()
    assert len(bad(await checked(phone))) == 2


async def test_while_the_auth_token_is_rotated_either_signs(phone: Phone) -> None:
    url = accounts.inbound_url(phone.connection)
    form = twilio_end.inbound("hello", f"SM{77:032x}")
    _, headers = twilio_end.signed(url, form, "the-next-token")
    assert (await phone.form(form, headers=headers)).status_code == 403

    def prepare() -> None:
        secret_store.write(phone.who, "twilio-next", "the-next-token")
        held = connections.held(phone.connection.id)
        both = {"auth_token": "twilio-token", "secondary_auth_token": "twilio-next"}
        connections.change(phone.who, held, {"credentials": both})

    await phone.inside(prepare)
    assert (await phone.form(form, headers=headers)).status_code == 200
    await phone.text("hello")
