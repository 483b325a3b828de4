"""How a number stands at Twilio for calls: what *Test* finds, and setting our addresses there."""

from __future__ import annotations

import pytest

from channels_app import accounts
from channels_app.providers.base import SETTLED, TRIED_AGAIN, Finding, Health, Provider, ProviderError
from tests.channels.callers import Line

pytestmark = pytest.mark.asyncio


async def provider(line: Line) -> Provider:
    return await line.inside(lambda: accounts.to_send(line.connection))


async def words(found: Health) -> str:
    return "\n".join(f"{one.words} {one.remedy}" for one in found.findings)


async def test_all_three_addresses_are_set_at_the_number_and_then_test_finds_nothing_wrong(line: Line) -> None:
    made = await provider(line)
    before = await made.check()
    assert not before.is_good
    assert "demo.twilio.com" in await words(before)
    line.twilio.number["voice_application_sid"] = "AP" + "0" * 32
    done = await made.register_webhook()
    assert done.is_good, await words(done)
    assert "Before, they went to https://demo.twilio.com" in await words(done)
    number = line.twilio.number
    assert (number["voice_url"], number["voice_method"]) == (line.url(), "POST")
    assert (number["voice_fallback_url"], number["status_callback"]) == (line.url("fallback"), line.url("status"))
    assert number["voice_application_sid"] == ""
    # What people write to the number is another connection's.
    assert number["sms_url"] == "https://demo.twilio.com/welcome/sms/reply"
    assert (await made.check()).is_good


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"capabilities": {"sms": True, "voice": False}}, "can't be called"),
        ({"trunk_sid": "TK1"}, "SIP trunk"),
        ({"voice_application_sid": "AP1"}, "TwiML app"),
        ({"voice_method": "GET"}, "by GET"),
        ({"voice_url": ""}, "does not know where calls go"),
        ({"voice_fallback_url": ""}, "Primary handler fails"),
        ({"status_callback": ""}, "Call status changes"),
        ({"phone_number": "+14155559999"}, "no number of this account"),
    ],
)
async def test_what_is_wrong_at_the_number_is_named_with_where_to_mend_it(
    line: Line, changed: dict[str, object], says: str
) -> None:
    made = await provider(line)
    await made.register_webhook()
    line.twilio.number |= changed
    found = await made.check()
    assert not found.is_good
    assert says in await words(found)


async def test_an_address_that_stands_at_the_number_is_named_without_what_may_be_secret_in_it(line: Line) -> None:
    made = await provider(line)
    await made.register_webhook()
    line.twilio.number["voice_url"] = "https://me:sesame@elsewhere.example/calls?token=sesame"
    said = await words(await made.check())
    assert "Calls go to https://elsewhere.example/calls…, which is not this connection." in said
    done = await words(await made.register_webhook())
    assert "Before, they went to https://elsewhere.example/calls…." in done
    assert "sesame" not in said + done


@pytest.mark.parametrize("code", ["11200", "64102", "64107"])
async def test_errors_that_twilio_noted_lately_are_named_with_what_to_do(line: Line, code: str) -> None:
    made = await provider(line)
    await made.register_webhook()
    line.twilio.alerts = [
        {"sid": "NO1", "error_code": code, "request_url": line.url("turn", "?turn=1"), "log_level": "error"},
        {"sid": "NO2", "error_code": code, "request_url": line.url("wait"), "log_level": "error"},
        {"sid": "NO3", "error_code": code, "request_url": "https://elsewhere.example/", "log_level": "error"},
        {"sid": "NO4", "error_code": "30003", "request_url": "", "log_level": "error"},
    ]
    found = await made.check()
    (wrong,) = [one for one in found.findings if not one.is_good]
    assert f"the error {code} 2 times" in wrong.words
    assert wrong.remedy
    # Who reads it has just pressed it.
    assert "Press Test" not in wrong.remedy


async def test_a_member_who_pressed_a_button_is_not_told_that_it_is_tried_again() -> None:
    for remedy in (TRIED_AGAIN, SETTLED):
        found = Finding.of(ProviderError("Twilio asks for time.", remedy))
        assert (found.is_good, found.remedy) == (False, "Try again in a moment.")
    assert Finding.of(ProviderError("No.", "Write the secret again.")).remedy == "Write the secret again."
