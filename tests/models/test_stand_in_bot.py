"""The rehearsal's bot, asked as any bot is: signed, over HTTP, at a running server; and each way to fail."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from django.test import AsyncClient

from convoship.lib import standard_webhooks
from convoship.lib.tenancy import in_tenant
from deployments import rehearsed_bots
from deployments.models import Conversation, Handoff, WebhookSecret
from deployments.responders import stand_in_bot, webhook, webhook_answer, webhook_content
from deployments.responders.content import ContentRefused
from deployments.responders.stand_in_bot import ADDRESSES, BOTS
from tests.models.test_at_the_door import ask
from tests.models.test_webhook_at_the_door import Shop, _key
from tests.reliability.processes import Web, webs
from tests.runtime.conftest import Site, site  # noqa: F401 (a fixture)
from tests.widget.conftest import Socket, hub_of_this_loop  # noqa: F401 (a fixture)

pytestmark = pytest.mark.asyncio

ASKED = {"message": {"text": "Hi", "payload": None}, "state": {"said": 1}}


@pytest.fixture(scope="module")
def web(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    """The product, running, which may call itself."""
    from django.conf import settings

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CONVOSHIP_ALLOW_PRIVATE_NETWORK", "1")
        with webs(1, settings.REDIS_URL, tmp_path_factory.mktemp("web")) as [one]:
            yield one


@pytest.fixture
async def shop(web: Web, site: Site, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Shop:  # noqa: F811
    """A workspace whose assistant has a webhook; its turns are taken here, its bot is asked over there."""
    parts = urlsplit(web.address)
    settings.PUBLIC_BASE_URL = web.address
    settings.OUTBOUND_ALLOWLIST = {(parts.hostname, parts.port)}
    monkeypatch.setattr(webhook, "RETRY_AFTER_SECONDS", 0.0)
    shop = Shop(site, await in_tenant(_key)(site.workspace_id, site))
    shop.secret = (await behave(shop, "json"))["signing_secret"]
    return shop


async def behave(shop: Shop, name: str, **more: int) -> Any:
    """Rehearse with the bot that behaves so."""
    made = await shop.change(responder="webhook", webhook={"url": ADDRESSES[name], **more})
    await shop.publish()
    return made


# --- Its answers ------------------------------------------------------------------------------------------------------


async def test_it_answers_at_once_counts_and_does_what_is_named(shop: Shop) -> None:
    session = (await shop.site.start()).data
    [first] = (await shop.site.say(session, "Hello there")).data["replies"]
    assert first["text"].startswith("You said: “Hello there”, which makes 1 so far.")
    [second] = (await shop.site.say(session, "Some buttons")).data["replies"]
    assert "which makes 2 so far" in second["text"]
    [block] = second["blocks"]
    tapped = await shop.site.say(session, "Track a parcel", payload=block["buttons"][0]["payload"])
    assert "the button's value is “track a parcel”" in tapped.data["replies"][0]["text"]
    said = (await shop.site.say(session, "A person, please")).data["replies"]
    assert said[0]["text"] == "I get somebody for you."
    assert (await shop.read(lambda: Handoff.objects.get())).reason == "They asked for a person."
    trace = (await shop.turns())[0].trace
    assert (trace["host"], trace["how"], trace["calls"]) == ("bot.rehearsal.invalid", "json", 1)


async def test_it_says_goodbye(shop: Shop) -> None:
    session = (await shop.site.start()).data
    answer = await shop.site.say(session, "Goodbye!")
    assert answer.data["replies"][0]["text"] == "Goodbye."
    assert (await shop.read(lambda: Conversation.objects.get())).status == "completed"


async def test_it_is_seen_writing_and_what_is_kept_is_what_was_seen(shop: Shop) -> None:
    await behave(shop, "stream")
    session = (await shop.site.start()).data
    socket = Socket.of(session)
    await socket.open(session)
    # It writes as fast as it can, so without that it may be done before anybody hears of it.
    await socket.hears_live(shop.site.workspace_id)
    await socket.say("message.send", client_id="c1", text="Hello")
    seen, pieces = "", 0
    while True:
        frame = await socket.hear()
        message = frame.get("message", {})
        if frame["type"] == "token":
            seen, pieces = seen + frame["text"], pieces + 1
        elif frame["type"] == "message.created" and message["status"] == "streaming":
            seen = message["text"]
        elif frame["type"] == "message.updated" and message["author"]["kind"] == "assistant":
            break
    await socket.disconnect()
    assert pieces > 3
    assert (message["text"], message["status"]) == (seen, "sent")
    assert message["text"].startswith("You said: “Hello”")


async def test_it_calls_back(shop: Shop) -> None:
    await behave(shop, "later")
    [reply] = await ask(shop, "Hello")
    assert reply["text"].startswith("You said: “Hello”")
    assert (await shop.turns())[0].trace["how"] == "callback"


async def test_it_can_be_tried_before_anything_is_published(shop: Shop) -> None:
    await shop.change(responder="webhook", webhook={"url": ADDRESSES["stream"]})
    tried = await shop.call("POST", f"{shop.path}/try", {"text": "Hello"})
    assert tried["replies"][0]["text"].startswith("You said: “Hello”")


# --- Its failures -----------------------------------------------------------------------------------------------------


FAILURES: list[tuple[str, dict[str, int], str, str]] = [
    ("key", {}, "key", "bot.rehearsal.invalid refuses the signature (401)."),
    ("busy", {}, "busy", "takes no more questions just now (429)"),
    ("down", {}, "broken", "bot.rehearsal.invalid is broken just now (500)."),
    ("moved", {}, "broken", "sends on to another address (308)"),
    ("malformed", {}, "broken", "The answer of bot.rehearsal.invalid can't be used"),
    ("breaks", {}, "unreachable", "bot.rehearsal.invalid broke off before it was done."),
    ("silent", {"timeout_seconds": 1}, "timeout", "did not answer within 1 seconds"),
    ("forgets", {"waits_seconds": 5}, "timeout", "did not call back within 5 seconds"),
]


@pytest.mark.parametrize(("name", "more", "code", "words"), FAILURES)
async def test_it_fails_as_a_real_one_does(shop: Shop, name: str, more: dict[str, int], code: str, words: str) -> None:
    await behave(shop, name, **more)
    await ask(shop, "Hello")
    health = (await shop.call("GET", shop.path))["health"]
    assert (health["ok"], health["code"]) == (False, code)
    assert words in health["reason"]
    assert health["remedy"]


async def test_every_behaviour_is_tested_and_has_a_name_of_its_own() -> None:
    assert {"json", "stream", "later", "slow"} | {row[0] for row in FAILURES} == set(BOTS)
    assert len({one.label for one in BOTS.values()}) == len(BOTS)


# --- Its address ------------------------------------------------------------------------------------------------------


async def test_an_address_of_the_rehearsal_that_is_none_is_refused_with_those_that_are(shop: Shop) -> None:
    refused = await shop.change(422, webhook={"url": "https://bot.rehearsal.invalid/nobody"})
    [words] = refused["errors"]["webhook.url"]
    assert "https://bot.rehearsal.invalid/stream" in words


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://bot.rehearsal.invalid/json", "json"),
        (" HTTP://BOT.rehearsal.invalid:443/Stream/ ", "stream"),
        ("https://bot.rehearsal.invalid", ""),
        ("https://bot.rehearsal.invalid/json?x=1", ""),
        ("https://bot.rehearsal.invalid.evil.example/json", None),
        ("https://evil.example/?https://bot.rehearsal.invalid/json", None),
    ],
)
async def test_its_host_is_nobody_elses(url: str, name: str | None) -> None:
    assert stand_in_bot.name_of(url) == name
    if name == "":
        with pytest.raises(ContentRefused):
            webhook_content.validate({"url": url})


async def test_it_answers_nobody_but_its_assistant(shop: Shop) -> None:
    path = await address(shop)
    body = json.dumps(ASKED).encode()
    assert (await post(path, body, {})).status_code == 401
    stranger = standard_webhooks.headers_for([standard_webhooks.new_secret()], "m", body)
    refused = await post(path, body, stranger)
    assert (refused.status_code, "another secret" in json.loads(refused.content)["message"]) == (401, True)
    stale = standard_webhooks.headers_for([shop.secret], "m", body, now=1)
    assert (await post(path, body, stale)).status_code == 401
    signed = standard_webhooks.headers_for([shop.secret], "m", body)
    assert (await post(path, body + b" ", signed)).status_code == 401
    answered = await post(path, body, signed)
    assert "which makes 2 so far" in json.loads(answered.content)["messages"][0]["text"]
    # As a bot refuses what is not signed for it.
    await shop.read(lambda: WebhookSecret.objects.all().delete())
    assert (await post(path, body, signed)).status_code == 401
    for wrong in (path.replace(shop.site.agent_id, str(uuid4())), path.replace("/json", "/nobody")):
        assert (await post(wrong, body, signed)).status_code == 404
    assert (await AsyncClient().get(path)).status_code == 405


async def test_who_signs_nothing_takes_nobody_elses_place(shop: Shop, settings: Any) -> None:
    settings.LIMITS = {**settings.LIMITS, "rehearsal_calls": "2/60"}
    path = await address(shop)
    body = json.dumps(ASKED).encode()
    for _ in range(4):
        assert (await post(path, body, {})).status_code == 401
    signed = standard_webhooks.headers_for([shop.secret], "m", body)
    assert [(await post(path, body, signed)).status_code for _ in range(3)] == [200, 200, 429]


@pytest.mark.parametrize("body", [b"", b"[]", b"\xff\x00", b'{"message": 5, "state": [], "x": NaN}'])
async def test_no_body_breaks_it(shop: Shop, body: bytes) -> None:
    signed = standard_webhooks.headers_for([shop.secret], "m", body)
    assert (await post(await address(shop), body, signed)).status_code in {200, 422}


async def test_it_calls_back_to_nobody_else(shop: Shop, settings: Any) -> None:
    ours = f"{settings.PUBLIC_BASE_URL}/v1/public/webhook/answers/"
    assert rehearsed_bots.calls_back_to(f"{ours}abc_-9")
    for other in (
        *("", None, 5, ours, "https://evil.example/v1/public/webhook/answers/abc", f"{ours}../../me", f"{ours}a?b=c"),
        f"{settings.PUBLIC_BASE_URL}@evil.example/v1/public/webhook/answers/abc",
    ):
        assert not rehearsed_bots.calls_back_to(other)


async def address(shop: Shop, name: str = "json") -> str:
    return urlsplit(rehearsed_bots.address(shop.site.workspace_id, shop.site.made.deployment.assistant_id, name)).path


async def post(path: str, body: bytes, headers: Mapping[str, str]) -> Any:
    return await AsyncClient().generic("POST", path, body, content_type="application/json", headers=dict(headers))


# --- What it says is an answer ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["", "Hi", "A person!", "bye", "Choose", "“*_[x](y)" * 100])
async def test_whatever_it_hears_it_says_something_that_can_be_used(text: str) -> None:
    asked = {"message": {"text": text, "payload": "p"}, "state": {"said": "?"}}
    content = stand_in_bot.answer(asked, BOTS["json"])
    assert webhook_answer.parsed(json.dumps(content).encode()) == content
    assert b"event: done" in list(stand_in_bot.events(asked, BOTS["stream"]))[-1]
    assert b"event: done" not in b"".join(stand_in_bot.events(asked, BOTS["breaks"]))
