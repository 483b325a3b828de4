"""X-Twilio-Signature: Twilio's own vectors hold, and whatever differs from them by one bit is refused."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from channels_app import accounts
from channels_app.models import RefusedRequest
from channels_app.providers.base import InboundRequest, SignatureInvalid
from channels_app.providers.twilio import signing
from tests.channels import twilio_end
from tests.channels.phones import Phone
from tests.channels.twilio_end import TOKEN, inbound

CONTRACT = json.loads((Path(__file__).parent / "contracts" / "twilio_signature_vectors.json").read_text())
KEY = CONTRACT["auth_token"]
VECTORS = [pytest.param(one, id=one["name"]) for one in CONTRACT["vectors"]]


def request_of(vector: dict[str, Any], **changes: Any) -> InboundRequest:
    raw = vector.get("raw_body")
    body = raw.encode() if raw else urlencode([tuple(pair) for pair in vector["params"]]).encode()
    given = {
        "method": "POST",
        "url": vector["url"],
        "part": "",
        "query": {},
        "headers": {"x-twilio-signature": vector["signature"]},
        "content_type": "application/json" if raw else signing.FORM,
        "body": body,
    }
    return InboundRequest(**(given | changes))


def refused(request: InboundRequest, *keys: str) -> str:
    with pytest.raises(SignatureInvalid) as found:
        signing.verify(keys or [KEY], request)
    return found.value.reason


@pytest.mark.parametrize("vector", VECTORS)
def test_twilios_own_vectors_hold(vector: dict[str, Any]) -> None:
    signing.verify([KEY], request_of(vector))
    signing.verify(["another", KEY], request_of(vector))


@pytest.mark.parametrize("vector", VECTORS)
def test_one_flipped_bit_anywhere_is_refused(vector: dict[str, Any]) -> None:
    good = request_of(vector)
    digest = bytearray(base64.b64decode(vector["signature"]))
    for at in range(len(digest)):
        flipped = bytes(byte ^ (1 << at % 8 if number == at else 0) for number, byte in enumerate(digest))
        refused(request_of(vector, headers={"x-twilio-signature": base64.b64encode(flipped).decode()}))
    for at, byte in enumerate(good.body):
        # What is no letter or digit may stand for something else in a form; of those only the meaning counts.
        if chr(byte).isalnum() and chr(byte ^ 1).isalnum():
            refused(request_of(vector, body=good.body[:at] + bytes([byte ^ 1]) + good.body[at + 1 :]))
    for at in range(len("https://"), len(good.url)):
        if good.url[at].isalpha():
            refused(request_of(vector, url=good.url[:at] + chr(ord(good.url[at]) ^ 1) + good.url[at + 1 :]))


@pytest.mark.parametrize("vector", VECTORS)
def test_no_part_of_a_signature_and_nobody_elses_will_do(vector: dict[str, Any]) -> None:
    whole = vector["signature"]
    for wrong in ("", " ", whole[:-1], whole[:10], whole + "=", f"{whole},{whole}", f"v1,{whole}", whole.lower(), "é"):
        refused(request_of(vector, headers={"x-twilio-signature": wrong}))
    refused(request_of(vector, headers={}))
    refused(request_of(vector), KEY + "0")
    refused(request_of(vector), KEY[:-1])
    refused(request_of(vector, headers={"x-twilio-signature": whole.encode().hex()}))


def test_without_a_token_nothing_is_accepted() -> None:
    vector = CONTRACT["vectors"][0]
    assert refused(request_of(vector), "") == "no_secret"
    with pytest.raises(SignatureInvalid):
        signing.verify([], request_of(vector))


def test_the_order_of_fields_does_not_matter_and_all_of_them_count() -> None:
    vector = CONTRACT["vectors"][0]
    pairs = [tuple(pair) for pair in vector["params"]]
    signing.verify([KEY], request_of(vector, body=urlencode(pairs[::-1]).encode()))
    for more in ([("Extra", "1")], [("Digits", "1235")]):
        refused(request_of(vector, body=urlencode(pairs + more).encode()))
    refused(request_of(vector, body=urlencode(pairs[:-1]).encode()))


def test_a_body_that_nothing_vouches_for_is_refused() -> None:
    vector = CONTRACT["vectors"][-1]
    assert refused(request_of(vector, body=vector["raw_body"].encode() + b" ")) == "body_changed"
    form = CONTRACT["vectors"][0]
    assert refused(request_of(form, content_type="application/json")) == "not_a_form"
    assert refused(request_of(form, body=b"a=1&" * 600)) == "too_many_fields"
    settings = {"x-twilio-webhooks-signature-settings": "key=webhooks_sharedkey_1,algorithm=HMAC_SHA256"}
    good = request_of(form)
    assert refused(request_of(form, headers={**good.headers, **settings})) == "signature_of_another_kind"


@pytest.mark.asyncio
async def test_at_the_door_what_is_forged_leaves_a_count_with_the_address_and_nothing_else(phone: Phone) -> None:
    form = inbound("hello", f"SM{1:032x}")
    url = accounts.inbound_url(phone.connection)
    _, good = twilio_end.signed(url, form)
    _, elsewhere = twilio_end.signed(f"{url}/", form)
    _, stranger = twilio_end.signed(url, form, TOKEN + "x")
    _, status = twilio_end.signed(accounts.inbound_url(phone.connection, "status"), form)
    forged = [{}, elsewhere, stranger, status, {"x-twilio-signature": good["x-twilio-signature"][:-2]}]
    for headers in forged:
        answer = await phone.form(form, headers=headers)
        assert (answer.status_code, json.loads(answer.content)["code"]) == (403, "signature_invalid"), headers
    # It came to `testserver`; what was signed is our outside address, whatever `Host` says.
    assert (await phone.form(form, headers=good)).status_code == 200
    assert len(await phone.events()) == 1
    rows = await phone.inside(lambda: {row.reason: row for row in RefusedRequest.objects.all()})
    assert {reason: row.count for reason, row in rows.items()} == {"headers_missing": 1, "signature_wrong": 4}
    assert url in rows["signature_wrong"].detail


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "body", [b"\xff\xfe=%ff&%00=%00", b"&&&==&", b"%zz=%", b"Body=%ED%A0%80&From=%2B1&MessageSid=SM1", b""]
)
async def test_a_signed_form_of_any_bytes_is_kept(phone: Phone, body: bytes) -> None:
    url = accounts.inbound_url(phone.connection)
    headers = {"x-twilio-signature": signing.signature(TOKEN, url, signing.fields(body))}
    answer: Any = await phone.client.generic("POST", phone.path, body, content_type=signing.FORM, headers=headers)
    assert answer.status_code == 200, answer.content
    await phone.drain()
    assert (await phone.events())[0].state in {"ignored", "handled"}
