"""Customers who write in Zendesk's messaging, from end to end: against the rehearsed Zendesk, over the network."""

from __future__ import annotations

import json
import random
import secrets
from typing import Any
from urllib.parse import urlsplit

import pytest
from asgiref.sync import sync_to_async
from pytest_django.live_server_helper import LiveServer

from channels_app import accounts
from channels_app.models import Connection, Delivery, DeskCase, InboundEvent, Rehearsal
from channels_app.rehearsal import receiving
from deployments import conversations, handoff, live
from deployments.models import Conversation, Handoff, Message, Person
from tests import factories
from tests.channels.conftest import Bridge, make_bridge
from tests.channels.far_end import FarEnd
from tests.channels.rehearsed_desks import RehearsedDesk, RehearsedZendesk, stage

pytestmark = [pytest.mark.asyncio, pytest.mark.django_db(transaction=True)]


class Talk(RehearsedDesk):
    """A customer and an agent in messaging, and the conversation as both have it and as we have it."""

    kind = "zendesk"
    replies, closes = "reply", "end"

    def __init__(self, bridge: Bridge) -> None:
        ids = {"app_id": secrets.token_hex(12), "integration_id": secrets.token_hex(12)}
        super().__init__(bridge, subdomain="acme", mode="messaging", **ids)
        self.path = f"/app/channels/{self.connection.id}/rehearsal/say"

    @classmethod
    def of(cls, other: RehearsedDesk) -> Talk:
        """The same, of a rehearsal that has begun."""
        made = cls.__new__(cls)
        vars(made).update(vars(other))
        made.path = f"/app/channels/{made.connection.id}/rehearsal/say"
        return made

    async def begin(self, text: str = "hello", name: str = "Vera Visitor") -> None:
        """A customer comes."""
        await self._do({"address": "", "does": "customer", "text": text, "name": name})

    async def customer(self, text: str) -> None:
        await self._do({"address": (await self.case()).ref, "does": "customer", "text": text})

    async def _do(self, form: dict[str, str]) -> None:
        answer = await sync_to_async(self.client.post)(self.path, form)
        assert answer.status_code == 302, answer.content.decode()[:3000]
        await sync_to_async(self._report)()
        await self.settle()

    async def ask(self, reason: str = "They asked.") -> None:
        """The assistant hands over."""
        await self.bridge.inside(lambda: handoff.request(conversations.lock(self._row().id), reason))
        await self.settle()

    def _row(self) -> Conversation:
        return Conversation.objects.latest("started_at")

    async def row(self) -> Conversation:
        return await self.bridge.inside(self._row)

    async def handoff(self) -> Handoff:
        return await self.bridge.inside(lambda: Handoff.objects.latest("requested_at"))

    async def lines(self, kind: str) -> list[str]:
        """What stands in our transcript."""
        rows = await self.bridge.inside(lambda: list(Message.objects.filter(author_kind=kind).order_by("seq")))
        return [one.text for one in rows]

    async def seen(self, role: str) -> list[str]:
        """What the customer sees in Zendesk."""
        return [one.text for one in (await self.case()).entries if one.role == role]

    async def status(self) -> str:
        return (await self.case()).status.removeprefix("Control is ")

    async def deliveries(self) -> list[Delivery]:
        return await self.bridge.inside(lambda: list(Delivery.objects.order_by("created_at", "position")))

    async def post(self, *events: dict[str, Any], key: str | None = None) -> int:
        """Zendesk calls us with these, and with the webhook's secret or another."""
        connection = await self.bridge.inside(lambda: Connection.objects.get(id=self.connection.id))
        account = await self.bridge.inside(lambda: accounts.to_receive(connection).account)
        secret = account.credentials["webhook_secret"] if key is None else key
        headers = {"X-API-Key": secret} if secret else {}
        body = json.dumps({"app": {"id": "a"}, "webhook": {"id": "w", "version": "v2"}, "events": list(events)})
        answer = await self.bridge.client.post(
            urlsplit(account.inbound_url).path, body, content_type="application/json", headers=headers
        )
        await self.settle()
        return int(answer.status_code)

    def at(self, ours: bool, ref: str) -> dict[str, Any]:
        """A conversation as events have it."""
        who = self.connection.config["integration_id"] if ours else "5f11a650e4e987667c2051d2"
        active = {"id": "5eecde2dcdbffb08f5c3ed37", "name": "x", "integrationId": who, "integrationType": "custom"}
        return {"id": ref, "type": "personal", "activeSwitchboardIntegration": active}

    async def settle(self) -> None:
        await super().settle()
        await sync_to_async(self._report)()
        await self.bridge.drain()


@pytest.fixture
def bridge(transactional_db: None, far: FarEnd) -> Bridge:
    return make_bridge(factories.make_workspace(), far, events=["conversation.ended"])


@pytest.fixture
def talk(bridge: Bridge, live_server: LiveServer, settings: Any) -> Talk:
    parts = urlsplit(live_server.url)
    stage(settings, live_server.url, str(parts.hostname), int(parts.port or 80))
    return Talk(bridge)


def event(kind: str, **payload: Any) -> dict[str, Any]:
    moment = "2026-11-22T10:00:00.000Z"
    return {"id": secrets.token_hex(12), "createdAt": moment, "type": kind, "payload": payload}


def words(text: str, **author: Any) -> dict[str, Any]:
    who = {"type": "user", "userId": "26508c10541a4b0ff472e5e2", "displayName": "Steve Rogers", **author}
    content = {"type": "text", "text": text}
    return {"id": secrets.token_hex(12), "received": "2026-11-22T10:00:00.000Z", "author": who, "content": content}


# --- The assistant and the customer -----------------------------------------------------------------------------------


async def test_the_assistant_answers_a_customer_and_nothing_is_said_twice(talk: Talk) -> None:
    await talk.begin("Where is my order?")
    row = await talk.row()
    assert (row.is_test, row.control, row.status) == (True, "assistant", "active")
    assert await talk.lines("visitor") == ["Where is my order?"]
    (answer,) = await talk.seen("bot")
    assert answer.startswith("The mail with the subject Your order is on its way")
    assert (await talk.bridge.inside(lambda: Person.objects.latest("created_at"))).name == "Vera Visitor"
    # What we say ourselves comes back to us and is known by its metadata.
    await talk.settle()
    assert len(await talk.lines("assistant")) == 1
    assert {one.status for one in await talk.deliveries()} == {"accepted"}


async def test_buttons_are_zendesks_own_and_a_tap_is_what_it_stands_for(talk: Talk) -> None:
    await talk.begin("hello")
    case = await talk.case()
    assert [one.label for one in case.customers if one.word.startswith("tap:")] == [
        "Tap “Where is my order?”",
        "Tap “Delivery”",
        "Tap “Returns”",
    ]
    (sent,) = await talk.deliveries()
    assert {one["type"] for one in sent.content["actions"]} == {"reply"}
    # Options that are buttons are not written out as well.
    assert "1." not in sent.content["text"]
    await talk._do({"address": case.ref, "does": "tap:0"})
    assert (await talk.lines("visitor"))[-1] == "Where is my order?"
    assert (await talk.seen("bot"))[-1].startswith("The mail with the subject")


async def test_the_assistant_is_silent_while_somebody_else_has_control(talk: Talk) -> None:
    await talk.begin("hello")
    ref = (await talk.case()).ref
    for active in (talk.at(False, ref), {"id": ref, "type": "personal"}):
        assert await talk.post(event("conversation:message", conversation=active, message=words("Anybody?"))) == 204
    unknown = talk.at(False, secrets.token_hex(12))
    await talk.post(event("conversation:message", conversation=unknown, message=words("Another one's customer.")))
    assert len(await talk.lines("assistant")) == 1
    assert await talk.bridge.inside(Conversation.objects.count) == 1


async def test_a_name_comes_from_the_profile_or_from_what_they_write_under(talk: Talk) -> None:
    await sync_to_async(talk.client.post)(f"/app/channels/{talk.connection.id}/register")
    await talk.begin("hello", "Ada Lovelace")
    row = await talk.row()
    person = await talk.bridge.inside(lambda: Person.objects.get(id=row.person_id))
    assert (person.name, row.locale) == ("Ada Lovelace", "en-US")


# --- Handing over -----------------------------------------------------------------------------------------------------


async def test_a_hand_over_passes_control_with_what_agents_have_to_know(talk: Talk) -> None:
    await talk.begin("Where is my order?")
    await talk.ask("They asked for a person.")
    assert await talk.status() == "the agents'"
    (opened,) = [one for one in await talk.deliveries() if one.what == "handoff.opened"]
    metadata = opened.content["metadata"]
    row, case = await talk.row(), await talk.handoff()
    assert opened.status == "delivered"
    assert metadata["convoship_reason"] == "They asked for a person."
    assert metadata["convoship_page"].endswith(f"/app/conversations/{row.id}/")
    assert metadata["dataCapture.systemField.tags"] == "convoship"
    assert "Vera Visitor: Where is my order?" in metadata["convoship_transcript"]
    # Where they write, in words that say something: "Webhook" is what we call it.
    assert f"\nChannel: Zendesk, {opened.content['conversation']}\n" in metadata["convoship_transcript"]
    # Its own desk is the only one that has the customer before it.
    assert (case.desk, row.control) == (talk.ref, "waiting")


async def test_what_customer_and_agent_say_stands_in_the_transcript_and_goes_nowhere_twice(talk: Talk) -> None:
    await talk.begin("hello")
    await talk.ask()
    told = len(await talk.deliveries())
    await talk.does("reply", "Which model?", name="Olga")
    assert ((await talk.row()).control, (await talk.handoff()).holder_name) == ("human", "Olga")
    await talk.customer("K2")
    await talk.does("reply", "We send another.", name="Olga")
    assert (await talk.lines("visitor"))[1:] == ["K2"]
    assert await talk.lines("agent") == ["Which model?", "We send another."]
    assert await talk.seen("agent") == ["Which model?", "We send another."]
    assert (await talk.seen("customer"))[1:] == ["K2"]
    assert len(await talk.deliveries()) == told
    # The assistant has not said anything meanwhile, nor has the house.
    assert len(await talk.lines("assistant")) == 1


@pytest.mark.parametrize("ends", ["end", "release"])
async def test_when_control_comes_back_the_assistant_goes_on(talk: Talk, ends: str) -> None:
    await talk.begin("hello")
    await talk.ask()
    await talk.does("reply", "Done.", name="Olga")
    await talk.does(ends)
    row, case = await talk.row(), await talk.handoff()
    assert (row.control, row.status, case.outcome) == ("assistant", "active", "by_desk")
    await talk.customer("Where is my order?")
    assert (await talk.seen("bot"))[-1].startswith("The mail with the subject")
    assert await talk.status() == "ours"


async def test_a_second_hand_over_of_a_conversation_is_another_case_of_it(talk: Talk) -> None:
    await talk.begin("hello")
    for number in range(2):
        await talk.ask()
        await talk.does("reply", f"Hello {number}.", name="Olga")
        await talk.does("end")
    assert await talk.lines("agent") == ["Hello 0.", "Hello 1."]
    assert len(await sync_to_async(talk.cases)()) == 1
    refs = await talk.bridge.inside(lambda: set(DeskCase.objects.values_list("ref", flat=True)))
    assert refs == {(await talk.case()).ref}


async def test_who_waits_may_go_back_to_the_assistant_by_its_button(talk: Talk) -> None:
    await talk.begin("hello")
    await talk.ask()
    case = await talk.case()
    (tap,) = [one for one in case.customers if one.label == "Tap “Back to the assistant”"]
    await talk._do({"address": case.ref, "does": tap.word})
    assert ((await talk.row()).control, await talk.status()) == ("assistant", "ours")


async def test_when_a_member_takes_over_control_comes_to_us_and_their_words_go_out(talk: Talk) -> None:
    await talk.begin("hello")
    await talk.ask()
    await talk.does("reply", "Hello.", name="Olga")

    def take() -> None:
        owner = factories.owner_of(talk.workspace)
        row = conversations.lock(talk._row().id)
        handoff.reply(talk.bridge.who, owner, row, "I am the owner.", None)

    await talk.bridge.inside(take)
    await talk.settle()
    assert ((await talk.row()).control, await talk.status()) == ("human", "ours")
    assert (await talk.seen("bot"))[-1] == "I am the owner."
    # That somebody else goes on is said by us, as nobody else can; that Olga came, Zendesk shows.
    held = await talk.bridge.inside(lambda: list(Message.objects.filter(status="suppressed")))
    assert [one.text for one in held] == ["Olga has joined the conversation."]
    assert (held[0].reason, held[0].remedy) == (
        "Zendesk shows customers itself who has the conversation, so this was not sent there.",
        "",
    )
    assert "somebody else now" in (await talk.seen("bot"))[-2]
    # The customer answers the member: nobody else does.
    before = len(await talk.lines("assistant"))
    await talk.customer("Thanks.")
    assert (await talk.lines("visitor"))[-1] == "Thanks."
    assert len(await talk.lines("assistant")) == before


async def test_an_agent_who_types_is_seen_typing(talk: Talk, monkeypatch: pytest.MonkeyPatch) -> None:
    typed: list[Any] = []
    monkeypatch.setattr(live, "tell_typing", lambda *args, on: typed.append((args[2]["name"], on)))
    await talk.begin("hello")
    await talk.ask()
    await talk.does("agent_typing", name="Olga")
    await talk.does("typing")
    assert typed == [("Olga", True)]


# --- What is lost, late or twice --------------------------------------------------------------------------------------


async def test_messages_that_no_call_told_of_are_found_by_looking(talk: Talk) -> None:
    await talk.begin("hello")
    await talk.ask()
    ref = (await talk.case()).ref
    for does, text in (("reply", "Which model?"), ("customer", "K2")):
        form = {"address": ref, "does": does, "text": text, "name": "Olga", "wrongly": "on"}
        await sync_to_async(talk.client.post)(talk.path, form)
    assert await talk.lines("agent") == []
    await talk.settle()
    await talk.settle()
    assert await talk.lines("agent") == ["Which model?"]
    assert (await talk.lines("visitor"))[1:] == ["K2"]
    case = await talk.bridge.inside(DeskCase.objects.get)
    assert case.trouble == ""


async def test_more_than_a_page_of_lost_messages_is_found(talk: Talk) -> None:
    await talk.begin("hello")
    await talk.ask()

    def say() -> None:
        rehearsal = Rehearsal.objects.get(connection=talk.connection)
        (conversation,) = rehearsal.contents["conversations"].values()
        first = conversation["messages"][-1]
        author = {"type": "business", "subtypes": ["agent"], "displayName": "Olga"}
        made = {**first, "author": author, "source": {"type": "zd:agentWorkspace"}, "metadata": None}
        for number in range(120):
            content = {"type": "text", "text": f"Line {number}"}
            conversation["messages"].append({**made, "id": secrets.token_hex(12), "content": content})
        rehearsal.save()

    await talk.bridge.inside(say)
    for _ in range(3):
        await talk.settle()
    assert await talk.lines("agent") == [f"Line {number}" for number in range(120)]


async def test_control_that_came_back_unheard_is_found_by_looking(talk: Talk) -> None:
    await talk.begin("hello")
    await talk.ask()
    form = {"address": (await talk.case()).ref, "does": "end", "name": "Olga", "wrongly": "on"}
    await sync_to_async(talk.client.post)(talk.path, form)
    assert (await talk.row()).control == "waiting"
    await talk.settle()
    assert ((await talk.row()).control, (await talk.handoff()).outcome) == ("assistant", "by_desk")


@pytest.mark.parametrize("seed", range(3))
async def test_events_several_in_a_call_in_any_order_and_twice_have_each_one_effect(talk: Talk, seed: int) -> None:
    await talk.begin("hello")
    await talk.ask()
    theirs = talk.at(False, (await talk.case()).ref)
    agent = {"type": "business", "userId": None, "displayName": "Olga", "subtypes": ["agent"]}
    events = [event("conversation:message", conversation=theirs, message=words(f"a{n}", **agent)) for n in range(3)]
    events += [event("conversation:message", conversation=theirs, message=words(f"v{n}")) for n in range(3)]
    events += [event("conversation:read", conversation=theirs), event("conversation:new_kind"), *events]
    random.Random(seed).shuffle(events)
    assert await talk.post(*events) == 204
    assert await talk.post(*events[::-1]) == 204
    assert sorted(await talk.lines("agent")) == ["a0", "a1", "a2"]
    assert sorted(await talk.lines("visitor")) == ["hello", "v0", "v1", "v2"]


@pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume")  # the test's server is WSGI
@pytest.mark.parametrize("what", ["message", "handoff.opened"])
async def test_what_is_taken_in_silence_is_found_and_not_sent_twice(
    talk: Talk, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    await talk.begin("hello")
    monkeypatch.setattr(receiving, "SILENCE_SECONDS", 3.0)
    monkeypatch.setattr("channels_app.providers.rest.SECONDS", 1.0)

    def silence() -> None:
        Rehearsal.objects.filter(connection=talk.connection).update(fault="silent", fault_calls=1)

    await talk.bridge.inside(silence)
    if what == "message":
        await talk.customer("Where is my order?")
    else:
        await talk.ask()
    monkeypatch.setattr("channels_app.providers.rest.SECONDS", 12.0)
    await talk.settle()
    rows = await talk.deliveries()
    assert {one.status for one in rows if one.what == what} == {"accepted" if what == "message" else "delivered"}
    assert len(await talk.seen("bot")) == len([one for one in rows if one.what == "message"])
    passed = [one for one in (await talk.case()).entries if one.text.startswith("passControl")]
    assert len(passed) == (1 if what == "handoff.opened" else 0)


async def test_a_message_that_could_not_be_delivered_says_so(talk: Talk) -> None:
    await talk.begin("hello")
    await talk.does("undelivered")
    (row,) = await talk.deliveries()
    assert (row.status, row.code) == ("failed", "uncategorized_error")
    assert row.reason == "Zendesk could not deliver it: The channel did not take it."
    message = await talk.bridge.inside(lambda: Message.objects.get(author_kind="assistant"))
    assert message.status == "failed"


async def test_a_failure_that_comes_once_agents_have_control_is_still_of_our_message(talk: Talk) -> None:
    await talk.begin("hello")
    await talk.ask()
    await talk.does("reply", "Hello.", name="Olga")
    rows = [one for one in await talk.deliveries() if one.what == "message"]
    said = {"message": {"id": rows[0].provider_id}, "error": {"code": "x", "message": "No."}}
    failure = event("conversation:message:delivery:failure", isFinalEvent=True, **said)
    failure["payload"]["conversation"] = talk.at(False, (await talk.case()).ref)
    await talk.post(failure)
    rows = [one for one in await talk.deliveries() if one.what == "message"]
    assert (rows[0].status, rows[0].reason) == ("failed", "Zendesk could not deliver it: No.")


async def test_a_failure_that_is_not_the_last_word_or_is_an_agents_is_none(talk: Talk) -> None:
    await talk.begin("hello")
    (row,) = await talk.deliveries()
    ref, kind = (await talk.case()).ref, "conversation:message:delivery:failure"
    said = {"message": {"id": row.provider_id}, "error": {"code": "x"}}
    await talk.post(event(kind, conversation=talk.at(True, ref), isFinalEvent=False, **said))
    theirs = {"message": {"id": "0" * 24}, "error": {"code": "x"}}
    await talk.post(event(kind, conversation=talk.at(False, ref), isFinalEvent=True, **theirs))
    (row,) = await talk.deliveries()
    assert row.status == "accepted"
    states = await talk.bridge.inside(lambda: set(InboundEvent.objects.values_list("state", flat=True)))
    assert states <= {"handled", "ignored"}


# --- Whose calls are taken --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["", "another"])
async def test_a_call_without_the_webhooks_secret_is_refused_and_changes_nothing(talk: Talk, key: str) -> None:
    message = event("conversation:message", conversation=talk.at(True, "c1"), message=words("Your PIN?"))
    assert await talk.post(message, key=key) in {401, 403}
    assert await talk.bridge.inside(Conversation.objects.count) == 0
    assert await talk.bridge.inside(lambda: talk.connection.refusals.count()) == 1


async def test_the_webhook_is_made_once_and_its_secret_is_what_is_checked(talk: Talk) -> None:
    for _ in range(2):
        await sync_to_async(talk.client.post)(f"/app/channels/{talk.connection.id}/register")

    def look() -> tuple[str, str]:
        (webhook,) = Rehearsal.objects.get(connection=talk.connection).contents["sc_webhooks"].values()
        connection = Connection.objects.get(id=talk.connection.id)
        return webhook["secret"], accounts.to_receive(connection).account.credentials["webhook_secret"]

    made, kept = await talk.bridge.inside(look)
    assert made == kept
    await sync_to_async(talk.client.post)(f"/app/channels/{talk.connection.id}/test")
    row = await talk.bridge.inside(lambda: Connection.objects.get(id=talk.connection.id))
    assert row.tested
    assert all(one["is_good"] for one in row.tested), row.tested
    await talk.begin("hello")
    assert len(await talk.seen("bot")) == 1


# --- The screen -------------------------------------------------------------------------------------------------------


async def screen(talk: RehearsedDesk, **query: str) -> str:
    page = await sync_to_async(talk.client.get)(f"/app/channels/{talk.connection.id}/rehearsal", query)
    return str(page.content.decode())


async def test_the_screen_begins_as_a_customer_and_has_no_visitor_of_ours(talk: Talk) -> None:
    shown = await screen(talk)
    assert "Begin below, as a customer in Zendesk." in shown
    assert "visitor-form" not in shown
    assert "Ask for a person" not in shown
    for name in ("Ada", "Grace"):
        form = {"address": "whatever is open", "does": "begin", "text": "hello", "name": name}
        await talk._do(form)
    assert sorted(one.title for one in await sync_to_async(talk.cases)()) == ["Ada", "Grace"]
    ref = (await talk.case()).ref
    shown = await screen(talk, **{"with": ref})
    assert f'value="{ref}" form="customer-form"' in shown
    assert "Tap “Returns”" in shown
    assert "They have no control of it now." in shown
    assert f"/app/conversations/{(await talk.row()).id}/" in shown


async def test_what_a_customer_can_not_say_stands_beside_their_own_field(talk: Talk) -> None:
    answer = await sync_to_async(talk.client.post)(
        talk.path, {"address": "", "does": "begin", "text": " ", "name": "Ada"}
    )
    page = answer.content.decode()
    assert answer.status_code == 422
    assert 'id="customer_text_error"' in page
    assert 'id="text_error"' not in page
    assert 'value="Ada"' in page


async def test_a_rehearsal_goes_into_messaging_by_its_settings_and_like_a_connection_that_is_in_it(
    bridge: Bridge, live_server: LiveServer, settings: Any
) -> None:
    parts = urlsplit(live_server.url)
    stage(settings, live_server.url, str(parts.hostname), int(parts.port or 80))
    desk = await sync_to_async(RehearsedZendesk)(bridge)
    assert "visitor-form" in await screen(desk)
    assert "Reply or note" in await screen(desk)

    def given() -> dict[str, str]:
        row = Connection.objects.get(id=desk.connection.id)
        chosen = {f"credential-{name}": key for name, key in row.credentials.items()}
        return {"name": row.name, "assistant": str(row.assistant_id), **chosen}

    form = await bridge.inside(given)
    form |= {"config-subdomain": "acme", "config-mode": "messaging", "config-on_end": "leave"}
    path = f"/app/channels/{desk.connection.id}/change"
    refused = await sync_to_async(desk.client.post)(path, form)
    assert "Messaging needs the app&#x27;s ID." in refused.content.decode()
    form |= {"config-app_id": "5ebee0975ac5304b664a12fa", "config-integration_id": "5f11a650e4e987667c2051d1"}
    assert (await sync_to_async(desk.client.post)(path, form)).status_code == 302
    talk = Talk.of(desk)
    await talk.begin("hello")
    assert len(await talk.seen("bot")) == 1
    await sync_to_async(desk.client.post)(f"/app/channels/{desk.connection.id}/rehearse")
    config = await bridge.inside(lambda: Connection.objects.latest("created_at").config)
    assert (config["mode"], config["app_id"]) == ("messaging", "5ebee0975ac5304b664a12fa")
