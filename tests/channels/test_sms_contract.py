"""What we send to Twilio is what its published API description takes: Prism serves the description, and judges.

Prism lets unknown fields pass, so the keys that we send are compared with the description besides.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl
from uuid import uuid4

import pytest
from twilio.base.exceptions import TwilioException, TwilioRestException, TwilioServiceException

from channels_app.providers.base import Account, Outgoing, ProviderError
from channels_app.providers.twilio import calls, drafts, sdk, templates
from channels_app.providers.twilio.sms import TwilioSms
from channels_app.providers.twilio.whatsapp import TwilioWhatsapp
from convoship.lib.outbound import sending
from tests.channels import prisms as prisms_of
from tests.channels.prisms import Description
from tests.channels.twilio_end import ACCOUNT, NUMBER, NUMBER_SID, PERSON, SERVICE

HERE = Path(__file__).parent
CONTRACTS = {
    name: HERE / "contracts" / f"twilio_{name}.trimmed.json" for name in ("api_v2010", "messaging_v1", "content_v1")
}
CONTENT = "HX" + "0123456789abcdef" * 2

pytestmark = pytest.mark.asyncio


@pytest.fixture(scope="module")
def prisms() -> Iterator[dict[str, str]]:
    """The address of a Prism for each description."""
    with prisms_of.serving(CONTRACTS) as urls:
        yield urls


def account(base_url: str, **config: Any) -> Account:
    url = "https://convoship.example/v1/public/channels/twilio_sms/" + str(uuid4())
    config = {"account_sid": ACCOUNT, "from_number": NUMBER, **config}
    return Account(uuid4(), "Our number", config, {"auth_token": "t"}, {}, url, f"{url}/status", base_url)


def outgoing(text: str = "hello", to: str = PERSON) -> Outgoing:
    return Outgoing(key=str(uuid4()), address=to, content={"text": text})


Call = Callable[[str], Awaitable[Any]]


async def _create(url: str) -> Any:
    return await TwilioSms(account(url)).send(outgoing())


async def _create_mms(url: str) -> Any:
    files = [{"id": str(uuid4()), "name": "a.jpg", "size": 9, "content_type": "image/jpeg"} for _ in range(2)]
    return await TwilioSms(account(url)).send(Outgoing(str(uuid4()), PERSON, {"text": "hello", "files": files}))


async def _create_over_service(url: str) -> Any:
    config = {"from_number": "", "messaging_service_sid": SERVICE}
    return await TwilioSms(account(url, **config)).send(outgoing("é" * 1500))


async def _list(url: str) -> Any:
    return await sdk.client(account(url)).messages.page_async(to=PERSON, from_=NUMBER, page_size=5)


async def _account(url: str) -> Any:
    return await sdk.client(account(url)).api.v2010.accounts(ACCOUNT).fetch_async()


async def _numbers(url: str) -> Any:
    return await sdk.client(account(url)).incoming_phone_numbers.list_async(phone_number=NUMBER, limit=1, page_size=1)


async def _set_number(url: str) -> Any:
    at = sdk.client(account(url)).incoming_phone_numbers(NUMBER_SID)
    return await at.update_async(sms_url="https://convoship.example/x", sms_method="POST")


async def _service(url: str) -> Any:
    return await sdk.client(account(url)).messaging.v1.services(SERVICE).fetch_async()


async def _senders(url: str) -> Any:
    return await sdk.client(account(url)).messaging.v1.services(SERVICE).phone_numbers.list_async(limit=1, page_size=1)


async def _set_service(url: str) -> Any:
    return (
        await sdk.client(account(url))
        .messaging.v1.services(SERVICE)
        .update_async(
            inbound_request_url="https://convoship.example/x",
            inbound_method="POST",
            use_inbound_webhook_on_number=False,
            status_callback="https://convoship.example/x/status",
        )
    )


# --- Calls ------------------------------------------------------------------------------------------------------------

CALL = "CA" + "0123456789abcdef" * 2


async def _start_call(url: str) -> Any:
    return await calls.start(account(url), PERSON, longest_seconds=1800)


async def _fetch_call(url: str) -> Any:
    return await calls.fetch(account(url), CALL)


async def _redirect_call(url: str) -> Any:
    return await calls.redirect(account(url), CALL, url="https://convoship.example/x/turn?turn=2")


async def _tell_call(url: str) -> Any:
    return await calls.redirect(account(url), CALL, twiml="<Response><Say>Goodbye.</Say><Hangup/></Response>")


async def _set_number_for_calls(url: str) -> Any:
    at = sdk.client(account(url)).incoming_phone_numbers(NUMBER_SID)
    here = "https://convoship.example/x"
    return await at.update_async(
        voice_url=here,
        voice_method="POST",
        voice_fallback_url=f"{here}/fallback",
        voice_fallback_method="POST",
        status_callback=f"{here}/status",
        status_callback_method="POST",
    )


# --- WhatsApp: channel senders, and the Content API, which takes JSON -------------------------------------------------


def whatsapp(url: str, **config: Any) -> TwilioWhatsapp:
    return TwilioWhatsapp(account(url, **config))


async def _channel_senders(url: str) -> Any:
    at = sdk.client(account(url)).messaging.v1.services(SERVICE)
    return await at.channel_senders.list_async(limit=1, page_size=1)


async def _create_whatsapp(url: str) -> Any:
    return await whatsapp(url).send(outgoing())


async def _send_template(url: str) -> Any:
    content = {"template": {"sid": CONTENT, "name": "order", "variables": {"1": "Ada"}}, "text": "Hello Ada."}
    return await whatsapp(url).send(Outgoing(key=str(uuid4()), address=PERSON, content=content))


async def _create_text(url: str) -> Any:
    types = {"twilio/text": {"body": "Hello {{1}}, bye."}}
    return await templates.create(account(url), "order_update", "en", types, {"1": "Ada"})


async def _create_quick_replies(url: str) -> Any:
    made = drafts.draft(
        name="order_update",
        language="en",
        category="UTILITY",
        body="Hello {{1}}, bye.",
        samples={"1": "Ada"},
        buttons=["Yes", "No"],
    )
    types = {made.content_type: {"body": made.body, **made.extras}}
    return await templates.create(account(url), made.name, made.language, types, made.variables)


async def _create_buttons(url: str) -> Any:
    """Of a message of the assistant's, as `interactive` makes them."""
    actions = [{"type": "QUICK_REPLY", "title": "Yes", "id": "yes"}]
    return await templates.create(
        account(url), "convoship_1", "en", {"twilio/quick-reply": {"body": "Well?", "actions": actions}}, {}
    )


async def _create_list(url: str) -> Any:
    picker = {"body": "Well?", "button": "Choose", "items": [{"item": "Yes", "id": "yes"}]}
    return await templates.create(account(url), "convoship_2", "en", {"twilio/list-picker": picker}, {})


async def _templates(url: str) -> Any:
    return await sdk.client(account(url)).content.v1.content_and_approvals.page_async(page_size=10)


async def _hand_in(url: str) -> Any:
    return await templates.hand_in(account(url), CONTENT, "order_update", "UTILITY")


GOOD = [
    pytest.param("api_v2010", _create_whatsapp, id="create a WhatsApp message"),
    pytest.param("api_v2010", _send_template, id="create a message of a template"),
    pytest.param("messaging_v1", _channel_senders, id="list a service's channel senders"),
    pytest.param("content_v1", _create_text, id="create a content of words"),
    pytest.param("content_v1", _create_quick_replies, id="create a content with quick replies"),
    pytest.param("content_v1", _create_buttons, id="create a message's buttons"),
    pytest.param("content_v1", _create_list, id="create a message's list"),
    pytest.param("content_v1", _templates, id="list contents and approvals"),
    pytest.param("content_v1", _hand_in, id="hand a content in"),
    pytest.param("api_v2010", _create, id="create a message"),
    pytest.param("api_v2010", _create_mms, id="create a message with pictures"),
    pytest.param("api_v2010", _create_over_service, id="create a message over a service"),
    pytest.param("api_v2010", _start_call, id="start a call"),
    pytest.param("api_v2010", _fetch_call, id="fetch a call"),
    pytest.param("api_v2010", _redirect_call, id="redirect a call"),
    pytest.param("api_v2010", _tell_call, id="tell a call something"),
    pytest.param("api_v2010", _set_number_for_calls, id="set a number's addresses for calls"),
    pytest.param("api_v2010", _list, id="list messages"),
    pytest.param("api_v2010", _account, id="fetch the account"),
    pytest.param("api_v2010", _numbers, id="list numbers"),
    pytest.param("api_v2010", _set_number, id="update a number"),
    pytest.param("messaging_v1", _service, id="fetch a service"),
    pytest.param("messaging_v1", _senders, id="list a service's numbers"),
    pytest.param("messaging_v1", _set_service, id="update a service"),
]


@pytest.mark.parametrize(("contract", "call"), GOOD)
async def test_what_we_ask_for_is_what_the_description_takes(
    prisms: dict[str, str], settings: Any, monkeypatch: pytest.MonkeyPatch, contract: str, call: Call
) -> None:
    settings.OUTBOUND_ALLOW_PRIVATE = True
    sent: list[tuple[str, str, bytes]] = []

    async def watched(method: str, url: str, **more: Any) -> Any:
        sent.append((method, url, more.get("content") or b""))
        return await sending.send(method, url, **more)

    monkeypatch.setattr(sdk, "send", watched)
    await call(prisms[contract])
    assert sent
    for method, url, content in sent:
        description = Description(CONTRACTS[contract])
        path, _, query = url.partition("?")
        keys = {name for name, _ in parse_qsl(query, keep_blank_values=True)}
        if content.startswith(b"{"):
            schema = description.json_schema_of(method, url)
            assert description.unknown_in(schema, json.loads(content), path) == set()
        else:
            keys |= {name for name, _ in parse_qsl(content.decode(), keep_blank_values=True)}
        known = description.names(method, url)
        assert keys <= known, (path, keys - known)


async def _no_recipient(url: str) -> Any:
    return await sdk.client(account(url)).messages.create_async(to=None, from_=NUMBER, body="hello")


async def _callback_is_no_address(url: str) -> Any:
    return await sdk.client(account(url)).messages.create_async(
        to=PERSON, from_=NUMBER, body="hello", status_callback="not an address"
    )


async def _malformed_service(url: str) -> Any:
    config = {"from_number": "", "messaging_service_sid": "MG1"}
    return await TwilioSms(account(url, **config)).send(outgoing())


async def _malformed_account(url: str) -> Any:
    return await TwilioSms(account(url, account_sid="AC1")).check()


async def _list_of_malformed_account(url: str) -> Any:
    return await TwilioSms(account(url, account_sid="AC1")).look_up(outgoing())


async def _number_by_get_and_nonsense(url: str) -> Any:
    at = sdk.client(account(url)).incoming_phone_numbers(NUMBER_SID)
    return await at.update_async(sms_url="https://convoship.example/x", sms_method="SHOUT")


async def _unknown_number(url: str) -> Any:
    return await sdk.client(account(url)).incoming_phone_numbers("PN1").update_async(sms_url="https://x.example/")


async def _numbers_a_page(url: str) -> Any:
    return await sdk.client(account(url)).incoming_phone_numbers.page_async(page_size="many")


async def _malformed_service_fetched(url: str) -> Any:
    return await sdk.client(account(url)).messaging.v1.services("MG1").fetch_async()


async def _malformed_service_senders(url: str) -> Any:
    return await sdk.client(account(url)).messaging.v1.services("MG1").phone_numbers.list_async(limit=1, page_size=1)


async def _service_by_nonsense(url: str) -> Any:
    at = sdk.client(account(url)).messaging.v1.services(SERVICE)
    return await at.update_async(inbound_method="SHOUT")


async def _content_without_language(url: str) -> Any:
    body = {"friendly_name": "a", "types": {"twilio/text": {"body": "a"}}}
    return await sdk.post_json(sdk.client(account(url)), f"{templates.HOST}/v1/Content", body)


async def _content_without_types(url: str) -> Any:
    body = {"friendly_name": "a", "language": "en"}
    return await sdk.post_json(sdk.client(account(url)), f"{templates.HOST}/v1/Content", body)


async def _content_with_a_list_of_samples(url: str) -> Any:
    body = {"friendly_name": "a", "language": "en", "types": {"twilio/text": {"body": "a"}}, "variables": ["Ada"]}
    return await sdk.post_json(sdk.client(account(url)), f"{templates.HOST}/v1/Content", body)


async def _content_with_odd_buttons(url: str) -> Any:
    types = {"twilio/quick-reply": {"body": "a", "actions": [{"type": "SHOUT", "title": "a"}]}}
    return await templates.create(account(url), "a", "en", types, {})


async def _hand_in_without_category(url: str) -> Any:
    at = f"{templates.HOST}/v1/Content/{CONTENT}/ApprovalRequests/whatsapp"
    return await sdk.post_json(sdk.client(account(url)), at, {"name": "order_update"})


async def _hand_in_without_name(url: str) -> Any:
    at = f"{templates.HOST}/v1/Content/{CONTENT}/ApprovalRequests/whatsapp"
    return await sdk.post_json(sdk.client(account(url)), at, {"category": "UTILITY"})


async def _hand_in_no_content(url: str) -> Any:
    return await templates.hand_in(account(url), "HX1", "order_update", "UTILITY")


async def _template_of_no_content(url: str) -> Any:
    content = {"template": {"sid": "HX1", "name": "order", "variables": {}}, "text": "Hello."}
    return await whatsapp(url).send(Outgoing(key=str(uuid4()), address=PERSON, content=content))


async def _templates_a_page(url: str) -> Any:
    return await sdk.client(account(url)).content.v1.content_and_approvals.page_async(page_size="many")


async def _channel_senders_of_no_service(url: str) -> Any:
    at = sdk.client(account(url)).messaging.v1.services("MG1")
    return await at.channel_senders.list_async(limit=1, page_size=1)


BAD = [
    pytest.param("api_v2010", _template_of_no_content, id="create a message of no content"),
    pytest.param("messaging_v1", _channel_senders_of_no_service, id="list the channel senders of no service"),
    pytest.param("content_v1", _content_without_language, id="create a content of no language"),
    pytest.param("content_v1", _content_without_types, id="create a content of no types"),
    pytest.param("content_v1", _content_with_a_list_of_samples, id="create a content with a list of samples"),
    pytest.param("content_v1", _content_with_odd_buttons, id="create a content with odd buttons"),
    pytest.param("content_v1", _hand_in_without_category, id="hand a content in without a category"),
    pytest.param("content_v1", _hand_in_without_name, id="hand a content in without a name"),
    pytest.param("content_v1", _hand_in_no_content, id="hand no content in"),
    pytest.param("content_v1", _templates_a_page, id="list many contents"),
    pytest.param("api_v2010", _no_recipient, id="create a message without a recipient"),
    pytest.param("api_v2010", _callback_is_no_address, id="create a message with no address for reports"),
    pytest.param("api_v2010", _malformed_service, id="create a message over no service"),
    pytest.param("api_v2010", _list_of_malformed_account, id="list messages of no account"),
    pytest.param("api_v2010", _numbers_a_page, id="list many numbers"),
    pytest.param("api_v2010", _number_by_get_and_nonsense, id="update a number by nonsense"),
    pytest.param("api_v2010", _unknown_number, id="update no number"),
    pytest.param("messaging_v1", _malformed_service_fetched, id="fetch no service"),
    pytest.param("messaging_v1", _malformed_service_senders, id="list the numbers of no service"),
    pytest.param("messaging_v1", _service_by_nonsense, id="update a service by nonsense"),
]


@pytest.mark.parametrize(("contract", "call"), BAD)
async def test_what_the_description_refuses_is_refused(
    prisms: dict[str, str], settings: Any, contract: str, call: Call
) -> None:
    settings.OUTBOUND_ALLOW_PRIVATE = True
    with pytest.raises((TwilioException, ProviderError)) as found:
        await call(prisms[contract])
    assert status_of(found.value) == 422


def status_of(error: Exception) -> int | None:
    """The HTTP status that an error came of; of a page it stands in the answer."""
    if isinstance(error, ProviderError):
        return error.http_status
    if isinstance(error, TwilioRestException | TwilioServiceException):
        return int(error.status)
    return int(error.args[1].status_code)


async def test_an_account_that_is_none_is_no_good_health(prisms: dict[str, str], settings: Any) -> None:
    settings.OUTBOUND_ALLOW_PRIVATE = True
    found = await _malformed_account(prisms["api_v2010"])
    assert not found.is_good
    with pytest.raises(ProviderError):
        await _list_of_malformed_account(prisms["api_v2010"])
