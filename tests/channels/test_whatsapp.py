"""WhatsApp from end to end: what is the same as in SMS, and what only WhatsApp has."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import pytest

from channels_app import accounts, claims, confirming, spending
from channels_app.models import Delivery, InteractiveContent, SpendingCount
from channels_app.providers.twilio.setup import SANDBOX
from convoship.lib.threads import in_thread
from deployments import conversations
from deployments.conversations import NewMessage
from deployments.models import Conversation, Identity, Person
from deployments.models.conversation import AuthorKind
from tests import factories
from tests.channels.phones import Phone, make_phone
from tests.channels.twilio_end import NUMBER, PERSON, SERVICE, TwilioEnd
from workspaces.models import Workspace

pytestmark = pytest.mark.asyncio


async def beside(workspace: Workspace, far: TwilioEnd, **config: Any) -> Phone:
    """Another connection."""
    return await in_thread(partial(make_phone, workspace, far, **config))


async def say(phone: Phone, text: str, blocks: list[dict[str, Any]] | None = None) -> None:
    """The assistant says this in the conversation that goes on."""

    def run() -> None:
        conversation = conversations.lock(Conversation.objects.get(status="active").id)
        new = NewMessage(author_kind=AuthorKind.ASSISTANT, text=text, blocks=blocks or ())
        conversations.post_message(conversation, new)

    await phone.inside(run)
    await phone.drain()


async def made_for(phone: Phone, text: str, blocks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The contents that are made for this, after a greeting that has buttons of its own."""
    await phone.text("hello")
    await phone.drain()
    before = set(phone.twilio.contents)
    await say(phone, text, blocks)
    return [content for sid, content in phone.twilio.contents.items() if sid not in before]


def choices(count: int, *, label: str = "Choice") -> list[dict[str, Any]]:
    return [{"type": "buttons", "buttons": [{"label": f"{label} {at}", "payload": f"pay:{at}"} for at in range(count)]}]


async def test_what_they_write_is_answered_and_read_receipts_are_shown(whatsapp: Phone) -> None:
    await whatsapp.text("hello", ProfileName="Ada L.", WaId="14155550123")
    await whatsapp.drain()
    taken = whatsapp.twilio.taken
    assert {(one.form["To"], one.form["From"]) for one in taken} == {(f"whatsapp:{PERSON}", f"whatsapp:{NUMBER}")}
    for one in taken:
        for status in ("sent", "delivered", "read"):
            await whatsapp.report(one, status)
    await whatsapp.drain()
    assert {one.status for one in await whatsapp.deliveries()} == {"read"}
    row = await whatsapp.inside(lambda: Conversation.objects.select_related("person").get())
    assert (row.channel, row.person.name) == ("whatsapp", "Ada L.")
    assert row.visitor_read_seq == row.head_seq
    assert {one.address for one in await whatsapp.deliveries()} == {PERSON}


async def test_who_writes_by_sms_and_by_whatsapp_is_one_person(whatsapp: Phone) -> None:
    sms = await beside(whatsapp.workspace, whatsapp.twilio)
    await sms.text("hello")
    await sms.drain()
    await whatsapp.text("hello", WaId="14155550123")
    await whatsapp.drain()
    # Their number may change, or be hidden: the account stays theirs.
    await whatsapp.text("hello", sender="opaque-user-17", WaId="14155550123")
    await whatsapp.drain()
    assert await whatsapp.inside(Person.objects.count) == 1
    known = await whatsapp.inside(lambda: set(Identity.objects.values_list("kind", "value")))
    assert known == {("phone", PERSON), ("whatsapp", "14155550123")}


async def test_few_options_are_buttons_of_whatsapps_own_and_are_made_once(whatsapp: Phone) -> None:
    [content] = await made_for(whatsapp, "Which **one**?", choices(3))
    many = len(whatsapp.twilio.contents)
    await say(whatsapp, "Which **one**?", choices(3))
    assert len(whatsapp.twilio.contents) == many
    sent = whatsapp.twilio.taken[-2:]
    assert all("Body" not in one.form for one in sent)
    assert {one.form["ContentSid"] for one in sent} == {content["sid"]}
    assert content["types"] == {
        "twilio/quick-reply": {
            "body": "Which *one*?",
            "actions": [{"type": "QUICK_REPLY", "title": f"Choice {at}", "id": f"pay:{at}"} for at in range(3)],
        }
    }


async def test_more_options_are_a_list(whatsapp: Phone) -> None:
    [content] = await made_for(whatsapp, "Which?", choices(7))
    picker = content["types"]["twilio/list-picker"]
    assert [item["id"] for item in picker["items"]] == [f"pay:{at}" for at in range(7)]


@pytest.mark.parametrize(
    "blocks",
    [
        choices(11),
        choices(2, label="A label that is longer than a button of theirs"),
        [{"type": "buttons", "buttons": [{"label": "Read", "url": "https://shop.example/"}]}],
        [{"type": "card", "title": "A card", "buttons": [{"label": "Buy", "payload": "buy"}]}],
        [{"type": "buttons", "buttons": [{"label": "{{1}}", "payload": "x"}]}],
    ],
)
async def test_what_fits_no_shape_of_theirs_is_numbered_words(whatsapp: Phone, blocks: list[dict[str, Any]]) -> None:
    assert await made_for(whatsapp, "Which?", blocks) == []
    assert whatsapp.twilio.taken[-1].form["Body"].startswith("Which?")


async def test_a_content_that_was_made_is_not_made_again_when_its_message_failed(whatsapp: Phone) -> None:
    await whatsapp.text("hello")
    await whatsapp.drain()
    before = await whatsapp.inside(InteractiveContent.objects.count)
    whatsapp.twilio.refuse(20429, 429)
    await say(whatsapp, "Which?", choices(2))
    many = len(whatsapp.twilio.contents)
    await whatsapp.now()
    await whatsapp.drain()
    assert len(whatsapp.twilio.contents) == many
    assert whatsapp.twilio.taken[-1].form["ContentSid"] == list(whatsapp.twilio.contents)[-1]
    assert await whatsapp.inside(InteractiveContent.objects.count) == before + 1


async def test_a_content_that_is_gone_at_twilio_or_of_another_account_is_made_anew(whatsapp: Phone) -> None:
    [content] = await made_for(whatsapp, "Which?", choices(2))
    # Somebody deleted it in the console; others take numbers meanwhile.
    others = {f"HX{number:032x}": {**content, "sid": f"HX{number:032x}"} for number in range(100, 110)}
    whatsapp.twilio.contents = others
    await say(whatsapp, "Which?", choices(2))
    anew = whatsapp.twilio.taken[-1].form["ContentSid"]
    assert anew != content["sid"]
    kept = await whatsapp.inside(lambda: set(InteractiveContent.objects.values_list("sid", flat=True)))
    assert anew in kept
    assert content["sid"] not in kept
    await say(whatsapp, "Which?", choices(2))
    assert whatsapp.twilio.taken[-1].form["ContentSid"] == anew
    # Where the new one is refused as well, it isn't called a template.
    whatsapp.twilio.refuse(21655)
    whatsapp.twilio.refuse(21655)
    await say(whatsapp, "Which?", choices(2))
    [refused] = [row for row in await whatsapp.deliveries() if row.status == "failed"]
    assert refused.reason == "Twilio does not know the content that was just made for the buttons."

    def made_before() -> str:
        row = Delivery.objects.select_related("connection").get(id=refused.id)
        return claims._made(row, accounts.to_send(row.connection))

    assert await whatsapp.inside(made_before) != ""
    await whatsapp.allow(account_sid="AC" + "9" * 32)
    assert await whatsapp.inside(made_before) == ""


@pytest.mark.parametrize(
    "answer",
    [
        {"ButtonText": "Choice 1", "ButtonPayload": "pay:1"},
        {"ListTitle": "Choice 1", "ListId": "pay:1"},
        {"Body": "2"},
        {"Body": "choice 1"},
    ],
)
async def test_a_tap_and_a_number_are_both_understood(whatsapp: Phone, answer: dict[str, str]) -> None:
    await whatsapp.text("hello")
    await whatsapp.drain()
    await say(whatsapp, "Which?", choices(2))
    await whatsapp.text("", **answer)
    await whatsapp.drain()
    said = [message for message in await whatsapp.messages() if message.author_kind == "visitor"]
    assert said[-1].payload == "pay:1"
    assert said[-1].text == next(iter(answer.values()))


async def test_a_lost_reply_is_looked_up_by_the_words_of_its_content(whatsapp: Phone) -> None:
    await whatsapp.text("hello")
    await whatsapp.drain()
    before = len(whatsapp.twilio.taken)
    whatsapp.twilio.lose()
    await say(whatsapp, "Which?", choices(2))
    await whatsapp.now()
    await whatsapp.drain()
    assert len(whatsapp.twilio.taken) == before + 1
    assert [one.status for one in await whatsapp.deliveries()][-1] == "accepted"


async def test_a_place_is_kept_in_words_with_its_map(whatsapp: Phone) -> None:
    await whatsapp.text("", Latitude="48.137154", Longitude="11.576124", Label="Town hall", Address="Marienplatz 8")
    await whatsapp.text("", Latitude="4000", Longitude="x")
    await whatsapp.drain()
    said = [message.text for message in await whatsapp.messages() if message.author_kind == "visitor"]
    place, link = said[0].split("\n")
    assert place == "Location: Town hall, Marienplatz 8 (48.137154, 11.576124)"
    assert link.startswith("https://www.openstreetmap.org/?mlat=48.137154&mlon=11.576124")


async def test_what_a_message_replies_to_is_known(whatsapp: Phone) -> None:
    await whatsapp.text("hello")
    await whatsapp.drain()
    ours = whatsapp.twilio.taken[0]
    await whatsapp.text("that one", OriginalRepliedMessageSid=ours.sid)
    await whatsapp.text("my own", OriginalRepliedMessageSid=f"SM{1:032x}")
    await whatsapp.text("of another time", OriginalRepliedMessageSid="SM" + "f" * 32)
    await whatsapp.drain()
    messages = await whatsapp.messages()
    by_text = {message.text: message.reply_to for message in messages if message.author_kind == "visitor"}
    first = next(message for message in messages if message.author_kind != "visitor")
    assert by_text == {"hello": None, "that one": first.seq, "my own": 1, "of another time": None}


async def test_stop_is_confirmed_once_and_nothing_follows_it(whatsapp: Phone) -> None:
    await whatsapp.text("hello")
    await whatsapp.drain()
    before = len(whatsapp.twilio.taken)
    await whatsapp.text("STOP")
    await whatsapp.text("Stop")
    await whatsapp.drain()
    assert [one.body for one in whatsapp.twilio.taken[before:]] == [
        "You have opted out and get no more messages from us. Write START to change that."
    ]
    await whatsapp.text("are you there?")
    await whatsapp.drain()
    assert len(whatsapp.twilio.taken) == before + 1
    assert await whatsapp.consent() == "withdrawn"
    await whatsapp.text("start")
    await whatsapp.drain()
    assert whatsapp.twilio.taken[-1].body.startswith("Welcome back")
    assert await whatsapp.consent() == "given"


async def test_a_button_that_is_called_cancel_opts_nobody_out_and_a_templates_stop_does(whatsapp: Phone) -> None:
    await whatsapp.text("hello")
    await whatsapp.text("Cancel", ButtonText="Cancel", ButtonPayload="flow:cancel")
    await whatsapp.drain()
    assert await whatsapp.consent() is None
    await whatsapp.text("Yes")
    await whatsapp.drain()
    assert await whatsapp.consent() is None
    # WhatsApp's own, below a marketing template.
    await whatsapp.text("", ButtonText="Stop promotions", ButtonPayload="Stop promotions")
    await whatsapp.text("Yes")
    await whatsapp.drain()
    assert await whatsapp.consent() == "withdrawn"
    await whatsapp.text("Stop", "+14155550188", ButtonText="Stop", ButtonPayload="STOP")
    await whatsapp.drain()
    assert await whatsapp.consent("+14155550188") == "withdrawn"


@pytest.mark.parametrize("config", [{"messaging_service_sid": SERVICE}, {"from_number": SANDBOX}])
async def test_stop_and_start_are_answered_whatever_sends_and_not_for_ever(
    twilio: TwilioEnd, transactional_db: None, config: dict[str, str]
) -> None:
    workspace = await in_thread(factories.make_workspace)
    phone = await beside(workspace, twilio, kind="twilio_whatsapp", unasked_per_hour=1, **config)
    for word in ["STOP", "START"] * 5:
        await phone.text(word)
        await phone.drain()
    assert len(twilio.taken) == spending.CONFIRMATIONS == 10
    # Who goes on is answered in the next hour, and by the last of it alone.
    for word in ["STOP", "START", "STOP"]:
        await phone.text(word)
        await phone.drain()
    assert len(twilio.taken) == 10
    assert await phone.consent() == "withdrawn"
    rows = (await phone.deliveries())[10:]
    assert [(row.standing, row.reason) for row in rows] == [
        ("suppressed", confirming.OVERTAKEN),
        ("suppressed", confirming.OVERTAKEN),
        ("parked", "In this hour 10 answers to STOP and START went to this number: the limit."),
    ]
    assert (await phone.refresh()).spent_until is None
    await phone.inside(lambda: SpendingCount.objects.filter(what="confirmed").delete())
    await phone.now()
    await phone.drain()
    assert twilio.taken[-1].body.startswith("You have opted out")
    assert len(twilio.taken) == 11


async def test_what_a_form_has_too_much_of_is_said_and_breaks_nothing(whatsapp: Phone) -> None:
    await whatsapp.text("hello", sender="+1" + "4" * 300)
    await whatsapp.text("Yes", ButtonText="Yes", ButtonPayload="p" * 1200)
    await whatsapp.drain()
    unused, tapped = await whatsapp.events()
    assert (unused.state, unused.reason) == (
        "ignored",
        "Convoship does nothing with this: a message from an address of 302 characters.",
    )
    assert (tapped.state, tapped.reason) == (
        "handled",
        "What the button stands for was left out: 1200 characters, and 1000 are kept.",
    )
    first = (await whatsapp.messages())[0]
    assert (first.text, first.payload) == ("Yes", "")


async def test_help_is_the_assistants_to_answer(whatsapp: Phone) -> None:
    await whatsapp.text("help")
    await whatsapp.drain()
    assert whatsapp.twilio.taken


async def test_a_stop_holds_for_every_channel_where_the_owner_wants_it_so(whatsapp: Phone) -> None:
    sms = await beside(whatsapp.workspace, whatsapp.twilio)
    elsewhere = await beside(await in_thread(factories.make_workspace), whatsapp.twilio)
    for phone in (sms, elsewhere):
        await phone.text("hello")
        await phone.drain()
    await whatsapp.text("STOP")
    await whatsapp.drain()

    async def answered(phone: Phone, text: str) -> bool:
        before = len(phone.twilio.taken)
        await phone.text(text)
        await phone.drain()
        return len(phone.twilio.taken) > before

    assert await answered(sms, "hello")  # not unless the owner wants it
    await whatsapp.allow(stop_everywhere=True)
    assert not await answered(sms, "hello")
    assert await answered(elsewhere, "hello")
    await sms.inside(lambda: Conversation.objects.filter(channel="sms").update(status="active", ended_at=None))
    conversation = await sms.inside(lambda: Conversation.objects.get(channel="sms"))

    def write() -> None:
        held = conversations.lock(conversation.id)
        conversations.post_message(held, NewMessage(author_kind=AuthorKind.AGENT, text="An offer"))

    await sms.inside(write)
    await sms.drain()
    held_back = [one for one in await sms.deliveries() if one.connection_id == sms.connection.id][-1]
    assert held_back.status == "suppressed"
    assert held_back.reason == "They have opted out over Our WhatsApp, and STOP there holds for every channel."
    # Who opts in over SMS wants SMS again, whatever was said elsewhere before.
    await sms.text("START")
    assert await answered(sms, "hello")


async def test_the_sandbox_says_what_it_is(twilio: TwilioEnd, transactional_db: None) -> None:
    workspace = await in_thread(factories.make_workspace)
    sandbox = await beside(workspace, twilio, kind="twilio_whatsapp", from_number=SANDBOX)
    provider = await sandbox.inside(lambda: accounts.to_send(sandbox.connection))
    health = await provider.check()
    words = " ".join(f"{one.words} {one.remedy}" for one in health.findings)
    assert "sandbox" in words
    assert health.is_good
    twilio.refuse(63015)
    await sandbox.text("hello")
    await sandbox.drain()
    [first, *_] = await sandbox.deliveries()
    assert first.status == "failed"
    assert "join" in first.remedy


async def test_a_services_senders_and_address_are_looked_at(twilio: TwilioEnd, transactional_db: None) -> None:
    workspace = await in_thread(factories.make_workspace)
    phone = await beside(workspace, twilio, kind="twilio_whatsapp", messaging_service_sid=SERVICE)
    provider = await phone.inside(lambda: accounts.to_send(phone.connection))
    twilio.channel_senders = []
    bad = [one.words for one in (await provider.check()).findings if not one.is_good]
    assert any("no WhatsApp sender" in words for words in bad)
    twilio.channel_senders = [{"sid": "XE" + "0" * 32, "sender": f"whatsapp:{NUMBER}"}]
    assert (await provider.register_webhook()).is_good
    assert (await provider.check()).is_good
    assert json.dumps(twilio.service).count("channels/twilio_whatsapp/") >= 1
