"""What we send to Genesys is what its API takes, as far as a description of it could be had: Prism judges by that.

Prism lets unknown fields pass, so the keys that we send are compared with the description besides.
"""

from __future__ import annotations

import json
import os
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings as configured

from channels_app.providers import rest
from channels_app.providers.base import Outgoing, ProviderError, Receipt
from channels_app.providers.desk_port import KnownCase
from channels_app.providers.genesys.api import RECEIVE, Api
from channels_app.providers.genesys.provider import Genesys
from convoship.lib.outbound import sending
from tests.channels import prisms
from tests.channels.genesys_end import CONVERSATION, PAGE, SINCE, account, case_of, known, outgoing, said

CONTRACTS = Path(os.environ.get("CONVOSHIP_CONTRACTS") or configured.BASE_DIR.parent / "shared" / "contracts")
CONTRACT = CONTRACTS / "genesys_open_messaging.DERIVED.json"
# Which the SDKs, of which the description is made, don't have (docs.ada.cx, handoffs, genesys, custom fields).
NOT_DESCRIBED = {"customAttributes"}

pytestmark = [
    pytest.mark.asyncio,
    pytest.mark.skipif(not CONTRACT.is_file(), reason=f"contract absent: {CONTRACT}"),
]
Call = Callable[[Genesys], Awaitable[Receipt]]


@pytest.fixture(scope="module")
def prism() -> Iterator[str]:
    """The address of a Prism for the description."""
    with prisms.serving({"genesys": CONTRACT}) as urls:
        yield urls["genesys"]


@pytest.fixture
def genesys(prism: str, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Genesys:
    """Signed in: the sign-in is no part of the description."""
    settings.OUTBOUND_ALLOW_PRIVATE = True

    async def token(api: Api) -> tuple[str, float]:
        return "t0ken", 60.0

    monkeypatch.setattr(Api, "_fetch_token", token)
    return Genesys(account(prism))


PICTURE = {"id": str(uuid4()), "name": "a.png", "size": 9, "content_type": "image/png"}


async def _open(genesys: Genesys) -> Receipt:
    planned = genesys.plan_opened(case_of(external_id="u1"), [said("Hello?")], PAGE)[0]
    return await genesys.send(outgoing(planned, KnownCase("k.1")))


async def _turn(genesys: Genesys) -> Receipt:
    return await genesys.send(outgoing(genesys.plan_turn(case_of(), said("Hello?"))[0]))


async def _files(genesys: Genesys) -> Receipt:
    return await genesys.send(outgoing(genesys.plan_files(case_of(), said("", attachments=[PICTURE]))[0]))


async def _received(genesys: Genesys) -> Receipt:
    return await genesys.send(outgoing(genesys.plan_received(case_of(), "message:1")[0]))


async def _not_received(genesys: Genesys) -> Receipt:
    return await genesys.send(
        outgoing(genesys.plan_undelivered(case_of(), "message:1", "Hello?", "Nobody is there.")[0])
    )


@pytest.mark.parametrize("call", [_open, _turn, _files, _received, _not_received])
async def test_what_we_send_is_what_the_description_takes(
    genesys: Genesys, monkeypatch: pytest.MonkeyPatch, call: Call
) -> None:
    sent: list[tuple[str, str, bytes, int]] = []

    async def watched(method: str, url: str, **more: Any) -> Any:
        answer = await sending.send(method, url, **more)
        sent.append((method, url, more.get("content") or b"", answer.status))
        return answer

    monkeypatch.setattr(rest, "send", watched)
    await call(genesys)
    assert [status for _, _, _, status in sent] == [200]
    document = json.loads(CONTRACT.read_text())
    for method, url, content, _ in sent:
        operation = operation_of(document, method, url)
        query = {one.partition("=")[0] for one in url.partition("?")[2].split("&") if one}
        assert query <= {one["name"] for one in operation["parameters"] if one["in"] == "query"}
        fits(document, operation["requestBody"]["content"]["application/json"]["schema"], json.loads(content), url)


def operation_of(document: Any, method: str, url: str) -> Any:
    asked = ["", *url.partition("?")[0].split("/")[3:]]
    for template, operations in document["paths"].items():
        wanted = template.split("/")
        is_same = len(wanted) == len(asked) and all(
            one == other or one.startswith("{") for one, other in zip(wanted, asked, strict=True)
        )
        if is_same and method.lower() in operations:
            return operations[method.lower()]
    raise AssertionError(f"{method} {url} is not in the description")


def fits(document: Any, schema: Any, value: Any, where: str) -> None:
    """Every key that we send, at every depth, is one that the description has."""
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    if isinstance(value, list):
        for each in value:
            fits(document, schema.get("items", {}), each, where)
    elif isinstance(value, dict) and "properties" in schema:
        unknown = value.keys() - schema["properties"].keys() - NOT_DESCRIBED
        assert not unknown, (where, unknown)
        for name, each in value.items():
            fits(document, schema["properties"].get(name, {}), each, f"{where}.{name}")


async def _message_of_nobody(genesys: Genesys) -> Any:
    what = Outgoing("k", "k.1", {"from": {"id": CONVERSATION}, "text": "Hello?"}, since=SINCE, case=known())
    return await genesys.send(what)


async def _attachment_of_no_kind(genesys: Genesys) -> Any:
    api = Api(genesys.account)
    body = {
        "channel": {"from": {"id": "a", "idType": "Opaque"}, "time": "2026-11-28T10:00:00.000Z"},
        "content": [{"attachment": {"mediaType": "Picture", "url": "https://a.example/", "mime": "image/png"}}],
    }
    return await api.call("POST", f"{api.inbound}/message", body, permission=RECEIVE)


async def _receipt_of_nothing(genesys: Genesys) -> Any:
    api = Api(genesys.account)
    body = {"channel": {"to": {"id": "a"}, "time": "2026-11-28T10:00:00.000Z"}, "status": "Delivered"}
    return await api.call("POST", f"{api.inbound}/receipt", body, permission=RECEIVE)


async def _receipt_of_another_status(genesys: Genesys) -> Any:
    api = Api(genesys.account)
    body = {"id": "1", "channel": {"to": {"id": "a"}, "time": "2026-11-28T10:00:00.000Z"}, "status": "Seen"}
    return await api.call("POST", f"{api.inbound}/receipt", body, permission=RECEIVE)


@pytest.mark.parametrize(
    "call", [_message_of_nobody, _attachment_of_no_kind, _receipt_of_nothing, _receipt_of_another_status]
)
async def test_what_the_description_refuses_is_refused(genesys: Genesys, call: Call) -> None:
    with pytest.raises(ProviderError) as found:
        await call(genesys)
    assert found.value.http_status == 400
    assert found.value.permanent
