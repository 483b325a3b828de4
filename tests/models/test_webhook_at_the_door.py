"""An assistant with a bot of the customer's own: from the API that sets it to the visitor who reads its answer."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection, connections
from django.test import Client
from django.utils import timezone
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from convoship.lib.tenancy import in_tenant, tenant
from convoship.lib.threads import in_thread
from deployments import identity, merging, tasks, turns, webhook_callbacks
from deployments.models import Conversation, Message, Turn, WebhookCallback, WebhookSecret
from deployments.responders import webhook_answer
from tests import factories
from tests.models.bot_end import BotEnd, Question, Sends, event, says, streams
from tests.models.test_at_the_door import Office, ask
from tests.runtime.conftest import Site, act, site  # noqa: F401 (a fixture)
from tests.runtime.test_identity_at_the_door import token as proof
from workspaces.models import AuditEvent

pytestmark = pytest.mark.asyncio


@dataclass
class Shop(Office):
    """A workspace whose assistant asks a bot."""

    secret: str = ""

    async def callback(self) -> WebhookCallback:
        found: WebhookCallback = await self.read(lambda: WebhookCallback.objects.latest("created_at"))
        return found


def _key(site: Site) -> str:  # noqa: F811
    return factories.make_api_key(site.made.deployment.workspace).token


@pytest.fixture
async def shop(site: Site, bot: BotEnd) -> Shop:  # noqa: F811
    """Its script knows the hours."""
    shop = Shop(site, await in_tenant(_key)(site.workspace_id, site))
    made = await shop.change(
        responder="webhook",
        webhook={"url": bot.url},
        scripted={"intents": [{"name": "hours", "phrases": ["when are you open"], "answers": [{"text": "From 9."}]}]},
    )
    shop.secret = made["signing_secret"]
    await shop.publish()
    return shop


def post(url: str, content: Any) -> Any:
    """What a bot posts to an address of ours: the answer, read."""
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    return Client().post("/v1/" + url.partition("/v1/")[2], raw, content_type="application/json")


async def posted(url: str, content: Any) -> Any:
    """The same, beside whatever else goes on."""
    return await in_thread(post, url, content)


# --- Its secret -------------------------------------------------------------------------------------------------------


async def test_its_secret_is_shown_once_and_kept_sealed(shop: Shop, bot: BotEnd) -> None:
    assert shop.secret.startswith("whsec_")
    assert "signing_secret" not in await shop.call("GET", shop.path)
    assert "signing_secret" not in await shop.change(webhook={"url": bot.url, "history": 3})
    row = await shop.read(lambda: WebhookSecret.objects.get())
    assert (row.hint, shop.secret.encode() in bytes(row.sealed)) == (shop.secret[-4:], False)
    lines = await shop.read(lambda: list(AuditEvent.objects.filter(action__contains="webhook").values_list("action")))
    assert lines == [("assistant.webhook_secret_made",)]


async def test_an_assistant_that_is_made_with_a_webhook_shows_its_secret(shop: Shop, bot: BotEnd) -> None:
    made = await shop.call(
        "POST", "/assistants", {"name": "Bo", "responder": "webhook", "webhook": {"url": bot.url}}, 201
    )
    assert made["signing_secret"].startswith("whsec_")
    assert (made["responder"], made["webhook"]) == ("webhook", {"url": bot.url})


async def test_a_call_that_is_sent_again_does_not_show_the_secret_again(shop: Shop, bot: BotEnd) -> None:
    made = {"name": "Bo", "responder": "webhook", "webhook": {"url": bot.url}}
    for path, body in (("/assistants", made), (f"{shop.path}/webhook/rotate", {"overlap_seconds": 60})):
        answers = [
            await shop.site.client.post(
                f"/v1{path}",
                json.dumps(body),
                content_type="application/json",
                headers={"Authorization": f"Bearer {shop.token}", "Idempotency-Key": path},
            )
            for _ in range(2)
        ]
        first, again = [json.loads(answer.content) for answer in answers]
        assert first["signing_secret"].startswith("whsec_")
        assert (again["signing_secret"], again["replayed"]) == (None, True)


async def test_a_rotated_secret_signs_beside_the_earlier_one_for_as_long_as_is_said(shop: Shop, bot: BotEnd) -> None:
    made = await shop.call("POST", f"{shop.path}/webhook/rotate", {"overlap_seconds": 3600}, 201)
    assert [row["expires_at"] is None for row in made["secrets"]] == [True, False]
    await ask(shop)
    for secret in (shop.secret, made["signing_secret"]):
        Webhook(secret).verify(bot.asked[0].raw, dict(bot.asked[0].headers))
    last = await shop.call("POST", f"{shop.path}/webhook/rotate", {}, 201)
    assert [row["hint"] for row in last["secrets"]] == [last["signing_secret"][-4:]]
    await ask(shop)
    Webhook(last["signing_secret"]).verify(bot.asked[1].raw, dict(bot.asked[1].headers))
    with pytest.raises(WebhookVerificationError):
        Webhook(shop.secret).verify(bot.asked[1].raw, dict(bot.asked[1].headers))


async def test_without_a_webhook_there_is_nothing_to_rotate_or_to_answer_by(shop: Shop) -> None:
    other = await shop.call("POST", "/assistants", {"name": "Bo"}, 201)
    refused = await shop.call("POST", f"/assistants/{other['id']}/webhook/rotate", {}, 409)
    assert refused["detail"] == "This assistant has no webhook."
    refused = await shop.call("PATCH", f"/assistants/{other['id']}", {"responder": "webhook"}, 422)
    assert "give webhook, too" in refused["errors"]["responder"][0]
    refused = await shop.change(422, webhook={"url": "ftp://bot.example"})
    assert list(refused["errors"]) == ["webhook.url"]


# --- Its answers ------------------------------------------------------------------------------------------------------


async def test_a_visitor_reads_what_the_bot_answers_at_once(shop: Shop, bot: BotEnd) -> None:
    buttons = {"type": "buttons", "buttons": [{"label": "Track", "payload": "track"}]}
    bot.script(
        says(
            {
                "messages": [{"text": "On its way.", "blocks": [buttons]}],
                "actions": [{"type": "remember", "state": {"order": 7}}],
            }
        )
    )
    session = (await shop.site.start()).data
    [reply] = (await shop.site.say(session, "Where is it?")).data["replies"]
    assert (reply["text"], reply["blocks"], reply["status"]) == ("On its way.", [buttons], "sent")
    await shop.site.say(session, "And now?")
    first, second = bot.asked
    Webhook(shop.secret).verify(first.raw, dict(first.headers))
    assert (first.body["message"]["text"], first.body["state"], first.body["user_id"]) == ("Where is it?", {}, None)
    assert second.body["state"] == {"order": 7}
    assert [line["text"] for line in second.body["history"]][-2:] == ["Where is it?", "On its way."]
    turn = (await shop.turns())[0]
    assert (turn.status, turn.trace["by"], turn.trace["how"]) == ("done", "webhook", "json")
    assert first.headers["webhook-id"] == first.body["turn_id"] == str(turn.id)
    assert "way" not in json.dumps(turn.trace)
    assert (await shop.call("GET", shop.path))["health"]["ok"] is True


async def test_who_a_visitor_is_was_proved_in_this_conversation_or_is_not_said(shop: Shop, bot: BotEnd) -> None:
    """Members merge people; what was proved of one of them says nothing of who sits at another's browser."""
    secret = str((await act(shop.site, identity.make_secret)).value)
    anonymous = (await shop.site.start(visitor_id=str(uuid4()), user={"name": "Cy", "id": "cust-42"})).data
    proved = (await shop.site.start(user_token=proof(secret, "cust-42"))).data

    def merged() -> None:
        kept = Conversation.objects.get(session__id=proved["session"]["id"]).person
        other = Conversation.objects.get(session__id=anonymous["session"]["id"]).person
        row = merging.merge(factories.actor(shop.site.made.deployment.workspace), kept, other)
        assert Conversation.objects.filter(person=kept).count() == 2, row

    async def told(session: Any) -> Any:
        await shop.site.say(session, "Where is it?")
        return bot.asked[-1].body["user_id"]

    await shop.read(merged)
    assert [await told(session) for session in (anonymous, proved)] == [None, "cust-42"]
    another = (await shop.site.start(visitor_id=str(uuid4()), resume=anonymous["session_token"])).data
    assert await told(another) is None
    # The token that is sent from then on proves it, of this conversation and of one that goes on.
    path = f"/sessions/{anonymous['session']['id']}/identify"
    body = {"user_token": proof(secret, "cust-42")}
    assert (await shop.site.call("POST", path, anonymous["session_token"], body)).status_code == 200
    assert await told(anonymous) == "cust-42"
    assert (await shop.site.start(resume=proved["session_token"])).status_code == 200
    assert await told(proved) == "cust-42"


async def test_a_streamed_answer_is_stored_as_it_was_streamed(shop: Shop, bot: BotEnd) -> None:
    bot.script(streams(event("token", {"text": "It is "}), event("token", {"text": "on its way."}), event("done")))
    [reply] = await ask(shop)
    assert (reply["text"], reply["status"]) == ("It is on its way.", "sent")


async def test_what_the_bot_can_t_answer_the_script_does_and_its_owner_reads_why(shop: Shop, bot: BotEnd) -> None:
    bot.script(says({"messages": [{"words": "Hello"}]}))
    [reply] = await ask(shop, "when are you open?")
    assert reply["text"] == "From 9."
    health = (await shop.call("GET", shop.path))["health"]
    assert (health["ok"], health["code"]) == (False, "broken")
    assert "messages[0].text: This is missing." in health["reason"]
    bot.script(says({}, 401))
    await ask(shop, "when are you open?")
    assert (await shop.call("GET", shop.path))["health"]["code"] == "key"


# --- Called back ------------------------------------------------------------------------------------------------------


async def asked_and_called_back(shop: Shop, bot: BotEnd, content: Any) -> tuple[str, list[dict[str, Any]], Any]:
    """A visitor's question, 202, and what the bot posts then: (address, replies, what it was told)."""
    bot.script(says({}, 202))
    question = asyncio.create_task(ask(shop))
    [asked] = await in_thread(bot.wait, 1)
    url = asked.body["callback_url"]
    told = await posted(url, content)
    return url, await question, told


async def test_an_answer_that_is_called_back_reaches_the_visitor_once(shop: Shop, bot: BotEnd) -> None:
    answer = {"messages": [{"text": "At last."}]}
    url, replies, told = await asked_and_called_back(shop, bot, answer)
    assert (told.status_code, told.json()) == (200, {"taken": True})
    assert [reply["text"] for reply in replies] == ["At last."]
    assert (await shop.turns())[0].trace["how"] == "callback"
    again = await posted(url, answer)
    assert (again.status_code, again.headers["Content-Type"]) == (409, "application/problem+json")
    assert (again.json()["reason"], again.json()["code"]) == ("used", "conflict")
    texts = await shop.read(lambda: list(Message.objects.values_list("text", flat=True)))
    assert texts.count("At last.") == 1


async def test_an_answer_that_can_t_be_used_is_told_the_bot_which_may_mend_it(shop: Shop, bot: BotEnd) -> None:
    bot.script(says({}, 202))
    question = asyncio.create_task(ask(shop))
    [asked] = await in_thread(bot.wait, 1)
    url = asked.body["callback_url"]
    for content, path in [
        ({"messages": [{}]}, "messages[0].text"),
        (b"\xff", "body"),
        ({"messages": [{"text": "\x00"}]}, "messages[0].text"),
    ]:
        told = await posted(url, content)
        assert (told.status_code, list(told.json()["errors"])) == (422, [path])
    told = await posted(url, b" " * 300_000)
    assert (told.status_code, told.json()["code"]) == (413, "payload_too_large")
    assert (await posted(url, {"messages": [{"text": "Now."}]})).status_code == 200
    assert [reply["text"] for reply in await question] == ["Now."]


async def test_an_answer_that_is_called_back_is_read_outside_of_any_transaction(
    shop: Shop, bot: BotEnd, monkeypatch: pytest.MonkeyPatch
) -> None:
    parsed, held = webhook_answer.parsed, []

    def seen(raw: bytes) -> dict[str, Any]:
        held.append(connection.in_atomic_block)
        return parsed(raw)

    monkeypatch.setattr(webhook_answer, "parsed", seen)
    await asked_and_called_back(shop, bot, {"messages": [{"text": "Here."}]})
    assert held == [False]


async def test_an_address_that_is_forged_or_of_another_kind_takes_nothing(shop: Shop, bot: BotEnd) -> None:
    for token in ("x", "A" * 43, "A" * 5000, "%00"):
        told = await posted(f"/v1/public/webhook/answers/{token}", {})
        assert (told.status_code, told.headers["Content-Type"]) == (404, "application/problem+json")
    assert (await in_thread(Client().get, "/v1/public/webhook/answers/x")).status_code == 405


async def test_an_answer_reaches_the_turn_of_its_address_and_no_other_workspace(shop: Shop, bot: BotEnd) -> None:
    other = await in_thread(_another_turn)
    url, replies, _ = await asked_and_called_back(shop, bot, {"messages": [{"text": "For you."}]})
    assert [reply["text"] for reply in replies] == ["For you."]
    row = await shop.callback()

    def seen_there() -> tuple[int, Any]:
        with tenant(other):
            found = WebhookCallback.objects.get()
            return WebhookCallback.objects.filter(id=row.id).count(), found.answer

    assert await in_thread(seen_there) == (0, None)
    assert (await posted(url, {})).json()["reason"] == "used"


def _another_turn() -> UUID:
    """A workspace in which an answer is waited for, too."""
    workspace = factories.make_workspace(name="Another")
    with tenant(workspace.id):
        webhook_callbacks.opened("", 60)
    return workspace.id


async def test_an_answer_that_comes_too_late_or_for_a_turn_that_is_over_is_refused(shop: Shop, bot: BotEnd) -> None:
    await ask(shop)  # answered at once: nothing is to be called back
    told = await posted(bot.asked[0].body["callback_url"], {})
    assert (told.status_code, told.json()["reason"]) == (409, "over")
    bot.script(says({}, 202))
    question = asyncio.create_task(ask(shop))
    asked = (await in_thread(bot.wait, 2))[1]
    row = await shop.callback()
    await shop.read(lambda: WebhookCallback.objects.filter(id=row.id).update(expires_at=timezone.now()))
    told = await posted(asked.body["callback_url"], {})
    assert (told.status_code, told.json()["reason"]) == (409, "expired")
    question.cancel()


async def test_what_was_posted_is_cleared_an_hour_after_its_end_though_nobody_asks_again(
    shop: Shop, bot: BotEnd
) -> None:
    await asked_and_called_back(shop, bot, {"messages": [{"text": "It is on its way."}]})
    fresh = await shop.read(lambda: webhook_callbacks.opened("", 60))
    row = (await shop.read(lambda: list(WebhookCallback.objects.order_by("created_at"))))[0]
    assert "on its way" in str(row.answer)

    async def cleared_after(past: dt.timedelta) -> tuple[int, list[str]]:
        ended = timezone.now() - past
        await shop.read(lambda: WebhookCallback.objects.filter(id=row.id).update(expires_at=ended))
        done = await in_thread(tasks.sweep_callbacks)
        left = await shop.read(
            lambda: list(WebhookCallback.objects.order_by("created_at").values_list("id", flat=True))
        )
        return done, [str(one) for one in left]

    assert await cleared_after(dt.timedelta(minutes=59)) == (0, [str(row.id), fresh.id])
    assert await cleared_after(dt.timedelta(minutes=61)) == (1, [fresh.id])


async def test_two_answers_at_once_are_one(shop: Shop, bot: BotEnd) -> None:
    bot.script(says({}, 202))
    question = asyncio.create_task(ask(shop))
    [asked] = await in_thread(bot.wait, 1)
    url = asked.body["callback_url"]
    told = await asyncio.gather(*[posted(url, {"messages": [{"text": f"Answer {n}."}]}) for n in range(4)])
    assert sorted(one.status_code for one in told) == [200, 409, 409, 409]
    [winner] = [n for n, one in enumerate(told) if one.status_code == 200]
    assert [reply["text"] for reply in await question] == [f"Answer {winner}."]


def _somebody_waits() -> bool:
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)")
        return bool(cursor.fetchone()[0])


async def test_an_answer_that_waits_for_another_to_be_taken_is_turned_away_then(shop: Shop, bot: BotEnd) -> None:
    bot.script(says({}, 202))
    question = asyncio.create_task(ask(shop))
    [asked] = await in_thread(bot.wait, 1)
    row = await shop.callback()

    def late() -> Any:
        try:
            return post(asked.body["callback_url"], {"messages": [{"text": "Late."}]})
        finally:
            connections["default"].close()

    def take_first() -> Any:
        with ThreadPoolExecutor(1) as other, tenant(shop.site.workspace_id):
            WebhookCallback.objects.filter(id=row.id).update(used_at=timezone.now(), answer={})
            told = other.submit(late)
            deadline = time.monotonic() + 10
            while not told.done() and not _somebody_waits():
                assert time.monotonic() < deadline
                time.sleep(0.01)
        return told.result()

    told = await in_thread(take_first)
    assert (told.status_code, told.json()["reason"]) == (409, "used")
    assert (await shop.callback()).answer == {}
    assert [reply["text"] for reply in await question] == []


async def test_another_process_goes_on_with_what_the_bot_was_asked(shop: Shop, bot: BotEnd) -> None:
    """The process that asked dies while the bot is at work: what it posts meanwhile is the answer, asked once."""
    bot.script(says({}, 202))
    question = asyncio.create_task(ask(shop))
    [asked] = await in_thread(bot.wait, 1)
    await _die(shop, question)
    assert (await posted(asked.body["callback_url"], {"messages": [{"text": "Here."}]})).status_code == 200
    [message] = await _go_on(shop)
    assert (message.text, len(bot.asked)) == ("Here.", 1)


async def test_a_turn_that_is_claimed_anew_is_posted_again_under_the_same_id(shop: Shop, bot: BotEnd) -> None:
    bot.script(says({}, 202), says({"messages": [{"text": "Hello again."}]}))
    question = asyncio.create_task(ask(shop))
    await in_thread(bot.wait, 1)
    await _die(shop, question)
    [message] = await _go_on(shop)
    first, second = bot.asked
    assert message.text == "Hello again."
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.body["callback_url"] != second.body["callback_url"]
    told = await posted(first.body["callback_url"], {})
    assert (told.status_code, told.json()["reason"]) == (409, "over")


async def _die(shop: Shop, question: asyncio.Task[Any]) -> None:
    """What a killed process leaves: a claim that nobody renews."""
    for task in (question, *turns._in_background):
        task.cancel()
    await asyncio.gather(question, *turns._in_background, return_exceptions=True)
    past = timezone.now() - dt.timedelta(seconds=1)
    await shop.read(lambda: Turn.objects.filter(status="running").update(leased_until=past))


async def _go_on(shop: Shop) -> list[Message]:
    turn = (await shop.turns())[0]
    claim = await in_tenant(turns.claim_due)(shop.site.workspace_id, turn.conversation_id)
    assert claim is not None
    return await turns.take_turn(claim)


async def test_a_try_goes_on_from_whatever_the_bot_remembered(shop: Shop, bot: BotEnd) -> None:
    kept = {"order": {"id": 7, "lines": [1, 2]}}
    bot.script(says({"actions": [{"type": "remember", "state": kept}]}), says({}))
    tried = await shop.call("POST", f"{shop.path}/try", {"text": "Where is it?"})
    assert tried["state"] == kept
    await shop.call("POST", f"{shop.path}/try", {"text": "And now?", "state": tried["state"]})
    assert bot.asked[1].body["state"] == kept
    for wrong, path in (({"note": "x" * 16_001}, "state"), ({"script": {"misses": "many"}}, "state.script.misses")):
        refused = await shop.call("POST", f"{shop.path}/try", {"text": "And now?", "state": wrong}, 422)
        assert list(refused["errors"]) == [path]


async def test_without_a_secret_nothing_is_published(shop: Shop, bot: BotEnd) -> None:
    await shop.change(name="Bo")
    await shop.read(lambda: WebhookSecret.objects.all().delete())
    refused = await shop.call("POST", f"{shop.path}/publish", {}, 422)
    assert list(refused["errors"]) == ["webhook"]
    await shop.call("POST", f"{shop.path}/webhook/rotate", {}, 201)
    await shop.publish()


async def test_a_try_asks_the_bot_as_a_visitor_would(shop: Shop, bot: BotEnd) -> None:
    def calls_back(question: Question) -> Sends:
        try:
            assert post(question.body["callback_url"], {"messages": [{"text": "Tried."}]}).status_code == 200
        finally:
            connections.close_all()  # this thread's own
        return says({}, 202)

    bot.answers = calls_back
    tried = await shop.call("POST", f"{shop.path}/try", {"text": "Hello"})
    assert "Tried." in json.dumps(tried)
    assert bot.asked[0].headers["webhook-id"].startswith("try_")
